"""Editing keeps every comment, every other line, and refuses what it cannot say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from payload.scan.connected import Value
from payload.scan.mission_edit import NotEditable, edited
from wire import mission

EXAMPLE = (Path(__file__).resolve().parents[3] / "mission.toml").read_text()
FOUND: dict[str, Value | None] = {
    "i2c_bus": 1, "outside": "ds18b20", "outside_address": None, "inside": "bme280",
    "inside_address": 0x77, "power": "ina226", "power_address": 0x41, "gnss_address": 0x42,
}


def test_the_example_mission() -> None:
    """Values change, comments stay, examples come to life, and a second time changes nothing."""
    changed = edited(EXAMPLE, "sensors", FOUND)
    plan = mission.parse(changed, "m").sensors
    assert plan.places == {"outside": "the 1-Wire bus", "inside": "0x77", "power": "0x41"}
    assert plan.gnss_address == 0x42 and plan.camera
    was, now = EXAMPLE.splitlines(), changed.splitlines()
    assert len(was) - len(now) == 1  # outside_address is gone
    for line in was:
        assert line.rpartition("#")[2] in changed or "_address =" in line
    assert 'outside = "ds18b20"          # bme280 | bmp280' in changed
    assert edited(changed, "sensors", FOUND) == changed


def test_everything_outside_the_section_stays() -> None:
    changed = edited(EXAMPLE, "sensors", FOUND)
    before, after = EXAMPLE.partition("[sensors]")[0], EXAMPLE.partition("[power]")[2]
    assert changed.startswith(before) and changed.endswith(after)


@pytest.mark.parametrize(("text", "wanted", "result"), [
    ("", {"a": 1}, '\n[sensors]\na = 1\n'),
    ("[sensors]", {"a": "x"}, '[sensors]\na = "x"\n'),
    ("[sensors] # all\n\n[b]\na = 2\n", {"a": 1}, "[sensors] # all\na = 1\n\n[b]\na = 2\n"),
    ('[sensors]\na = "#" # why\n', {"a": "y"}, '[sensors]\na = "y"                      # why\n'),
    ("[sensors]\na=1#x\n", {"a": 2}, "[sensors]\na = 2                        #x\n"),
    ("[sensors]\nab = 1\n", {"a": None}, "[sensors]\nab = 1\n"),
    ("[sensors]\na = 1\nb = 2\n", {"a": None}, "[sensors]\nb = 2\n"),
    ("[x]\n#[sensors]\n", {"a": 1}, "[x]\n#[sensors]\n\n[sensors]\na = 1\n"),
])
def test_small_files(text: str, wanted: dict[str, Value | None], result: str) -> None:
    assert edited(text, "sensors", wanted) == result


@pytest.mark.parametrize("text", [
    "sensors = { a = 1 }\n", "sensors.a = 1\n", '[sensors]\n"a" = 1\n',
    '[sensors]\nb = """\na = 3\n"""\n',
])
def test_another_style_is_refused(text: str) -> None:
    assert tomllib.loads(text)
    with pytest.raises(NotEditable, match="not laid out"):
        edited(text, "sensors", {"a": 2})
