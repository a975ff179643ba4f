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
_IN_TIME = "node_id = ? AND NOT is_late"  # the beginning of the index beacon_by_phase
_AFTER_ALL = 1 << 62  # more than the id of any reception


def phases(db: sqlite3.Connection, node_id: int) -> list[PhaseJson]:
    """The newest changes of phase, oldest first, with the altitude at which each was received.

    From one change to the one before, each found by an index: however many beacons lie between.
    """
    found: list[PhaseJson] = []
    phase, newest = _newest(db, node_id, Phase, _AFTER_ALL)
    until = newest + 1  # what comes meanwhile is for the next look
    while phase is not None and len(found) < PHASES_MAX:
        before, last_of_it = _newest(db, node_id, set(Phase) - {phase}, until)
        began = db.execute(
            f"SELECT id, utc_ms, altitude_m FROM beacon WHERE {_IN_TIME} AND phase = ?"
            " AND id > ? ORDER BY id LIMIT 1", (node_id, int(phase), last_of_it)).fetchone()
        if began is None:  # they are being made anew
            break
        until = began["id"]
        found.append({"at_ms": began["utc_ms"], "phase": phase.name, "alt_m": began["altitude_m"]})
        phase = before
    return found[::-1]


def _newest(
    db: sqlite3.Connection, node_id: int, among: Iterable[Phase], until: int
) -> tuple[Phase | None, int]:
    """Which of these phases was told last before this id, and the id of the beacon that did."""
    told = [(row[0], phase) for phase in among if (row := db.execute(
        f"SELECT MAX(id) FROM beacon WHERE {_IN_TIME} AND phase = ? AND id < ?",
        (node_id, int(phase), until)).fetchone())[0] is not None]
    newest_id, newest = max(told, default=(-1, None))
    return newest, newest_id


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
