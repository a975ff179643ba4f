"""Control characters in a mission file are found wherever they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from wire.hidden_text import place_of
from wire.mission import MissionError, parse

EXAMPLE = (Path(__file__).parents[2] / "mission.toml").read_text(encoding="utf-8")
NEIGHBOUR = '[[swarm.neighbours]]\nname = "FENN"\nnode_id = 8\n'


@pytest.mark.parametrize("odd", ["\0", "\n", "\x1b[2J", "\x7f", "\x9b", "\u202eKCEHC", "\u2066"])
def test_the_place_is_told_by_its_keys(odd: str) -> None:
    assert place_of({"a": {"b": [1, {"c": f"x{odd}"}]}}) == ("a", "b", 1, "c")
    assert place_of({"a": {odd: 1}}) == ("a", ascii(odd))


def test_what_can_be_seen_and_what_letters_need_is_no_control_character() -> None:
    assert place_of({"a": ["Größe 5", "می\u200cروم", "👩\u200d🚀", 5, 1.5, None, True]}) is None


@pytest.mark.parametrize("line", ['codec = "a\\u0000"', 'downlink_key = "a\\u0000"'])
def test_a_path_that_no_system_can_open_is_refused_and_stops_no_payload(line: str) -> None:
    """The payload ended with a ValueError at its start, and at each that followed."""
    with pytest.raises(MissionError, match=r"^m: the first \[\[swarm\.neighbours\]\]: \w+ holds a"):
        parse(EXAMPLE + NEIGHBOUR + line, "m")


@pytest.mark.parametrize("name", ["\\u202e", "F\\nG", "\\b"])
def test_nor_has_a_neighbour_a_name_that_cannot_be_read(name: str) -> None:
    with pytest.raises(MissionError, match=r"the first \[\[swarm\.neighbours\]\]: name "):
        parse(EXAMPLE + NEIGHBOUR.replace("FENN", name), "m")


def test_a_message_about_a_hidden_key_is_one_visible_line() -> None:
    with pytest.raises(MissionError) as raised:
        parse(EXAMPLE + NEIGHBOUR + '"\\u202e\\n" = 1\n', "m")
    assert str(raised.value).isprintable()
