"""The lives of a payload as shown to people, and records that contradict each other.

A life behind the first is a store that was empty, damaged or absent
(``groundstation.decode.sessions``). Records of different lives never contradict each other; of one
life, of which the first that was heard is kept everywhere else, they can only where something is
forged or broken.
"""

from __future__ import annotations

import sqlite3
from typing import TypedDict

from groundstation.sanitise import clean_text
from wire.records import Kind, unpack_body

LIVES_MAX = 20  # of the latest
BODY_CHARACTERS_MAX = 400


class LifeJson(TypedDict):
    """One store of the payload: its number here, its incarnation, and when it was first heard."""

    life: int
    incarnation: str
    boot: int
    first_ms: int


class ConflictJson(TypedDict):
    """Two contents of one record: ``kept`` came first, ``other`` at ``heard_ms``."""

    incarnation: str
    record_id: int
    heard_ms: int
    authenticity: str
    kept: str
    other: str


def known(db: sqlite3.Connection, node_id: int) -> list[LifeJson]:
    """The latest lives of a payload, newest last."""
    rows = db.execute(
        "SELECT life, incarnation, boot, first_ms FROM incarnation WHERE node_id = ?"
        " ORDER BY life DESC LIMIT ?", (node_id, LIVES_MAX),
    ).fetchall()[::-1]
    return [
        {"life": life, "incarnation": named(incarnation), "boot": boot, "first_ms": first_ms}
        for life, incarnation, boot, first_ms in rows
    ]


def named(incarnation: int | None) -> str:
    """Its displayed name; an unknown one is 00000000."""
    return f"{incarnation or 0:08x}"


def conflicts(db: sqlite3.Connection, node_id: int, limit: int = -1) -> list[ConflictJson]:
    """Records that contradict one of the same life and id, newest first: what each of them says."""
    rows = db.execute(
        "SELECT i.incarnation, c.record_id, c.heard_utc_ms, c.authenticity, r.kind, r.body, c.kind,"
        " c.body FROM record_conflict c JOIN record r USING (node_id, life, record_id)"
        " LEFT JOIN incarnation i USING (node_id, life) WHERE c.node_id = ?"
        " ORDER BY c.id DESC LIMIT ?", (node_id, limit),
    )
    return [
        {"incarnation": named(incarnation), "record_id": record_id, "heard_ms": heard_ms,
         "authenticity": authenticity, "kept": _short(kept_kind, kept), "other": _short(kind, body)}
        for incarnation, record_id, heard_ms, authenticity, kept_kind, kept, kind, body in rows
    ]


def _short(kind: int, body: bytes) -> str:
    """The kind and the fields of a record in one short line."""
    try:
        words = ", ".join(f"{key}: {value}" for key, value in unpack_body(body).items())
    except ValueError:
        words = "cannot be read"
    return clean_text(f"{Kind(kind).name.lower()}: {words}", BODY_CHARACTERS_MAX)
