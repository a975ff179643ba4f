"""The proofs of `make proof` that need no image: each has its line in the docs, and they refuse."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from payload.devices.bme280 import Bme280
from payload.devices.ina219 import Ina219
from payload.drivers.i2c import LinuxI2cBus
from payload.ports import DeviceTimeout
from payload.storage import database
from tests.payload.drivers.test_systemd_units import need
from tests.proof import surroundings
from wire.records import Kind, Record, TimeQuality

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHARED = {"all", "lib", "direwolf", "initrd", "disk", "guest"}  # are no proofs of their own
PROOFS = sorted(path.stem for path in HERE.glob("*.sh") if path.stem not in SHARED)


def run(script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", os.fspath(HERE / script), *words], capture_output=True, text=True, timeout=120,
        check=False, env={**os.environ, **environment})


def test_each_proof_has_its_line_in_the_docs_and_runs_with_all() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| (.+) \|$", (ROOT / "docs/promises.md").read_text(), re.M)
    assert sorted(name for name, _ in rows) == PROOFS
    (order,) = re.findall(r"set -- ([a-z ]+)$", (HERE / "all.sh").read_text(), re.M)
    assert sorted(order.split()) == PROOFS


@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("*.sh")))
def test_shellcheck_finds_nothing(script: str) -> None:
    ended = subprocess.run([need("shellcheck"), "-x", script], cwd=HERE, capture_output=True,
                           text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout


def test_the_units_are_scored_and_the_line_in_the_docs_replaced(tmp_path: Path) -> None:
    need("systemd-analyze")
    table = tmp_path / "promises.md"
    table.write_text("before\n| `units` | old |\n| `machine` | other |\n")
    ended = run("units.sh", PROOF=os.fspath(tmp_path), PROMISES=os.fspath(table))
    assert ended.returncode == 0, ended.stderr
    first, units, last = table.read_text().splitlines()
    assert (first, last) == ("before", "| `machine` | other |")
    assert re.fullmatch(r"\| `units` \| every line understood; exposure spacepi-mind\.service "
                        r"[\d.]+, spacepi-payload\.service [\d.]+, spacepi-powersave\.service "
                        r"[\d.]+ \(systemd \d+\) \|", units)


def test_a_proof_without_its_image_is_no_proof(tmp_path: Path) -> None:
    """Goal: what cannot be proven is said, and the line in the docs stays."""
    table = tmp_path / "promises.md"
    table.write_text("| `chroot` | old |\n")
    ended = run("all.sh", "chroot", PROOF=os.fspath(tmp_path), PROMISES=os.fspath(table))
    assert ended.returncode == 1 and ended.stderr.splitlines()[-1] == "not proven: chroot"
    assert "needs" in ended.stderr.splitlines()[0]
    assert table.read_text() == "| `chroot` | old |\n"


def test_an_unknown_proof_is_a_sentence() -> None:
    ended = run("all.sh", "flight")
    assert (ended.returncode, ended.stderr) == (2, "there is no proof flight in tests/proof\n")


def test_what_is_not_there_yet_has_been_seen_no_time(tmp_path: Path) -> None:
    """The machine's console does not exist at first: no number ended the wait for its first line.
    """
    (tmp_path / "console").write_text("proof: ready_us=0\nproof: ready_us=7\n")
    for name, seen in (("console", "1"), ("none", "0")):
        ended = subprocess.run(
            ["sh", "-euc", '. "$0"; count "ready_us=[1-9]" "$1"', os.fspath(HERE / "lib.sh"),
             os.fspath(tmp_path / name)], capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "PROOF": os.fspath(tmp_path)})
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{seen}\n", "")


def test_what_has_ended_by_itself_is_no_failure(tmp_path: Path) -> None:
    """The chroot's proof had its result, and was named as not proven: its receiver had ended."""
    ended = subprocess.run(
        ["sh", "-euc", '. "$0"; sleep 0 & wait; trap "end $!; echo reached" EXIT; true',
         os.fspath(HERE / "lib.sh")], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PROOF": os.fspath(tmp_path)})
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "reached\n", "")


# -- what stands in for the hardware ----------------------------------------------------------


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> LinuxI2cBus:
    """The payload's own bus, over the stand-in for smbus2."""
    spec = importlib.util.spec_from_file_location("smbus2", HERE / "fake_bus/smbus2.py")
    assert spec is not None and spec.loader is not None
    stand_in = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stand_in)
    monkeypatch.setattr("payload.drivers.i2c.smbus2", stand_in)
    return LinuxI2cBus(1)


def settled(read: Callable[[int], object]) -> object:
    for now_ms in range(0, 10_000, 1000):
        try:
            return read(now_ms)
        except DeviceTimeout:
            continue
    raise AssertionError("it never answers")


def test_the_stand_in_reads_as_the_worked_example_of_the_data_sheet(bus: LinuxI2cBus) -> None:
    air = settled(Bme280(bus).read).values  # type: ignore[attr-defined]
    assert (air["temperature_c"], air["pressure_hpa"]) == pytest.approx((25.08, 1006.53), abs=0.01)
    supply = settled(Ina219(bus).read).values  # type: ignore[attr-defined]
    assert supply["battery_mv"] == 4000 and supply["current_ma"] == pytest.approx(320)


# -- the judge --------------------------------------------------------------------------------


def test_the_judge_finds_what_a_store_lost_or_changed(tmp_path: Path) -> None:
    store = tmp_path / "payload.sqlite"
    database.create(store, "OFF")
    bodies = [{"event": f"e{number}", "severity": "info"} for number in range(3)]
    records = [Record(number, Kind.EVENT, 1, 1000, TimeQuality.GPS, body)
               for number, body in enumerate(bodies, 1)]
    with sqlite3.connect(store) as db:
        db.executemany(database.INSERT, [database.row_of(each, 0) for each in records])
    told = [json.dumps({"what": "record", "at_s": 1, **surroundings._told(each)})
            for each in records]
    assert surroundings.judge([*told, '{"what": "beacon"}'], store) == (3, [])
    with sqlite3.connect(store) as db:
        db.execute("DELETE FROM record WHERE id = 2")
    changed = told[2].replace("e2", "e3")
    assert surroundings.judge([told[0], told[1], changed], store) == (3, [2, 3])
