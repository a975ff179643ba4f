"""How much training saved on plain text: the author's against other people's, and each layer's.

Nothing is asked here: base and persona read the same unseen lines after nothing, so that words
nobody would ask for (other people's, ways of thinking) can be measured like those that fly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from host_training.common.chat_template import END_OF_TEXT
from host_training.common.messages import Layer
from host_training.evaluation import intervals
from host_training.evaluation.findings import LayerBits, LearntPerson
from host_training.evaluation.subject import Subject
from host_training.likelihood import bits
from host_training.rows.dataset import NO_LOSS, Row, RowBuilder, clean_lines, spread
from host_training.rows.partners import Line

OTHERS_MAX = 400  # lines of others; more narrow no interval that matters


def bare(row: Row, builder: RowBuilder) -> Row:
    """The words of a row after nothing, as the base knew text before it was asked anything."""
    words = builder.encode(row.text)
    return replace(row, input_ids=[*builder.encode(END_OF_TEXT), *words],
                   labels=[NO_LOSS, *words])


def without_end(row: Row) -> Row:
    """Without the label of the end of the turn, which no untuned base can know."""
    return replace(row, labels=[*row.labels[:-1], NO_LOSS])


@dataclass(frozen=True, slots=True)
class RowCosts:
    """Rows as plain text, and the bits they cost the base and the persona, (n_rows,) each."""

    rows: Sequence[Row]
    base: np.ndarray
    persona: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """UTF-8 bytes of each row."""
        return np.array([len(row.text.encode()) for row in self.rows], float)

    @property
    def sessions(self) -> list[str]:
        """The session of each row."""
        return [row.session for row in self.rows]

    def of(self, layer: Layer) -> RowCosts:
        """The rows of one layer."""
        at = [number for number, row in enumerate(self.rows) if row.layer == layer]
        return RowCosts([self.rows[number] for number in at], self.base[at], self.persona[at])


def read(subject: Subject, rows: Sequence[Row]) -> RowCosts:
    """Measure plain rows with the base and with the file that flies."""
    return RowCosts(rows, *(bits.gguf_row_bits(path, rows, subject.threads)
                            for path in (subject.base, subject.flown_path)))


def author_rows(subject: Subject) -> list[Row]:
    """The whole test: what can be asked for, in its order, and behind it what can only be read."""
    return [*(bare(row, subject.builder) for row in subject.test), *map(without_end,
                                                                        subject.unasked)]


def others_rows(subject: Subject, lines: Sequence[Line]) -> list[Row]:
    """Words of others, evenly out of all of them; what is too long or empty is left out."""
    made = []
    for session, text in spread(lines, OTHERS_MAX):
        row = subject.builder.plain(words) if (words := clean_lines(text)) else None
        if row is not None:
            made.append(replace(without_end(row), session=session))
    return made


def learnt(author: RowCosts, others: RowCosts, seed: int) -> LearntPerson:
    """How much of what was learnt is the author's own."""
    ours, theirs = ((side.base - side.persona, side.sizes, side.sessions)
                    for side in (author, others))
    return LearntPerson(intervals.ratio(*ours, seed), intervals.ratio(*theirs, seed + 1),
                        intervals.difference(ours, theirs, seed))


def layers(author: RowCosts, seed: int) -> dict[Layer, LayerBits]:
    """The layers of which something was held out."""
    found: dict[Layer, LayerBits] = {}
    for layer in dict.fromkeys(row.layer for row in author.rows):
        part = author.of(layer)
        found[layer] = LayerBits(len(part.rows), *(
            intervals.ratio(costs, part.sizes, part.sessions, seed)
            for costs in (part.base, part.persona, part.base - part.persona)))
    return found
