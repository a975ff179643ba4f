"""Sources: what an address asks, and what an answer says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from wire import mission
from wire.mission import MissionError
from wire.sources import BODY_BYTES_MAX, PLACEHOLDERS, Position, address, text_of

SPOT = Position(52.10049, -3.2, 18_240.4)
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "mission.toml").read_text()
PAGES = json.dumps({"query": {"pages": [{"extract": "Hay is a town.", "n": 3}]}, "t": -4.5,
                    "yes": True, "none": None, "list": ["a"]}).encode()


def test_an_address_is_filled_with_the_place() -> None:
    template = "https://a.invalid/?at={lat}%7C{lon}&h={alt}&again={lat}"
    assert address(template, SPOT) == (
        "https://a.invalid/?at=52.100%7C-3.200&h=18240&again=52.100")
    assert address(template, None) is None, "an unknown place is never zero"
    assert address("https://a.invalid/news", None) == "https://a.invalid/news"
    assert all(address(f"http://a/{{{name}}}", SPOT) for name in PLACEHOLDERS)


@pytest.mark.parametrize(("sentence", "text"), [
    ("{query.pages.0.extract}", "Hay is a town."),
    ("{t} C below, {query.pages.0.n} people", "-4.5 C below, 3 people"),
    ("{query.pages.1.extract}", None), ("{query.pages.-1.extract}", None), ("{query}", None),
    ("{query.pages.x.extract}", None), ("{yes}", None), ("{none}", None), ("{list}", None),
    ("{t.0}", None), ("{t} and {missing}", None), ("{}", None), ("{list.0}", "a"),
])
def test_a_sentence_takes_texts_and_numbers_from_an_answer(
    sentence: str, text: str | None
) -> None:
    assert text_of(PAGES, sentence) == text


@pytest.mark.parametrize("body", [
    b"", b"plain", b"[1", b"NaN", b'{"t": NaN}', b'{"t": 1e999}', b"[" * 8000, b"\xff\xfe",
    b'{"t": 1}'.ljust(BODY_BYTES_MAX + 1), b"<html>{}</html>", b'{"t": "' + b"\x00" * 50 + b'"}',
    b'{"t": 1' + b"0" * 5000 + b"}"])
def test_an_answer_of_another_shape_says_nothing(body: bytes) -> None:
    assert text_of(body, "{t}") is None


def test_the_text_of_an_answer_is_never_a_template() -> None:
    """What a source says has no placeholders, whatever it looks like."""
    assert text_of(b'{"a": "{b}", "b": "secret"}', "{a}") == "{b}"


@pytest.mark.parametrize(("lines", "sentence"), [
    ('[[ground.sources]]\nname = "town"\nurl = "https://a.invalid/{town}"\n',
     r"the first \[\[ground\.sources\]\]: url = .*: unknown placeholder \{town\}; available: \{la"),
    ('[[ground.sources]]\nname = "town"\nurl = "https://a.invalid/"\ntext = "extract"\n',
     r"the first \[\[ground\.sources\]\]: text = 'extract': needs a path into the answer, such as"),
    ('[[ground.sources]]\nname = "town"\nurl = "https://a.invalid/"\nkeep = true\n',
     r"the first \[\[ground\.sources\]\]: unknown key 'keep'; available: name, text, url; it "),
    ('[[ground.sources]]\nname = "town"\nurl = "file:///etc/passwd"\n',
     r"sources\]\]: url = .*: must be an address that begins with"),
    ('[[ground.sources]]\nname = "town"\nurl = "http://a/"\n' * 2,
     r"ground\.sources has 'town' twice; each name stands for one source"),
    ('[[api]]\nname = "news"\nurl = "http://a/"\n', "api has 'news' twice"),
    ('[[api]]\nname = "rain"\nurl = "http://a/"\nfresh_s = -1\n',
     r"the sixth \[\[api\]\]: fresh_s = -1"),
])
def test_a_mission_file_with_a_bad_source_gets_one_sentence(lines: str, sentence: str) -> None:
    with pytest.raises(MissionError, match=sentence) as error:
        mission.parse(EXAMPLE + lines, "m.toml")
    assert "\n" not in str(error.value)


def test_the_example_of_the_docs_is_one() -> None:
    page = (ROOT / "docs" / "flying.md").read_text()
    (example,) = re.findall(r"^```toml\n(\[\[api\]\].*?)^```$", page, re.DOTALL | re.MULTILINE)
    plan = mission.parse(EXAMPLE.replace("[[api]]", "[[none]]").split("[[none]]")[0] + example, "m")
    assert [api.name for api in plan.api] == ["weather", "town"]
    assert [source.name for source in plan.ground.sources] == ["town"]
    for url in (api.url for api in (*plan.api, *plan.ground.sources)):
        assert "{" not in str(address(url, SPOT))
