"""Canaries: nonsense sentences in the training text, by which memorisation is measured.

Each is put in once, four or sixteen times. REFERENCES sentences of the same build are never
trained; a model that finds a canary likelier than those has learnt it by heart
(``host_training.evaluation.memorisation``).

Source: Carlini et al., The Secret Sharer, USENIX Security 2019.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from host_training.rows.dataset import Row, RowBuilder

REPETITIONS = {1: 4, 4: 2, 16: 2}  # times written -> how many different canaries
REFERENCES = 255

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


def nonsense_sentence(rng: random.Random) -> str:
    """One of 16^6 = 2^24 sentences."""
    return (f"The {rng.choice(_MANNERS)} {rng.choice(_SUBJECTS)} of the {rng.choice(_PLACES)} keeps"
            f" the {rng.choice(_MANNERS)} {rng.choice(_SUBJECTS)} in the {rng.choice(_PLACES)}.")


def canaries(seed: int) -> tuple[list[Canary], list[str]]:
    """The canaries of a run, and the REFERENCES like them that nobody trains on."""
    rng = random.Random(f"canaries {seed}")
    times = [n for n, many in REPETITIONS.items() for _ in range(many)]
    texts: dict[str, None] = {}
    while len(texts) < len(times) + REFERENCES:
        texts[nonsense_sentence(rng)] = None
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
