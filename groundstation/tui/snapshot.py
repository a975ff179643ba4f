"""One look into the archive: everything that the terminal shows, as plain values.

The records are the page's, by the same reader: nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundstation.archive.station_lock import is_attended
from groundstation.archive.track import Point
from groundstation.reading.alarms import Alarm, AlarmBoard
from groundstation.reading.landing_json import LandingPageJson
from groundstation.reading.reader import FlightReader

DIARY_MAX = 200


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``diary`` is oldest first; ``place`` the last position, a verified one where the station
    verifies."""

    flight: Mapping[str, Any]
    diary: tuple[Mapping[str, Any], ...]
    place: Point | None
    landing: LandingPageJson
    alarms: tuple[Alarm, ...]
    is_attended: bool

    @property
    def believed(self) -> Mapping[str, Any] | None:
        """The newest beacon that is believed, as the page has it: a stranger's word stands in only
        at a station that cannot verify anything."""
        flight = self.flight
        found = flight["beacon"] if flight["is_verifying"] else (
            flight["sighting"] or flight["beacon"])
        return dict(found) if found else None


class SnapshotReader:
    """Looks again only where the archive has changed. Raises sqlite3.Error while there is none."""

    def __init__(self, reader: FlightReader, archive: Path, board: AlarmBoard) -> None:
        self._reader = reader
        self._archive = archive
        self._board = board
        self._change_id: int | None = None
        self._diary: tuple[Mapping[str, Any], ...] = ()
        self._place: Point | None = None

    def look(self, now_ms: int) -> Snapshot:
        """``now_ms``: UTC."""
        reader = self._reader
        flight = reader.flight()
        if flight["change_id"] != self._change_id:
            tracks = reader.tracks()
            track = tracks.verified if flight["is_verifying"] else tracks.unverified
            self._place = track[-1] if track else None
            self._diary = tuple(reversed(reader.entries(None, DIARY_MAX)))
            self._change_id = flight["change_id"]
        self._board.hear(flight)
        return Snapshot(flight, self._diary, self._place, reader.landing(),
                      tuple(self._board.look(now_ms)), is_attended(self._archive))
