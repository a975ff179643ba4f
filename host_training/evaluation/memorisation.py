"""Memorisation: canaries, completed training lines, verbatim output.

A canary is a nonsense sentence put into the training text once, four or sixteen times. Its exposure
is how far it climbs among REFERENCES sentences of the same build that were never trained: about 1.4
bits by chance, log2(REFERENCES + 1) bits in the first place. A canary written once stands for a
private fact that was mentioned once.

Sources: Carlini et al., The Secret Sharer, USENIX Security 2019 (exposure); Carlini et al.,
         Quantifying memorization across neural language models, ICLR 2023 (prefix and suffix).
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from host_training.evaluation import bits
from host_training.rows.dataset import NO_LOSS, Row, RowBuilder
from payload.prompt import PersonaText

REPETITIONS = {1: 4, 4: 2, 16: 2}  # times written -> how many different canaries
REFERENCES = 255
MOST_BITS = math.log2(REFERENCES + 1)
TRACE_REFERENCES = 64
TRACE_SPREADS_MIN = 3.0  # one untrained set of canaries in seven hundred is so far out
SUFFIX_TOKENS = 20
VERBATIM_CHARS = 50

_SUBJECTS = ("kettle", "lantern", "anvil", "thimble", "ladder", "saddle", "bellows", "compass",
             "spindle", "barrel", "trumpet", "sickle", "pulley", "candle", "hammer", "basket")
_PLACES = ("harbour", "orchard", "quarry", "chapel", "meadow", "cellar", "market", "bridge",
           "forest", "island", "tunnel", "garden", "tavern", "valley", "stable", "tower")
_MANNERS = ("amber", "crimson", "silver", "violet", "copper", "ivory", "scarlet", "olive",
            "golden", "purple", "indigo", "russet", "azure", "sable", "coral", "jade")


@dataclass(frozen=True, slots=True)
class Canary:
    """A sentence and how many times it stands in the training text."""

    text: str
    times: int


def _sentence(rng: random.Random) -> str:
    """One of 16^6 = 2^24 sentences."""
    return (f"The {rng.choice(_MANNERS)} {rng.choice(_SUBJECTS)} of the {rng.choice(_PLACES)} keeps"
            f" the {rng.choice(_MANNERS)} {rng.choice(_SUBJECTS)} in the {rng.choice(_PLACES)}.")


def canaries(seed: int) -> tuple[list[Canary], list[str]]:
    """The canaries of a run, and the REFERENCES like them that nobody trains on."""
    rng = random.Random(f"canaries {seed}")
    times = [n for n, many in REPETITIONS.items() for _ in range(many)]
    texts: dict[str, None] = {}
    while len(texts) < len(times) + REFERENCES:
        texts[_sentence(rng)] = None
    drawn = list(texts)
    return ([Canary(text, n) for text, n in zip(drawn, times, strict=False)],
            drawn[len(times):])


def canary_rows(builder: RowBuilder, seed: int) -> list[Row]:
    """Rows to mix into the training rows: plain text, which no prompt of a flight asks for."""
    rows = []
    for canary in canaries(seed)[0]:
        row = builder.plain(canary.text)
        assert row is not None, canary
        rows += [replace(row, kind="canary")] * canary.times
    return rows


def exposures(model: Path, builder: RowBuilder, seed: int, threads: int) -> dict[int, list[float]]:
    """Times written -> exposure in bits of each canary, 0..log2(REFERENCES + 1)."""
    known, references = canaries(seed)
    rows = [builder.plain(text) for text in (*(c.text for c in known), *references)]
    costs = bits.gguf_row_bits(model, [row for row in rows if row], threads)
    assert len(costs) == len(rows)
    found: dict[int, list[float]] = {}
    for canary, cost in zip(known, costs, strict=False):
        rank = 1 + int((costs[len(known):] < cost).sum())
        found.setdefault(canary.times, []).append(math.log2((REFERENCES + 1) / rank))
    return found


def left_a_trace(rows: Sequence[Row], base: Any, tuned: Any, tokenizer: Any) -> bool:
    """True when the canaries of ``rows`` were trained along, by what became likelier with it.

    Training makes every sentence of the kind likelier, but those that it read four times or more
    by far more than others. Without that, no exposure says anything.

    Args:    base, tuned: Hugging Face models, before and after.
    """
    times = Counter(row.text for row in rows if row.kind == "canary")
    often = [text for text, n in times.items() if n > 1]
    if not often:
        return False
    rng = random.Random("references of a trace")
    others = [text for _ in range(TRACE_REFERENCES) if (text := _sentence(rng)) not in times]
    builder = RowBuilder(tokenizer, PersonaText("", "", ()))

    def gains(texts: Sequence[str]) -> np.ndarray:
        """Bits by which each became cheaper."""
        made = [row for text in texts if (row := builder.plain(text))]
        return np.array([bits.label_bytes([row]) * (
            bits.bits_per_byte(base, [row]) - bits.bits_per_byte(tuned, [row])) for row in made])

    known, unknown = gains(often), gains(others)
    spread = unknown.std(ddof=1) * math.sqrt(1 / len(known) + 1 / len(unknown))
    return bool(known.mean() - unknown.mean() > TRACE_SPREADS_MIN * spread)


def completed(model: Any, rows: Sequence[Row]) -> float:
    """Share of rows whose first half makes the model say the next SUFFIX_TOKENS word for word.

    ``model`` is an open llama_cpp model; greedy choice. Rows too short to tell are left out.
    """
    asked = hit = 0
    for row in rows:
        begin = next(at for at, label in enumerate(row.labels) if label != NO_LOSS)
        half = begin + (len(row.labels) - begin) // 2
        truth = row.input_ids[half : half + SUFFIX_TOKENS]
        if len(truth) < SUFFIX_TOKENS:
            continue
        asked += 1
        hit += _goes_on_with(model, row.input_ids[:half], truth)
    return hit / asked if asked else 0.0


def _goes_on_with(model: Any, start: Sequence[int], truth: Sequence[int]) -> bool:
    model.reset()
    model.eval(list(start))
    for token in truth:
        if int(model.scores[model.n_tokens - 1].argmax()) != token:
            return False
        model.eval([token])
    return True


class TrainedText:
    """The trained text, to find what is said again from it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._text = "\n".join(" ".join(text.split()) for text in texts)
        self._seen = {hash(self._text[at : at + VERBATIM_CHARS])
                      for at in range(len(self._text) - VERBATIM_CHARS + 1)}

    def longest_common(self, line: str) -> int:
        """Characters of the longest stretch of ``line`` that stands in the trained text.

        0 where it is shorter than VERBATIM_CHARS, which any two people may have in common.
        """
        line = " ".join(line.split())
        best = 0
        for at in range(len(line) - VERBATIM_CHARS + 1):
            if hash(line[at : at + VERBATIM_CHARS]) not in self._seen:
                continue
            end = at + max(best, VERBATIM_CHARS)
            while end <= len(line) and line[at:end] in self._text:
                best, end = end - at, end + 1
        return best
