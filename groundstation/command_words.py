"""Commands as text: parses what an operator types, by the tables of ``wire.commands``.

The outbox keeps a command as its opcode and the words of its arguments. The id of a question is the
command's own and is never typed, nor is the time that TIME_SET carries: it is that of sending.
"""

from __future__ import annotations

import math
from typing import TypedDict

from wire import commands, settings
from wire.airtime_budget import AirtimeBudget
from wire.commands import ARGUMENTS, HAZARDOUS, Command, Opcode
from wire.mission import Mission
from wire.unknown_name import unknown_name

_WANTED = {int: "a whole number", float: "a number", str: "a text"}
_A_SETTING = frozenset((Opcode.SETTING_GET, Opcode.SETTING_SET))  # their first argument is one
NOT_IN_A_FORM = frozenset((Opcode.ASK, Opcode.PLAIN_TEXT))
# What the station makes of a question, and what it reads from a file.
_NEVER_TYPED = frozenset((Opcode.FOLLOW_UP, Opcode.ELEMENTS))
# Their first argument is not typed: the id of the question, and the time.
_FIRST_IS_OURS = frozenset((Opcode.ASK, Opcode.TIME_SET))


class CommandForm(TypedDict):
    """A command as the page offers it, with its arguments in words."""

    name: str
    arguments: str
    is_hazardous: bool


def names() -> list[str]:
    """Every command that is typed, as it is typed."""
    return [opcode.name.lower() for opcode in Opcode if opcode not in _NEVER_TYPED]


def find(name: str) -> Opcode:
    """The opcode called ``name``. Raises ValueError, listing all names."""
    typed = name.lower().replace("-", "_")
    if typed not in names():
        raise ValueError(unknown_name("command", typed, names()))
    return Opcode[typed.upper()]


def usage(opcode: Opcode) -> str:
    """The arguments of ``opcode``, such as "ask requires a text"."""
    wanted = " and ".join(_argument_words(opcode))
    return f"{opcode.name.lower()} requires {wanted or 'no argument'}"


def forms() -> list[CommandForm]:
    """What an operator may send from the page: each command with its arguments in words. Questions
    have a form of their own, and PLAIN_TEXT is the station's to send."""
    return [
        {"name": name, "arguments": ", ".join(_argument_words(opcode)),
         "is_hazardous": opcode in HAZARDOUS}
        for name in names() if (opcode := find(name)) not in NOT_IN_A_FORM
    ]


def in_words(opcode: Opcode, text: str) -> str:
    """A command as a person would say it, such as ask "Is it cold?"."""
    name = opcode.name.lower()
    if opcode is Opcode.ELEMENTS:
        return f"{name} of {text[2:7]}, epoch {text[18:32]}"
    is_text_alone = _typed(opcode) == (str,)
    return f'{name} "{text}"' if is_text_alone else f"{name} {text}".rstrip()


def command(opcode: Opcode, command_id: int, text: str, now_s: int) -> Command:
    """What is sent of a queued command: ``text`` holds its typed arguments, blanks between them.

    ``now_s``: seconds since 2025 at which it is sent. A text at the end takes all that is left.
    Raises ValueError with one clause.
    """
    kinds = _typed(opcode)
    ends_in_text = bool(kinds) and kinds[-1] is str
    words = text.split(maxsplit=len(kinds) - 1) if ends_in_text else text.split()
    if len(words) != len(kinds):
        raise ValueError(usage(opcode))
    if opcode in _A_SETTING:
        words[0] = str(settings.find(words[0]).number)
    given = {Opcode.ASK: (command_id,), Opcode.TIME_SET: (now_s,)}.get(opcode, ())
    typed = tuple(_value(opcode, kind, word) for kind, word in zip(kinds, words, strict=True))
    made = Command(opcode, (*given, *typed))
    commands.encode(made)  # the ranges are the opcode's own
    return made


def check_setting(opcode: Opcode, text: str, mission: Mission) -> None:
    """Raises ValueError with one clause for a value that this payload refuses whatever else it was
    told. Any other command passes, and what ``command`` refuses."""
    name, _, word = text.strip().partition(" ")
    if opcode is not Opcode.SETTING_SET or not word:
        return
    setting, value = settings.find(name), int(_value(opcode, int, word))
    highest = setting.highest(math.ceil(AirtimeBudget(mission).least_ms / 1000))
    if not setting.low <= value <= highest:
        raise ValueError(f"setting {setting.name} must be {setting.low}..{highest} s, not {value}")


def _argument_words(opcode: Opcode) -> list[str]:
    words = [_words_for(kind) for kind in _typed(opcode)]
    if opcode in _A_SETTING:
        words[0] = "the name of a setting"
    return words


def _typed(opcode: Opcode) -> tuple[type, ...]:
    return ARGUMENTS[opcode][1:] if opcode in _FIRST_IS_OURS else ARGUMENTS[opcode]


def _value(opcode: Opcode, kind: type, word: str) -> int | str:
    try:
        value: int | str = kind(word)
    except ValueError:
        raise ValueError(f"{usage(opcode)}, and {word!r} is not {_words_for(kind)}") from None
    return value


def _words_for(kind: type) -> str:
    return _WANTED.get(kind, kind.__name__)
