"""[microphone] of the mission file: every value at its bounds and just beyond."""

from __future__ import annotations

from pathlib import Path

import pytest

from wire import mission
from wire.mission import MissionError
from wire.mission_microphone import MicrophoneSection

EXAMPLE = (Path(__file__).parents[2] / "mission.toml").read_text()


def parse(section: str) -> MicrophoneSection | None:
    return mission.parse(f"{EXAMPLE}\n{section}", "m.toml").microphone


def test_without_the_section_there_are_no_ears() -> None:
    assert parse("") is None


def test_the_example_of_the_mission_file_is_read() -> None:
    """Goal: its comments are a section that works. Method: without the #."""
    start = EXAMPLE.index("# [microphone]")
    lines = EXAMPLE[start:].split("\n\n")[0].splitlines()
    section = parse("\n".join(line.removeprefix("# ") for line in lines))
    assert section == MicrophoneSection(
        device="plughw:1,0", every_s=30, take_s=6, sensitivity_dbfs=-26.0, keep_takes=0)


def test_a_device_is_enough() -> None:
    section = parse('[microphone]\ndevice = "plughw:1,0"')
    assert section == MicrophoneSection(device="plughw:1,0", every_s=30, take_s=6)
    assert section.sensitivity_dbfs is None and section.keep_takes == 0


@pytest.mark.parametrize("line", [
    "every_s = 600", "every_s = 7", "take_s = 2", "take_s = 10", "sensitivity_dbfs = -90",
    "sensitivity_dbfs = 10", "keep_takes = 200",
])
def test_what_is_just_allowed(line: str) -> None:
    assert parse(f'[microphone]\ndevice = "hw:0"\n{line}') is not None


@pytest.mark.parametrize(("line", "words"), [
    ("every_s = 4", "microphone.every_s = 4"), ("every_s = 601", "microphone.every_s = 601"),
    ("every_s = 6", "take_s (6) must be below every_s (6)"),
    ("take_s = 1", "microphone.take_s = 1"), ("take_s = 11", "microphone.take_s = 11"),
    ("sensitivity_dbfs = -90.1", "microphone.sensitivity_dbfs"),
    ("sensitivity_dbfs = 10.1", "microphone.sensitivity_dbfs"),
    ("keep_takes = 201", "microphone.keep_takes = 201"),
    ("keep_takes = -1", "microphone.keep_takes = -1"),
    ("rate_hz = 8000",
     "[microphone]: unknown key 'rate_hz'; available: device, every_s, keep_takes"),
])
def test_what_is_not(line: str, words: str) -> None:
    with pytest.raises(MissionError) as refused:
        parse(f'[microphone]\ndevice = "hw:0"\n{line}')
    assert words in str(refused.value)


def test_the_device_is_asked_for() -> None:
    for section in ("[microphone]", '[microphone]\ndevice = ""'):
        with pytest.raises(MissionError, match=r"microphone\.device"):
            parse(section)
