"""The table [ground.control_room]: what it may say, and the sentence for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from wire.mission import MissionError, parse

EXAMPLE = (Path(__file__).parents[2] / "mission.toml").read_text()


def room_of(text: str):
    return parse(f"{EXAMPLE}\n[ground.control_room]\n{text}", "mission.toml").ground.control_room


def test_without_the_table_nothing_is_shared() -> None:
    assert parse(EXAMPLE, "mission.toml").ground.control_room is None


@pytest.mark.parametrize(("url", "shown"), [
    ("postgresql://home@db.example/edda", "db.example/edda"),
    ("postgresql://home@db.example:5433/edda?sslmode=verify-full", "db.example/edda"),
    ("postgresql://home@[::1]/edda", "::1/edda"),
    ("postgresql:///edda?host=/run/postgresql", "localhost/edda"),
])
def test_an_address_and_what_is_shown_of_it(url: str, shown: str) -> None:
    assert room_of(f'url = "{url}"\npassword_file = "p"').shown == shown


@pytest.mark.parametrize(("text", "said"), [
    ("", "key ground.control_room.url is missing"),
    ('url = "sqlite:///room"', "not an address of the form postgresql://USER@HOST/DATABASE"),
    ('url = "postgresql://home@db.example"', "not an address of the form"),
    ('url = "postgresql://home@db.example/"', "not an address of the form"),
    ('url = "postgresql://home@db.example:0/edda"', "not an address of the form"),
    ('url = "postgresql://home@db.example:65536/edda"', "not an address of the form"),
    ('url = "postgresql://home@[::1/edda"', "not an address of the form"),
    ('url = "postgresql://home:secret@db/edda"', "no place for a password; use password_file"),
    ('url = "postgresql://home@db/edda?password=secret"', "use password_file"),
    ('url = "postgresql://home:12/secret@db/edda"', "use password_file"),  # libpq ends it at the @
    ('url = "postgresql://db/a b"', "ground.control_room.url"),
    ('url = "postgresql://db/a"\npassword = "x"',
     "unknown key 'password' (did you mean 'password_file'?); available: password_file, url"),
])
def test_what_is_wrong_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(MissionError) as raised:
        room_of(text)
    assert said in str(raised.value) and "\n" not in str(raised.value)
