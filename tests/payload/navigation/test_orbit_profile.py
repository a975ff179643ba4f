"""The profile of an orbit: fixes that a balloon cannot have, and phases without a burst."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payload.navigation.gnss import Navigation, flaw, is_jump
from payload.navigation.phase import BOOT_MS_MAX, PhaseMachine
from payload.navigation.phase_transitions import ORBIT_TRANSITIONS
from payload.navigation.profile import BALLOON, ORBIT, of
from payload.ports import GnssFix
from tests.sim.flights import mission
from wire.beacon import Phase
from wire.mission_orbit import OrbitSection

HEIGHT_M = 420_000.0


def fix_at(now_ms: int, altitude_m: float = HEIGHT_M, longitude_deg: float = 0.0) -> GnssFix:
    """Over the equator, going east at the pace of a low orbit."""
    return GnssFix(now_ms, 3, 9, 1_830_000_000_000 + now_ms, 0.5, longitude_deg + now_ms * 6.5e-5,
                   altitude_m, 3.0, 7_300.0, 90.0, 1.5)


class Receiver:
    """One fix a second, all of them read at once."""

    dynamic_model = jam_indicator = None

    def __init__(self) -> None:
        self.read_ms = 0

    def poll(self, now_ms: int) -> list[GnssFix]:
        seconds = range(self.read_ms + 1_000, now_ms + 1, 1_000)
        self.read_ms = now_ms
        return [replace(fix_at(at_ms), taken_ms=now_ms) for at_ms in seconds]


def test_the_mission_file_says_which_profile_holds() -> None:
    assert of(mission()) is BALLOON
    assert of(mission().model_copy(update={"orbit": OrbitSection()})) is ORBIT


def test_a_fix_in_orbit_is_a_flaw_of_a_balloon_only() -> None:
    assert flaw(fix_at(0)) == "altitude"
    assert flaw(fix_at(0), ORBIT) is None
    assert flaw(fix_at(0, 2_000_000.0), ORBIT) == "altitude"
    assert is_jump(fix_at(0, 30_000.0), fix_at(5_000, 30_000.0))
    assert not is_jump(fix_at(0), fix_at(5_000), ORBIT)
    assert is_jump(fix_at(0), fix_at(5_000, longitude_deg=0.5), ORBIT)


def test_of_five_seconds_read_at_once_the_newest_counts() -> None:
    navigation = Navigation(Receiver(), ORBIT)
    for now_ms in range(5_000, 60_001, 5_000):
        navigation.poll(now_ms)
        assert navigation.fix is not None
        assert navigation.fix.utc_ms == 1_830_000_000_000 + now_ms
    assert not navigation.rejects and not navigation.is_lost


def run(machine: PhaseMachine, altitude_m: float | None, to_ms: int, from_ms: int = 0) -> None:
    for now_ms in range(from_ms, to_ms + 1, 5_000):
        fix = None if altitude_m is None else fix_at(now_ms, altitude_m + now_ms / 100)
        machine.update(fix, None, now_ms)


@pytest.mark.parametrize("saved", [None, Phase.FLOAT])
def test_a_payload_that_starts_in_orbit_floats(saved: Phase | None) -> None:
    state = None if saved is None else {
        **PhaseMachine(None, 0, ORBIT).saved(), "phase": int(saved)}
    machine = PhaseMachine(state, 0, ORBIT)
    run(machine, HEIGHT_M, 30_000)
    assert machine.phase is Phase.FLOAT


def test_it_never_bursts_falls_or_lands_however_its_height_swings() -> None:
    machine = PhaseMachine(None, 0, ORBIT)
    run(machine, HEIGHT_M, 30_000)
    phases = set()
    for now_ms in range(35_000, 6_000_000, 5_000):
        swing_m = 60_000 * (now_ms // 1_500_000 % 2)  # an apogee and a perigee
        machine.update(fix_at(now_ms, HEIGHT_M - swing_m), None, now_ms)
        phases.add(machine.phase)
    assert phases <= {Phase.FLOAT, Phase.INFLIGHT_UNKNOWN}
    assert machine.phase is Phase.FLOAT
    assert {row.target for rows in ORBIT_TRANSITIONS.values() for row in rows} == {
        Phase.FLOAT, Phase.GROUND}


def test_without_a_receiver_it_is_in_orbit_after_a_minute_and_on_the_bench_on_the_ground() -> None:
    deaf = PhaseMachine(None, 0, ORBIT)
    run(deaf, None, BOOT_MS_MAX - 5_000)
    assert deaf.phase is Phase.BOOT
    run(deaf, None, BOOT_MS_MAX, BOOT_MS_MAX)
    assert deaf.phase is Phase.FLOAT
    bench = PhaseMachine(None, 0, ORBIT)
    run(bench, 100.0, 30_000)
    assert bench.phase is Phase.GROUND
