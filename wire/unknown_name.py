"""The sentence about an unknown name: which one was likely meant, and which names there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LIKE_MIN = 0.66  # 1 is the same: below two letters of three a suggestion is a guess


def unknown_name(what: str, name: str, known: Iterable[str], available: str = "") -> str:
    """Such as "unknown fault 'gnss.freez' (did you mean 'gnss.freeze'?); available: …".

    ``available`` is said in place of all ``known`` names where these are too many to read.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, 1, LIKE_MIN)
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    return f"unknown {what} {name!r}{meant}; available: {available or ', '.join(names)}"
