"""The right to send an entry of an outbox that several stations share.

An entry is sent by the station that has its lease, and one station at a time has leases. It asks
for those of what it would send into an open window (``wish``), and loses them when it has not asked
for so long: then the payload is out of its reach, and another one may. No lease is needed for what
no other station knows of, nor for CUTDOWN_ABORT, which can only make safe and goes out from
everywhere at once. A hazardous command that another station has sent is left to that one, whatever
the database says: it may have been restored from a copy.

The scheduler asks, in the radio's thread; the control room's thread grants. Each change is one
operation on one dictionary.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from groundstation.archive import command_order, shared_outbox
from groundstation.archive.command_order import Precedence
from groundstation.archive.outbox import QueuedCommand
from wire.airtime_budget import AirtimeBudget
from wire.commands import HAZARDOUS, Opcode
from wire.mission import Mission

LEASE_MS_MIN = 60_000
WINDOWS = 2  # a lease lasts for that many listening windows
LEASES_MAX = 8  # of one station


class _Wish(NamedTuple):
    urgency: Precedence
    at_ms: int  # uptime, when it was last asked for


def is_left_to_another(entry: QueuedCommand) -> bool:
    """Has another station sent this hazardous command? It never changes hands."""
    return entry.opcode in HAZARDOUS and entry.sender != ""


class SendingRights:
    """Of one station. ``uptime_ms`` is of a clock that is never set."""

    def __init__(self, mission: Mission, uptime_ms: Callable[[], int]) -> None:
        window_every_ms = AirtimeBudget(mission).window_every_ms
        self.lease_ms = max(LEASE_MS_MIN, WINDOWS * window_every_ms)
        self._station = mission.ground.station_number
        self._uptime_ms = uptime_ms
        self._leases: dict[int, int] = {}  # entry -> when its lease is over
        self._wishes: dict[int, _Wish] = {}  # of an entry

    def may_send(self, db: sqlite3.Connection, entry: QueuedCommand) -> bool:
        """Is no other station sending this entry?"""
        if entry.opcode is Opcode.CUTDOWN_ABORT:
            return True
        if is_left_to_another(entry):
            return False
        is_held = self._uptime_ms() < self._leases.get(entry.command_id, 0)
        return is_held or shared_outbox.is_private(db, entry, self._station)

    def wish(self, entry: QueuedCommand) -> None:
        """This entry would be sent now. Where LEASES_MAX are wished for, it takes the place of a
        less urgent one."""
        if is_left_to_another(entry):
            return
        urgency = command_order.of(entry.opcode)
        wishes = dict(self._wishes)
        if entry.command_id not in wishes and len(wishes) >= LEASES_MAX:
            least, wish = max(wishes.items(), key=lambda item: item[1].urgency)
            if wish.urgency <= urgency:
                return
            self._wishes.pop(least, None)
        self._wishes[entry.command_id] = _Wish(urgency, self._uptime_ms())

    def wishes(self) -> list[int]:
        """The entries whose lease is to be asked for now: wished for lately, and not held for as
        long as half of a lease."""
        now_ms, wished = self._uptime_ms(), []
        for command_id, wish in dict(self._wishes).items():
            if now_ms - wish.at_ms > self.lease_ms:
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
