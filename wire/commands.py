"""Commands from the ground: opcodes and their typed arguments.

The body of a COMMAND frame is one opcode byte and a msgpack list of arguments. No command carries
a path, a shell word or anything that is evaluated.

A command is meant for now. Its counter is the second in which it was signed, so a payload that
knows the time tells how old it is, and refuses what is too old or dated ahead. CUTDOWN_ABORT alone
is taken at any age: it can only make the payload safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import msgpack

from wire.orbit import TEXT_BYTES
from wire.sources import TEXT_BYTES_MAX

QUESTION_BYTES_MAX = 160
TX_OFF_MINUTES_MAX = 30
ARMED_S = 60  # CUTDOWN_FIRE must follow CUTDOWN_ARM within this
AGE_S_MAX = 900  # a station's clock may be that slow; no command is repeated for longer
HAZARDOUS_AGE_S_MAX = 180
AHEAD_S_MAX = 180  # a station's fast clock locks out its own later commands no longer than this


class Opcode(IntEnum):
    """Numbers are on the air: they are only ever added."""

    PING = 1
    ASK = 2  # question_id, text: the persona answers with a REPLY record
    BEACON_NOW = 3
    MUSE_NOW = 4
    PICTURE_NOW = 5
    PLAIN_TEXT = 6  # id of a text model the ground lacks: send texts without it, and again
    STATUS = 7  # an event tells uptime, boot and modes
    SETTING_GET = 8  # number of a setting (wire.settings): an event tells its value
    SETTING_SET = 9  # number, value
    MUSE_ENABLE = 10  # 0 or 1
    CAMERA_ENABLE = 11  # 0 or 1
    TIME_SET = 12  # seconds since 2025-01-01 UTC; only while GNSS has not set the clock
    TX_OFF = 13  # minutes without any transmission
    REBOOT = 14  # of the flight core, not of the computer
    SAFE_ENTER = 15
    SAFE_EXIT = 16
    CUTDOWN_ARM = 17
    CUTDOWN_FIRE = 18  # within ARMED_S of the arming, with a counter of its own
    CUTDOWN_ABORT = 19
    FOLLOW_UP = 20  # question_id, id of the question of the same person before it, text: an ASK
    NOTE = 21  # text: kept with what sources said, and quoted in answers like it
    ANSWER = 24  # request id of an API_CALL record, text: what the source says that it asked for
    HEARSAY_LIST = 25  # an event for each thing that sources said and that is kept
    HEARSAY_FORGET = 26  # number of one, 0 for all
    ELEMENTS = 27  # text: the two lines of a TLE (wire.orbit), by which passes are predicted


QUESTIONS = frozenset((Opcode.ASK, Opcode.FOLLOW_UP))  # their last argument is the question

# The commands that would do the most harm if replayed. The cutdown cannot be undone. REBOOT makes a
# payload without a disk forget that it took it, so one recording would do for ever. TX_OFF is not
# among them: it ends by itself, and whoever is responsible for the transmitter must be able to stop
# it.
HAZARDOUS = frozenset((Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE, Opcode.REBOOT))

ARGUMENTS: dict[Opcode, tuple[type, ...]] = {
    Opcode.PING: (),
    Opcode.ASK: (int, str),
    Opcode.BEACON_NOW: (),
    Opcode.MUSE_NOW: (),
    Opcode.PICTURE_NOW: (),
    Opcode.PLAIN_TEXT: (int,),
    Opcode.STATUS: (),
    Opcode.SETTING_GET: (int,),
    Opcode.SETTING_SET: (int, int),
    Opcode.MUSE_ENABLE: (int,),
    Opcode.CAMERA_ENABLE: (int,),
    Opcode.TIME_SET: (int,),
    Opcode.TX_OFF: (int,),
    Opcode.REBOOT: (),
    Opcode.SAFE_ENTER: (),
    Opcode.SAFE_EXIT: (),
    Opcode.CUTDOWN_ARM: (),
    Opcode.CUTDOWN_FIRE: (),
    Opcode.CUTDOWN_ABORT: (),
    Opcode.FOLLOW_UP: (int, int, str),
    Opcode.NOTE: (str,),
    Opcode.ANSWER: (int, str),
    Opcode.HEARSAY_LIST: (),
    Opcode.HEARSAY_FORGET: (int,),
    Opcode.ELEMENTS: (str,),
}


class Range(NamedTuple):
    """What a number among the arguments is called, and what it may be, both ends included."""

    name: str
    low: int
    high: int


# Of the numbers among an opcode's arguments, in their order.
RANGES: dict[Opcode, tuple[Range, ...]] = {
    Opcode.ASK: (Range("a question id", 0, (1 << 32) - 1),),
    Opcode.PLAIN_TEXT: (Range("the id of a text model", 0, (1 << 16) - 1),),
    Opcode.SETTING_GET: (Range("the number of a setting", 1, 255),),
    Opcode.SETTING_SET: (
        Range("the number of a setting", 1, 255), Range("a setting", 0, (1 << 31) - 1),
    ),
    Opcode.MUSE_ENABLE: (Range("the switch", 0, 1),),
    Opcode.CAMERA_ENABLE: (Range("the switch", 0, 1),),
    Opcode.TIME_SET: (Range("the time in seconds since 2025", 0, (1 << 32) - 1),),
    Opcode.TX_OFF: (Range("the silence in minutes", 1, TX_OFF_MINUTES_MAX),),
    Opcode.FOLLOW_UP: (
        Range("a question id", 0, (1 << 32) - 1),
        Range("the id of the question before it", 0, (1 << 32) - 1),
    ),
    Opcode.ANSWER: (Range("a request id", 0, (1 << 32) - 1),),
    Opcode.HEARSAY_FORGET: (Range("the number of a thing heard", 0, (1 << 16) - 1),),
}
# Of the text that is an opcode's last argument: what it is called, and how many bytes it may have.
TEXTS: dict[Opcode, tuple[str, int]] = {
    **dict.fromkeys(QUESTIONS, ("a question", QUESTION_BYTES_MAX)),
    Opcode.NOTE: ("a note", TEXT_BYTES_MAX),
    Opcode.ANSWER: ("an answer", TEXT_BYTES_MAX),
    Opcode.ELEMENTS: ("a TLE", TEXT_BYTES),
}


@dataclass(frozen=True, slots=True)
class Command:
    opcode: Opcode
    arguments: tuple[int | str, ...] = ()


def opcode_of(body: bytes) -> Opcode | None:
    """What a COMMAND frame with this body asks for; None where that is no opcode."""
    return Opcode(body[0]) if body and body[0] in Opcode._value2member_map_ else None


def age_s_max(opcode: Opcode | None) -> int:
    """How old a command may be when it is heard, s."""
    return HAZARDOUS_AGE_S_MAX if opcode in HAZARDOUS else AGE_S_MAX


def encode(command: Command) -> bytes:
    """The body of a COMMAND frame. Raises ValueError when the arguments are not the opcode's."""
    _check(command)
    packed: bytes = msgpack.packb(list(command.arguments))
    return bytes((command.opcode,)) + packed


