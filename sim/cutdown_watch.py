"""The cutdown, watched: the pin may be high only after two commands, or by the fence's own rule.

    cutdown_safe   high only while, within the last ``burn_s`` and in one life of the payload, the
                   station issued a FIRE, and an ARM with another counter in the air not long
                   before it; or truly outside a fence that may fire
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from payload.cutdown import ARMED_MS
from payload.geofence import contains
from wire import commands, frames
from wire.commands import Opcode
from wire.frames import CommandFrame

if TYPE_CHECKING:
    from sim.world import World

AIR_MS = 5_000  # an order on its way up, and the step that ends the burn
ALOFT_M = 20.0  # above the ground; below it nothing may ever be armed


class CutdownWatch:
    """Told of every frame that the station sends; asked after every step."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._armings: list[tuple[int, int]] = []  # (when, counter)
        self._fired_ms: int | None = None  # the latest FIRE that an ARM had gone before

    def on_boot(self) -> None:
        """A reboot forgets what was armed, and lets go of the pin."""
        self._armings.clear()
        self._fired_ms = None

    def on_uplink(self, frame: bytes) -> None:
        """A frame of the station's own begins to go up."""
        now_ms = self._world.clock.now_ms
        order = frames.decode_uplink(frame, self._world.uplink_key)
        if not isinstance(order, CommandFrame):
            return
        try:
            command = commands.decode(order.body)
        except ValueError:
            return
        counter, is_aloft = order.counter, self._world.body.above_ground_m() >= ALOFT_M
        if command.opcode is Opcode.CUTDOWN_ARM and is_aloft:
            self._armings.append((now_ms, counter))
        elif command.opcode is Opcode.CUTDOWN_FIRE and any(
            now_ms - at_ms <= ARMED_MS + AIR_MS and armed_by != counter
            for at_ms, armed_by in self._armings
        ):
            self._fired_ms = now_ms

    def flaw(self) -> str | None:
        """Why the pin should not be as it is; None when all is well."""
        if not self._world.pin.is_high:
            return None
        burn_ms = 1000 * self._world.mission.flight.burn_s + AIR_MS
        if self._fired_ms is not None:
            since_ms = self._world.clock.now_ms - self._fired_ms
            return None if since_ms <= burn_ms else f"still high after {since_ms / 1000:.0f} s"
        return None if self._may_fence_fire() else "high, and nobody had ordered it"

    def _may_fence_fire(self) -> bool:
        flight, state = self._world.mission.flight, self._world.body.state()
        if not flight.fence_may_fire:
            return False
        is_above = flight.ceiling_m is not None and state.altitude_m > flight.ceiling_m
        place = state.latitude_deg, state.longitude_deg
        return is_above or (bool(flight.fence) and not contains(flight.fence, place))
