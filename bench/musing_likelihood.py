"""What a model says about lines: which moment belongs to which, and how fluent they are.

Rows are cut with the tokenizer in the file itself, so that any bundle can be measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.musing_flights import FlownLine
from host_training.common.chat_template import END_OF_TEXT, END_OF_TURN
from host_training.likelihood import bits
from host_training.rows.dataset import NO_LOSS, Row

THREADS = 1
VOCAB_N_CTX = 512


def own_moments(model: Path, prefix: str, group: Sequence[FlownLine]) -> list[bool]:
    """Of each line of ``group``, whether its own moment makes it likelier than all others do.

    A line's bits, and those of the end of its turn, are taken behind ``prefix`` and each moment.
    What the mind remembered in flight is not on record and is left out of all of them.
    """
    texts = [(prefix + _suffix(moment), line.text) for moment in group for line in group]
    cost = bits.gguf_row_bits(model, _rows(model, texts, END_OF_TURN), THREADS)
    table = cost.reshape(len(group), len(group))  # moment, line
    return [bool(found) for found in table.argmin(axis=0) == np.arange(len(group))]


def bits_per_byte(model: Path, texts: Sequence[str]) -> float:
    """Of lines that stand alone, each behind an end of text."""
    return bits.gguf_bits_per_byte(
        model, _rows(model, [(END_OF_TEXT, text) for text in texts], ""), THREADS)


def _suffix(line: FlownLine) -> str:
    """As ``payload.prompt.suffix`` has it, from the words of the record."""
    return f"{line.senses}\nabout: {line.about}{END_OF_TURN}\n<|im_start|>assistant\n"


def _rows(model: Path, texts: Sequence[tuple[str, str]], end: str) -> list[Row]:
    """(prompt, line) as rows whose label is the line with ``end``; control tokens count in the
    prompt and the end alone."""
    cutter = bits.open_gguf(model, VOCAB_N_CTX, every_logit=False, threads=THREADS)
    cut: dict[tuple[str, bool], list[int]] = {}

    def ids(text: str, has_control: bool) -> list[int]:
        key = (text, has_control)
        if text and key not in cut:
            cut[key] = list(cutter.tokenize(text.encode(), add_bos=False, special=has_control))
        return cut.get(key, [])

    rows = []
    for words, text in texts:
        prompt_ids, label = ids(words, True), [*ids(text, False), *ids(end, True)]
        rows.append(Row("musing", text, prompt_ids + label, [NO_LOSS] * len(prompt_ids) + label))
    cutter.close()
    return rows
