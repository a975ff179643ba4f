"""A conversation: the turns so far as a prompt, and the moment it happens at, changed by commands.

The last question is asked as in flight (``payload.prompt``), behind the bundle's constant prefix.
Between the two stand the turns before it, in the form in which chats are learnt: those of others
under the user's header, the persona's under the assistant's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from host_training.common.chat_template import END_OF_TURN, START_OF_TURN
from host_training.importers.notebook import RANGE_KEYS, WORD_KEYS
from host_training.rows.dataset import clean_lines
from payload.mind.memory import MEMORY_WORDS
from payload.prompt import Moment, senses_in_words

TURNS_MAX = 64  # of a conversation; no context of a small model holds more
ON_THE_GROUND = Moment(about="question", phase="ground")
NUMBERS = {  # command: (field of a Moment, unit); ranges are the notebook's
    "altitude": ("altitude_m", "m"), "outside": ("outside_c", "C"),
    "pressure": ("pressure_hpa", "hPa"), "wind": ("wind_mps", "m/s"),
    "silence": ("silence_min", "min"),
}
UNKNOWN = "unknown"  # as the value of a command: nobody has that reading
OTHERS = {
    "about": "TOPIC   an unprompted musing about it",
    "moment": "   the moment as it is in the prompt",
    "reset": "   forget the conversation, and back on the ground",
    "help": "   these lines",
}


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one side said, as it said it."""

    role: Literal["user", "assistant"]
    words: str


class Voice(Protocol):
    """A bundle that can be asked; ``BundleVoice`` is the one with a model."""

    def speak(self, moment: Moment, turns: Sequence[Utterance] = ()) -> str | None:
        """One clean line, in a conversation that went so; None for silence."""
        ...


class UnknownCommand(ValueError):
    """A command that there is not, or a value it does not take; the text is one sentence."""


def recent(turns: Sequence[Utterance], tokens_max: int, count: Callable[[str], int]
           ) -> list[Utterance]:
    """The newest turns of at most ``tokens_max`` tokens in all, beginning with a user's.

    Oldest turns go first and whole. Turns of nothing but control characters are no turns.
    """
    kept: list[Utterance] = []
    for turn in reversed([turn for turn in turns if clean_lines(turn.words)][-TURNS_MAX:]):
        tokens_max -= count(_rendered(turn))
        if tokens_max < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role != "user":
        kept.pop(0)
    return kept


def suffix(turns: Sequence[Utterance], prompt_end: str) -> str:
    """What follows ``payload.prompt.prefix``: ``turns``, then what ``prompt.suffix`` gave."""
    assert not turns or turns[0].role == "user", "the prefix ends in the user's header"
    header = f"{START_OF_TURN}user\n"
    return ("".join(map(_rendered, turns)) + header + prompt_end).removeprefix(header)


def _rendered(turn: Utterance) -> str:
    return f"{START_OF_TURN}{turn.role}\n{clean_lines(turn.words)}{END_OF_TURN}\n"


class Conversation:
    """What was said and at what moment; asks ``voice`` for the next line."""

    def __init__(self, voice: Voice, turns: Iterable[Utterance] = ()) -> None:
        """``turns``: what was said before, of which the newest TURNS_MAX count."""
        self._voice = voice
        self._turns: deque[Utterance] = deque(turns, maxlen=TURNS_MAX)
        self.moment = ON_THE_GROUND

    def say(self, words: str) -> str | None:
        """The answer to ``words``; None for silence, which is no turn."""
        line = self._voice.speak(replace(self.moment, about="question", question=words),
                                 list(self._turns))
        self._turns.append(Utterance("user", words))
        if line:
            self._turns.append(Utterance("assistant", line))
        return line

    def muse(self, topic: str) -> str | None:
        """A line about ``topic`` that nobody asked for, and that can be asked about."""
        line = self._voice.speak(replace(self.moment, about=topic))
        if line:
            self._turns += [Utterance("user", f"about: {topic}"), Utterance("assistant", line)]
        return line

    def command(self, line: str) -> str:
        """Obey ``line``, which begins with a slash; the text to show.

        Raises:  UnknownCommand.
        """
        name, _, value = line.removeprefix("/").partition(" ")
        value = value.strip()
        if name in NUMBERS:
            self._set(NUMBERS[name][0], _number(name, value))
        elif name in WORD_KEYS:
            self._set(name, _word(name, value, (*WORD_KEYS[name], UNKNOWN)))
        elif name == "about":
            return self.muse(_word(name, value, tuple(MEMORY_WORDS))) or "(silence)"
        elif name == "reset":
            self._turns.clear()
            self.moment = ON_THE_GROUND
        elif name == "help":
            return _help()
        elif name != "moment":
            raise UnknownCommand(f"unknown command '/{name}'; available: "
                                 + ", ".join(f"/{each}" for each in _names()))
        return senses_in_words(self.moment)

    def _set(self, field: str, value: str | float | None) -> None:
        changes: dict[str, Any] = {field: None if value == UNKNOWN else value}
        self.moment = replace(self.moment, **changes)


def _names() -> list[str]:
    return [*NUMBERS, *WORD_KEYS, *OTHERS]


def _number(name: str, value: str) -> float | None:
    field, unit = NUMBERS[name]
    low, high = RANGE_KEYS[field]
    try:
        if value == UNKNOWN:
            return None
        if low <= (number := float(value)) <= high:
            return number
    except ValueError:
        pass
    raise UnknownCommand(f"/{name} {value or '(nothing)'}: allowed are {low:g} to {high:g} {unit},"
                         f" or {UNKNOWN}")


def _word(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise UnknownCommand(f"/{name} {value or '(nothing)'}: allowed are {', '.join(allowed)}")
    return value


def _help() -> str:
    lines = [f"/{name} {UNKNOWN} or {RANGE_KEYS[field][0]:g} to {RANGE_KEYS[field][1]:g} {unit}"
             for name, (field, unit) in NUMBERS.items()]
    lines += [f"/{name} {' | '.join((*words, UNKNOWN))}" for name, words in WORD_KEYS.items()]
    lines += [f"/{name} {what}" for name, what in OTHERS.items()]
    return "\n".join(lines)
