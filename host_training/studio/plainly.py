"""Warnings of the commands, which name settings, as sentences that name what the page has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from host_training.corpus import identity

# a setting that a warning names -> what it means to somebody who does not know of settings
_MEANS = {
    "clean.thoughtful_share": "Much of it is chat. It speaks better when it learns from longer"
                              " texts too: if you have diaries, letters or notes, add them in the"
                              " first step.",
    "clean.chat_share": "One chat has most of your messages, so it will mostly speak as you do"
                        " there.",
    "privacy.region": "Some texts keep long numbers, which may be somebody's telephone number."
                      " Write yours, and those you remember, under “Words that leave a message"
                      " out” two steps on.",
    "values.md": "Among your texts are sentences that may be what you value; the next step shows"
                 " them.",
}


def on_the_page(warnings: Iterable[str], people: list[dict[str, Any]]) -> Iterator[str]:
    """The warnings of `scan`, each once.

    What asks for accounts asks for ticks; before the first tick it says nothing, because the page
    asks for that one by itself.

    Args:    people: as ``found`` shows them, with ``account``, ``in`` and ``is_me``.
    """
    ticked = {_source(person) for person in people if person["is_me"]}
    missing = dict.fromkeys(person["in"][0] for person in people
                            if ticked and _source(person) not in ticked)
    for warning in warnings:
        if identity.UNDETERMINED in warning:
            yield from (f"{app}: nobody there is ticked as you, so nothing of it is learnt."
                        for app in missing)
        else:
            yield next((said for named, said in _MEANS.items() if named in warning), warning)


def _source(person: dict[str, Any]) -> str:
    """Where the account is, such as "telegram"."""
    return str(person["account"]).partition(":")[0]
