"""Sanitising of untrusted radio data: text and numbers made fit for display, and strict JSON.

Escaping happens where text is put on a page (``textContent`` there, quoting in exports); here only
what no reader can see, and what would take a terminal or a layout apart, is dropped.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

TEXT_CHARS_MAX = 1200
COMBINING_MAX = 2  # marks on one letter; more is an attack on the lines above and below
INTEGER_DIGITS_MAX = 20  # of an integer in JSON, its sign included: any that has 64 bits
_JOINERS = "\u200c\u200d"  # needed by Persian and by emoji
_SPACES = dict.fromkeys(map(ord, "\n\r\t\u2028\u2029\u0085"), " ")
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn"}


def clean_text(value: Any, chars_max: int = TEXT_CHARS_MAX) -> str:
    """``value`` as one line of visible characters; empty when it is no text."""
    if not isinstance(value, str):
        return ""
    kept: list[str] = []
    marks = 0
    for char in value[: chars_max * 4].translate(_SPACES):
        category = unicodedata.category(char)
        if category in _DROPPED and char not in _JOINERS:
            continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= COMBINING_MAX:
            kept.append(char)
    line = " ".join("".join(kept).split())
    return line if len(line) <= chars_max else line[: chars_max - 1] + "…"


def number(body: Mapping[str, Any], key: str, low: float, high: float) -> float | int | None:
    """The number under ``key`` when it is one and lies within ``low`` and ``high``, else None."""
    value = body.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Compared as it is: an integer of any length compares, and NaN is within nothing. Whatever
    # makes a float of it first (isfinite does) raises OverflowError beyond 1e308.
    return value if low <= value <= high else None


def scaled(
    body: Mapping[str, Any], key: str, low: float, high: float, factor: float
) -> float | None:
    """As ``number``, times ``factor``, rounded to seven places."""
    value = number(body, key, low, high)
    return None if value is None else round(value * factor, 7)


def read_json(data: bytes | str) -> Any:
    """The value in JSON that a stranger wrote. Raises ValueError for anything else: also for NaN
    and Infinity, an integer above INTEGER_DIGITS_MAX, a name that stands twice in one object (which
    of the two is meant?) and nesting too deep to read. 1e400 is JSON, and infinite: ``number``."""
    try:
        return json.loads(
            data, parse_int=_integer, parse_constant=_refuse, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("JSON is nested too deep") from error


def read_object(data: bytes, bytes_max: int) -> dict[str, Any]:
    """The JSON object in ``data``, an empty one where there is none or more than ``bytes_max``."""
    if not data.startswith(b"{") or len(data) > bytes_max:
        return {}
    try:
        found = read_json(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _integer(text: str) -> int:
    if len(text) > INTEGER_DIGITS_MAX:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a JSON object has a duplicate name")
    return found


def to_json(value: Any) -> str:
    """Compact JSON in ASCII. Raises ValueError rather than write NaN or infinity."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
