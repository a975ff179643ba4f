"""SAFE in the air: a boot loop brings it in, the beacon goes on, and it leaves by itself."""

from __future__ import annotations

from dataclasses import replace

from sim.world import World
from tests.sim.faults.short_hops import Seen, fly, hop
from wire import beacon, frames
from wire.beacon import PowerMode
from wire.frames import BeaconFrame
from wire.records import Kind

LOOP_S = (180, 192, 204)  # starts that do not last, in the ascent
SAFE_S = 600


class Watch:
    """What every beacon said, and what was recorded while it was SAFE."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.said: list[tuple[float, PowerMode]] = []
        self.in_safe: list[Kind] = []
        world.observers.append(self)
        for at_s in LOOP_S:
            world.at(at_s * 1000, world.daemon.restart)

    def on_boot(self) -> None:
        """The beacons tell."""

    def on_step(self) -> None:
        assert self.world.flight is not None
        if self.world.flight.starts.is_safe:
            self.in_safe += [note.kind for note in self.world.flight.notes]

    def on_send(self, frame: bytes) -> None:
        decoded = frames.decode_downlink(frame)
        if isinstance(decoded, BeaconFrame):
            mode = beacon.decode(decoded.state).power_mode
            self.said.append((self.world.clock.now_s, mode))

    def on_uplink(self, frame: bytes) -> None:
        """Nothing to note."""

    def on_crash(self, error: Exception) -> None:
        """The checks see it."""


def test_a_boot_loop_in_the_ascent_is_safe_for_ten_minutes_and_no_longer() -> None:
    """Every check holds on the way, the beacon's cadence among them."""
    watches: list[Watch] = []
    scenario = hop("config.open_key")  # a fault that touches nothing aboard
    launch = scenario.conditions.launch
    assert launch is not None
    scenario = replace(scenario, conditions=replace(
        scenario.conditions, launch=launch._replace(rest_s=500.0)))
    outcome, seen = fly(scenario, lambda world: watches.append(Watch(world)))
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    _is_safe_for_ten_minutes(watches[0], seen)


def _is_safe_for_ten_minutes(watch: Watch, seen: Seen) -> None:
    assert (seen.events["boot"], seen.events["safe_entered"], seen.events["safe_left"]) == (4, 2, 1)
    safe_s = [at_s for at_s, mode in watch.said if mode is PowerMode.SAFE]
    assert len(safe_s) > SAFE_S / 31, "the beacon goes on"
    assert LOOP_S[1] < safe_s[0] < LOOP_S[1] + 15
    assert LOOP_S[2] + SAFE_S < safe_s[-1] + 31 < LOOP_S[2] + SAFE_S + 50
    assert any(at_s > safe_s[-1] and mode is not PowerMode.SAFE for at_s, mode in watch.said)
    dangerous = {Kind.MUSING, Kind.THUMBNAIL, Kind.API_CALL}
    assert not dangerous & set(watch.in_safe)
    assert dangerous <= set(seen.kinds), "before and after it they are there"
