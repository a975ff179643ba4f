"""Role-play: turns of a held-out conversation as the persona would say them, and as its base.

Whatever a model says, the next turn is asked after what was really said: so its turns can be read
beside the real ones. As the author always; as the partner where partners' words were trained on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from host_training.common.chat_template import END_OF_TURN, START_OF_TURN
from host_training.evaluation.generation import best_line
from host_training.evaluation.subject import Subject
from host_training.likelihood.bits import open_engine
from host_training.rows.dataset import NO_LOSS, ROW_TOKENS_MAX, Row, RowBuilder, spread
from wire.sampling import Sampling

ANSWERS_MAX = 8  # of the author, each with the partner's turn before it
_TURN = re.compile(f"{re.escape(START_OF_TURN)}(user|assistant)\n(.*?){re.escape(END_OF_TURN)}\n",
                   re.DOTALL)

Side = Literal["author", "partner"]
_HEADERS: dict[Side, str] = {"author": f"{START_OF_TURN}assistant\n",
                             "partner": f"{START_OF_TURN}user\n"}


@dataclass(frozen=True, slots=True)
class PlayedTurn:
    """One turn of a held-out conversation, as it was and as two models would have said it.

    ``heard``: the turn before it, "" where it opens the conversation. ``persona``, ``base``: None
    where no draft is worth sending.
    """

    side: Side
    heard: str
    real: str
    persona: str | None
    base: str | None


@dataclass(frozen=True, slots=True)
class Cue:
    """What is asked: a conversation up to the header of the turn that is to be said."""

    side: Side
    prompt: str
    heard: str
    real: str


def play(subject: Subject) -> list[PlayedTurn]:
    """The turns of the test's conversations; empty where no conversation was held out."""
    rows = spread([row for row in subject.test if row.kind == "dialogue"], ANSWERS_MAX)
    every_cue = [cue for row in rows for cue in cues(row, subject.builder, subject.has_partners)]
    if not every_cue:
        return []
    persona, base = (_replies(path, every_cue, subject.sampling, subject.seed, subject.threads)
                     for path in (subject.flown_path, subject.base))
    return [PlayedTurn(cue.side, cue.heard, cue.real, ours, theirs)
            for cue, ours, theirs in zip(every_cue, persona, base, strict=True)]


def cues(row: Row, builder: RowBuilder, has_partners: bool) -> Iterator[Cue]:
    """The partner's last turn of a dialogue row, where it answers something, then the author's."""
    begins = next(at for at, label in enumerate(row.labels) if label != NO_LOSS)
    text = builder.decode(row.input_ids[:begins])
    turns = list(_TURN.finditer(text))
    if has_partners and len(turns) > 1 and turns[-1][1] == "user":
        yield Cue("partner", text[: turns[-1].start(2)], turns[-2][2], turns[-1][2])
    yield Cue("author", text, turns[-1][2] if turns else "", row.text)


def _replies(path: Path, every_cue: Sequence[Cue], sampling: Sampling, seed: int, threads: int
          ) -> list[str | None]:
    engine = open_engine(path, ROW_TOKENS_MAX + sampling.max_tokens, threads)
    lines = []
    for number, cue in enumerate(every_cue):
        drawn = engine.draw([], engine.tokens(cue.prompt), engine.tokens(_HEADERS[cue.side]),
                            sampling, seed + number * sampling.drafts)
        lines.append(best_line(drawn.drafts, sampling.sentences_max))
    engine.close()
    return lines
