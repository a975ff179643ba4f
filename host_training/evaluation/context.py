"""Use of the prompt: how many bits it saves the persona, and whether it picks out its own answer.

A persona that says the same whatever it is asked has the same bits per byte with its own prompt and
with somebody else's. Source: research on chat personas fitted to their owner's logs, whose usual
complaint is an answer that fits no question.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from host_training.likelihood import bits
from host_training.rows.dataset import NO_LOSS, ROW_TOKENS_MAX, Row, spread

DISTRACTORS = 9
RANKED_ROWS_MAX = 40


def _prompt_length(row: Row) -> int:
    return next(at for at, label in enumerate(row.labels) if label != NO_LOSS)


def asked_as(row: Row, other: Row) -> Row | None:
    """The words of ``row`` after the prompt of ``other``; None when that is too long."""
    prompt_ids = other.input_ids[: _prompt_length(other)]
    words = row.input_ids[_prompt_length(row):]
    if len(prompt_ids) + len(words) > ROW_TOKENS_MAX:
        return None
    return replace(row, input_ids=[*prompt_ids, *words], labels=[NO_LOSS] * len(prompt_ids) + words)


def with_wrong_prompts(rows: Sequence[Row], seed: int) -> list[tuple[int, Row]]:
    """Every row after the prompt of another one: (number of the row, new row).

    The rows of a form are set in a drawn ring, so that no row keeps its own prompt; a row whose
    neighbour has the very same prompt is left out, since its prompt would not be wrong. So is a
    line, whose prompt says nothing of it.
    """
    rng = random.Random(seed)
    found = []
    for wanted in (False, True):
        ring = [n for n, row in enumerate(rows) if is_talk(row) is wanted and row.kind != "line"]
        rng.shuffle(ring)
        for here, there in zip(ring, ring[1:] + ring[:1], strict=True):
            row = asked_as(rows[here], rows[there])
            if row is not None and row.input_ids != rows[here].input_ids:
                found.append((here, row))
    return sorted(found, key=lambda pair: pair[0])


def is_talk(row: Row) -> bool:
    """True of a chat's own form, whose prompts are not to be mixed with those of the flight."""
    return row.kind == "dialogue"


def ranks(model: Path, rows: Sequence[Row], seed: int, threads: int) -> list[int]:
    """Place of the true words among DISTRACTORS of other rows, by bits per byte; 1 is first.

    Of rows with too few others to be told from there are none.
    """
    rng = random.Random(seed)
    found = []
    telling = [row for row in rows if row.kind != "line"]
    for row in spread(telling, RANKED_ROWS_MAX):
        others = [other for other in telling
                  if other.text != row.text and is_talk(other) is is_talk(row)]
        if len(others) < DISTRACTORS:
            continue
        tries = [asked_as(other, row) for other in rng.sample(others, DISTRACTORS)]
        answers = [row, *(t for t in tries if t is not None)]
        costs = bits.gguf_row_bits(model, answers, threads)
        rates = costs / np.array([len(a.text.encode()) for a in answers])
        found.append(1 + int((rates[1:] < rates[0]).sum()))
    return found
