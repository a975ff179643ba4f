"""Records: what the payload's store keeps and the ground's archive receives.

A record is one thing that happened: an event, a row of the track, a musing, a picture. Its body is
a msgpack map whose keys are listed in ``BODY_FIELDS``; both ends, the docs and the export read that
one table. On the air a record is packed as

    kind u8 | flags u8 | id | time | length (varints) | body

``id`` and ``time`` are absolute in the first record that starts in a symbol and zigzag deltas from
the record before in every later one, so that each symbol can be read alone (see ``wire.transfer``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgpack

from wire import varint

EPOCH_2025_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z, the zero of times on the air
TIME_UNIT_MS = 100
BODY_BYTES_MAX = 8192
TILE_BYTES_MAX = 4096
TILES_ASIDE_MAX = 8  # columns, and rows, of the tiles of one picture
END_OF_SYMBOL = 0  # a kind that no record has: the rest of this symbol is padding


class Priority(IntEnum):
    """Downlink classes, most urgent first (research/flight.md §5.4)."""

    EVENT = 0
    TRACK = 1
    MUSING = 2
    API = 3
    IMAGE = 4
    BULK = 5


class Kind(IntEnum):
    """What a record is. Numbers are on the air: they are only ever added."""

    EVENT = 1
    TRACK = 2
    HOUSEKEEPING = 3
    MUSING = 4
    REPLY = 5
    API_CALL = 6
    THUMBNAIL = 7
    COMMAND_RESULT = 8
    QUESTION = 9
    TILE = 10


class TimeQuality(IntEnum):
    """How far a record's time can be trusted; NONE means milliseconds since boot."""

    NONE = 0
    RESTORED = 1
    COMMAND = 2
    GPS = 3


PRIORITY_OF_KIND: dict[Kind, Priority] = {
    Kind.EVENT: Priority.EVENT,
    Kind.COMMAND_RESULT: Priority.EVENT,
    Kind.TRACK: Priority.TRACK,
    Kind.HOUSEKEEPING: Priority.TRACK,
    Kind.MUSING: Priority.MUSING,
    Kind.REPLY: Priority.MUSING,
    Kind.QUESTION: Priority.MUSING,
    Kind.API_CALL: Priority.API,
    Kind.THUMBNAIL: Priority.IMAGE,
    # All tiles of a picture are the full picture, which gets what the others leave, and a queue of
    # their own is what lets a later picture's thumbnail overtake an earlier one's tiles.
    Kind.TILE: Priority.BULK,
}

