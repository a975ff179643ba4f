"""The beacon: the state of the payload in 24 bytes, 19 fields, each of which may be unknown.

Bit-packed, most significant bit first, in the order of ``FIELDS``. The largest code of a field
means unknown; the encoder clamps to the range and never raises, because a beacon with a wrong
corner is worth more than none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import NamedTuple, TypeVar

from wire.frames import STATE_BYTES


class Phase(IntEnum):
    """Where the flight is; survives a reboot."""

    BOOT = 0
    GROUND = 1
    ASCENT = 2
    FLOAT = 3
    DESCENT = 4
    LANDED = 5
    INFLIGHT_UNKNOWN = 6


class PowerMode(IntEnum):
    """How much may be spent; UNKNOWN is acted on as ECO."""

    NOMINAL = 0
    ECO = 1
    LOW = 2
    CRITICAL = 3
    UNKNOWN = 4
    SAFE = 5


class FaultBits(IntFlag):
    """What is broken or missing aboard; bits are only ever added. A beacon has room for FAULT_BITS
    of them, a Horus packet and housekeeping for all."""

    GNSS = 1
    OUTSIDE = 2
    POWER_SENSOR = 4
    MIND = 8
    CAMERA = 16
    API = 32
    RADIO = 64
    STORE = 128
    UNDERVOLTAGE = 256
    SAFE = 512
    BEACON = 1024  # no beacon can be made, so none needs to tell it


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightState:
    """What is known of the flight, aboard as on the ground. None is unknown."""

    latitude_deg: float | None = None
    longitude_deg: float | None = None
    altitude_m: float | None = None
    climb_mps: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    satellites: int | None = None
    fix_age_s: float | None = None
    phase: Phase | None = None
    power_mode: PowerMode | None = None
    battery_mv: float | None = None
    outside_c: float | None = None
    inside_c: float | None = None
    pressure_hpa: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon(FlightState):
    """The state of the flight and of the payload, as the payload reports it."""

    time_of_day_s: int | None = None  # UTC
    queue_records: int | None = None
    faults: int = 0  # FaultBits, and those that a newer payload may have
    command_counter: int = 0  # low 16 bits of the last accepted uplink counter
    is_cutdown_armed: bool = False


class Field(NamedTuple):
    """code = round((value - offset) / step), in ``bits`` bits; all ones is unknown."""

    name: str
    bits: int
    offset: float
    step: float


FIELDS: tuple[Field, ...] = (
    Field("time_of_day_s", 17, 0, 1),
    Field("latitude_deg", 24, -90, 180 / ((1 << 24) - 2)),
    Field("longitude_deg", 25, -180, 360 / ((1 << 25) - 2)),
    Field("altitude_m", 16, -1000, 1),
    Field("climb_mps", 8, -63.5, 0.5),
    Field("speed_mps", 7, 0, 1),
    Field("heading_deg", 6, 0, 6),
    Field("satellites", 5, 0, 1),
    Field("fix_age_s", 6, 0, 1),
    Field("phase", 3, 0, 1),
    Field("power_mode", 3, 0, 1),
    Field("battery_mv", 10, 0, 10),
    Field("outside_c", 8, -100, 1),
    Field("inside_c", 8, -100, 1),
    Field("pressure_hpa", 11, 0, 0.55),
    Field("queue_records", 8, 0, 1),  # on a logarithmic scale, see _QUEUE_BASE
)
ALTITUDE_M_MAX = 64_534.0  # of the field; no balloon gets there
FAULT_BITS = 10
COUNTER_BITS = 16
_E = TypeVar("_E", bound=IntEnum)
_HEADING_CODES = 60
_QUEUE_BASE = 1.05  # code n stands for base**n - 1 records: 1.05**254 is 240,000
assert sum(f.bits for f in FIELDS) + FAULT_BITS + COUNTER_BITS + 1 == STATE_BYTES * 8
assert sum(FaultBits) & ~FaultBits.BEACON < 1 << FAULT_BITS  # all that a beacon can tell
assert len(fields(Beacon)) == len(FIELDS) + 3


def _code(field: Field, value: float | None) -> int:
    unknown = (1 << field.bits) - 1
    if value is None or not math.isfinite(value):
        return unknown
    if field.name == "heading_deg":
        value %= 360
    if field.name == "queue_records":
        value = math.ceil(math.log(max(0.0, value) + 1, _QUEUE_BASE))
    code = round(min(1e9, max(-1e9, (value - field.offset) / field.step)))
    if field.name == "heading_deg":
        code %= _HEADING_CODES
    return max(0, min(unknown - 1, code))


def _value(field: Field, code: int) -> float | int | None:
    if code == (1 << field.bits) - 1:
        return None
    if field.name == "heading_deg" and code >= _HEADING_CODES:
        return None
    if field.name == "queue_records":
        return int(_QUEUE_BASE**code - 1)
    value = field.offset + code * field.step
    return int(value) if field.step == 1 and float(value).is_integer() else value


def _member(kind: type[_E], code: float | int | None) -> _E | None:
    return kind(int(code)) if code is not None and code in kind._value2member_map_ else None


def encode(beacon: Beacon) -> bytes:
    """The 24 bytes of ``beacon``; values outside a field's range are clamped to it."""
    bits = 0
    for field in FIELDS:
        bits = bits << field.bits | _code(field, getattr(beacon, field.name))
    bits = bits << FAULT_BITS | beacon.faults & (1 << FAULT_BITS) - 1
    bits = bits << COUNTER_BITS | beacon.command_counter & (1 << COUNTER_BITS) - 1
    bits = bits << 1 | beacon.is_cutdown_armed
    return bits.to_bytes(STATE_BYTES, "big")


def decode(state: bytes) -> Beacon:
    """The beacon in 24 bytes; any bytes are some beacon, codes without meaning are unknown."""
    assert len(state) == STATE_BYTES, len(state)
    bits = int.from_bytes(state, "big")
    is_armed = bool(bits & 1)
    bits >>= 1
    counter = bits & (1 << COUNTER_BITS) - 1
    bits >>= COUNTER_BITS
    faults = bits & (1 << FAULT_BITS) - 1
    bits >>= FAULT_BITS
    values: dict[str, float | int | None] = {}
    for field in reversed(FIELDS):
        values[field.name] = _value(field, bits & (1 << field.bits) - 1)
        bits >>= field.bits
    phase, power = values.pop("phase"), values.pop("power_mode")
    return Beacon(
        phase=_member(Phase, phase),
        power_mode=_member(PowerMode, power),
        faults=faults,
        command_counter=counter,
        is_cutdown_armed=is_armed,
        **values,  # type: ignore[arg-type]  # one table of names feeds a typed dataclass
    )
