"""Map tiles from a file of the user's own, so that a page in a field has a map without a network.

Raster tiles in an MBTiles file: an SQLite database with the tables ``metadata`` and ``tiles``, in
which rows count from the south. The file is checked at the start of the station, and only read.

Does not cover: vector tiles (pbf) and PMTiles; another Mercator than the web's.
Source: MBTiles specification 1.3.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from groundstation.decode.pictures import media_type
from groundstation.errors import StationError
from groundstation.sanitise import clean_text

ZOOM_MAX = 22
TILE_BYTES_MAX = 2_000_000
ATTRIBUTION_CHARS_MAX = 200


class MapTiles:
    """One MBTiles file."""

    def __init__(self, path: Path) -> None:
        """Raises StationError with one sentence when it cannot be used."""
        self._path = path
        try:
            with closing(self._open()) as db:
                self._metadata = {
                    str(name): clean_text(str(value), ATTRIBUTION_CHARS_MAX)
                    for name, value in db.execute("SELECT name, value FROM metadata")}
                low, high = db.execute(
                    "SELECT MIN(zoom_level), MAX(zoom_level) FROM tiles").fetchone()
                row = db.execute("SELECT tile_data FROM tiles LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise StationError(f"{path} is not an MBTiles file: {error}") from error
        are_zooms = isinstance(low, int) and isinstance(high, int)
        if row is None or not are_zooms or not 0 <= low <= high <= ZOOM_MAX:
            raise StationError(f"{path} contains no tiles of zoom 0 to {ZOOM_MAX}")
        if media_type(row[0]) is None:
            raise StationError(
                f"{path} contains tiles that are no PNG, JPEG or WebP images; vector tiles are not "
                "supported, use an MBTiles file of raster tiles")
        self._zooms = low, high

    def as_json(self) -> dict[str, Any]:
        """What the page must know of it."""
        return {"min_zoom": self._zooms[0], "max_zoom": self._zooms[1],
                "attribution": self._metadata.get("attribution", "")}

    def tile(self, zoom: int, column: int, row: int) -> tuple[bytes, str] | None:
        """(image, media type) of a tile, whose rows count from the north; None where there is none.

        Raises sqlite3.Error when the file is gone or damaged.
        """
        if not 0 <= zoom <= ZOOM_MAX or not 0 <= column < 1 << zoom or not 0 <= row < 1 << zoom:
            return None
        with closing(self._open()) as db:
            found = db.execute(
                "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ?"
                " AND tile_row = ? AND LENGTH(tile_data) <= ?",
                (zoom, column, (1 << zoom) - 1 - row, TILE_BYTES_MAX)).fetchone()
        kind = media_type(found[0]) if found else None
        return (found[0], kind) if kind else None

    def _open(self) -> sqlite3.Connection:
        """One for each tile: requests are answered on many threads."""
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)

