"""Turns: the musings of other payloads, and of this one, that come before one which answers.

A payload names what it answers (``payload.mind.neighbour_talk``); the words are those that this
station has received, verified or not. A musing that has not come is a turn without words.
"""

from __future__ import annotations

import sqlite3

from groundstation.archive.rows import body_of
from groundstation.reading.page_json import TurnJson
from groundstation.sanitise import clean_text
from wire.bodies import Body
from wire.records import Kind

TURNS_MAX = 3  # of a thread, before the line itself


def before(db: sqlite3.Connection, body: Body) -> list[TurnJson]:
    """The turns before the musing with this body, oldest first; none where it answers nobody."""
    found: list[TurnJson] = []
    while len(found) < TURNS_MAX and (named := _named(body)) is not None:
        row = db.execute(
            "SELECT r.body, r.authenticity FROM record r JOIN incarnation i"
            " ON i.node_id = r.node_id AND i.life = r.life"
            " WHERE r.node_id = ? AND i.incarnation = ? AND r.record_id = ? AND r.kind = ?",
            (*named, int(Kind.MUSING))).fetchone()
        body = {} if row is None else body_of(row)
        found.append({
            "node_id": named[0], "text": clean_text(body.get("text")),
            "authenticity": None if row is None else row["authenticity"]})
    return found[::-1]


def _named(body: Body) -> tuple[int, int, int] | None:
    """Node id, incarnation and record id of what it answers."""
    named = body.get("answers")
    if not isinstance(named, list) or len(named) != 3:
        return None
    node_id, incarnation, record_id = named
    if not all(type(number) is int and 0 <= number < 1 << 32 for number in named):
        return None
    return node_id, incarnation, record_id
