"""The thread before a musing that answers another payload, from an archive that holds both."""

from __future__ import annotations

import sqlite3

import pytest

from groundstation.reading.turns import TURNS_MAX, before
from wire.records import Kind, pack_body


@pytest.fixture
def db() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    made.row_factory = sqlite3.Row
    made.executescript(
        "CREATE TABLE record(node_id, life, record_id, kind, body, authenticity);"
        "CREATE TABLE incarnation(node_id, life, incarnation);"
        "INSERT INTO incarnation VALUES (7, 0, 70), (8, 0, 80);")
    return made


def keep(db: sqlite3.Connection, node_id: int, record_id: int, text: str, answers: object = None,
         kind: Kind = Kind.MUSING) -> None:
    db.execute("INSERT INTO record VALUES (?, 0, ?, ?, ?, 'genuine')", (
        node_id, record_id, int(kind), pack_body({"text": text, "answers": answers})))


def test_the_turns_stand_oldest_first(db: sqlite3.Connection) -> None:
    keep(db, 7, 1, "Frost.")
    keep(db, 8, 1, "Here too.", [7, 70, 1])
    assert [(turn["node_id"], turn["text"]) for turn in before(db, {"answers": [8, 80, 1]})] == [
        (7, "Frost."), (8, "Here too.")]
    assert before(db, {"text": "Alone."}) == []


def test_what_has_not_come_is_a_turn_without_words(db: sqlite3.Connection) -> None:
    keep(db, 8, 2, "A reply", kind=Kind.REPLY)
    for named in ([8, 80, 9], [8, 81, 1], [9, 80, 1], [8, 80, 2]):
        assert before(db, {"answers": named}) == [
            {"node_id": named[0], "text": "", "authenticity": None}]


def test_a_thread_that_never_ends_is_cut(db: sqlite3.Connection) -> None:
    """Forged: a musing cannot answer what comes after it."""
    keep(db, 8, 1, "Here.", [8, 80, 1])
    assert len(before(db, {"answers": [8, 80, 1]})) == TURNS_MAX


@pytest.mark.parametrize("answers", [
    None, 5, "8", [], [8, 80], [8, 80, 1, 1], [8, 80, "1"], [True, 80, 1], [8, -1, 1],
    [8, 80, 1 << 32], {"8": 80}, [[8], 80, 1]])
def test_what_names_nothing_has_no_turns(db: sqlite3.Connection, answers: object) -> None:
    assert before(db, {"answers": answers}) == []
