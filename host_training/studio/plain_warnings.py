"""Rewords warnings of the commands, which name settings, in terms of the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from host_training.corpus import identity
from host_training.corpus.summary import WritingSummary

LITTLE_BYTES = 20_000  # several hundred thoughts, docs/training.md
LITTLE = ("There is little writing of yours in these files, about {} words. What it says will"
          " hardly sound like you; a few thousand words make a difference. Add more in the first"
          " step, or go on and see.")
WORD_BYTES = 5.5

# a setting named in a warning -> its meaning for somebody who does not know settings
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


def page_warnings(warnings: Iterable[str], people: list[dict[str, Any]]) -> Iterator[str]:
    """The warnings of `scan`, each once.

    Warnings about accounts become requests for ticks; before the first tick there are none, because
    the page itself asks for it.

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
            yield next((plain for setting, plain in _MEANS.items() if setting in warning), warning)


def little_writing_warning(read: WritingSummary, people: list[dict[str, Any]]) -> Iterator[str]:
    """A sentence if there is less than LITTLE_BYTES of the author's own writing, once the author
    is known.

    Args:    people: as ``found`` shows them.
    """
    n_bytes = sum(read["bytes as written"].values())
    is_known = not people or any(person["is_me"] for person in people)
    if is_known and n_bytes < LITTLE_BYTES:
        yield LITTLE.format(max(1, round(n_bytes / WORD_BYTES)))


def _source(person: dict[str, Any]) -> str:
    """Where the account is, such as "telegram"."""
    return str(person["account"]).partition(":")[0]
