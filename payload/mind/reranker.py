"""Orders drafts by what readers kept of this persona's earlier drafts.

``reranker.json`` of a bundle is a logistic regression that training fits to graded drafts: a weight
for each word, and one for each word where it stands under a topic. It does not know what makes
sense; it knows the words with which this persona's model mostly made none ("the cold is getting
thicker"). Of a topic that nobody graded it says nothing.

    {"place": -0.31, "weights": {"thicker": -0.5, "cold|thicker": -0.9, ...}}
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as brief
from typing import Any

from wire.bundle import RERANKER, BundleError, Manifest, open_file
from wire.file_hashes import FileHashes

WEIGHTS_MAX = 50_000
WEIGHT_RANGE = 100.0  # either way; an honest fit stays below 5
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_UNDER = "|"  # between a topic and a word; no part of either


class RerankerError(ValueError):
    """Not a reranker; the text says why."""


def words_of(draft: str, topic: str) -> set[str]:
    """What a draft is judged by: its words, alone and under the topic."""
    words = {word.casefold() for word in _WORD.findall(draft)}
    return words | {f"{topic}{_UNDER}{word}" for word in words}


@dataclass(frozen=True, slots=True)
class Reranker:
    """``place`` is added for each place of the order in which the model ranks its drafts."""

    place: float
    weights: Mapping[str, float]
    _topics: Collection[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        graded = frozenset(key.split(_UNDER)[0] for key in self.weights if _UNDER in key)
        object.__setattr__(self, "_topics", graded)

    def ordered(self, drafts: Sequence[str], topic: str, is_ranked: bool = True) -> list[str]:
        """``drafts`` by what a reader would keep; ``is_ranked``: they come best first by the model.

        Unranked, their places say nothing.
        """
        if topic not in self._topics:
            return list(drafts)
        by_place = self.place if is_ranked else 0.0
        worth = [by_place * place + self.worth(draft, topic)
                 for place, draft in enumerate(drafts)]
        return [drafts[at] for at in sorted(range(len(drafts)), key=lambda at: -worth[at])]

    def worth(self, draft: str, topic: str) -> float:
        """What its words say, in logits."""
        return math.fsum(self.weights.get(word, 0.0) for word in words_of(draft, topic))

    def json_bytes(self) -> bytes:
        """What ``parse`` reads."""
        table = {"place": self.place, "weights": dict(sorted(self.weights.items()))}
        return json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()


def parse(data: bytes) -> Reranker:
    """The reranker of a file's bytes. Raises RerankerError."""
    try:
        table: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RerankerError(f"not JSON ({error})") from error
    if not isinstance(table, dict) or table.keys() != {"place", "weights"}:
        raise RerankerError("must have exactly place and weights")
    weights = table["weights"]
    if not isinstance(weights, dict) or len(weights) > WEIGHTS_MAX:
        raise RerankerError(f"weights must be a table of at most {WEIGHTS_MAX} words")
    for name, weight in (("place", table["place"]), *weights.items()):
        if type(weight) not in (int, float) or not abs(weight) <= WEIGHT_RANGE:
            raise RerankerError(f"the weight of {brief(name)} must be a number from"
                                f" -{WEIGHT_RANGE:g} to {WEIGHT_RANGE:g}, not {brief(weight)}")
    return Reranker(float(table["place"]), {name: float(weights[name]) for name in weights})


def load(bundle: Path, manifest: Manifest, hashes: FileHashes) -> Reranker | None:
    """The reranker of a bundle, read as it was signed; None where it has none.

    Raises:  BundleError and OSError.
    """
    listed = next((file for file in manifest.files if file.path == RERANKER), None)
    if listed is None:
        return None
    with open_file(bundle, listed, hashes) as opened:
        data = opened.read()
    try:
        return parse(data)
    except RerankerError as error:
        raise BundleError(f"{bundle / RERANKER}: {error}.") from error
