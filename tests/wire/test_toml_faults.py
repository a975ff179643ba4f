"""What is wrong with a mission file, as a maker reads it: the place, the value, what is allowed.

Most files are the example with one line changed; no sentence may have the library's own words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from wire.mission import Mission, MissionError, parse
from wire.toml_faults import sentences

EXAMPLE = (Path(__file__).parents[2] / "mission.toml").read_text(encoding="utf-8")
NEIGHBOUR = '[[swarm.neighbours]]\nname = "FENN"\nnode_id = {}\n'


def refusal(text: str) -> str:
    with pytest.raises(MissionError) as raised:
        parse(text, "m")
    said = str(raised.value)
    assert said.startswith("m: ") and said.isprintable()
    return said.removeprefix("m: ")


def changed(old: str, new: str) -> str:
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new, 1)


@pytest.mark.parametrize(("old", "new", "sentence"), [
    ('"N0CALL"', '"n0call"', "payload.callsign = 'n0call': must be 3 to 15 capital letters, "
     "digits, / and -, of which the first is a letter or a digit"),
    ("node_id = 7", "node_id = 255", "payload.node_id = 255: must be a whole number from 1 to 254"),
    ("node_id = 7", "node_id = true",
     "payload.node_id = true: must be a whole number from 1 to 254"),
    ("node_id = 7", "node_id = 7.0", "payload.node_id = 7.0: must be a whole number from 1 to 254"),
    ("node_id = 7", 'node_id = "7"',
     "payload.node_id = '7': must be a whole number from 1 to 254, without quotes"),
    ("node_id = 7", "", "key payload.node_id is missing; it must be a whole number from 1 to 254"),
    ('"EDDA"', '""', "payload.name = '': must be a text of 1 to 16 characters"),
    ('"EDDA"', "2024-01-01",
     "payload.name = 2024-01-01: must be a text of 1 to 16 characters, in quotes"),
    ('"EDDA"', "{ first = 1 }",
     "payload.name = {...}: must be a text of 1 to 16 characters, in quotes"),
    ("[payload]", "[[payload]]", "[[payload]] must be written [payload]"),
    ("port = 8001", "port = 65536", "radio.port = 65536: must be a whole number from 1 to 65535"),
    ("rate_bps = 2400", "rate_bps = 2400.5",
     "radio.rate_bps = 2400.5: must be a whole number from 100 to 1000000 bit/s"),
    ('"ax25"', '"ax52"', "radio.framing = 'ax52' (did you mean 'ax25'?): must be ax25 or plain"),
    ('host = "127.0.0.1"', 'host = ""', "radio.host = '': must be a host name or an IP address"),
    ("horus = true", "horus = 1", "radio.horus = 1: must be true or false"),
    ("0x76", "0x78", "sensors.outside_address = 0x78: must be an address from 0x08 to 0x77"),
    ('"bme280"', '"bme820"', "sensors.outside = 'bme820' (did you mean 'bme280'?): must be bme280, "
     "bmp280, bmp388, sht4x, ds18b20 or none"),
    ("eco_mv = 3600", "eco_mv = 3.6",
     "power.eco_mv = 3.6: must be a whole number from 2000 to 30000 mV"),
    ("hysteresis_mv = 150", "reserve_h = nan",
     "power.reserve_h = nan: must be a number from 0 to 48 h"),
    ('keys = ["', 'keys = ["AB", "', "the first entry of mind.trusted_keys = 'AB': must be 64 "
     "digits of 0 to 9 and a to f, as `spacepi-train keygen` prints them"),
    ("private_words = []", 'private_words = "Anna"', "mind.private_words = 'Anna': must be an "
     "array of any number of entries, each of them a text of 2 to 64 characters"),
    ("private_words = []", 'private_words = ["Anna", 5]', "the second entry of mind.private_words "
     "= 5: must be a text of 2 to 64 characters, in quotes"),
    ("burn_s = 5", "burn_s = 31", "flight.burn_s = 31: must be a whole number from 1 to 30 s"),
    ("burn_s = 5", "cutdown_pin = 28",
     "flight.cutdown_pin = 28: must be the BCM number of a pin, from 16 to 27"),
    ("burn_s = 5", "fence = [[1, 2], [3, 190], [5, 6]]", "the second entry of the second entry of "
     "flight.fence = 190: must be a longitude, from -180 to 180 degrees"),
    ("burn_s = 5", "fence = [[1, 2, 3]]",
     "the first entry of flight.fence = [1, 2, 3]: must be [latitude, longitude] in degrees"),
    ("burn_s = 5", f"fence = {[[1, 2]] * 65}",
     "flight.fence has 65 entries; allowed are at most 64"),
    ('"weather"', '"Weather"', "the first [[api]]: name = 'Weather': must be 1 to 12 small "
     "letters, a to z"),
    ('"http://api.invalid/news"', '"ftp://x"', "the second [[api]]: url = 'ftp://x': must be an "
     "address that begins with http:// or https://, of at most 500 characters"),
    ('"home"', '"my home"', "ground.station = 'my home': must be 1 to 16 letters from A to Z, "
     "digits, _ and -"),
    ('sondehub = "off"', "sondehub_position = [1.0, 2.0]", "ground.sondehub_position = [1.0, 2.0]: "
     "must be [latitude, longitude, altitude] in degrees and m"),
    ('sondehub = "off"', 'tawhiri_url = "http://a?b"', "ground.tawhiri_url = 'http://a?b': must be "
     "an address that begins with http:// or https://, without blanks, ? and #, or empty"),
])
def test_a_wrong_value_is_told_what_is_allowed(old: str, new: str, sentence: str) -> None:
    assert refusal(changed(old, new)) == sentence


@pytest.mark.parametrize(("old", "new", "sentence"), [
    ("callsign", "calsign", "[payload]: unknown key 'calsign' (did you mean 'callsign'?); "
     "available: callsign, data_dir, name, node_id"),
    ("[radio]", "[radoi]", "unknown section 'radoi' (did you mean 'radio'?); available: api, "),
    ('url = "http://api.invalid/news"', 'ulr = "http://a/"', "the second [[api]]: unknown key "
     "'ulr' (did you mean 'url'?); available: fresh_s, keep, name, text, url"),
])
def test_a_misspelt_key_that_is_required_is_unknown_and_not_missing(
    old: str, new: str, sentence: str
) -> None:
    assert refusal(changed(old, new)).startswith(sentence)


@pytest.mark.parametrize(("text", "sentence"), [
    ("[radio.ebyte]\nchannel = 3\nlisten_s = 3\n", "; it belongs in [radio]"),
    ('[mqtt]\nhost = "a"\n', "; write [ground.mqtt]"),
    ("[[stations]]\nname = 'a'\n", "; write [[orbit.stations]]"),
    ("[ground.eyes]\nfield_deg = 60\n", "; write [eyes]"),
])
def test_a_key_of_another_section_is_told_where_it_belongs(text: str, sentence: str) -> None:
    assert refusal(EXAMPLE + text).endswith(sentence)


@pytest.mark.parametrize(("text", "sentence"), [
    ('callsign = "A"\n' + EXAMPLE,
     "unknown key 'callsign' outside all sections; it belongs in [payload]"),
    ("name = 'A'", "unknown key 'name' outside all sections; write it below its [section]"),
    ("payload = 3", "payload = 3 must be written [payload]"),
    (EXAMPLE.split("[[api]]")[0] + "[api]\nname = 'a'", "[api] must be written [[api]]"),
    ("api = ['a']\n" + EXAMPLE.split("[[api]]")[0],
     "the first entry of api must be a table; write [[api]]"),
    (EXAMPLE + "[swarm]\n", "swarm.neighbours is missing; write at least one [[swarm.neighbours]]"),
    (EXAMPLE + "[swarm]\nneighbours = []\n",
     "swarm.neighbours has 0 entries; allowed are 1 to 11"),
    (EXAMPLE + NEIGHBOUR.format(8) * 12, "swarm.neighbours has 12 entries; allowed are 1 to 11"),
    (EXAMPLE + NEIGHBOUR.format(8) + NEIGHBOUR.format(300), "the second [[swarm.neighbours]]: "
     "node_id = 300: must be a whole number from 1 to 254"),
    (EXAMPLE + "[[orbit.stations]]\nname = 'a'\n", "the first [[orbit.stations]]: key latitude_deg "
     "is missing; it must be a number from -90 to 90 degrees"),
    (EXAMPLE + "[orbit]\ntle = ['1']\n",
     "orbit.tle = ['1']: must be the two lines of a TLE, as an array"),
    (EXAMPLE + "[microphone]\ndevice = 'x'\nevery_s = 5\n",
     "[microphone]: take_s (6) must be below every_s (5)"),
    ("\n".join(line for line in EXAMPLE.splitlines() if not line.startswith("capacity_mah")),
     "key power.capacity_mah is missing; it must be a whole number from 100 to 100000 mAh"),
])
def test_tables_are_told_as_they_are_written(text: str, sentence: str) -> None:
    assert refusal(text) == sentence


def test_a_number_of_too_many_digits_is_cut() -> None:
    """A bug: Python makes no decimal digits of it, and its ValueError reached the user."""
    for line in ("node_id = 0x1" + "0" * 5000, "node_id = [0x1" + "0" * 5000 + "]"):
        assert len(refusal(changed("node_id = 7", line))) < 200
    ebyte = f"[radio.ebyte]\nchannel = 3\nmodule = 0x1{'0' * 5000}\n"
    said = refusal(changed('"kiss-tcp"', '"ebyte"') + ebyte)
    assert said.startswith("radio.ebyte.module = 0x1") and said.endswith("E32, in quotes")


@pytest.mark.parametrize(("text", "sentence"), [
    ("[a]\n[a]", "is not TOML: Cannot declare a twice (at line 2, column 3)"),
    ("[a.b]\n[a.b]", "is not TOML: Cannot declare a.b twice (at line 2, column 5)"),
    ("[a]\nb = 1\nb = 2\n", "is not TOML: A key is given twice (at line 3, column 6)"),
    ("name = EDDA", "is not TOML: Invalid value; a text stands in quotes (at line 1, column 8)"),
])
def test_what_is_no_toml_is_told_without_words_of_python(text: str, sentence: str) -> None:
    assert refusal(text) == sentence


SCHEMA = Mission.model_json_schema()


def leaves(schema: dict[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of every section, and what [[arrays of tables]] have."""
    for key, each in schema["properties"].items():
        plain = next(iter(each.get("anyOf", [each])))
        plain = plain.get("items", plain)
        if "$ref" in plain:
            inner = SCHEMA["$defs"][plain["$ref"].rpartition("/")[2]]
            yield from leaves(inner, (*place, key))
        else:
            yield (*place, key)


