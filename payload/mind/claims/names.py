"""Finds names that nobody gave: "Yes, it is Anna." from a machine that nobody calls Anna."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = re.compile(r"(?<=[a-z,;:] )(?!I\b)[A-Z][a-z]+\b")  # behind a word of the same sentence


def are_new(line: str, given: Iterable[str]) -> bool:
    """True where a capitalised word within a sentence of ``line`` stands in none of ``given``.

    German, where nouns have capitals, knows hardly a line without.
    """
    text = "\n".join(given)
    return any(re.search(rf"\b{name}\b", text) is None for name in _NAME.findall(line))
