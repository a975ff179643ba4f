"""How much of what is learnt is of which tier, layer and chat, and where that is not as asked.

Weights are bounded, so that no text is learnt by heart and none is as good as thrown away. Where
there is too little of one kind beside another, the bounds win, and the maker is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from host_training.sessions import Example
from host_training.settings import KEEP_MIN, REPEAT_MAX, Clean

CHAT_KEEP_MIN = 1 / 3  # of a talkative chat: beside two tiny ones it is still most of the person
THOUGHT_DRAWS = 2  # moments a thought is drawn in, for its share of what is learnt
SHARE_SLACK = 0.01  # within which a share counts as reached


def size(example: Example) -> int:
    """Bytes that are learnt of an example whose weight is 1."""
    return len(example.text.encode()) * (THOUGHT_DRAWS if example.condition else 1)


def chat_factors(sizes: Mapping[str, float], share: float) -> dict[str, float]:
    """By how much to weigh each chat less, CHAT_KEEP_MIN..1, so that none has more than ``share``.

    Args:    sizes: what would be learnt of each chat.
             share: of them all; fewer than 1 / share chats are made equal instead.
    """
    ordered = sorted(sizes.values(), reverse=True)
    most = ordered[-1] if ordered else 0.0
    if len(ordered) * share > 1:
        rest = sum(ordered)
        for n_capped, largest in enumerate(ordered):
            most = share * rest / (1 - n_capped * share)
            if largest <= most:
                break
            rest -= largest
    return {chat: max(CHAT_KEEP_MIN, min(1.0, most / of_chat)) for chat, of_chat in sizes.items()}


def by_chat(weighed: Iterable[tuple[Example, float]]) -> dict[str, float]:
    """What is learnt of each chat; other writing is of none."""
    sizes: defaultdict[str, float] = defaultdict(float)
    for example, amount in weighed:
        if example.chat:
            sizes[example.chat] += amount
    return dict(sizes)


def summary(examples: Iterable[Example]) -> dict[str, Any]:
    """Weighed bytes of each tier and layer, JSON-ready."""
    tiers: Counter[str] = Counter()
    layers: Counter[str] = Counter()
    for example in examples:
        weighed = round(example.weight * size(example))
        tiers[f"tier {example.tier}"] += weighed
        layers[example.layer] += weighed
    return {"weighed bytes": dict(sorted(tiers.items())), "layers": dict(sorted(layers.items())),
            "thoughtful share": round(thoughtful(tiers), 3)}


def thoughtful(tiers: Mapping[str, float]) -> float:
    """The share of tiers 1 and 2, 0..1."""
    return (tiers.get("tier 1", 0) + tiers.get("tier 2", 0)) / max(1, sum(tiers.values()))


def warnings(examples: list[Example], settings: Clean, name_of: Callable[[str], str]) -> list[str]:
    """A sentence for each share that the weights could not bring about.

    Args:    name_of: how to call the chat of an example.
    """
    found = []
    reached = summary(examples)["thoughtful share"]
    if reached < settings.thoughtful_share - SHARE_SLACK:
        n_high, n_low = (sum(size(e) for e in examples if (e.tier <= 2) == is_high)
                         for is_high in (True, False))
        found.append(
            f"tiers 1 and 2 (documents, journals, notes) carry {reached:.0%} of what is learnt, not"
            f" the {settings.thoughtful_share:.0%} of clean.thoughtful_share: there is too little"
            f" of them, {n_high:,} bytes beside {n_low:,}, and so that nothing is learnt by heart"
            f" no text counts more than {REPEAT_MAX:g} times or less than {KEEP_MIN:g}.")
    chats = by_chat((e, e.weight * size(e)) for e in examples)
    if len(chats) > 1:
        chat = max(chats, key=lambda chat: chats[chat])
        share = chats[chat] / sum(chats.values())
        if share > max(settings.chat_share, 1 / len(chats)) + SHARE_SLACK:
            found.append(
                f"the chat {name_of(chat)} is {share:.0%} of what is learnt from chats, not at most"
                f" {settings.chat_share:.0%} (clean.chat_share): it counts a third beside the"
                " others, and there is too little of them.")
    return found
