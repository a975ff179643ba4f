"""Map tiles from a file of the user's own, so that a page in a field has a map without a network.

Raster tiles in an MBTiles (``groundstation.web.mbtiles``) or a PMTiles file (``pm_tiles``), told
apart by how it begins. The file is checked at the start of the station, and only read.

Does not cover: vector tiles; another Mercator than the web's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from groundstation.decode.pictures import media_type
from groundstation.errors import StationError
from groundstation.sanitise import clean_text
from groundstation.web.mbtiles import MbTiles
from groundstation.web.pm_tiles import MAGIC, PmTiles

ZOOM_MAX = 22
TILE_BYTES_MAX = 2_000_000
ATTRIBUTION_CHARS_MAX = 200


class TileFile(Protocol):
    """A format of files. ``zooms`` is the lowest and the highest, ``sample`` any one tile."""

    attribution: str
    zooms: tuple[int, int] | None
    sample: bytes | None

    def find(self, zoom: int, column: int, row: int, bytes_max: int) -> bytes | None:
        """The tile, whose rows count from the north; None where there is none of that size."""


class MapTiles:
    """One file of tiles."""

    def __init__(self, path: Path) -> None:
        """Raises StationError with one sentence when it cannot be used."""
        self._file: TileFile = PmTiles(path) if _begins(path) == MAGIC else MbTiles(path)
        zooms, sample = self._file.zooms, self._file.sample
        if sample is None or zooms is None or not 0 <= zooms[0] <= zooms[1] <= ZOOM_MAX:
            raise StationError(f"{path} contains no tiles of zoom 0 to {ZOOM_MAX}")
        if media_type(sample) is None:
            raise StationError(
                f"{path} contains tiles that are no PNG, JPEG or WebP images; vector tiles are not "
                "supported, use an MBTiles or PMTiles file of raster tiles")
        self._zooms = zooms

    def as_json(self) -> dict[str, Any]:
        """What the page must know of it."""
        return {"min_zoom": self._zooms[0], "max_zoom": self._zooms[1],
                "attribution": clean_text(self._file.attribution, ATTRIBUTION_CHARS_MAX)}

    def tile(self, zoom: int, column: int, row: int) -> tuple[bytes, str] | None:
        """(image, media type) of a tile, whose rows count from the north; None where there is none.

        Raises sqlite3.Error when an MBTiles file is gone or damaged.
        """
        if not 0 <= zoom <= ZOOM_MAX or not 0 <= column < 1 << zoom or not 0 <= row < 1 << zoom:
            return None
        image = self._file.find(zoom, column, row, TILE_BYTES_MAX)
        kind = media_type(image)
        return (image, kind) if image is not None and kind else None


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC))
    except OSError as error:
        raise StationError(f"{path}: the map cannot be read ({error.strerror})") from error
