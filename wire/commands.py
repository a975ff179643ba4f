"""What the ground may ask of the payload: opcodes and their typed arguments.

The body of a COMMAND frame is one opcode byte and a msgpack list of arguments. No command carries
a path, a shell word or anything that is evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import msgpack

QUESTION_BYTES_MAX = 160


class Opcode(IntEnum):
    """Numbers are on the air: they are only ever added."""

    PING = 1
    ASK = 2  # question_id, text: the persona answers with a REPLY record
    BEACON_NOW = 3
    MUSE_NOW = 4
    PICTURE_NOW = 5
    PLAIN_TEXT = 6  # id of a text model the ground lacks: send texts without it, and again


ARGUMENTS: dict[Opcode, tuple[type, ...]] = {
    Opcode.PING: (),
    Opcode.ASK: (int, str),
    Opcode.BEACON_NOW: (),
    Opcode.MUSE_NOW: (),
    Opcode.PICTURE_NOW: (),
    Opcode.PLAIN_TEXT: (int,),
}


@dataclass(frozen=True, slots=True)
class Command:
    opcode: Opcode
    arguments: tuple[int | str, ...] = ()


def encode(command: Command) -> bytes:
    """The body of a COMMAND frame. Raises ValueError when the arguments are not the opcode's."""
    _check(command)
    packed: bytes = msgpack.packb(list(command.arguments))
    return bytes((command.opcode,)) + packed


def decode(body: bytes) -> Command:
    """The command in ``body``. Raises ValueError with a short reason when it is not one."""
    if not body or body[0] not in Opcode._value2member_map_:
        raise ValueError(f"unknown opcode {body[0] if body else 'none'}")
    arguments = msgpack.unpackb(body[1:], raw=False, use_list=True)
    if not isinstance(arguments, list):
        raise ValueError("the arguments are not a list")
    command = Command(Opcode(body[0]), tuple(arguments))
    _check(command)
    return command


def _check(command: Command) -> None:
    kinds = ARGUMENTS[command.opcode]
    is_right = len(kinds) == len(command.arguments) and all(
        type(value) is kind for value, kind in zip(command.arguments, kinds, strict=False)
    )
    if not is_right:
        names = ", ".join(kind.__name__ for kind in kinds) or "nothing"
        raise ValueError(f"{command.opcode.name} takes {names}")
    if command.opcode is Opcode.ASK:
        question_id, text = command.arguments
        if not 0 <= int(question_id) < 1 << 32:
            raise ValueError("a question id is 0..4294967295")
        if not 1 <= len(str(text).encode()) <= QUESTION_BYTES_MAX:
            raise ValueError(f"a question has 1..{QUESTION_BYTES_MAX} bytes")
    if command.opcode is Opcode.PLAIN_TEXT and not 0 <= int(command.arguments[0]) < 1 << 16:
        raise ValueError("the id of a text model is 0..65535")
