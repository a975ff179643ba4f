"""Faults that the payload does not survive yet: a strict list, to be emptied.

A fault on this list is not drawn by a seed, and a test flies each one: it must break the check
that stands here, and may break others with it. One that passes fails the test, so that the list
cannot grow old.
"""

from __future__ import annotations

from typing import NamedTuple


class KnownFailure(NamedTuple):
    """``check`` breaks, because of ``why``."""

    number: int
    check: str
    why: str


KNOWN_FAILURES: dict[str, KnownFailure] = {}
