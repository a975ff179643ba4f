"""Shares of tiers, layers and chats in the training data, and warnings where a share is missed.

Weights are bounded, so that no text is learnt by heart and none is practically discarded. If there
is too little of one kind, the bounds take precedence over the share, and the maker is warned.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypedDict

from host_training.common.settings import KEEP_MIN, REPEAT_MAX, Clean
from host_training.corpus.sessions import Example

CHAT_KEEP_MIN = 1 / 3  # of a talkative chat: beside two tiny ones it is still most of the person
THOUGHT_DRAWS = 2  # moments a thought is drawn in, for its share of what is learnt
SHARE_SLACK = 0.01  # within which a share counts as reached


def size(example: Example) -> int:
    """Bytes learnt from an example of weight 1."""
    return len(example.text.encode()) * (THOUGHT_DRAWS if example.condition else 1)


def chat_factors(sizes: Mapping[str, float], share: float) -> dict[str, float]:
    """Factors of the chats' weights, CHAT_KEEP_MIN..1, so that none has more than ``share``.

    Args:    sizes: bytes of each chat.
             share: of all chats, 0..1; it cannot be met by 1 / share chats or fewer.
    """
    ordered = sorted(sizes.values(), reverse=True)
    if len(ordered) * share <= 1:
        return dict.fromkeys(sizes, 1.0)
    rest = sum(ordered)
    for n_capped, largest in enumerate(ordered):
        most = share * rest / (1 - n_capped * share)
        if largest <= most:
            break
        rest -= largest
    return {chat: max(CHAT_KEEP_MIN, min(1.0, most / of_chat)) for chat, of_chat in sizes.items()}


Learnt = TypedDict("Learnt", {
    "weighed bytes": dict[str, int],  # of each tier
    "bytes as written": dict[str, int],  # of each tier, before it is weighed
    "layers": dict[str, int],  # weighed bytes of each layer
    "thoughtful share": float,  # of tiers 1 and 2, 0..1
})


class LearntShares:
    """Counts the bytes learnt of each tier, layer and chat."""

    def __init__(self) -> None:
        self._tiers: Counter[str] = Counter()
        self._layers: Counter[str] = Counter()
        self._chats: defaultdict[str, float] = defaultdict(float)
        self._written: Counter[str] = Counter()  # bytes of each tier

    def counted(self, examples: Iterable[Example]) -> Iterator[Example]:
        """The same examples."""
        for example in examples:
            n_bytes = size(example)
            weighed = round(example.weight * n_bytes)
            self._tiers[f"tier {example.tier}"] += weighed
            self._layers[example.layer] += weighed
            if example.chat:
                self._chats[example.chat] += example.weight * n_bytes
            self._written[f"tier {example.tier}"] += n_bytes
            yield example

    def summary(self) -> Learnt:
        """Weighed bytes of each tier and layer, JSON-ready."""
        return {"weighed bytes": dict(sorted(self._tiers.items())),
                "bytes as written": dict(sorted(self._written.items())),
                "layers": dict(sorted(self._layers.items())),
                "thoughtful share": round(thoughtful_share(self._tiers), 3)}

    def warnings(self, settings: Clean, name_of: Callable[[str], str]) -> list[str]:
        """A sentence for each share that the weights could not reach.

        Args:    name_of: the display name of an example's chat.
        """
        found = []
        reached = thoughtful_share(self._tiers)
        n_high = self._written["tier 1"] + self._written["tier 2"]
        if not n_high and settings.thoughtful_share:
            found.append(
                "none of the training data is of tiers 1 and 2 (documents, journals, notes), of "
                f"which {settings.thoughtful_share:.0%} are requested (clean.thoughtful_share): "
                "add some to the notebook or next to the exports.")
        elif reached < settings.thoughtful_share - SHARE_SLACK:
            found.append(
                f"tiers 1 and 2 (documents, journals, notes) make up {reached:.0%} of the training "
                f"data, not the {settings.thoughtful_share:.0%} of clean.thoughtful_share: there "
                f"is too little of them, {n_high:,} bytes compared with"
                f" {self._written.total() - n_high:,}, and "
                f"to prevent memorisation no text is weighted more than {REPEAT_MAX:g} times or "
                f"less than {KEEP_MIN:g}.")
        if len(self._chats) * settings.chat_share > 1:
            chat = max(self._chats, key=lambda chat: self._chats[chat])
            share = self._chats[chat] / sum(self._chats.values())
            if share > settings.chat_share + SHARE_SLACK:
                found.append(
                    f"the chat {name_of(chat)} is {share:.0%} of the training data from chats, "
                    f"more than {settings.chat_share:.0%} (clean.chat_share): its weight is "
                    "already reduced to a third, and the other chats are too short.")
        return found


def thoughtful_share(tiers: Mapping[str, float]) -> float:
    """The share of tiers 1 and 2, 0..1."""
    return (tiers.get("tier 1", 0) + tiers.get("tier 2", 0)) / max(1, sum(tiers.values()))
