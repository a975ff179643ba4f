"""The elements by which passes are predicted here: the latest that were queued for the payload,
whether it has them yet or not, or those of the mission file where their epoch is later.

What was withdrawn, or refused by the payload, does not count.
"""

from __future__ import annotations

import contextlib
import sqlite3

from groundstation.archive import outbox
from wire.commands import Opcode
from wire.mission_orbit import OrbitSection
from wire.orbit import Elements, OrbitError

LOOKED_AT_MAX = 20  # of those queued, for the latest that is not damaged


def current(db: sqlite3.Connection, orbit: OrbitSection | None) -> Elements | None:
    """None where the mission does not orbit, or nobody knows its elements yet."""
    if orbit is None:
        return None
    queued = _latest(db)
    if queued is None or orbit.elements is None:
        return queued or orbit.elements
    return max(orbit.elements, queued, key=lambda elements: elements.epoch_ms)


def _latest(db: sqlite3.Connection) -> Elements | None:
    for entry in outbox.standing(db, Opcode.ELEMENTS, LOOKED_AT_MAX):
        with contextlib.suppress(OrbitError):  # a damaged entry
            return Elements.of_text(entry.text)
    return None
