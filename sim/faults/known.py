"""Faults that the payload does not survive yet: one strict list, to be emptied.

A fault on this list is not drawn by a seed, and a test flies each one: it must break the check
that stands here, and may break others with it. One that passes fails the test, so that the list
cannot grow old.
"""

from __future__ import annotations

from typing import NamedTuple


class Known(NamedTuple):
    """``check`` breaks, because of ``why``."""

    number: int
    check: str
    why: str


KNOWN_FAILURES: dict[str, Known] = {
    "store.absent": Known(
        35, "numbers_unique", "a life without its disk cannot know which block numbers were used"),
    "store.zero_length": Known(
        38, "archive_true", "an empty file is taken for a first start, and ids begin at 1 again"),
    "store.flipped": Known(
        38, "records_kept", "a damaged page may cost a row that a look-up still finds"),
    "watchdog.absent": Known(71, "watchdog_honest", "there is no preflight yet"),
}
