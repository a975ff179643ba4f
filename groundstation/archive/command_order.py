"""Precedence: which command is sent next, how long each may wait, and when FIRE may be sent at all.

    ABORT      CUTDOWN_ABORT, which can only make safe
    CUTDOWN    CUTDOWN_ARM, CUTDOWN_FIRE
    SAFETY     TX_OFF, SAFE_ENTER, SAFE_EXIT
    COMMAND    every other command
    QUESTION   ASK, on the air also as FOLLOW_UP
    ANSWER     what a source says that the payload asked for

Within a class the oldest goes first, until it is heard aboard or given up; questions take turns
between those who ask. CUTDOWN_FIRE goes only into a window that a beacon opened which says that the
payload is armed, and only after a CUTDOWN_ARM of this station that was taken aboard and went out
less than a minute before: the payload refuses any other, and a refused frame may have been recorded
by others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from wire.commands import ARMED_S, HAZARDOUS, Opcode
from wire.mission import GroundSection

if TYPE_CHECKING:
    from groundstation.archive.outbox import QueuedCommand

ATTEMPTS_MAX = 30  # of a command or a question; what is more urgent is tried as long as it lives
CUTDOWN = frozenset((Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE))
LIFETIME_S_MIN = 10
HAZARDOUS_LIFETIME_S_MAX = 600
LIFETIME_S_MAX = 86_400


class Precedence(IntEnum):
    """Classes of commands, the most urgent first."""

    ABORT = 0
    CUTDOWN = 1
    SAFETY = 2
    COMMAND = 3
    QUESTION = 4
    ANSWER = 5


_CLASSES = {
    Opcode.CUTDOWN_ABORT: Precedence.ABORT, Opcode.CUTDOWN_ARM: Precedence.CUTDOWN,
    Opcode.CUTDOWN_FIRE: Precedence.CUTDOWN, Opcode.TX_OFF: Precedence.SAFETY,
    Opcode.SAFE_ENTER: Precedence.SAFETY, Opcode.SAFE_EXIT: Precedence.SAFETY,
    Opcode.ASK: Precedence.QUESTION, Opcode.FOLLOW_UP: Precedence.QUESTION,
    Opcode.ANSWER: Precedence.ANSWER,
}


def of(opcode: Opcode) -> Precedence:
    """The class of a command with this opcode."""
    return _CLASSES.get(opcode, Precedence.COMMAND)


def lifetime_s(opcode: Opcode, ground: GroundSection) -> int:
    """For how long a command with this opcode may be sent after it was queued."""
    if opcode in HAZARDOUS:
        return ground.hazardous_lifetime_s
    if opcode is Opcode.ELEMENTS:  # the next pass over the station may be half a day away
        return LIFETIME_S_MAX
    return ground.question_lifetime_s if opcode is Opcode.ASK else ground.command_lifetime_s


def check_lifetime(opcode: Opcode, seconds: int) -> None:
    """Raises ValueError for a lifetime outside the allowed range."""
    longest_s = HAZARDOUS_LIFETIME_S_MAX if opcode in HAZARDOUS else LIFETIME_S_MAX
    if not LIFETIME_S_MIN <= seconds <= longest_s:
        raise ValueError(
            f"the lifetime of {opcode.name.lower()} must be {LIFETIME_S_MIN}..{longest_s} s")


def in_order(
    waiting: Sequence[QueuedCommand], last_sent_ms: Mapping[str, int]
) -> list[QueuedCommand]:
    """Commands in the order in which they would be sent if each were received at once.

    ``waiting`` comes oldest first. ``last_sent_ms`` gives when a question of each asker was sent.
    """
    turns: Counter[str] = Counter()
    keyed = []
    for entry in waiting:
        turn, last_ms = 0, 0
        if entry.opcode is Opcode.ASK:
            turn, last_ms = turns[entry.asker], last_sent_ms.get(entry.asker, 0)
            turns[entry.asker] += 1
        keyed.append((of(entry.opcode), turn, last_ms, entry.command_id, entry))
    return [entry for *_, entry in sorted(keyed, key=lambda row: row[:4])]


def is_gone(arming: QueuedCommand, utc_ms: int) -> bool:
    """Can no CUTDOWN_FIRE follow this CUTDOWN_ARM any more?"""
    if arming.is_heard:
        return utc_ms - (arming.last_sent_ms or 0) > 1000 * ARMED_S
    return not arming.is_waiting


def hopeless(entry: QueuedCommand, arming: QueuedCommand | None, utc_ms: int) -> str | None:
    """Why this command can never be accepted, in a clause; None while it can.

    ``arming`` is the last CUTDOWN_ARM that was queued before it.
    """
    if entry.opcode is Opcode.CUTDOWN_FIRE:
        if arming is None or not (arming.is_heard or arming.is_waiting):
            return f"its cutdown_arm is {'missing' if arming is None else arming.state}"
        return "the arming ended before it could be sent" if is_gone(arming, utc_ms) else None
    if of(entry.opcode) >= Precedence.COMMAND and entry.attempts >= ATTEMPTS_MAX:
        return f"not confirmed after {ATTEMPTS_MAX} tries"
    return None


def may_go(entry: QueuedCommand, arming: QueuedCommand | None, is_armed: bool) -> bool:
    """May this command be sent in the open window? ``is_armed`` is what its beacon reported."""
    is_taken = arming is not None and arming.is_heard
    return entry.opcode is not Opcode.CUTDOWN_FIRE or (is_armed and is_taken)
