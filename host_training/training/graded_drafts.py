"""Drafts that a reader has graded, and the pairs of a better and a worse one they teach.

``graded.jsonl`` in a persona directory has one moment a line:

    {"moment": "climbing, 3 km up. outside -9 C.\\nabout: cold", "drafts": ["...", ...],
     "grades": [2, 0, ...]}

``moment`` is the prompt as the flight words it (``payload.prompt.suffix``), without its template.
A grade is 0 (fails: no sentence, no sense, or at odds with the moment), 1 (a reader stumbles over
it), 2 (sound, and fits) or 3 (and worth reading). Without grades a moment was not read yet.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from host_training.common.chat_template import END_OF_TURN, SPECIAL_TOKENS
from host_training.errors import TrainingError
from payload.prompt import strip_control
from wire.sampling import DRAFTS_MAX

GRADES = range(4)
SOUND = 2  # the least grade of what is preferred
PAIRS_MAX = 2  # of one moment
FILE_BYTES_MAX = 64 << 20
MOMENT_CHARS_MAX = 2000
DRAFT_CHARS_MAX = 1000


@dataclass(frozen=True, slots=True)
class GradedMoment:
    """One moment with its drafts, in the order in which the mind ranked them, the best first."""

    moment: str
    drafts: tuple[str, ...]
    grades: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two drafts of one moment, of which a reader prefers the first."""

    moment: str
    chosen: str
    rejected: str


def load(path: Path) -> list[GradedMoment]:
    """The moments of ``graded.jsonl``; none where there is no such file.

    Raises:  TrainingError naming the file and the line.
    """
    try:
        if not path.exists():
            return []
        if path.stat().st_size > FILE_BYTES_MAX:
            raise TrainingError(f"{path}: larger than {FILE_BYTES_MAX >> 20} MB.")
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path}: byte {error.start} is not UTF-8.") from error
    return [_moment(line, f"{path}, line {number}")
            for number, line in enumerate(lines, 1) if line.strip()]


def save(path: Path, moments: Sequence[GradedMoment]) -> None:
    """Whole or not at all. Raises TrainingError."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text("".join(json.dumps(asdict(moment), ensure_ascii=False) + "\n"
                                   for moment in moments), encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written ({error.strerror}).") from error


def pairs(moments: Sequence[GradedMoment], seed: int) -> list[Pair]:
    """At most PAIRS_MAX pairs of each moment that has a sound draft and a worse one.

    The worse one is two grades below where there is one. For the best draft it is drawn from all
    of these, since the mind draws from all; for the second it is the one that was ranked highest.
    """
    rng = random.Random(seed)
    found = []
    for graded in moments:
        texts = [" ".join(strip_control(draft).split()) for draft in graded.drafts]
        grades = graded.grades
        sound = sorted((at for at in range(len(grades)) if grades[at] >= SOUND and texts[at]),
                       key=lambda at: (-grades[at], at))
        for number, chosen in enumerate(sound[:PAIRS_MAX]):
            worse = [at for at in range(len(texts)) if texts[at]
                     and grades[at] <= grades[chosen] - 2]
            worse = worse or [at for at in range(len(texts)) if texts[at] and grades[at] < SOUND]
            if worse:
                rejected = rng.choice(worse) if number == 0 else worse[0]
                found.append(Pair(graded.moment, texts[chosen], texts[rejected]))
    return found


def _moment(line: str, place: str) -> GradedMoment:
    try:
        table: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{place}: not JSON ({error}).") from error
    if not isinstance(table, dict) or table.keys() != {"moment", "drafts", "grades"}:
        raise TrainingError(f"{place}: must have exactly moment, drafts and grades.")
    moment, drafts, grades = table["moment"], table["drafts"], table["grades"]
    if not isinstance(moment, str) or not 0 < len(moment) <= MOMENT_CHARS_MAX:
        raise TrainingError(f"{place}: moment must be text of 1 to {MOMENT_CHARS_MAX} characters.")
    if any(token in moment for token in SPECIAL_TOKENS):
        raise TrainingError(f"{place}: moment contains a control token of the prompt, such as"
                            f" {END_OF_TURN}.")
    if not isinstance(drafts, list) or not 1 <= len(drafts) <= DRAFTS_MAX or not all(
            isinstance(draft, str) and len(draft) <= DRAFT_CHARS_MAX for draft in drafts):
        raise TrainingError(f"{place}: drafts must be 1 to {DRAFTS_MAX} texts of at most"
                            f" {DRAFT_CHARS_MAX} characters.")
    if not isinstance(grades, list) or len(grades) not in (0, len(drafts)) or not all(
            type(grade) is int and grade in GRADES for grade in grades):
        raise TrainingError(f"{place}: grades must be {len(drafts)} numbers from {GRADES[0]} to"
                            f" {GRADES[-1]}, one for each draft, or none.")
    return GradedMoment(moment, tuple(drafts), tuple(grades))
