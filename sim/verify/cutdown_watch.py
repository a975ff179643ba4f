"""Checks of the cutdown: the pin is high only after two commands, or by the geofence's rule.

    cutdown_safe   high only while, within the last ``burn_s`` and in one life of the payload, the
                   station issued a FIRE, and an ARM with another counter in the air not long
                   before it; or truly outside a fence that may fire. And the station sends no
                   command that arms or fires once its lifetime is over, and none that fires
                   without one that arms shortly before
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundstation.archive import outbox
from groundstation.archive.outbox import CLOCK_SLACK_MS, QueuedCommand
from payload.cutdown import ARMED_MS
from wire import commands, frames
from wire.commands import Opcode
from wire.earth import contains
from wire.frames import CommandFrame

if TYPE_CHECKING:
    from sim.world import World

AIR_MS = 5_000  # a command on its way up, and the step that ends the burn
ALOFT_M = 20.0  # above the ground; below it nothing may ever be armed


def command_of(world: World, frame: bytes) -> QueuedCommand | None:
    """The command that this frame of the station carries; None where nobody queued it."""
    if world.archive is None:
        return None
    counter = int.from_bytes(frame[3:7], "big")
    row = world.archive.db.execute(
        "SELECT outbox_id FROM uplink WHERE counter = ?", (counter,)).fetchone()
    return outbox.one(world.archive.db, row[0]) if row and row[0] is not None else None


class CutdownWatch:
    """Told of every frame that the station sends; asked after every step."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._armings: list[tuple[int, int]] = []  # (when, counter)
        self._fired_ms: int | None = None  # the latest FIRE that an ARM had gone before
        self._arm_sent_ms: int | None = None  # as a command
        self._sent: str | None = None  # what the station should not have sent, not told yet

    def on_boot(self) -> None:
        """A reboot forgets what was armed, and lets go of the pin."""
        self._armings.clear()
        self._fired_ms = None

    def on_uplink(self, frame: bytes) -> None:
        """A frame of the station's own begins to go up."""
        now_ms = self._world.clock.now_ms
        decoded = frames.decode_uplink(frame, self._world.uplink_key)
        if not isinstance(decoded, CommandFrame):
            return
        try:
            command = commands.decode(decoded.body)
        except ValueError:
            return
        self._look_at_queued(frame, command.opcode)
        counter, is_aloft = decoded.counter, self._world.body.above_ground_m() >= ALOFT_M
        if command.opcode is Opcode.CUTDOWN_ARM and is_aloft:
            self._armings.append((now_ms, counter))
        elif command.opcode is Opcode.CUTDOWN_FIRE and any(
            now_ms - at_ms <= ARMED_MS + AIR_MS and armed_by != counter
            for at_ms, armed_by in self._armings
        ):
            self._fired_ms = now_ms

    def flaw(self) -> str | None:
        """Why the pin should not be as it is, or what should not have been sent; None when all is
        well."""
        sent, self._sent = self._sent, None
        if sent is not None or not self._world.pin.is_high:
            return sent
        burn_ms = 1000 * self._world.mission.flight.burn_s + AIR_MS
        if self._fired_ms is not None:
            since_ms = self._world.clock.now_ms - self._fired_ms
            return None if since_ms <= burn_ms else f"still high after {since_ms / 1000:.0f} s"
        return None if self._may_fence_fire() else "high without a command"

    def may_be_armed(self) -> bool:
        """Is a command still valid that arms it, or that fires it, or does the fence fire?"""
        now_ms, burn_ms = self._world.clock.now_ms, 1000 * self._world.mission.flight.burn_s
        is_firing = self._fired_ms is not None and now_ms - self._fired_ms <= burn_ms + AIR_MS
        is_armed = any(now_ms - at_ms <= ARMED_MS + AIR_MS for at_ms, _ in self._armings)
        return is_firing or is_armed or self._may_fence_fire()

    def _look_at_queued(self, frame: bytes, opcode: Opcode) -> None:
        entry = command_of(self._world, frame)
        if entry is None or opcode not in (Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE):
            return
        now_ms = self._world.clock.now_ms
        waited_ms = self._world.air.ground_utc_ms - entry.created_ms
        lifetime_ms = 1000 * self._world.mission.ground.hazardous_lifetime_s
        if not -CLOCK_SLACK_MS <= waited_ms <= lifetime_ms:
            self._sent = f"{opcode.name} was sent {waited_ms // 1000} s after it was queued"
        elif opcode is Opcode.CUTDOWN_ARM:
            self._arm_sent_ms = now_ms
        elif self._arm_sent_ms is None or now_ms - self._arm_sent_ms > ARMED_MS + AIR_MS:
            self._sent = "CUTDOWN_FIRE was sent without an accepted ARM"

    def _may_fence_fire(self) -> bool:
        flight, state = self._world.mission.flight, self._world.body.state()
        if not flight.fence_may_fire:
            return False
        is_above = flight.ceiling_m is not None and state.altitude_m > flight.ceiling_m
        place = state.latitude_deg, state.longitude_deg
        return is_above or (bool(flight.fence) and not contains(flight.fence, place))
