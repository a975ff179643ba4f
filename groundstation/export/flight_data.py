"""A flight as all exports tell it: read once from the archive, everything oldest first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from groundstation.archive.track import Point
from groundstation.decode.mosaic import Mosaic
from groundstation.export import ccsds
from groundstation.reading.lives import ConflictJson
from groundstation.reading.page_json import (
    BeaconJson,
    EntryJson,
    FlightJson,
    LineJson,
    PictureJson,
)
from groundstation.reading.reader import FlightReader
from wire.records import Record

PAGE = 200
SILENCES_MAX = 500


@dataclass(frozen=True, slots=True)
class Image:
    """A picture or a piece of one, as it was received."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class ExportedPicture:
    """One picture as far as it was received: ``entry`` is its line of the diary, when its thumbnail
    came; ``first`` the thumbnail, when it can be shown; ``tiles`` its pieces by place, row by row.
    """

    number: int
    entry: PictureJson | None
    columns: int
    rows: int
    first: Image | None
    tiles: dict[int, Image]


@dataclass(frozen=True, slots=True)
class ExportedFlight:
    """``state`` is what the page shows of it now, ``entries`` the whole diary, ``way`` the track
    that is believed and ``claims`` what is not verified beside it, ``records`` all that were
    received in the order in which they came."""

    state: FlightJson
    entries: list[EntryJson]
    way: list[Point]
    claims: list[Point]
    beacons: list[BeaconJson]
    silences: list[list[int]]
    conflicts: list[ConflictJson]
    pictures: list[ExportedPicture]
    records: list[Record]
    receptions_sha256: str

    @property
    def name(self) -> str:
        """The payload's."""
        return self.state["name"]

    @property
    def is_verified(self) -> bool:
        """The station verifies what it receives, so the way is verified."""
        return self.state["is_verifying"]

    @property
    def lines(self) -> list[LineJson]:
        """Musings and replies."""
        return [entry for entry in self.entries
                if entry["kind"] == "musing" or entry["kind"] == "reply"]


def gather(reader: FlightReader) -> ExportedFlight:
    """Read all of it. Raises sqlite3.Error."""
    state, tracks = reader.flight(), reader.tracks()
    is_verifying = state["is_verifying"]
    entries = _entries(reader)
    return ExportedFlight(
        state=state, entries=entries,
        way=tracks.verified if is_verifying else tracks.unverified,
        claims=tracks.unverified if is_verifying else [],
        beacons=list(reader.beacons()), silences=reader.silences(SILENCES_MAX),
        conflicts=reader.conflicts()[::-1], pictures=_pictures(reader, entries),
        records=[record for _, record in ccsds.of_archive(reader.db, state["node_id"])],
        receptions_sha256=_sha256(reader),
    )


def _entries(reader: FlightReader) -> list[EntryJson]:
    pages: list[EntryJson] = []
    before: int | None = None
    while found := reader.entries(before, PAGE):
        pages += found
        before = found[-1]["id"]
    return pages[::-1]


def _pictures(reader: FlightReader, entries: list[EntryJson]) -> list[ExportedPicture]:
    """Those of which there is anything to look at."""
    by_id = {entry["id"]: entry for entry in entries if entry["kind"] == "thumbnail"}
    found: list[ExportedPicture] = []
    for mosaic in reader.mosaics():
        entry = None if mosaic.thumbnail_key is None else by_id.get(mosaic.thumbnail_key)
        picture = _picture(reader, mosaic, len(found) + 1, entry)
        if picture is not None:
            found.append(picture)
    return found


def picture_of(reader: FlightReader, key: int) -> ExportedPicture | None:
    """The picture of this thumbnail alone, as far as it came. Raises sqlite3.Error."""
    return _picture(reader, reader.mosaic_of(key), 1, None)


def _picture(
    reader: FlightReader, mosaic: Mosaic, number: int, entry: PictureJson | None
) -> ExportedPicture | None:
    """None where there is nothing to look at."""
    key = mosaic.thumbnail_key
    first = None if key is None else _image(reader, key)
    tiles = {place: image for place, piece in mosaic.tiles.items()
             if (image := _image(reader, piece)) is not None}
    if first is None and not tiles:
        return None
    return ExportedPicture(number, entry, mosaic.columns, mosaic.rows, first, tiles)


def _image(reader: FlightReader, key: int) -> Image | None:
    found = reader.picture(key)
    return None if found is None else Image(*found)


def _sha256(reader: FlightReader) -> str:
    """Of all receptions in their order, each as it came: what the flight can be made of again."""
    digest = hashlib.sha256()
    for row in reader.db.execute("SELECT raw FROM reception ORDER BY id"):
        digest.update(row[0])
    return digest.hexdigest()
