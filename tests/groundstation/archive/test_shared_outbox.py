"""Copies of one entry at several stations: whatever the order in which they meet, they agree."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as some

from groundstation.archive.outbox import QueuedCommand
from groundstation.archive.shared_outbox import STATES, joined
from wire.commands import Opcode

QUESTION = QueuedCommand(
    16, "question", Opcode.ASK, "How cold?", "hill 1f", "queued", 1_000, 9_000, 0, None, None, None,
    None, None)
TIMES = some.none() | some.integers(1_000, 1_005)
HEARD = ("confirmed", "thinking", "answered", "failed")


@some.composite
def copies(draw: some.DrawFn) -> QueuedCommand:
    """What one station may know; a counter belongs to one moment and one sender, and what was heard
    aboard is in a state that says so: of what failed without it, nobody knows when it was heard."""
    sent_ms, state = draw(TIMES), draw(some.sampled_from(sorted(STATES)))
    return replace(
        QUESTION, state=state, attempts=draw(some.integers(0, 3)),
        last_sent_ms=sent_ms, counter=sent_ms, sender="" if sent_ms is None else f"car{sent_ms}",
        confirmed_ms=draw(TIMES) if state in HEARD else None, answered_ms=draw(TIMES),
        why=draw(some.sampled_from([None, "a"])))


@given(copies(), copies(), copies())
def test_copies_agree_in_any_order_and_again(
    one: QueuedCommand, two: QueuedCommand, three: QueuedCommand
) -> None:
    assert joined(one, one) == one
    assert joined(one, two) == joined(two, one)
    assert joined(joined(one, two), two) == joined(one, two)
    assert joined(joined(one, two), three) == joined(one, joined(two, three))


@given(copies(), copies())
def test_it_only_moves_forward(one: QueuedCommand, two: QueuedCommand) -> None:
    both = joined(one, two)
    assert both.attempts >= one.attempts
    if one.state == "answered":
        assert both.state == "answered"


def test_another_entry_of_the_same_id_changes_nothing() -> None:
    other = replace(QUESTION, text="How warm?", state="answered")
    assert joined(QUESTION, other) == QUESTION
