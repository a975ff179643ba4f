"""What the radio says is never trusted: text and numbers made fit to show, and strict JSON.

Escaping happens where text is put on a page (``textContent`` there, quoting in exports); here only
what no reader can see, and what would take a terminal or a layout apart, is dropped.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

TEXT_CHARS_MAX = 1200
COMBINING_MAX = 2  # marks on one letter; more is an attack on the lines above and below
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
    if not math.isfinite(value) or not low <= value <= high:
        return None
    return value


def scaled(
    body: Mapping[str, Any], key: str, low: float, high: float, factor: float
) -> float | None:
    """As ``number``, times ``factor``, rounded to seven places."""
    value = number(body, key, low, high)
    return None if value is None else round(value * factor, 7)


def to_json(value: Any) -> str:
    """Compact JSON in ASCII. Raises ValueError rather than write NaN or infinity."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
