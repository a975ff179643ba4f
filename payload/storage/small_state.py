"""The small state beside the records: every key of the store and its permitted values.

A row that another version wrote, or a bug, may be whole and still of the wrong type. It counts as
absent, decided here, once, before it is used: a life that finds such a row begins as one that has
forgotten it. What a value means, and whether it still holds, is for its reader to decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgpack
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from payload.storage import database
from wire.orbit import TEXT_BYTES

_Count = Annotated[int, Field(ge=0, lt=1 << 31)]
_Number32 = Annotated[int, Field(ge=0, lt=1 << 32)]
_Milliseconds = Annotated[int, Field(ge=0, lt=1 << 53)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
# On the disk a tuple is a list.
_Question = Annotated[tuple[int, str, _Count, _Number32 | None], Field(strict=False)]
_Exchange = Annotated[tuple[_Number32, _Number32 | None, str, str | None], Field(strict=False)]
_Answer = Annotated[tuple[_Number32, _Number32], Field(strict=False)]
_Layer = Annotated[tuple[_Finite, _Finite, _Finite], Field(strict=False)]
_Questions = Annotated[tuple[list[_Question], list[int], list[_Exchange]], Field(strict=False)]

_Saying = Annotated[tuple[_Count, str, str, _Milliseconds | None], Field(strict=False)]

_Partner = Annotated[
    tuple[_Count, _Milliseconds, _Count,
          Annotated[tuple[_Number32, _Number32, _Milliseconds, bool], Field(strict=False)] | None],
    Field(strict=False)]
_Conversation = Annotated[
    tuple[_Count, _Milliseconds, bool, Annotated[list[_Partner], Field(max_length=11)]],
    Field(strict=False)]

_STRICT = ConfigDict(strict=True)


class _Uplink(BaseModel):
    """What ``payload.link.uplink_gate`` remembers; each map has stations or counters for keys."""

    model_config = ConfigDict(strict=True, extra="forbid")
    since: _Number32 = 0
    commands: dict[_Number32, _Number32] = {}
    ahead: dict[_Number32, _Number32] = {}


class _Firsts(BaseModel):
    """What ``payload.mind.firsts`` remembers of the flight so far."""

    model_config = ConfigDict(strict=True, extra="forbid")
    at_ms: _Milliseconds | None
    is_whole: bool
    coldest_c: _Finite | None
    reported_c: _Finite | None
    ground_hpa: _Finite | None
    cloud_hpa: _Finite | None
    asked_ms: _Milliseconds | None
    happened: list[str]
    last_lines: dict[str, str]


_KINDS: dict[str, Any] = {
    "answered": dict[_Count, _Answer],
    "boot": _Count,
    "bus_trials": _Count,
    "charge": _Finite,
    "conversation": _Conversation,
    "elements": Annotated[str, Field(max_length=2 * TEXT_BYTES)],
    "firsts": _Firsts,
    "hearsay": Annotated[list[_Saying], Field(max_length=16)],
    "ids_upto": _Count,
    "incarnation": Annotated[int, Field(ge=1, lt=1 << 32)],
    "machine_boot": Annotated[str, Field(max_length=64)],
    "phase": dict[str, Any],
    "picture": _Count,
    "plain_text_models": list[_Number32],
    "questions": _Questions,
    "settings": dict[int, int],
    "switches": dict[str, bool],
    "unproven_starts": _Count,
    "uplink_counter": _Number32,
    "uplink_counters": _Uplink,
    "utc_ms": _Milliseconds | None,
    "winds": list[_Layer],
}
_CHECKS: dict[str, TypeAdapter[Any]] = {
    key: TypeAdapter(kind, config=None if kind in (_Firsts, _Uplink) else _STRICT)
    for key, kind in _KINDS.items()
}
KEYS = frozenset(_KINDS)


def is_sound(key: str, value: Any) -> bool:
    """May ``value`` stand under ``key``? Any value may stand under an unknown key, which is never
    read."""
    check = _CHECKS.get(key)
    if check is None:
        return True
    try:
        check.validate_python(value)
    except ValidationError:
        return False
    return True


def read(rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """The values in rows of (key, value, crc32); a row that is damaged or not sound is left out."""
    values: dict[str, Any] = {}
    for row in rows:
        if not database.is_whole(row):
            continue
        try:
            value = msgpack.unpackb(row[1], strict_map_key=False)
        except (ValueError, TypeError, OverflowError, msgpack.UnpackException):
            continue
        if is_sound(row[0], value):
            values[row[0]] = value
    return values


def later(mine: Any, stored: Any) -> Any:
    """Of two numbers, or of the numbers in two maps, the larger one; else what RAM knows."""
    if type(mine) is int and type(stored) is int:
        return max(mine, stored)
    if isinstance(mine, dict) and isinstance(stored, dict):
        return {key: later(mine.get(key, value), value) for key, value in stored.items()} | {
            key: value for key, value in mine.items() if key not in stored}
    return mine
