"""The elements by which passes are predicted here: the newest of those in the mission file and of
those that were queued for the payload, whether it has them yet or not: they are of one orbit.

Those that were withdrawn, or that the payload refused, do not count.
"""

from __future__ import annotations

import contextlib
import sqlite3

from groundstation.archive import outbox
from wire.commands import Opcode
from wire.mission_orbit import OrbitSection
from wire.orbit import Elements, OrbitError

LOOKED_AT_MAX = 20  # of those queued, the latest


def current(db: sqlite3.Connection, orbit: OrbitSection | None) -> Elements | None:
    """None where the mission does not orbit, or nobody knows its elements yet."""
    if orbit is None:
        return None
    found = [] if orbit.elements is None else [orbit.elements]
    for entry in outbox.standing(db, Opcode.ELEMENTS, LOOKED_AT_MAX):
        with contextlib.suppress(OrbitError):  # a damaged entry
            found.append(Elements.of_text(entry.text))
    return max(found, key=lambda elements: elements.epoch_ms, default=None)
