"""The live stream of the page: the archive's change log as server-sent events.

One ``update`` message carries everything that changed since the last, under the id of the newest
change, so a browser that was cut off comes back with Last-Event-ID and misses nothing. A client
that is too far behind gets ``resync``. Messages are idempotent: entries are keyed by record id.

Each message carries the time and the ``Ending``, where there is one. A station never knows of one:
a payload that is silent may speak again. A simulator knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from groundstation.archive.rows import is_verified
from groundstation.decode.foreign import STALE_FIX_S
from groundstation.reading.alarms import AlarmBoard
from groundstation.reading.page_json import BeaconJson, EntryJson, SightingJson
from groundstation.reading.reader import FlightReader
from groundstation.sanitise import to_json

CHANGES_MAX = 500


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a simulated flight: when, UTC in ms, and the folder that keeps it."""

    at_ms: int
    kept_in: str


@dataclass(frozen=True, slots=True)
class Times:
    """The station's time, UTC in ms, the ending of the flight, None while there is none, and the
    alarms, which come and go with time alone."""

    now: Callable[[], int]
    ending: Callable[[], Ending | None] = lambda: None
    board: AlarmBoard | None = None

    @property
    def is_over(self) -> bool:
        """The flight is known to have ended."""
        return self.ending() is not None

    def as_json(self) -> dict[str, Any]:
        """As the page reads them."""
        ending = self.ending()
        board = self.board if ending is None else None  # what is over needs nobody
        return {
            "now_ms": self.now(), "ending": None if ending is None else asdict(ending),
            "alarms": [] if board is None else [asdict(alarm) for alarm in board.look(self.now())],
        }

    def hearing(self, reader: FlightReader) -> dict[str, Any]:
        """The same, once the alarms, which are the mission's payload's, know how it is."""
        if self.board is not None:
            self.board.hear(reader.ours.flight())
        return self.as_json()

    def message(self) -> str:
        """Also the heartbeat that keeps proxies from closing."""
        return _message("clock", self.as_json())


class PageFeed:
    """The messages, from one reader of the archive. Raises sqlite3.Error as it does."""

    def __init__(
        self, reader: FlightReader, now: Callable[[], int],
        ending: Callable[[], Ending | None] = lambda: None, board: AlarmBoard | None = None,
    ) -> None:
        self._reader = reader
        self._times = Times(now, ending, board)

    def step(self, after: int | None) -> tuple[int, str | None]:
        """(newest change id, the message about it or None)."""
        if after is None:
            return self._reader.change_id(), None
        changes = self._reader.changes(after, CHANGES_MAX)
        if not changes:
            newest = self._reader.change_id()
            if newest < after:  # another archive than the one that gave this id
                return newest, _message("resync", self._times.as_json(), newest)
            return after, None
        newest = changes[-1][0]
        if len(changes) == CHANGES_MAX:
            newest = self._reader.change_id()
            return newest, _message("resync", self._times.as_json(), newest)
        return newest, _message("update", self._update(changes), newest)

    def _update(self, changes: list[tuple[int, str, int | None]]) -> dict[str, Any]:
        entries: list[EntryJson] = []
        verified: list[tuple[Any, ...]] = []
        unverified: list[tuple[Any, ...]] = []
        state: list[tuple[Any, ...]] = []
        for _, what, ref in changes:
            if what == "record" and ref is not None:
                entry = self._reader.entry(ref)
                found = None if entry else self._reader.track_row(ref)
                if entry is not None:
                    entries.append(entry)
                if found is not None:
                    point, is_signed = found
                    (verified if is_signed else unverified).append(tuple(point))
            elif what == "beacon" and ref is not None:
                beacon = self._reader.beacon(ref)
                if beacon is not None:
                    state.append((beacon["utc_ms"], beacon["battery_mv"], beacon["outside_c"],
                                  beacon["inside_c"]))
                    places = verified if is_verified(beacon) else unverified
                    places += _place(beacon)
            elif what == "sighting":
                seen = self._reader.sighting()
                if seen and seen["id"] == ref and (seen["fix_age_s"] or 0) <= STALE_FIX_S:
                    unverified += _place(seen)
        return {
            **self._times.hearing(self._reader), "flight": self._reader.flight(),
            "entries": entries,
            "verified": verified, "unverified": unverified, "state": state,
        }


def _place(beacon: BeaconJson | SightingJson) -> list[tuple[Any, ...]]:
    if beacon["latitude_deg"] is None or beacon["longitude_deg"] is None:
        return []
    return [(beacon["utc_ms"], beacon["latitude_deg"], beacon["longitude_deg"],
             beacon["altitude_m"])]


def _message(event: str, data: dict[str, Any], change_id: int | None = None) -> str:
    head = "" if change_id is None else f"id: {change_id}\n"
    return f"{head}event: {event}\ndata: {to_json(data)}\n\n"
