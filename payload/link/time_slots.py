"""Time slots: when this payload may send, if the payloads of a swarm take turns (TDMA).

UTC from 1970 on is cut into rounds, and each round into one slot for each payload, in the order of
the node ids. It is arithmetic on UTC alone; what it says to the downlink (``Downlink.note_slot``):

    no slots in the mission, or no steady clock      send when the channel is free
    in the own slot, with room for a frame           send
    otherwise                                        wait for the next own slot

A frame must end SLOT_GUARD_MS before the slot does: clocks differ by as much, for a fix is up to a
second old when it is read; the range differs by milliseconds. A clock is steady for an hour after
the latest fix that agreed with it (``payload.navigation.clock``). A beacon that is nearly too late
does not wait (``payload.link.downlink``).
"""

from __future__ import annotations

from typing import NamedTuple

from wire.airtime import Airtime
from wire.mission import Mission
from wire.mission_swarm import SLOT_GUARD_MS


class OwnSlot(NamedTuple):
    """The present own slot, or the next: ms since boot, or whatever ``next_slot`` was asked in."""

    from_ms: int
    until_ms: int  # everything has been sent by then

    def holds(self, now_ms: int, length_ms: int) -> bool:
        """Has it begun, and is there so much time left?"""
        return self.from_ms <= now_ms and now_ms + length_ms <= self.until_ms


class TimeSlots:
    """Those of one mission."""

    def __init__(self, mission: Mission) -> None:
        """Without ``swarm.slot_s`` there are none."""
        self._swarm = mission.swarm
        self._node_id = mission.payload.node_id
        self._frame_ms = Airtime.of(mission.radio).on_air_ms(mission.radio.mtu_bytes)

    def next_slot(self, utc_ms: int | None, now_ms: int) -> OwnSlot | None:
        """The own slot that has room for a full frame now, or the next, in ms since boot.

        ``utc_ms`` is the UTC of ``now_ms``, None where it is not steady. None: at any time.
        """
        swarm = self._swarm
        if swarm is None or swarm.slot_s is None or utc_ms is None:
            return None
        since_ms, usable_ms = (
            swarm.since_slot_ms(self._node_id, utc_ms), 1000 * swarm.slot_s - SLOT_GUARD_MS)
        if since_ms + self._frame_ms > usable_ms:
            since_ms -= swarm.round_ms
        return OwnSlot(now_ms - since_ms, now_ms - since_ms + usable_ms)
