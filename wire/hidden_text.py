"""Hidden text: finds invisible characters in a configuration, which no path or line can hold."""

from __future__ import annotations

import unicodedata
from typing import Any

# They turn the order of what follows; the marks that single letters need are not among them.
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def place_of(value: Any, place: tuple[str | int, ...] = ()) -> tuple[str | int, ...] | None:
    """Where a key or text of this value, as TOML has it, holds a control character: keys from the
    top and positions in arrays, a key that holds one as Python writes it; None where none does."""
    if isinstance(value, str):
        is_odd = any(unicodedata.category(char) == "Cc" or char in BIDI_CONTROLS for char in value)
        return place if is_odd else None
    if isinstance(value, dict):
        found = (place_of(key, (*place, ascii(key))) or place_of(each, (*place, key))
                 for key, each in value.items())
    elif isinstance(value, list):
        found = (place_of(each, (*place, at)) for at, each in enumerate(value))
    else:
        return None
    return next((each for each in found if each is not None), None)
