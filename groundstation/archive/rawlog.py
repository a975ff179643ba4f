"""The raw log: every byte string received, appended and fsynced.

It is what the whole archive can be made again from. An entry is

    A5 5A | length u32 | CRC-32 u32 | msgpack [id, utc_ms, station, raw, rssi, snr, source]

big-endian. A torn or damaged entry is skipped: the reader looks for the next mark whose CRC holds,
so an unfinished write at the end, or a bad sector in the middle, costs that entry and no other.

A log is a row of segments in one folder. ``NAME.raw`` is the newest and the only one that is
appended to; ``NAME-000012-1.raw`` is the twelfth, sealed, and written anew once
(``groundstation.archive.retention``).
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import msgpack

MARK = b"\xa5\x5a"
_HEAD = struct.Struct(">2sII")
RAW_BYTES_MAX = 4096  # twice what a KISS frame may have; the beginning of more is kept
ENTRY_BYTES_MAX = RAW_BYTES_MAX + 512
# Sources: this station's own ears, another station's, and another payload's.
BY_RADIO, BY_MQTT, BY_ROOM, BY_RELAY = "radio", "mqtt", "control-room", "relay"
RELAYED = (BY_MQTT, BY_ROOM, BY_RELAY)
UTC_MS_MAX = 1 << 47  # in the year 6429: what no clock says, but a damaged or made-up entry may
_pack: Callable[[list[object]], bytes] = msgpack.Packer().pack
_SEALED = re.compile(r"-(\d{6,})-(\d+)\.raw")


class Reception(NamedTuple):
    """One byte string off the radio, with what the station knew about it.

    ``reception_id`` is 0 until the archive has given it a number. ``source`` names the input it
    came by: radio, mqtt or control-room (``station`` received it), relay (``station`` is the
    payload that carried it), replay, sim, horus-udp.
    """

    utc_ms: int
    raw: bytes
    station: str = "ground"
    rssi_dbm: float | None = None
    snr_db: float | None = None
    source: str = BY_RADIO
    reception_id: int = 0

    @property
    def is_relayed(self) -> bool:
        """Another station or payload received it and passed it on, perhaps late."""
        return self.source in RELAYED


def pack(reception: Reception) -> bytes:
    """One entry of the log."""
    r = reception
    body = _pack([r.reception_id, r.utc_ms, r.station, r.raw, r.rssi_dbm, r.snr_db, r.source])
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
    if not (is_numbered and is_dated and is_named and is_bytes and is_level(rssi, snr)):
        return None
    return Reception(utc_ms, raw, station, rssi, snr, source, number)


def is_level(*values: object) -> bool:
    """Are these levels in dB, or None?"""
    return all(v is None or (isinstance(v, int | float) and abs(v) < 1e6) for v in values)


def parse(data: bytes) -> Iterator[tuple[Reception, int]]:
    """(reception, offset after it) for every whole entry in ``data``; damage is skipped."""
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


def read(path: Path) -> Iterator[tuple[Reception, int]]:
    """(reception, offset after it in its file) of the whole log at ``path``, in the order in which
    they came; nothing when there is no log.

    Raises OSError when a file is there and cannot be read.
    """
    # A cut may have left a segment as it was before, too.
    newest = {number: file for number, _, file in sealed(path)}
    last_id = 0
    for file in (*newest.values(), path):
        seen_id = last_id
        for reception, end in read_segment(file):
            if not 0 < reception.reception_id <= seen_id:  # in two files after a cut
                last_id = max(last_id, reception.reception_id)
                yield reception, end


def read_segment(path: Path, offset: int = 0) -> Iterator[tuple[Reception, int]]:
    """The same for one file, from ``offset`` on."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    for reception, end in parse(data):
        yield reception, offset + end


def sealed(path: Path) -> list[tuple[int, int, Path]]:
    """(number, times rewritten, file) of each sealed segment of the log at ``path``, in order."""
    found = []
    for file in path.parent.glob("*.raw"):
        match = _SEALED.fullmatch(file.name.removeprefix(path.stem))
        if match is not None and file.name.startswith(path.stem):
            found.append((int(match[1]), int(match[2]), file))
    return sorted(found)


def sealed_path(path: Path, number: int, generation: int) -> Path:
    """Where the log at ``path`` keeps its segment ``number`` after so many rewrites."""
    return path.with_name(f"{path.stem}-{number:06d}-{generation}.raw")


class RawLog:
    """The newest segment, open. ``append`` returns once the bytes are on the disk."""

    def __init__(self, path: Path, *, is_durable: bool = True) -> None:
        self._path = path
        self._is_durable = is_durable
        self._file = self._open()

    def _open(self) -> FileIO:
        file = self._path.open("ab", buffering=0)
        try:
            if self._is_durable:
                _sync_directory(self._path.parent)
        except OSError:
            file.close()
            raise
        return file

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def append(self, receptions: Iterable[Reception]) -> int:
        """Write and fsync the entries; the size of the segment after them.

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

    def seal(self, number: int) -> None:
        """End the segment, which gets ``number``, and begin the next. Raises OSError; it may then
        be called again."""
        sealed = sealed_path(self._path, number, 0)
        if not sealed.exists():  # else only the rest was refused
            self._path.rename(sealed)
        file = self._open()
        self._file.close()
        self._file = file

    def close(self) -> None:
        self._file.close()


def write_whole(path: Path, data: bytes, *, is_durable: bool = True) -> None:
    """Make or replace a segment in one step. Raises OSError."""
    part = path.with_suffix(path.suffix + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        if is_durable:
            os.fsync(file.fileno())
    part.replace(path)
    if is_durable:
        _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
