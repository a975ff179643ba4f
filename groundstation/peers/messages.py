"""Encodes and decodes the messages between stations over MQTT: receptions, and requests for them.

Sans-I/O. Below TOPIC/1/CALLSIGN each station has a level of its own, its name:

    STATION/heard   [log, number, before, utc_ms, raw, rssi_dbm, snr_db]    retained
    STATION/ask     [log, after]

in msgpack, with QoS 1. ``log`` names the archive of STATION by eight random bytes, ``number`` is
that of the reception in it, ``before`` that of its own reception before this one (0: none): a
station that lacks ``before`` asks for everything ``after`` the last that it has. The bytes are as
they were on the air, so that a frame is identical everywhere, and each station decodes and verifies
it for itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgpack

from groundstation.archive import rawlog
from groundstation.archive.rawlog import RAW_BYTES_MAX
from wire.mission import Mission

VERSION = 1
LOG_BYTES = 8
NUMBER_MAX = 1 << 53
MESSAGE_BYTES_MAX = RAW_BYTES_MAX + 128
HEARD, ASK = "heard", "ask"
_ONE_LEVEL = str.maketrans({"/": "-"})  # a callsign may have a slash, which parts levels


class HeardMessage(NamedTuple):
    """STATION/heard: a reception; ``utc_ms`` is by the clock of STATION."""

    log: bytes
    number: int
    before: int
    utc_ms: int
    raw: bytes
    rssi_dbm: float | None
    snr_db: float | None


class AskMessage(NamedTuple):
    """STATION/ask: request for all receptions after number ``after``."""

    log: bytes
    after: int


def root(mission: Mission) -> str:
    """The level above those of the stations of one payload. The mission has a broker."""
    assert mission.ground.mqtt is not None
    callsign = mission.payload.callsign.translate(_ONE_LEVEL)
    return f"{mission.ground.mqtt.topic}/{VERSION}/{callsign}"


def pack(message: HeardMessage | AskMessage) -> bytes:
    """The bytes of a message."""
    packed: bytes = msgpack.packb(list(message))
    return packed


def parse_reception(data: bytes) -> HeardMessage | None:
    """A reception; None for bytes that are none."""
    fields = _fields(data, 7)
    if fields is None:
        return None
    log, number, before, utc_ms, raw, rssi, snr = fields
    is_in_order = _is_number(number) and _is_number(before) and before < number
    is_dated = type(utc_ms) is int and 0 <= utc_ms < rawlog.UTC_MS_MAX
    is_bytes = isinstance(raw, bytes) and 0 < len(raw) <= RAW_BYTES_MAX
    if not (_is_log(log) and is_in_order and is_dated and is_bytes and rawlog.is_level(rssi, snr)):
        return None
    return HeardMessage(log, number, before, utc_ms, raw, rssi, snr)


def parse_request(data: bytes) -> AskMessage | None:
    """What is wanted again; None for bytes that say nothing of it."""
    fields = _fields(data, 2)
    if fields is None or not (_is_log(fields[0]) and _is_number(fields[1])):
        return None
    return AskMessage(*fields)


def _fields(data: bytes, count: int) -> list[Any] | None:
    if len(data) > MESSAGE_BYTES_MAX:
        return None
    try:
        found = msgpack.unpackb(data)
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, list) and len(found) == count else None


def _is_log(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == LOG_BYTES


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < NUMBER_MAX