def decode(body: bytes) -> Command:
    """The command in ``body``. Raises ValueError with a short reason when it is not one."""
    opcode = opcode_of(body)
    if opcode is None:
        raise ValueError(f"unknown opcode {body[0] if body else 'none'}")
    arguments = msgpack.unpackb(body[1:], raw=False, use_list=True)
    if not isinstance(arguments, list):
        raise ValueError("the arguments are not a list")
    command = Command(opcode, tuple(arguments))
    _check(command)
    return command


def _check(command: Command) -> None:
    kinds = ARGUMENTS[command.opcode]
    is_right = len(kinds) == len(command.arguments) and all(
        type(value) is kind for value, kind in zip(command.arguments, kinds, strict=False)
    )
    if not is_right:
        names = ", ".join(kind.__name__ for kind in kinds) or "nothing"
        raise ValueError(f"{command.opcode.name} requires {names}")
    numbers = [value for value in command.arguments if isinstance(value, int)]
    for value, allowed in zip(numbers, RANGES.get(command.opcode, ()), strict=True):
        if not allowed.low <= value <= allowed.high:
            raise ValueError(f"{allowed.name} must be {allowed.low}..{allowed.high}")
    if command.opcode in TEXTS:
        name, bytes_max = TEXTS[command.opcode]
        if not 1 <= len(str(command.arguments[-1]).encode()) <= bytes_max:
            raise ValueError(f"{name} must have 1..{bytes_max} bytes")
