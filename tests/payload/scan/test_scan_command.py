"""The command: what it prints, what it writes, and one sentence where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from payload.devices.probes import FoundChip
from payload.scan.connected import Connected
from payload.scan.scan_command import NOTHING, NOTHING_FOUND, USAGE_ERROR, conclude
from wire import mission

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = (ROOT / "mission.toml").read_text()
FOUND = Connected(1, [FoundChip(0x40, "ina219"), FoundChip(0x77, "bmp388")])


def test_it_prints_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    conclude(FOUND, None)
    said = capsys.readouterr().out
    assert "  0x77  bmp388\n" in said and 'outside = "bmp388"\noutside_address = 0x77\n' in said


def test_it_writes_the_section_and_keeps_the_mode(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mission.toml"
    file.write_text(EXAMPLE)
    file.chmod(0o640)
    conclude(FOUND, file)
    assert capsys.readouterr().out.endswith("mission.toml: written.\n")
    assert mission.load(file).sensors.places == {"outside": "0x77", "power": "0x40"}
    assert file.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["mission.toml"]
    conclude(FOUND, file)
    assert capsys.readouterr().out.endswith("mission.toml: says so already.\n")


@pytest.mark.parametrize(("text", "sentence"), [
    (None, "No such file"), ("[sensors", "is not TOML"),
    (EXAMPLE.replace("[sensors]", "[sensors]\nbarometer = 1"),
     "[sensors]: unknown key 'barometer'"),
    (EXAMPLE.replace('outside = "bme280"', '"outside" = "bme280"'), "lines above by hand"),
])
def test_what_it_cannot_write_stays_as_it_is(
    text: str | None, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mission.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(typer.Exit) as ended:
        conclude(FOUND, file)
    assert ended.value.exit_code == USAGE_ERROR
    assert sentence in capsys.readouterr().err
    if text is not None:
        assert file.read_text() == text


def test_a_machine_without_buses_says_so_in_one_sentence() -> None:
    """The real command; bus 20 is nobody's."""
    ended = subprocess.run(
        [sys.executable, "-m", "payload", "scan", "--bus", "20"], cwd=ROOT, text=True,
        capture_output=True, check=False)
    if ended.returncode == 0:
        pytest.skip("something is connected to this machine")
    assert (ended.returncode, ended.stderr.strip()) == (NOTHING_FOUND, NOTHING)
