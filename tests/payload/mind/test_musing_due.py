"""Pace: by worth where power is measured, by the interval everywhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from payload.mind.musing_due import FIRST_MUSING_MS, MusingDue
from payload.power.power import PowerManager
from payload.situation import Situation
from wire import mission
from wire.beacon import Phase
from wire.mission_orbit import OrbitSection

MISSION = mission.load(Path(__file__).resolve().parents[3] / "mission.toml")
UP = Situation(now_ms=0, phase=Phase.ASCENT, altitude_m=5_000.0, climb_mps=5.0,
               battery_mv=3_900.0, current_ma=300.0)


BY_WORTH = MISSION.model_copy(update={
    "mind": MISSION.mind.model_copy(update={"pace": "worth"})})
ORBITING = BY_WORTH.model_copy(update={"orbit": OrbitSection()})


def due_s(
    pace: MusingDue, situation: Situation, seconds: int = 1_200, used_mah: int = 0
) -> list[int]:
    """When musings are due, s."""
    power = PowerManager(MISSION.power, used_mah)
    found = []
    for second in range(seconds):
        now_ms = 1000 * second
        power.update(situation.battery_mv, None, now_ms)
        pace.update(replace(situation, now_ms=now_ms), power, 0.0, False)
        if pace.is_due(MISSION.mind, power, now_ms):
            pace.note_thought(now_ms)
            found.append(second)
    return found


def test_the_interval_is_that_of_the_mission() -> None:
    expected = list(range(FIRST_MUSING_MS // 1000, 1_200, MISSION.mind.every_s))
    assert due_s(MusingDue.of(MISSION), UP) == due_s(MusingDue.of(ORBITING), UP) == expected


def test_without_a_current_the_planner_leaves_it_to_the_interval() -> None:
    expected = list(range(FIRST_MUSING_MS // 1000, 1_200, MISSION.mind.every_s))
    assert due_s(MusingDue.of(BY_WORTH), replace(UP, current_ma=None)) == expected


def test_the_planner_thinks_more_often_with_plenty_and_not_at_all_with_the_reserve() -> None:
    pace = MusingDue.of(BY_WORTH)
    assert len(due_s(pace, UP)) > 1_200 / MISSION.mind.every_s
    assert pace.planner is not None and pace.planner.price is not None
    assert due_s(MusingDue.of(BY_WORTH), UP, used_mah=2_200) == [FIRST_MUSING_MS // 1000]
