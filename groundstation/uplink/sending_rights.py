"""The right to send an entry of an outbox that several stations share.

An entry is sent by the station that has its lease, and one station at a time has leases. It asks
for those of what it would send into an open window (``wish``), and loses them when it has not asked
for so long: then the payload is out of its reach, and another one may. No lease is needed for what
no other station knows of, nor for CUTDOWN_ABORT, which can only make safe and goes out from
everywhere at once.

The scheduler asks, in the radio's thread; the control room's thread grants. Each method is one
operation on one dictionary.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from groundstation.archive import shared_outbox
from groundstation.archive.outbox import QueuedCommand
from wire.airtime_budget import AirtimeBudget
from wire.commands import Opcode
from wire.mission import Mission

LEASE_MS_MIN = 60_000
WINDOWS = 2  # a lease lasts for that many listening windows
LEASES_MAX = 8  # of one station


class SendingRights:
    """Of one station. ``uptime_ms`` is of a clock that is never set."""

    def __init__(self, mission: Mission, uptime_ms: Callable[[], int]) -> None:
        window_every_ms = AirtimeBudget(mission).window_every_ms
        self.lease_ms = max(LEASE_MS_MIN, WINDOWS * window_every_ms)
        self._station = mission.ground.station_number
        self._uptime_ms = uptime_ms
        self._leases: dict[int, int] = {}  # entry -> when its lease is over
        self._wishes: dict[int, int] = {}  # entry -> when it was last asked for

    def may_send(self, db: sqlite3.Connection, entry: QueuedCommand) -> bool:
        """Is no other station sending this entry?"""
        if entry.opcode is Opcode.CUTDOWN_ABORT:
            return True
        is_held = self._uptime_ms() < self._leases.get(entry.command_id, 0)
        return is_held or shared_outbox.is_private(db, entry, self._station)

    def wish(self, command_id: int) -> None:
        """This entry would be sent now."""
        if command_id in self._wishes or len(self._wishes) < LEASES_MAX:
            self._wishes[command_id] = self._uptime_ms()

    def wishes(self) -> list[int]:
        """The entries whose lease is to be asked for now: wished for lately, and not held for as
        long as half of a lease."""
        now_ms, wished = self._uptime_ms(), []
        for command_id, at_ms in dict(self._wishes).items():
            if now_ms - at_ms > self.lease_ms:
                self._wishes.pop(command_id, None)
            elif self._leases.get(command_id, 0) - now_ms < self.lease_ms // 2:
                wished.append(command_id)
        return wished

    def grant(self, command_id: int, from_ms: int) -> None:
        """This station has the lease of an entry, which it asked for at this uptime."""
        self._leases[command_id] = from_ms + self.lease_ms

    def forget(self, command_id: int) -> None:
        """This entry is held by another station, or is over."""
        self._leases.pop(command_id, None)
        self._wishes.pop(command_id, None)
