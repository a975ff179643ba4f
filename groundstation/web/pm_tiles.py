"""Raster tiles in a PMTiles file: one archive with directories of tiles ordered along a curve.

The format is read by the package ``pmtiles``; here are the bounds on what a file may make it do,
and its directories are kept, because it would decode them again for every tile.

Source: PMTiles specification 3.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from pmtiles import tile as pmtiles

from groundstation.errors import StationError
from groundstation.sanitise import read_json

MAGIC = b"PMTiles"
HEADER_BYTES = 127
PACKED_BYTES_MAX = 262_144  # of a directory or the metadata, in the file
UNPACKED_BYTES_MAX = 2_000_000
DEPTH_MAX = 4  # of directories, as the specification has it
DIRECTORIES_KEPT = 32
_ODD = (ValueError, KeyError, IndexError, EOFError, OverflowError, zlib.error,
        pmtiles.SpecVersionUnsupported, pmtiles.MagicNumberNotFound)


class PmTiles:
    """One file. Once it is gone or damaged it has no tile."""

    def __init__(self, path: Path) -> None:
        """Raises StationError with one sentence when it is none."""
        self._path = path
        self._directory = lru_cache(DIRECTORIES_KEPT)(self._read_directory)
        try:
            self._header: Any = pmtiles.deserialize_header(self._bytes(0, HEADER_BYTES))
            first = self._directory(self._header["root_offset"], self._header["root_length"])
            self.attribution = self._attribution()
            self.zooms: tuple[int, int] | None = (
                self._header["min_zoom"], self._header["max_zoom"])
            self.sample: bytes | None = self._sample(first)
        except (OSError, *_ODD) as error:
            raise StationError(f"{path} is not a PMTiles file: {error}") from error

    def find(self, zoom: int, column: int, row: int, bytes_max: int) -> bytes | None:
        """The tile, whose rows count from the north; None where there is none of that size."""
        try:
            entry = self._entry(pmtiles.zxy_to_tileid(zoom, column, row))
            return self._image(entry, bytes_max) if entry else None
        except (OSError, *_ODD):
            return None

    def _entry(self, tile_id: int) -> pmtiles.Entry | None:
        offset, length = self._header["root_offset"], self._header["root_length"]
        for _ in range(DEPTH_MAX):
            entry = pmtiles.find_tile(self._directory(offset, length), tile_id)
            if entry is None or entry.run_length > 0:
                return entry
            offset, length = self._header["leaf_directory_offset"] + entry.offset, entry.length
        return None

    def _sample(self, entries: list[pmtiles.Entry]) -> bytes | None:
        entry = self._entry(entries[0].tile_id) if entries else None
        return self._image(entry, PACKED_BYTES_MAX) if entry else None

    def _image(self, entry: pmtiles.Entry, bytes_max: int) -> bytes | None:
        if not 0 < entry.length <= bytes_max or entry.offset < 0:
            return None
        return self._bytes(self._header["tile_data_offset"] + entry.offset, entry.length)

    def _read_directory(self, offset: int, length: int) -> list[pmtiles.Entry]:
        packed = self._packed(offset, length)
        _unpacked(packed)
        return pmtiles.deserialize_directory(packed)

    def _attribution(self) -> str:
        header = self._header
        packed = self._packed(header["metadata_offset"], header["metadata_length"])
        is_packed = header["internal_compression"] is pmtiles.Compression.GZIP
        metadata = read_json(_unpacked(packed) if is_packed else packed)
        return str(metadata.get("attribution", "")) if isinstance(metadata, dict) else ""

    def _packed(self, offset: int, length: int) -> bytes:
        if not 0 < length <= PACKED_BYTES_MAX:
            raise ValueError(f"a part of {length} bytes, at most {PACKED_BYTES_MAX} are read")
        return self._bytes(offset, length)

    def _bytes(self, offset: int, length: int) -> bytes:
        with self._path.open("rb") as file:  # for each: requests are answered on many threads
            file.seek(offset)
            return file.read(length)


def _unpacked(packed: bytes) -> bytes:
    """Raises ValueError for what would fill the memory, and zlib.error."""
    unpacker = zlib.decompressobj(wbits=31)
    found = unpacker.decompress(packed, UNPACKED_BYTES_MAX)
    if unpacker.unconsumed_tail:
        raise ValueError(f"a part that unpacks to more than {UNPACKED_BYTES_MAX} bytes")
    return found
