"""Records: what the payload's store keeps and the ground's archive receives.

A record is one thing that happened: an event, a row of the track, a musing, a picture. Its body is
a map with the keys that ``wire.record_bodies`` lists for its kind. On the air a record is packed as

    kind u8 | flags u8 | boot | id | time | length (varints) | body

``id`` and ``time`` are absolute in the first record that starts in a symbol and zigzag deltas from
the record before in every later one, so that each symbol can be read alone (see ``wire.transfer``).
The high nibble of the flags is the quality of the time, the low one the body's encoding, its seat
(``wire.bodies``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from wire import bodies, varint
from wire.bodies import (
    BODY_BYTES_MAX,
    NO_MODELS,
    Body,
    Models,
    Packed,
    TextSeat,
    pack_body,
    unpack_body,
)
from wire.record_bodies import (
    ApiCallBody,
    CommandResultBody,
    EventBody,
    HousekeepingBody,
    MusingBody,
    QuestionBody,
    RelayedBody,
    ReplyBody,
    SoundBody,
    ThumbnailBody,
    TileBody,
    TrackBody,
    meanings,
)
from wire.text_codec import TextModel

__all__ = [
    "BODY_BYTES_MAX", "BODY_FIELDS", "END_OF_SYMBOL", "EPOCH_2025_MS", "PRIORITY_OF_KIND",
    "TIME_UNIT_MS", "Kind", "PackedRecord", "Priority", "Record", "TimeQuality", "decode",
    "encode", "pack", "pack_body", "read", "unpack", "unpack_body",
]

EPOCH_2025_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z, the zero of times on the air
TIME_UNIT_MS = 100
TILE_BYTES_MAX = 4096
TILES_ASIDE_MAX = 8  # columns, and rows, of the tiles of one picture
HEADER_BYTES_MAX = 22  # kind, flags, and varints of 5, 5, 8 and 2 bytes
END_OF_SYMBOL = 0  # a kind that no record has: the rest of this symbol is padding


class Priority(IntEnum):
    """Downlink classes, most urgent first."""

    EVENT = 0
    TRACK = 1
    MUSING = 2
    API = 3
    IMAGE = 4
    BULK = 5
    RELAY = 6  # of other payloads: the first to go at a bound


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
    RELAYED = 11
    SOUND = 12


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
    Kind.SOUND: Priority.API,
    Kind.THUMBNAIL: Priority.IMAGE,
    # All tiles of a picture are the full picture, which gets what the others leave, and a queue of
    # their own is what lets a later picture's thumbnail overtake an earlier one's tiles.
    Kind.TILE: Priority.BULK,
    Kind.RELAYED: Priority.RELAY,
}

BODY_OF_KIND: dict[Kind, type] = {
    Kind.EVENT: EventBody,
    Kind.TRACK: TrackBody,
    Kind.HOUSEKEEPING: HousekeepingBody,
    Kind.MUSING: MusingBody,
    Kind.REPLY: ReplyBody,
    Kind.API_CALL: ApiCallBody,
    Kind.THUMBNAIL: ThumbnailBody,
    Kind.TILE: TileBody,
    Kind.COMMAND_RESULT: CommandResultBody,
    Kind.QUESTION: QuestionBody,
    Kind.RELAYED: RelayedBody,
    Kind.SOUND: SoundBody,
}
BODY_FIELDS = {kind: meanings(body) for kind, body in BODY_OF_KIND.items()}
_KEYS = {kind: tuple(fields) for kind, fields in BODY_FIELDS.items()}
_KIND_OF = {int(kind): kind for kind in Kind}
_QUALITIES, _SEATS = tuple(TimeQuality), tuple(TextSeat)


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
    body: Body

    @property
    def priority(self) -> Priority:
        return PRIORITY_OF_KIND[self.kind]


class PackedRecord(NamedTuple):
    """A record off the air whose body was not looked into yet."""

    record_id: int
    kind: Kind
    boot: int
    time_ms: int
    quality: TimeQuality
    body: Packed


def _air_time(record: Record | PackedRecord) -> int:
    base = 0 if record.quality is TimeQuality.NONE else EPOCH_2025_MS
    return (record.time_ms - base) // TIME_UNIT_MS


def pack(record: Record, model: TextModel | None = None) -> Packed:
    """The body of ``record`` in its smallest encoding; see ``wire.bodies``.

    With a ``model`` texts are coded, which is the one costly part of sending a record: a caller
    that may have to try twice where it fits packs once and passes the result to ``encode``.
    """
    return bodies.pack(record.body, _KEYS[record.kind], model)


def encode(record: Record, previous: Record | None, packed: Packed | None = None) -> bytes:
    """The record as it goes on the air.

    ``previous`` is the record before it that starts in the same symbol, None for the first there.
    ``packed`` is its body of ``pack``, which is done here without a model when left out.
    """
    body = pack(record) if packed is None else packed
    id_field, time_field = record.record_id, _air_time(record)
    if previous is not None:
        id_field -= previous.record_id
        time_field -= _air_time(previous)
    return b"".join((
        bytes((record.kind, record.quality << 4 | body.seat)),
        varint.encode(record.boot),
        varint.encode(varint.zigzag(id_field)),
        varint.encode(varint.zigzag(time_field)),
        varint.encode(len(body.data)),
        body.data,
    ))


def decode(
    data: bytes, offset: int, previous: Record | PackedRecord | None, models: Models = NO_MODELS
) -> tuple[Record, int]:
    """(record, offset after it); the inverse of ``encode``.

    A record coded with a model that ``models`` lacks comes back sealed (``wire.bodies``). Raises
    varint.Truncated when ``data`` ends inside the record, ValueError when it is not one.
    """
    packed, after = read(data, offset, previous)
    return unpack(packed, models), after


def read(
    data: bytes, offset: int, previous: Record | PackedRecord | None
) -> tuple[PackedRecord, int]:
    """``decode`` without ``unpack``: cheap, for callers that only step past a record."""
    if offset + 2 > len(data):
        raise varint.Truncated("a record is cut off")
    kind, quality, seat = data[offset], data[offset + 1] >> 4, data[offset + 1] & 0xF
    if kind not in _KIND_OF or quality >= len(_QUALITIES) or seat >= len(_SEATS):
        raise ValueError(f"record kind {kind} quality {quality} encoding {seat}")
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
    record = PackedRecord(
        record_id, _KIND_OF[kind], boot, air_time * TIME_UNIT_MS + base, _QUALITIES[quality],
        Packed(_SEATS[seat], data[at : at + length]),
    )
    if not 0 <= record_id < 1 << 32 or boot >= 1 << 32 or abs(record.time_ms) >= 1 << 53:
        raise ValueError("a record's id, boot or time is out of range")
    return record, at + length


def unpack(packed: PackedRecord, models: Models = NO_MODELS) -> Record:
    """The record with its body; sealed without its model. Raises ValueError when it is none."""
    body = bodies.unpack(packed.body, _KEYS[packed.kind], models)
    return Record(
        packed.record_id, packed.kind, packed.boot, packed.time_ms, packed.quality, body
    )
