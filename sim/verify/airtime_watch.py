"""The transmitter's timing as an observer sees it: beacons, the callsign, the duty cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire.airtime_budget import IDENT_EVERY_MS, AirtimeBudget
from wire.frames import BeaconFrame, Heard, IdentFrame

if TYPE_CHECKING:
    from sim.world import World

BEACON_SLACK_MS = 4_000  # a step that comes late
FIRST_BEACON_MS = 8_000
DUTY_SLACK_MS = 10  # the payload's milliseconds are not the world's
OTHERS_MS_MAX = 60_000  # that a beacon waits for other payloads' frames, besides


class AirtimeWatch:
    """Of one world. What is expected comes from ``wire.airtime_budget``, as the payload's does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._budget = AirtimeBudget(world.mission)
        self._budgeted = world.mission
        self._beacon_ms: int | None = None  # of the latest one of this life
        self._every_ms = 0  # when it went
        self._others_ms = 0  # how long others had been heard to send by then
        self._free_ms = 0  # when the transmitter may send again
        self._ident_ms: int | None = None  # of the latest callsign; before it, of the first frame
        self._sent_ms = 0  # of the latest frame

    def on_boot(self) -> None:
        """A life begins. It cannot know what the one before sent a moment ago."""
        self._beacon_ms = None
        self._every_ms = self._free_ms = 0
        self._others_ms = self._world.radio.others_ms()
        self._ident_ms = None

    def duty_flaw(self, frame: bytes) -> str | None:
        """``frame`` begins to go out: is the pause after the one before over?"""
        now_ms, free_ms = self._world.clock.now_ms, self._free_ms
        self._free_ms = now_ms + self._budget.airtime.occupied_ms(len(frame))
        if now_ms + DUTY_SLACK_MS < free_ms:
            return f"sent {free_ms - now_ms} ms before the pause was over"
        return None

    def callsign_flaw(self, frame: Heard | None) -> str | None:
        """``frame`` begins to go out: was the callsign told in the last ten minutes? They begin
        anew where nothing at all was sent for as long."""
        now_ms = self._world.clock.now_ms
        if not self._budget.must_identify:
            return None
        is_first = self._ident_ms is None or now_ms - self._sent_ms > IDENT_EVERY_MS
        self._sent_ms = now_ms
        if isinstance(frame, IdentFrame) or is_first or self._ident_ms is None:
            self._ident_ms = now_ms
        silent_ms = now_ms - self._ident_ms
        if silent_ms <= IDENT_EVERY_MS:
            return None
        self._ident_ms = now_ms  # said once for each time that it is missing
        return f"not for {silent_ms / 1000:.0f} s"

    def note_sent(self, frame: Heard | None) -> None:
        """``frame`` begins to go out."""
        if isinstance(frame, BeaconFrame):
            self._beacon_ms, self._every_ms = self._world.clock.now_ms, self._beacon_every_ms()
            self._others_ms = self._world.radio.others_ms()

    def beacon_flaw(self, is_excused: bool) -> str | None:
        """Is a beacon overdue? The first counts from the start of the process. While others send
        the modem waits, whatever the payload wants."""
        now_ms = self._world.clock.now_ms
        every_ms = max(self._every_ms, self._beacon_every_ms())
        since_ms = self._world.daemon.started_ms if self._beacon_ms is None else self._beacon_ms
        allowed_ms = FIRST_BEACON_MS if self._beacon_ms is None else 2 * every_ms
        allowed_ms += min(OTHERS_MS_MAX, self._world.radio.others_ms() - self._others_ms)
        if is_excused:
            self._beacon_ms = now_ms
        elif now_ms - since_ms > allowed_ms + BEACON_SLACK_MS:
            return f"none for {(now_ms - since_ms) / 1000:.0f} s, cadence {every_ms / 1000:.0f} s"
        return None

    def _beacon_every_ms(self) -> int:
        """How often the beacon is to go now."""
        flight = self._world.flight
        if flight is None:
            return 0
        if flight.settings.mission is not self._budgeted:
            self._budgeted = flight.settings.mission
            self._budget = AirtimeBudget(self._budgeted)
        fix, phase = flight.navigation.fix, flight.phase
        return self._budget.beacon_every_ms(
            phase.phase, flight.power.mode, fix.altitude_m if fix else None,
            self._world.daemon.now_ms - phase.since_ms, flight.downlink.is_away)
