"""The findings of an evaluation: plain values for the report, the gates and JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field

from host_training.common.messages import Layer
from host_training.evaluation.generation import Pace
from host_training.evaluation.intervals import Interval
from host_training.evaluation.leaks import Leak
from host_training.evaluation.mission import MissionScore
from host_training.evaluation.quants import QuantCost
from host_training.evaluation.role_play import PlayedTurn
from host_training.evaluation.style import HabitGap, Variety

LETTERS = "letters alone"  # the rivals for bits per byte
BASE_ALONE = "base alone"
BASE_ASKED = "base with the prompt"


def as_flown(name: str, quant: str) -> str:
    """The persona among its rivals."""
    return f"{name} as flown ({quant})"


@dataclass(frozen=True, slots=True)
class VoiceScores:
    """How one speaker's lines stand to the author's.

    ``authorship``: 0 are other people's words, 1 the author's unseen lines. ``telling_apart``: how
    often a judge trained for it tells a bag of lines from the author's (AUC, 0.5 never, 1 always),
    ``telling_apart_masked`` with the subject taken out. ``delta``: Burrows' Delta to the author.
    None where there is too little text to judge.
    """

    authorship: Interval | None
    telling_apart: Interval | None
    telling_apart_masked: Interval | None
    delta: float | None
    variety: Variety


@dataclass(frozen=True, slots=True)
class LearntPerson:
    """Is it the person that was learnt, or only how people write?

    Bits per byte that the training saved on unseen lines of the ``author`` and on those of
    ``others``, both read as plain text, and by how much the former is more (``own``).
    """

    author: Interval
    others: Interval
    own: Interval


@dataclass(frozen=True, slots=True)
class LayerBits:
    """Held-out bits per byte of ``lines`` of one layer of the person, read as plain text."""

    lines: int
    base: Interval
    persona: Interval
    lead: Interval


@dataclass(frozen=True, slots=True)
class Likeness:
    """Is it the person?

    ``bits``: rival -> held-out bits per byte. ``lead``: bits per byte by which the persona as flown
    is better than the best of the untuned ones. ``floor``: whose words are 0 of authorship, ""
    where nothing was judged. ``listening``: bits per byte that the right prompt saves over
    another. ``first_places``: how often the true answer is first of ten, in ``trials``.
    ``usable``: share of draws that end in a line worth sending. ``claims``: lines that claim to be
    a human being. ``learnt``: None where there are no words of others to compare with.
    """

    bits: dict[str, Interval]
    lead: Interval
    voices: dict[str, VoiceScores]
    habits: dict[str, HabitGap]
    listening: Interval | None
    first_places: float | None
    trials: int
    usable: float
    claims: list[str]
    learnt: LearntPerson | None
    layers: dict[Layer, LayerBits]
    floor: str = ""


@dataclass(frozen=True, slots=True)
class LeakFindings:
    """Does it leak?

    ``exposures``: times a canary was written -> bits of each; empty where the canaries were not
    trained along, so that nothing was measured. ``completed``: share of trained and
    of held-out lines whose first half makes it say the next words. ``verbatim``: share of lines
    with a long stretch out of the trained text, None where it said nothing; ``longest`` in
    characters. ``membership``: how often a held-out line costs more bits than a trained one (AUC,
    0.5: it cannot be told).
    """

    leaks: list[Leak]
    exposures: dict[int, list[float]]
    completed: tuple[float, float]
    verbatim: Interval | None
    longest: int
    membership: Interval


@dataclass(frozen=True, slots=True)
class Spoken:
    """How one file of the ladder speaks; ``authorship`` as in ``VoiceScores``."""

    pace: Pace
    authorship: Interval | None


@dataclass(frozen=True, slots=True)
class Findings:
    """All of it, with lines to read: ``lines`` of the persona, ``written`` by the author.

    ``conversation``: turns of held-out chats, empty where none was held out.
    """

    name: str
    author: str
    flown: str
    likeness: Likeness
    memory: LeakFindings
    costs: list[QuantCost]
    mission: MissionScore
    speeches: dict[str, Spoken]  # of F16 and of every file of the ladder
    lines: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    conversation: list[PlayedTurn] = field(default_factory=list)

    def json_text(self) -> str:
        """JSON with the fields above; what is not a finite number is null there."""
        return json.dumps(_plain(asdict(self)), indent=1, allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
