"""Interoperable beacons: the Horus packet, and the fallback sentence.

Two flavours of Horus Binary v3: the state alone, 48 bytes with a callsign of up to nine characters,
and the state with a line of the latest musing, as long as the radio and the format allow.

The fallback is independent of all that: it uses a callsign and the last position, nothing else, so
that no bug in the real beacon can also silence it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from payload.notes import Note, event
from payload.ports import GnssFix
from wire import horus, ukhas
from wire.beacon import Beacon
from wire.horus import Packet
from wire.mission import Mission
from wire.ukhas import Sentence

STATE_BYTES_MAX = 64  # with the longest callsign; 48 with most
SENTENCE_NUMBERS = 1000  # so that the longest sentence still fits the smallest MTU of 64 bytes
WHY_CHARACTERS_MAX = 80
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was when it last knew, and when that was. None is unknown."""

    time_of_day_s: int | None = None  # UTC
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    altitude_m: float | None = None

    @staticmethod
    def of(fix: GnssFix) -> Place:
        time_s = None if fix.utc_ms is None else fix.utc_ms // 1000 % 86_400
        return Place(time_s, fix.latitude_deg, fix.longitude_deg, fix.altitude_m)


def packet(
    mission: Mission, number: int, beacon: Beacon, boot: int, humidity_pct: float | None,
    musing: str,
) -> Packet:
    """The contents of Horus packet ``number``; every Nth has the line ``musing`` in it."""
    every = mission.cadence.horus_musing_every
    is_its_turn = every > 0 and number % every == every - 1
    line = musing if is_its_turn else ""
    return Packet(mission.payload.callsign, number, beacon, line, humidity_pct, boot)


def frame_bytes_max(mtu_bytes: int) -> int:
    """The largest Horus frame that the radio takes; ``mtu_bytes`` is 64..255."""
    return max(size for size in horus.FRAME_SIZES if size <= mtu_bytes)


def horus_frame(packet: Packet, mtu_bytes: int) -> bytes:
    """The frame of either flavour, at most ``mtu_bytes``."""
    return horus.encode(packet, frame_bytes_max(mtu_bytes) if packet.musing else STATE_BYTES_MAX)


def sentence(callsign: str, number: int, place: Place) -> bytes:
    """``$$CALL,number,HH:MM:SS,lat,lon,alt*CRC`` of at most 64 bytes; time is that of the place."""
    return ukhas.encode(Sentence(
        callsign[: horus.CALLSIGN_CHARACTERS_MAX], number % SENTENCE_NUMBERS, place.time_of_day_s,
        place.latitude_deg, place.longitude_deg, place.altitude_m,
    ))


class FaultGuard:
    """Runs code that may have a bug, and reports once that it failed and once that it works
    again."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self._notes: list[Note] = []

    def run(self, name: str, build: Callable[[], _T]) -> _T | None:
        """What ``build`` makes, None when it raises anything at all."""
        try:
            built = build()
        except Exception as error:  # noqa: BLE001 (no mistake of ours may silence the beacon)
            if name not in self.failing:
                self.failing.add(name)
                why = f"{type(error).__name__}: {error}"[:WHY_CHARACTERS_MAX]
                self._notes.append(event(f"{name}_failing", "error", why=why))
            return None
        if name in self.failing:
            self.failing.discard(name)
            self._notes.append(event(f"{name}_returned"))
        return built

    def take_notes(self) -> list[Note]:
        """Events since the last call."""
        notes, self._notes = self._notes, []
        return notes