@pytest.mark.parametrize("value", [
    "true", "-1e300", "-7", "2.5", "nan", '""', f'"{"ä b?" * 200}"', "[]", "[[[3]]]", "{}",
    "2024-01-01", "12:00:00", "[{}]",
])
def test_every_key_refuses_in_plain_words(value: str) -> None:
    """Goal: no sentence of the library, no pattern, and the key. Method: each key alone."""
    for place in leaves(SCHEMA):
        inner = f"{{ {place[-1]} = {value} }}"
        for name in reversed(place[1:-1]):
            inner = f"{{ {name} = {inner} }}"
        with pytest.raises(ValidationError) as raised:
            Mission.model_validate(tomllib.loads(f"{place[0]} = {inner}"))
        for said in sentences(Mission, raised.value):
            assert "\n" not in said and len(said) < 600
            assert not re.search(r"[Ii]nput|hould|valid|\^|\$|\\|None|True|False|uple", said), said


def test_every_pattern_has_words() -> None:
    def unworded(schema: Any) -> Iterator[str]:
        if isinstance(schema, dict):
            if isinstance(schema.get("pattern"), str) and "description" not in schema:
                yield schema["pattern"]
            schema = list(schema.values())
        for each in schema if isinstance(schema, list) else ():
            yield from unworded(each)

    assert list(unworded(SCHEMA)) == []
