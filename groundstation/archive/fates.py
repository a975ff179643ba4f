"""Fates: the state of a letter in words, the same on the page and in the terminal."""

from __future__ import annotations

from groundstation.archive.outbox import Letter
from groundstation.archive.precedence import CUTDOWN


def in_words(letter: Letter, name: str) -> str:
    """What became of it; ``name`` is the payload's. Times are for whoever shows it to add."""
    times = "once" if letter.attempts == 1 else f"{letter.attempts} times"
    because = f": {letter.why}" if letter.why else ""
    match letter.state:
        case "queued":
            return f"queued, will be sent when {name} listens"
        case "sent":
            return f"sent {times}, not confirmed by {name} yet"
        case "confirmed":
            return f"received by {name}, not answered yet"
        case "answered":
            return "answered" if letter.kind == "question" else f"done, {name} answered ok"
        case "expired" if letter.attempts:
            return f"expired, sent {times} and never confirmed by {name}"
        case "expired":
            return "expired, never sent"
        case "withdrawn" if letter.attempts:
            return f"withdrawn{because}; it was sent {times}, {name} may have received it"
        case "withdrawn":
            return f"withdrawn before it was sent{because}"
        case _ if letter.confirmed_ms is not None:
            return f"refused by {name}{because}"
        case _:
            return f"failed{because}"


def needs_abort(letter: Letter) -> bool:
    """Is CUTDOWN_ABORT what makes sure, after this letter, that nothing is cut down?"""
    return letter.opcode in CUTDOWN and letter.attempts > 0


def of_withdrawal(letter: Letter, name: str) -> str:
    """The same, of one that was just withdrawn, with what to do where that is not enough."""
    words = in_words(letter, name)
    return f"{words}; send cutdown_abort to be sure" if needs_abort(letter) else words
