"""Raster tiles in an MBTiles file: SQLite tables ``metadata`` and ``tiles``, rows from the south.

Source: MBTiles specification 1.3.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from groundstation.errors import StationError


class MbTiles:
    """One file. Methods raise sqlite3.Error when it is gone or damaged."""

    def __init__(self, path: Path) -> None:
        """Raises StationError with one sentence when it is none."""
        self._path = path
        try:
            with closing(self._open()) as db:
                metadata = {str(name): str(value) for name, value in db.execute(
                    "SELECT name, value FROM metadata WHERE name = 'attribution'")}
                low, high = db.execute(
                    "SELECT MIN(zoom_level), MAX(zoom_level) FROM tiles").fetchone()
                row = db.execute("SELECT tile_data FROM tiles LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise StationError(
                f"{path} is neither an MBTiles nor a PMTiles file ({error})") from error
        are_zooms = isinstance(low, int) and isinstance(high, int)
        self.attribution = metadata.get("attribution", "")
        self.zooms: tuple[int, int] | None = (low, high) if are_zooms else None
        self.sample: bytes | None = row[0] if row else None

    def find(self, zoom: int, column: int, row: int, bytes_max: int) -> bytes | None:
        """The tile, whose rows count from the north; None where there is none of that size."""
        with closing(self._open()) as db:
            found = db.execute(
                "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ?"
                " AND tile_row = ? AND LENGTH(tile_data) <= ?",
                (zoom, column, (1 << zoom) - 1 - row, bytes_max)).fetchone()
        return found[0] if found else None

    def _open(self) -> sqlite3.Connection:
        """One for each tile: requests are answered on many threads."""
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
