"""What is wrong with a key of the mission file: the key, what it was given, and what is allowed.

Names, ranges, choices and lengths are those of the sections themselves. A pattern has its meaning
in words as the ``description`` of its field.
"""

from __future__ import annotations

import difflib
import itertools
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from wire.unknown_name import LIKE_MIN

VALUE_CHARS_MAX = 80  # of a refused value in a message
_OWN_WORDS = ("value_error", "assertion_error")  # of a validator that says it all
_UNITS = {
    "s": "seconds", "ms": "milliseconds", "h": "hours", "mv": "mV", "mah": "mAh", "mohm": "mΩ",
    "m": "metres", "mps": "m/s", "deg": "degrees", "hz": "Hz", "khz": "kHz", "bps": "bit/s",
    "dbm": "dBm", "dbfs": "dBFS", "percent": "percent", "bytes": "bytes", "mb": "MB",
}
Place = tuple[int | str, ...]  # keys and indexes, from the top of the file


def sentence(file: type[BaseModel], error: ValidationError) -> str:
    """The first mistake in one sentence; an unknown key comes before the one that is missing then.
    """
    mistakes = error.errors()
    return words(file, next((each for each in mistakes if each["type"] == "extra_forbidden"),
                            mistakes[0]))


def words(file: type[BaseModel], mistake: Mapping[str, Any]) -> str:
    """One mistake in a sentence."""
    place, kind = mistake["loc"], mistake["type"]
    if kind == "missing" and isinstance(place[-1], int):  # of a list that is too short
        place = place[:-1]
    key, table = _names(place)
    if kind == "extra_forbidden":
        known = sorted(_section(file, place[:-1]).model_fields)
        near = difflib.get_close_matches(str(place[-1]), known, 1, LIKE_MIN)
        meant = f" (did you mean {near[0]}?)" if near else ""
        return f"unknown key {key}{table}{meant}; allowed: {', '.join(known)}"
    if kind == "missing" and place == mistake["loc"]:
        return f"key {key} is missing{table}"
    if kind in _OWN_WORDS:
        message = mistake["msg"].split(", ", 1)[1]
        return f"{key} = {_shown(mistake['input'])}{table}: {message[0].lower()}{message[1:]}"
    return f"{key} = {_shown(mistake['input'])}{table}: must be {_allowed_at(file, place)}"


def _names(place: Place) -> tuple[str, str]:
    """The key, and in which of the tables of one name it is, both counted from one: such as "url"
    and " in [[api]] number 2", or "entry 3 of flight.fence" and ""."""
    tables = [number for number, (part, after) in enumerate(itertools.pairwise(place))
              if isinstance(part, int) and isinstance(after, str)]
    start = tables[-1] + 1 if tables else 0
    keys = ".".join(part for part in place[start:] if isinstance(part, str))
    key = "".join(f"entry {part + 1} of " for part in reversed(place[start:])
                  if isinstance(part, int)) + keys
    if not tables:
        return key, ""
    named = ".".join(part for part in place[: tables[-1]] if isinstance(part, str))
    return key, f" in [[{named}]] number {int(place[tables[-1]]) + 1}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    given = repr(list(value) if isinstance(value, tuple) else value)
    return given if len(given) <= VALUE_CHARS_MAX else f"{given[:VALUE_CHARS_MAX]}..."


def _section(file: type[BaseModel], place: Place) -> type[BaseModel]:
    """The section at a place that names one, or one of a list of them."""
    section = file
    for part in place:
        if isinstance(part, str):
            section = _section_in(section.model_fields[part].annotation) or section
    return section


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_section_in, get_args(annotation))), None)


def _allowed_at(file: type[BaseModel], place: Place) -> str:
    keys = [number for number, part in enumerate(place) if isinstance(part, str)]
    key = str(place[keys[-1]])
    field = _section(file, place[: keys[-1]]).model_fields[key]
    annotation, bounds = field.annotation, [field, *field.metadata]
    for index in place[keys[-1] + 1 :]:
        assert isinstance(index, int)
        annotation, _ = _plain(annotation, [])
        items = [each for each in get_args(annotation) if each is not Ellipsis]
        annotation, bounds = items[min(index, len(items) - 1)], []
    allowed = _allowed(annotation, bounds, key)
    unit = _UNITS.get(key.rpartition("_")[2]) if "_" in key and "number" in allowed else None
    return f"{allowed}, in {unit}" if unit else allowed


def _allowed(annotation: Any, bounds: Sequence[Any], key: str) -> str:
    """What a key of this type may be, in words, such as "a whole number from 5 to 3600"."""
    plain, bounds = _plain(annotation, bounds)
    described = next((each.description for each in bounds
                      if isinstance(each, FieldInfo) and each.description), None)
    if described is not None:
        return described
    if get_origin(plain) is Literal:
        *others, last = (f'"{each}"' if isinstance(each, str) else str(each)
                         for each in get_args(plain))
        return f"{', '.join(others)} or {last}" if others else last
    if get_origin(plain) is tuple:
        return _list(get_args(plain), bounds, key)
    if plain is bool:
        return "true or false"
    if plain in (int, float):
        return ("a whole number" if plain is int else "a number") + _range(bounds)
    return f"a table, [{key}]" if _section_in(plain) else "a text" + _length(bounds, "characters")


def _plain(annotation: Any, bounds: Sequence[Any]) -> tuple[Any, list[Any]]:
    """A type without Annotated and "or None", and what all of it says of the value."""
    found = list(bounds)
    while get_origin(annotation) in (Annotated, Union, types.UnionType):
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            found += more
            for info in more:
                found += info.metadata if isinstance(info, FieldInfo) else ()
        else:
            annotation = next(each for each in get_args(annotation) if each is not type(None))
    return annotation, found


def _list(items: Sequence[Any], bounds: Sequence[Any], key: str) -> str:
    if items[-1] is Ellipsis:
        if _section_in(items[0]):
            return f"tables, [[{key}]]" + _length(bounds, "of them")
        return "a list" + _length(bounds, "entries") + f", each {_allowed(items[0], (), key)}"
    return "a list of " + " and ".join(_allowed(item, (), key) for item in items)


def _range(bounds: Sequence[Any]) -> str:
    low, high = _bound(bounds, "ge"), _bound(bounds, "le")
    return f" from {low} to {high}" if low is not None and high is not None else ""


def _length(bounds: Sequence[Any], what: str) -> str:
    low, high = _bound(bounds, "min_length"), _bound(bounds, "max_length")
    if high is not None:
        return f" of {low} to {high} {what}" if low else f" of at most {high} {what}"
    return f" of at least {low} {what.removesuffix('s') if low == 1 else what}" if low else ""


def _bound(bounds: Sequence[Any], name: str) -> Any:
    """What the field says of ``ge``, ``le``, ``min_length`` or ``max_length``; None: nothing."""
    return next((getattr(each, name) for each in bounds if hasattr(each, name)), None)
