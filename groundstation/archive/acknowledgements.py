"""Who has acknowledged which alarm: the last acknowledgement of each rule, of any station.

It covers what had been raised when it was given: the same rule raised later, or for a further
reason, is a new alarm.
"""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple

from groundstation.sanitise import read_json

KEY = "acknowledged"
RULES_MAX = 32


class Acknowledgement(NamedTuple):
    """``reasons`` are those for which the alarm of ``rule`` was raised (``reading.alarms``)."""

    rule: str
    at_ms: int
    reasons: tuple[str, ...]
    station: str


def known(db: sqlite3.Connection) -> list[Acknowledgement]:
    """The last of each rule; none where the row is damaged."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (KEY,)).fetchone()
    try:
        return [Acknowledgement(str(rule), int(at_ms), tuple(map(str, reasons)), str(station))
                for rule, at_ms, reasons, station in read_json(row[0])] if row else []
    except (ValueError, TypeError):
        return []


def take(db: sqlite3.Connection, given: Acknowledgement) -> bool:
    """Keep it where it is the last of its rule; False where it is not. The caller commits."""
    of_rules = {each.rule: each for each in known(db)}
    before = of_rules.get(given.rule)
    if (before is not None and before.at_ms >= given.at_ms) or (
            before is None and len(of_rules) >= RULES_MAX):
        return False
    of_rules[given.rule] = given
    db.execute("INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)",
               (KEY, json.dumps(sorted(of_rules.values()))))
    db.execute("INSERT INTO change(what, ref) VALUES ('acknowledged', NULL)")
    return True
