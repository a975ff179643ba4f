"""Goal: a swarm holds every check with 70 % loss and random resets, alone and between payloads.

Method: real flight cores, stores, transfers and stations, let go by one rocket over drawn stations;
for an hour, and thoroughly for six hours with six of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from groundstation.archive import rawlog
from sim.orbit import Orbit
from sim.trials import swarm_days
from sim.trials.swarm_trial import SwarmOutcome, SwarmPlan, SwarmTrial
from tests.sim.flights import mission

HOUR = 1 / 24


def fly(folder: Path, plan: SwarmPlan) -> tuple[SwarmTrial, SwarmOutcome]:
    folder.mkdir(parents=True, exist_ok=True)
    trial = SwarmTrial(plan, folder)
    outcome = trial.fly()
    trial.close()
    return trial, outcome


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> tuple[SwarmTrial, SwarmOutcome]:
    """Each is reset about three times."""
    plan = SwarmPlan(mission(), 1, 3, 2, HOUR, loss=0.7, resets=60, slot_s=20)
    return fly(tmp_path_factory.mktemp("swarm"), plan)


def test_every_check_holds(flown: tuple[SwarmTrial, SwarmOutcome]) -> None:
    assert flown[1].violations == ()
    assert sum(row.resets for row in flown[1].rows) >= 3
    assert all(watch.frames_in_turn > 20 for watch in flown[0].across.watches)


def test_the_days_tell_what_happened(flown: tuple[SwarmTrial, SwarmOutcome]) -> None:
    trial, outcome = flown
    assert [row.payload for row in outcome.rows] == ["EDDA", "FENN", "HULDA"]
    for row, world in zip(outcome.rows, trial.worlds, strict=True):
        assert row.hours == 1 and row.passes >= 1 and row.words_said > 0
        assert 0 <= row.words_home <= row.words_said
        assert 0.3 < row.energy_wh < 2 and 0 < row.airtime_min < 60
        assert world.boots - 1 >= row.resets


def test_a_violation_is_told_once_with_its_day(tmp_path: Path) -> None:
    told: list[list[str]] = []
    trial = SwarmTrial(SwarmPlan(mission(), 3, 2, days=HOUR / 30), tmp_path)
    trial.checks[1].violate("planted", "on the first day")
    outcome = trial.fly(lambda rows, found: told.append([f"{name} {v.check}" for name, v in found]))
    trial.close()
    assert told == [["FENN planted"]]
    assert [violation.check for _, violation in outcome.violations] == ["planted"]


def test_every_station_has_a_log_of_what_it_heard_of_everybody(
    flown: tuple[SwarmTrial, SwarmOutcome]
) -> None:
    trial, _ = flown
    logs = {path.stem: [each for each, _ in rawlog.read(trial.folder / path.name)]
            for path in trial.folder.glob("*.raw")}
    assert set(logs) == {"station1", "station2", "stations"}
    assert len(logs["stations"]) == len(logs["station1"]) + len(logs["station2"]) > 0
    assert {each.raw[1] for each in logs["stations"]} >= {7, 8, 9}


def test_whoever_was_let_go_later_comes_later_and_drifts(
    flown: tuple[SwarmTrial, SwarmOutcome]
) -> None:
    paths = [world.trajectory for world in flown[0].worlds]
    assert all(isinstance(path, Orbit) for path in paths)
    lines = [path.elements.lines[1] for path in paths if isinstance(path, Orbit)]
    assert len({line[43:51] for line in lines}) == len({line[52:63] for line in lines}) == 3


def test_two_under_one_balloon_hold_every_check(tmp_path: Path) -> None:
    """The same command, for the first minutes."""
    trial = SwarmTrial(SwarmPlan(mission(), 2, 2, is_orbit=False, loss=0.5), tmp_path)
    trial.swarm.run_until(240)
    assert [each.violations for each in trial.checks] == [[], []]
    trial.close()


def test_a_file_of_days_that_is_cut_at_any_byte_gives_those_before(
    tmp_path: Path, flown: tuple[SwarmTrial, SwarmOutcome]
) -> None:
    path, rows = tmp_path / "days.csv", list(flown[1].rows)
    swarm_days.DaysFile(path).add(rows)
    assert swarm_days.read(path) == rows
    data = path.read_bytes()
    for end in range(len(data)):
        path.write_bytes(data[:end])
        found = swarm_days.read(path)
        whole = max(0, data[:end].count(b"\n") - 1)
        assert found[:whole] == rows[:whole] and len(found) <= whole + 1


@pytest.mark.thorough
def test_the_same_seed_is_the_same_flight(tmp_path: Path) -> None:
    plan = SwarmPlan(mission(), 4, 2, 1, HOUR, resets=30)
    assert fly(tmp_path / "one", plan)[1] == fly(tmp_path / "other", plan)[1]


@pytest.mark.thorough
def test_six_payloads_hold_every_check_for_six_hours(tmp_path: Path) -> None:
    plan = SwarmPlan(mission(), 3, 6, 3, 6 * HOUR, loss=0.7, resets=4, slot_s=20)
    assert fly(tmp_path, plan)[1].violations == ()