# key -> meaning with unit; a key that is unknown at the time is left out of the map, never zero.
BODY_FIELDS: dict[Kind, dict[str, str]] = {
    Kind.EVENT: {
        "event": "name of the event, snake_case",
        "severity": "info | warning | error",
        "fields": "map of details, each name with its unit",
    },
    Kind.TRACK: {
        "lat": "latitude, degrees x 1e7",
        "lon": "longitude, degrees x 1e7",
        "alt": "altitude above mean sea level, m",
        "climb": "climb, cm/s",
        "spd": "ground speed, cm/s",
        "hdg": "course over ground, degrees",
        "sats": "satellites used",
    },
    Kind.HOUSEKEEPING: {
        "mv": "battery, mV",
        "ma": "current drawn, mA",
        "out": "outside temperature, 0.1 C",
        "in": "inside temperature, 0.1 C",
        "soc": "processor temperature, C",
        "hpa": "pressure, 0.1 hPa",
        "rh": "relative humidity, %",
        "phase": "flight phase",
        "power": "power mode",
        "queue": "records not yet confirmed",
        "faults": "fault bits, see payload.health.Fault",
    },
    Kind.MUSING: {
        "text": "the line",
        "about": "its topic",
        "lat": "latitude where it was thought, degrees x 1e7",
        "lon": "longitude, degrees x 1e7",
        "alt": "altitude, m",
        "senses": "what the senses said, in words",
        "by": "model | canned",
        "tok": "tokens of the reply",
        "ms": "time it took, ms",
    },
    Kind.REPLY: {
        "text": "the line",
        "question": "the question it answers",
        "question_id": "id the asker gave",
        "alt": "altitude, m",
        "by": "model | canned",
        "tok": "tokens of the reply",
        "ms": "time it took, ms",
    },
    Kind.API_CALL: {
        "api": "name from the mission file",
        "outcome": "ok | 404 | 429 | 500 | other | timeout | unreachable | garbage",
        "status": "HTTP status, when one came",
        "ms": "time until the outcome, ms",
        "summary": "first words of a good answer",
    },
    Kind.THUMBNAIL: {
        "image": "a whole small picture, JPEG or WebP",
        "scene": "dark | cloud | horizon | sun",
        "alt": "altitude, m",
        "picture": "its number, rising by one over the payload's life",
        "cols": "tiles across, 1..8, when tiles follow at once",
        "rows": "tiles down, 1..8, when tiles follow at once",
    },
    Kind.TILE: {
        "picture": "number of the picture that it is a piece of",
        "index": "its place, row by row from the top left, 0..cols*rows-1",
        "cols": "tiles across the picture, 1..8",
        "rows": "tiles down the picture, 1..8",
        "image": "the piece, a whole JPEG or WebP that can be shown alone",
    },
    Kind.COMMAND_RESULT: {
        "counter": "uplink counter of the command",
        "command": "its name",
        "result": "ok | refused | failed | unknown",
        "why": "reason when refused or failed",
    },
    Kind.QUESTION: {
        "question_id": "id the asker gave",
        "text": "what was asked",
    },
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record as stored and sent.

    ``record_id`` rises by one for every record of a payload's life, across reboots. ``time_ms`` is
    UTC in ms since 1970 when ``quality`` is not NONE, else ms since the boot numbered ``boot``.
    """

    record_id: int
    kind: Kind
    boot: int
    time_ms: int
    quality: TimeQuality
    body: dict[str, Any]

    @property
    def priority(self) -> Priority:
        return PRIORITY_OF_KIND[self.kind]


def pack_body(body: dict[str, Any]) -> bytes:
    """msgpack of a record's map; at most BODY_BYTES_MAX."""
    packed: bytes = msgpack.packb(body, use_bin_type=True)
    assert len(packed) <= BODY_BYTES_MAX, f"a body of {len(packed)} bytes"
    return packed


def unpack_body(data: bytes) -> dict[str, Any]:
    """The map in ``data``. Raises ValueError on anything else than one msgpack map."""
    body = msgpack.unpackb(data, raw=False, strict_map_key=True)
    if not isinstance(body, dict) or not all(isinstance(key, str) for key in body):
        raise ValueError("a record body is not a map with text keys")
    return body


def _air_time(record: Record) -> int:
    base = 0 if record.quality is TimeQuality.NONE else EPOCH_2025_MS
    return (record.time_ms - base) // TIME_UNIT_MS


def encode(record: Record, previous: Record | None) -> bytes:
    """The record as it goes on the air.

    ``previous`` is the record before it that starts in the same symbol, None for the first there.
    """
    flags = record.quality << 4
    id_field, time_field = record.record_id, _air_time(record)
    if previous is not None:
        id_field -= previous.record_id
        time_field -= _air_time(previous)
    body = pack_body(record.body)
    return b"".join((
        bytes((record.kind, flags)),
        varint.encode(record.boot),
        varint.encode(varint.zigzag(id_field)),
        varint.encode(varint.zigzag(time_field)),
        varint.encode(len(body)),
        body,
    ))


def decode(data: bytes, offset: int, previous: Record | None) -> tuple[Record, int]:
    """(record, offset after it); the inverse of ``encode``.

    Raises varint.Truncated when ``data`` ends inside the record, ValueError when it is not one.
    """
    if offset + 2 > len(data):
        raise varint.Truncated("a record is cut off")
    kind, quality = data[offset], data[offset + 1] >> 4
    if kind not in Kind._value2member_map_ or quality > TimeQuality.GPS:
        raise ValueError(f"record kind {kind} quality {quality}")
    boot, at = varint.decode(data, offset + 2)
    id_field, at = varint.decode(data, at)
    time_field, at = varint.decode(data, at)
    length, at = varint.decode(data, at)
    if length > BODY_BYTES_MAX:
        raise ValueError(f"a record body of {length} bytes")
    if at + length > len(data):
        raise varint.Truncated("a record is cut off")
    record_id, air_time = varint.unzigzag(id_field), varint.unzigzag(time_field)
    if previous is not None:
        record_id += previous.record_id
        air_time += _air_time(previous)
    base = 0 if quality == TimeQuality.NONE else EPOCH_2025_MS
    record = Record(
        record_id=record_id,
        kind=Kind(kind),
        boot=boot,
        time_ms=air_time * TIME_UNIT_MS + base,
        quality=TimeQuality(quality),
        body=unpack_body(data[at : at + length]),
    )
    if not 0 <= record_id < 1 << 32 or boot >= 1 << 32 or abs(record.time_ms) >= 1 << 53:
        raise ValueError("a record's id, boot or time is out of range")
    return record, at + length
