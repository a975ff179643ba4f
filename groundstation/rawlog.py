"""The raw log: every byte string that came off the radio, appended and fsynced, never rewritten.

It is the one file from which the whole archive can be made again. An entry is

    A5 5A | length u32 | CRC-32 u32 | msgpack [id, utc_ms, station, raw, rssi, snr, source]

big-endian. A torn or damaged entry is skipped: the reader looks for the next mark whose CRC holds,
so an unfinished write at the end, or a bad sector in the middle, costs that entry and no other.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgpack

MARK = b"\xa5\x5a"
_HEAD = struct.Struct(">2sII")
RAW_BYTES_MAX = 4096  # twice what a KISS frame may have; the beginning of more is kept
ENTRY_BYTES_MAX = RAW_BYTES_MAX + 512
UTC_MS_MAX = 1 << 47  # in the year 6429: what no clock says, but a damaged or made-up entry may


@dataclass(frozen=True, slots=True)
class Reception:
    """One byte string off the radio, with what the station knew about it.

    ``reception_id`` is 0 until the archive has given it a number. ``source`` names the road it
    came by: radio, replay, sim.
    """

    utc_ms: int
    raw: bytes
    station: str = "ground"
    rssi_dbm: float | None = None
    snr_db: float | None = None
    source: str = "radio"
    reception_id: int = 0


def pack(reception: Reception) -> bytes:
    """One entry of the log."""
    r = reception
    body: bytes = msgpack.packb(
        [r.reception_id, r.utc_ms, r.station, r.raw, r.rssi_dbm, r.snr_db, r.source]
    )
    return _HEAD.pack(MARK, len(body), zlib.crc32(body)) + body


def _unpack(body: bytes) -> Reception | None:
    try:
        number, utc_ms, station, raw, rssi, snr, source = msgpack.unpackb(body)
    except (ValueError, TypeError):
        return None
    is_numbered = type(number) is int and 0 <= number < 1 << 53
    is_dated = type(utc_ms) is int and 0 <= utc_ms < UTC_MS_MAX
    is_named = isinstance(station, str) and isinstance(source, str)
    is_bytes = isinstance(raw, bytes) and len(raw) <= RAW_BYTES_MAX
    if not (is_numbered and is_dated and is_named and is_bytes and _is_level(rssi, snr)):
        return None
    return Reception(utc_ms, raw, station, rssi, snr, source, number)


def _is_level(*values: object) -> bool:
    """Levels in dB, or None."""
    return all(v is None or (isinstance(v, int | float) and abs(v) < 1e6) for v in values)


def parse(data: bytes) -> Iterator[tuple[Reception, int]]:
    """(reception, offset after it) for every whole entry in ``data``; damage is stepped over."""
    at = data.find(MARK)
    while 0 <= at <= len(data) - _HEAD.size:
        _, length, crc = _HEAD.unpack_from(data, at)
        body_at = at + _HEAD.size
        reception = None
        if length <= ENTRY_BYTES_MAX and body_at + length <= len(data):
            body = data[body_at : body_at + length]
            if zlib.crc32(body) == crc:
                reception = _unpack(body)
        if reception is None:
            at = data.find(MARK, at + 1)
            continue
        yield reception, body_at + length
        at = data.find(MARK, body_at + length)


def read(path: Path, offset: int = 0) -> Iterator[tuple[Reception, int]]:
    """(reception, offset after it) from ``offset`` on; nothing when there is no file.

    Raises OSError when the file is there and cannot be read.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    for reception, end in parse(data):
        yield reception, offset + end


class RawLog:
    """The open log. ``append`` returns once the bytes are on the disk."""

    def __init__(self, path: Path, *, is_durable: bool = True) -> None:
        self._path = path
        self._is_durable = is_durable
        self._file = path.open("ab", buffering=0)
        if is_durable:
            _sync_directory(path.parent)

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def append(self, receptions: Iterable[Reception]) -> int:
        """Write and fsync the entries; the size of the log after them.

        Raises OSError; what was written is then taken back, or every retry would leave a copy.
        """
        data = b"".join(pack(reception) for reception in receptions)
        size_bytes = self.size_bytes
        try:
            while data:
                data = data[self._file.write(data) :]
            if self._is_durable:
                os.fsync(self._file.fileno())
        except OSError:
            with suppress(OSError):
                self._file.truncate(size_bytes)
            raise
        return self.size_bytes

    def close(self) -> None:
        self._file.close()


def write_anew(path: Path, receptions: Iterable[Reception]) -> None:
    """Replace the log by these entries in one step. Raises OSError."""
    part = path.with_suffix(path.suffix + ".part")
    with part.open("wb") as file:
        for reception in receptions:
            file.write(pack(reception))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
