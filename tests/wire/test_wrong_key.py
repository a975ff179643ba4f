"""A mistake in the mission file is told with its key, what it was given and what is allowed."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from wire import mission, wrong_key
from wire.mission import Mission, MissionError

EXAMPLE = (Path(__file__).resolve().parents[2] / "mission.toml").read_text(encoding="utf-8")
PYDANTIC = re.compile(r"[Ii]nput should|[Ss]tring should|[Tt]uple should|pattern|valid ")


def sentence(text: str) -> str:
    with pytest.raises(MissionError) as caught:
        mission.parse(text, "m.toml")
    return str(caught.value).removeprefix("m.toml: ")


def changed(section: str, key: str, value: str) -> str:
    """The example with another value of one key, which need not be there."""
    text = re.sub(rf"(?m)^{key} = .*\n", "", EXAMPLE)
    return re.sub(rf"(?m)^\[{re.escape(section)}\]$", f"[{section}]\n{key} = {value}", text)


@pytest.mark.parametrize(("section", "key", "value", "says"), [
    ("cadence", "beacon_flight_s", "4", "must be a whole number from 5 to 3600, in seconds"),
    ("cadence", "beacon_flight_s", "10.0", "must be a whole number from 5 to 3600, in seconds"),
    ("cadence", "beacon_flight_s", "true", "must be a whole number from 5 to 3600, in seconds"),
    ("flight", "landing_mps", "nan", "must be a number from 2 to 20, in m/s"),
    ("power", "capacity_mah", "99", "must be a whole number from 100 to 100000, in mAh"),
    ("radio", "horus", "1", "must be true or false"),
    ("radio", "framing", "'kiss'", 'must be "ax25" or "plain"'),
    ("sensors", "gnss_baud", "300", "must be 9600, 38400, 115200, "),
    ("sensors", "power_address", "0x78", "must be a whole number from 0x08 to 0x77"),
    ("payload", "name", "''", "must be a text of 1 to 16 characters"),
    ("payload", "callsign", "'dk0tu'", "must be 3 to 15 capital letters, digits, - and /"),
    ("ground", "sondehub_antenna", "5", "must be a text of at most 64 characters"),
    ("ground", "sondehub_position", "[91.0, 5.0, 0.0]", "must be a number from -90 to 90"),
    ("ground", "sondehub_position", "[51.0, 5.0]", "must be a list of a number from -90 to 90 and"),
    ("ground", "station", "'a b'", "must be 1 to 16 letters, digits, _ and -"),
    ("ground", "tawhiri_url", "'ftp://a'", 'must be an address that begins with "http://" or'),
    ("mind", "trusted_keys", "['ab']", "must be 64 digits 0 to 9 and a to f, as spacepi-train"),
    ("mind", "trusted_keys", "'ab'", "must be a list of at most 16 entries, each 64 digits"),
])
def test_what_is_allowed_is_said_in_words(section: str, key: str, value: str, says: str) -> None:
    told = sentence(changed(section, key, value))
    assert f"{section}.{key} = " in told and says in told


@pytest.mark.parametrize(("text", "says"), [
    ("[flight]\nfence = [[52.0, 5.0], [52.0, 181.0], [53.0, 5.0]]\n",
     "entry 2 of entry 2 of flight.fence = 181.0: must be a number from -180 to 180"),
    ('[[api]]\nname = "Rain"\nurl = "http://a/"\n', "name = 'Rain' in [[api]] number 1: must be 1 "
     "to 12 small letters a to z"),
    ('[[api]]\nname = "rain"\n', "key url is missing in [[api]] number 1"),
    ('[api]\nname = "rain"\n', "api = {'name': 'rain'}: must be tables, [[api]]"),
    ("flight = 5\n", "flight = 5: must be a table, [flight]"),
])
def test_lists_and_tables_are_told_by_number_and_form(text: str, says: str) -> None:
    plain = EXAMPLE.replace(EXAMPLE[EXAMPLE.index("[[api]]"):], "")
    plain = re.sub(r"(?ms)^\[flight\]$.*?(?=^\[)", "", plain)
    base = "".join(f"[{table}]\n" + "".join(
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n"
        for key, value in tomllib.loads(plain)[table].items())
        for table in ("payload", "radio", "power"))
    assert sentence(f"{text}{base}") == says


def test_a_misspelt_key_is_told_before_the_one_that_is_missing_for_it() -> None:
    assert sentence(EXAMPLE.replace("node_id = 7", "nodeid = 7")).startswith(
        "unknown key payload.nodeid (did you mean node_id?); allowed: callsign, data_dir, name, ")
    assert sentence(EXAMPLE.replace("[power]", "[powr]")).startswith(
        "unknown key powr (did you mean power?); allowed: api, ")


def keys_of(section: type[BaseModel], place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every key of the sections that stand alone, from the top."""
    found = []
    for key, field in section.model_fields.items():
        options = () if get_origin(field.annotation) is tuple else get_args(field.annotation)
        kinds = [each for each in (field.annotation, *options)
                 if isinstance(each, type) and issubclass(each, BaseModel)]
        found += keys_of(kinds[0], (*place, key)) if kinds else [(*place, key)]
    return found


@pytest.mark.parametrize("place", keys_of(Mission), ids=".".join)
@pytest.mark.parametrize("value", [date(2026, 9, 21), {"a": 1}], ids=["date", "table"])
def test_no_words_of_the_library_reach_a_person(place: tuple[str, ...], value: Any) -> None:
    """Method: every key in turn gets what none allows."""
    data = value
    for key in reversed(place):
        data = {key: data}
    with pytest.raises(ValidationError) as caught:
        Mission.model_validate(data)
    told = [wrong_key.words(Mission, mistake) for mistake in caught.value.errors()
            if mistake["loc"][: len(place)] == place]
    assert told and all("must be " in one and not PYDANTIC.search(one) for one in told), told
