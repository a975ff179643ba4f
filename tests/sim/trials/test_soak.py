"""Drawn flights with drawn faults hold every check; the same seed is the same flight."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest

from sim.fault_schedule import Scheduled, parse
from sim.scenario import PRESETS, draw
from sim.trials import liveness, soak, trial
from tests.sim.flights import ROOT, mission
from tests.thorough import sampled
from wire.beacon import FaultBits

MISSION = ROOT / "mission.toml"
# Seeds that found something in the payload or at the station, and what; each has a test of its own
# beside what was mended.
FOUND = {
    5: "an orbit: what was sent to nobody counted as probably heard, for hours",
    37: "the station's clock was set back ten years, and it would have reported again in 2036",
    67: "records went out from RAM while the disk failed, and their numbers were given again",
    # as drawn today: a fix that a fault excused is told on while the receiver is jammed
    153: "the first sample after a reset of a chip, wrong and plausible, was told",
    167: "two losses of the whole store began at the same block and record number",
    278: "the first fix after a start was read late, and bent the climb by a tenth",
    296: "the first record of a page was not salvaged where the page before it had gone",
}
FEW = [384, 155, 44, 4, 217, 378, 260, 8]  # every preset, slow links, ears and eyes, and soon over
TWO = FEW[-2:]
MORE = sorted({*range(46), *FOUND} - {*FEW})


@pytest.mark.parametrize("seed", sampled([*FEW[:-2], *MORE], quick=len(FEW) - 2))
def test_a_drawn_flight_holds_every_check(seed: int) -> None:
    """Each line of a failure flies its seed again."""
    result = soak.fly(seed, MISSION)
    assert [f"spacepi-sim run --seed {seed} --trace    {violation}"
            for violation in result.violations] == []
    assert max(result.counts["frames"], result.counts["records"]) > 100 and result.faults


def test_flights_in_processes_of_their_own_are_counted(capfd) -> None:
    tally = soak.run(TWO, MISSION, jobs=2)
    assert capfd.readouterr() == ("", "")  # what the rooms log stays out of the table
    assert [violation for result in tally.failed for violation in result.violations] == []
    assert tally.flights == 2 and tally.faults.total() >= 2 and tally.counts["records"] > 200
    assert "| flights, each from one seed | 2 |" in soak.table(tally)


def test_a_soak_that_is_interrupted_tells_what_was_flown(monkeypatch) -> None:
    def stopped(work: list, jobs: int):
        yield soak.Result(work[0][0], "calm", ("core.hog",), (), Counter(records=7), "", 3_600.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(soak, "_results", stopped)
    tally = soak.run(range(9), MISSION, jobs=1)
    assert tally.flights == 1 and "| records promised durable | 7 |" in soak.table(tally)


def test_a_world_that_breaks_is_one_seeds_failure(monkeypatch) -> None:
    """Seed 975 ended a soak of a thousand with its own error, and nobody was told which it was."""
    def break_down(scenario):
        raise OSError("No space left on device")

    monkeypatch.setattr(trial, "fly", break_down)
    tally = soak.run([3], MISSION, jobs=1)
    assert [(r.seed, v.check) for r in tally.failed for v in r.violations] == [(3, "no_crash")]
    assert "No space left" in str(tally.failed[0].violations[0])


def test_a_camera_too_hot_for_a_picture_cannot_show_that_it_is_well() -> None:
    """Seed 901: in a vacuum the box of a healed flight stayed at 100 C."""
    def left(is_too_hot: bool) -> FaultBits | None:
        thermal = SimpleNamespace(forbids_pictures=is_too_hot)
        flight = SimpleNamespace(faults=lambda situation: FaultBits.CAMERA | FaultBits.STORE,
                                 situation=lambda now_ms: None,
                                 power=SimpleNamespace(thermal=thermal))
        return liveness._faults_left(  # type: ignore[arg-type]
            SimpleNamespace(flight=flight, daemon=SimpleNamespace(now_ms=0), trajectory=None))

    assert (left(True), left(False)) == (FaultBits.STORE, FaultBits.CAMERA | FaultBits.STORE)


@pytest.mark.thorough
def test_a_seed_is_one_flight_whatever_the_hash_seed() -> None:
    """Two processes with different hash seeds see every byte at the same instant."""
    digests = set()
    for hash_seed in ("1", "77"):
        told = subprocess.run(
            [sys.executable, "-m", "sim", "run", "--seed", "3"], cwd=ROOT, text=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "COLUMNS": "200"},
            capture_output=True, check=False,
        ).stdout
        digests.add(told.split("Digest ")[1].split(".")[0])
    assert len(digests) == 1


def test_the_seed_draws_the_configuration_too() -> None:
    assert {draw(seed, mission()).preset for seed in FEW} == set(PRESETS)
    drawn = [draw(seed, mission()) for seed in range(40)]
    assert {scenario.preset for scenario in drawn} == set(PRESETS)
    for part in (lambda s: s.mission.radio.mtu_bytes, lambda s: s.mission.sensors.outside,
                 lambda s: s.conditions.hardware.board, lambda s: s.conditions.has_uplink):
        assert len({part(scenario) for scenario in drawn}) > 1
    assert draw(7, mission()) == draw(7, mission())
    with pytest.raises(ValueError, match="unknown preset 'windy'; available: any, calm"):
        draw(1, mission(), "windy")


@pytest.mark.parametrize(("line", "expected"), [
    ("01:12:00 core.stall 40s", Scheduled(4320.0, "core.stall", 40.0)),
    ("0:00:05 cut.once", Scheduled(5.0, "cut.once", None)),
    ("00:10:00   link.foreign 1.5m", Scheduled(600.0, "link.foreign", 90.0)),
])
def test_a_fault_is_scheduled_as_a_person_writes_it(line: str, expected: Scheduled) -> None:
    assert parse(line) == expected
    assert parse(str(expected)) == expected


@pytest.mark.parametrize("line", [
    "", "core.stall", "1:2:3 core.stall", "00:60:00 core.stall", "00:00:00 core.stall 40",
    "00:00:00 core.stall -4s", "00:00:00 Core.Stall", "00:00:00 core.stall 4s more",
])
def test_a_fault_written_wrongly_is_one_sentence(line: str) -> None:
    with pytest.raises(ValueError, match="must be hh:mm:ss name"):
        parse(line)


def test_a_fault_that_nobody_knows_names_those_that_exist() -> None:
    scenario = replace(draw(1, mission(), "calm"), faults=(Scheduled(9.0, "core.explode"),))
    with pytest.raises(ValueError, match=r"unknown fault .core\.explode.; available: core\.hog"):
        trial.fly(scenario)


@pytest.mark.parametrize(("text", "seeds"), [("7", range(7, 8)), ("0:1000", range(1000))])
def test_seeds_as_they_are_written(text: str, seeds: range) -> None:
    assert soak.parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "5:5", "9:3", "-3", "1:2:3"])
def test_seeds_written_wrongly(text: str) -> None:
    with pytest.raises(ValueError, match="must be one number, or FIRST:END"):
        soak.parse_seeds(text)
