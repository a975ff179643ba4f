"""Finds, with a model, pairs whose answer does not follow from the turn before; off by default.

A pair is an answer in a conversation and the words before it. Its score is their pointwise mutual
information: by how many bits these words make the answer likelier than a turn without words does.
Source: Church and Hanks 1990; the mind ranks its drafts by the same (Li et al. 2016).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from host_training.corpus.example_store import ExampleStore
from host_training.corpus.sessions import Example

ASIDE = "pairs.jsonl"  # every pair that was left out, with its score
LEFT_OUT = "answer that does not follow from what it answers"
SHOWN_MAX = 25  # on the review sheet
SHOWN_CHARS_MAX = 200  # of each side there
PAIRS_AT_ONCE = 32

Score = Callable[[Sequence[tuple[str, str]]], Sequence[float]]  # (what is answered, answer) -> bits
Report = Callable[[float, str], None]  # (fraction done 0..1, one line)


class ScoredPair(NamedTuple):
    """A line of ASIDE."""

    bits: float
    prompt: str
    answer: str


def answered_turn(example: Example) -> str | None:
    """The turn that an example answers: somebody else's newest; None if it answers nothing."""
    if example.kind != "dialogue":
        return None
    others = (words for speaker, words in reversed(example.context) if speaker != "me")
    return next(others, example.question)


def misfits(store: ExampleStore, score: Score, least_bits: float, aside: Path, report: Report
            ) -> Iterator[int]:
    """Numbers of the pairs in ``store`` whose score is below ``least_bits``, written to ``aside``.

    Examples that are no pair are never among them.
    """
    n_dialogues = store.n_dialogues()
    began_s = time.monotonic()
    pairs = ((number, answered, example.text) for number, example in store.dialogues()
             if (answered := answered_turn(example)))
    n_done = 0
    with aside.open("w", encoding="utf-8") as file:
        while some := list(islice(pairs, PAIRS_AT_ONCE)):
            scores = score([(answered, answer) for _, answered, answer in some])
            for (number, answered, answer), bits in zip(some, scores, strict=True):
                if bits < least_bits:
                    row = ScoredPair(round(bits, 2), answered, answer)
                    file.write(json.dumps(row._asdict(), ensure_ascii=False) + "\n")
                    yield number
            n_done += len(some)
            left_s = (time.monotonic() - began_s) / n_done * (n_dialogues - n_done)
            report(n_done / n_dialogues, f"scoring pairs, {n_done:,} of {n_dialogues:,}, "
                                         f"{left_s / 60:.0f} min left")


def markdown(aside: Path) -> str:
    """The section of the review sheet about these pairs; empty if none was left out."""
    if not aside.exists():
        return ""
    with aside.open(encoding="utf-8") as file:
        shown = [ScoredPair(**json.loads(line)) for line in islice(file, SHOWN_MAX)]
    if not shown:
        return ""
    return "\n".join([
        "", "# Answers that do not follow", "",
        f"Left out by clean.pair_score_bits, with their scores; all of them are in {ASIDE}.", "",
        *(f"- {pair.bits:.1f} bits: …{_one_line(pair.prompt[-SHOWN_CHARS_MAX:])} → "
          f"**{_one_line(pair.answer[:SHOWN_CHARS_MAX])}**" for pair in shown)]) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("`", "'")
