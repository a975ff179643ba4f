"""A payload's readings and states over time, from its beacons and its housekeeping records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from groundstation.archive.rows import body_of, when_of
from groundstation.reading.page_json import PhaseJson
from groundstation.sanitise import number, scaled
from wire.beacon import Phase

PHASES_MAX = 60


def phases(db: sqlite3.Connection, node_id: int) -> list[PhaseJson]:
    """The newest changes of phase, oldest first, with the altitude at which each was received."""
    newest = db.execute(
        "SELECT utc_ms, phase, altitude_m FROM (SELECT id, utc_ms, phase, altitude_m,"
        " LAG(phase) OVER (ORDER BY id) AS before FROM beacon"
        " WHERE node_id = ? AND phase IS NOT NULL AND NOT is_late) WHERE phase IS NOT before"
        " ORDER BY id DESC LIMIT ?", (node_id, PHASES_MAX),
    ).fetchall()
    return [
        {"at_ms": at, "phase": Phase(int(phase)).name, "alt_m": alt}
        for at, phase, alt in reversed(newest)
    ]


def rows(
    db: sqlite3.Connection, node_id: int, housekeeping: Iterable[sqlite3.Row], gap_ms: int,
    count_max: int,
) -> list[tuple[Any, ...]]:
    """(t, battery mV, outside C, inside C) with a row of nothing wherever it was silent, the newest
    ``count_max`` of them; ``housekeeping`` are its records of that kind."""
    found: list[tuple[Any, ...]] = [tuple(row) for row in db.execute(
        "SELECT utc_ms, battery_mv, outside_c, inside_c FROM beacon WHERE node_id = ?",
        (node_id,),
    )]
    for record in housekeeping:
        body = body_of(record)
        found.append((
            when_of(record)[0], number(body, "mv", 0, 60_000),
            scaled(body, "out", -1500, 1500, 0.1), scaled(body, "in", -1500, 1500, 0.1),
        ))
    found.sort(key=lambda row: row[0])
    stride = -(-len(found) // (count_max * 4 // 5)) or 1
    spaced: list[tuple[Any, ...]] = []
    for at, row in enumerate(found):
        is_gap = at > 0 and row[0] - found[at - 1][0] > gap_ms
        if is_gap and len(spaced) < count_max:
            spaced.append((found[at - 1][0] + 1, None, None, None))
        if at % stride == 0 or is_gap:
            spaced.append(row)
    return spaced[-count_max:]
