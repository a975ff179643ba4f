"""The state of a command in words, the same on the page and in the terminal."""

from __future__ import annotations

from groundstation.archive.command_order import CUTDOWN
from groundstation.archive.outbox import QueuedCommand


def in_words(entry: QueuedCommand, name: str) -> str:
    """The outcome of a command; ``name`` is the payload's. The caller adds the times."""
    times = "once" if entry.attempts == 1 else f"{entry.attempts} times"
    times += f" by {entry.sender}" if entry.sender else ""
    because = f": {entry.why}" if entry.why else ""
    match entry.state:
        case "queued":
            return f"queued, will be sent when {name} listens"
        case "sent":
            return f"sent {times}, not confirmed by {name} yet"
        case "confirmed":
            return f"received by {name}, not answered yet"
        case "thinking":
            return f"received by {name}, which has begun to answer"
        case "answered":
            return "answered" if entry.kind == "question" else f"done, {name} answered ok"
        case "expired" if entry.attempts:
            return f"expired, sent {times} and never confirmed by {name}"
        case "expired":
            return "expired, never sent"
        case "withdrawn" if entry.attempts:
            return f"withdrawn{because}; it was sent {times}, {name} may have received it"
        case "withdrawn":
            return f"withdrawn before it was sent{because}"
        case _ if entry.confirmed_ms is not None:
            return f"refused by {name}{because}"
        case _:
            return f"failed{because}"


def needs_abort(entry: QueuedCommand) -> bool:
    """Is a CUTDOWN_ABORT needed after this command to ensure that nothing is cut down?"""
    return entry.opcode in CUTDOWN and entry.attempts > 0


def of_withdrawal(entry: QueuedCommand, name: str) -> str:
    """The same for a command just withdrawn, with what to do where withdrawing is not enough."""
    words = in_words(entry, name)
    return f"{words}; send cutdown_abort to be sure" if needs_abort(entry) else words
