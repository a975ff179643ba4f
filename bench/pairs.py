"""Does the base tell answers that belong to a question from answers to another one?

Each pair is scored as ``clean.pair_score_bits`` has it, once as it is and once with the answer of
the next pair. ``pairs.tsv`` is an invented chat of short messages, where a question seldom names
what its answer speaks of; neighbouring sentences of letters stand for longer turns.
Without the base there is nothing to measure; without ``../shared/data/authors`` only the chat is.
"""

from __future__ import annotations

import lzma
import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from transformers.utils import logging

from bench.report import Figure
from host_training.common.sentences import split
from host_training.corpus.pair_scores import Score
from host_training.errors import TrainingError
from host_training.likelihood.pair_likelihood import PairLikelihood
from host_training.training import known_bases

CHAT = Path(__file__).parent / "pairs.tsv"
AUTHORS = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "authors"
LETTERS = ("stevenson", "swift", "thoreau")
PAIRS = 100
SENTENCE_CHARS = range(20, 200)
LEAST_BITS = 0.0
SEED = 1
AUC_MIN = 0.6  # below it the setting would be thrown out

Pairs = Sequence[tuple[str, str]]


def run(out_dir: Path) -> list[Figure]:
    """Three figures of each collection."""
    logging.disable_progress_bar()
    try:
        score = PairLikelihood(known_bases.resolve(known_bases.DEFAULT, print))
    except TrainingError as error:
        print(f"pairs: not measured. {error}")
        return []
    lines = (line.partition("\t") for line in CHAT.read_text(encoding="utf-8").splitlines())
    collections = {"short messages": [(question, answer) for question, _, answer in lines],
                   "neighbouring sentences of letters": list(_neighbours())}
    return [figure for name, pairs in collections.items() if pairs
            for figure in measured(name, pairs, score)]


def measured(name: str, pairs: Pairs, score: Score) -> list[Figure]:
    """How well the scores part the pairs from shuffled ones, and what a threshold does."""
    drawn = random.Random(SEED).sample(pairs, min(PAIRS, len(pairs)))
    others = [*drawn[1:], drawn[0]]
    genuine = np.array(score(drawn))
    shuffled = np.array(score([(question, answer) for (question, _), (_, answer)
                               in zip(drawn, others, strict=True)]))
    wins = (genuine[:, None] > shuffled).mean() + (genuine[:, None] == shuffled).mean() / 2
    return [Figure(f"AUC of pairs against shuffled ones, {name}", float(wins), "", AUC_MIN),
            Figure(f"pairs lost at {LEAST_BITS:g} bits, {name}",
                   100 * float((genuine < LEAST_BITS).mean()), "%"),
            Figure(f"shuffled pairs left out at {LEAST_BITS:g} bits, {name}",
                   100 * float((shuffled < LEAST_BITS).mean()), "%")]


def _neighbours() -> Iterator[tuple[str, str]]:
    for path in (AUTHORS / f"{author}.txt.xz" for author in LETTERS):
        if not path.exists():
            continue
        with lzma.open(path, "rt", encoding="utf-8") as file:
            for paragraph in file:
                yield from ((one, other) for one, other in pairwise(split(paragraph.strip()))
                            if len(one) in SENTENCE_CHARS and len(other) in SENTENCE_CHARS)
