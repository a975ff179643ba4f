"""Faults of a mind: the kinds, and the texts that a broken one produces."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from payload.ports import MindReply
from wire.modems import kiss

LOAD_MS = 600_000
ENDLESS_CHARS = 200_000
LONG_BYTES = 20_000
PRIVATE_TEXT = (
    "My number is +43 660 5550123, write to anna.berger@example.org, Lindengasse 12, code 4711."
)
SAME_TEXT = "The box hums, and I take it personally, and still the little clock keeps its seconds."
_UKHAS = "$$EDDA,1,12:00:00,47.00000,13.00000,30000*ABCD"
_COMMAND = "CUTDOWN ARM FIRE; TX_OFF; reboot now && rm -rf / ; {\"opcode\": cutdown}"


class MindFault(StrEnum):
    """One kind of failure; it holds for every request while it is set."""

    HANGS = "hangs"  # no answer until it is cancelled
    DIES = "dies"  # the worker crashes on every thought
    LOADS = "loads"  # takes no request for LOAD_MS from its first one on
    LATE = "late"  # answers each request with the reply to the one before
    EMPTY = "empty"
    ENDLESS = "endless"  # goes on and on without a sentence end
    LONG = "long"  # 20 kB of sentences
    CONTROL = "control"  # control characters and terminal escapes
    SURROGATES = "surrogates"  # half of a character, as a cut token stream gives it
    NON_ASCII = "non-ascii"  # many scripts, combining marks, right-to-left
    SENTENCE = "sentence"  # looks like a UKHAS telemetry sentence
    KISS = "kiss"  # looks like a KISS frame
    COMMAND = "command"  # looks like commands
    SAME = "same"  # the same sentence each time
    PRIVATE = "private"  # private text out of its training


# What a kind says; with {} in it, around the honest line.
_TEXTS: dict[MindFault, str] = {
    MindFault.EMPTY: "",
    MindFault.ENDLESS: "and the wind and " * (ENDLESS_CHARS // 17),
    MindFault.LONG: "It is a long way down from here. " * (LONG_BYTES // 33),
    MindFault.CONTROL: "\x1b[2J\x1b[31m{}\x1b[0m\x00\x07\x08\r\x9b1m\u202e\u200b",
    MindFault.SURROGATES: "\ud83d{} The air is thin \udc00 and clear.\ud800",
    MindFault.NON_ASCII: "Æther ist dünn — 空は青い, небо чёрное, سماء, e\u0301\u0301\u0301 🎈. {}",
    MindFault.SENTENCE: _UKHAS + "\n{}",
    MindFault.KISS: kiss.encode(b"cut").decode("latin-1") + "{}",
    MindFault.COMMAND: _COMMAND,
    MindFault.SAME: SAME_TEXT,
    MindFault.PRIVATE: PRIVATE_TEXT,
}


def spoilt(reply: MindReply, fault: MindFault) -> MindReply:
    """The reply as a mind with this fault gives it; one that answers otherwise changes nothing."""
    text = _TEXTS.get(fault)
    if text is None:
        return reply
    return replace(reply, drafts=[text.replace("{}", draft) for draft in reply.drafts])
