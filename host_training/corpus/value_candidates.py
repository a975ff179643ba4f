"""Judgements in a person's writing of the layer "values" that may belong in ``values.md``.

Which of them the persona stands by is for the person to say: the prompt always carries the first of
values.md, and no program chooses them. So they are shown to the maker, on the review sheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from host_training.corpus.dedup import fingerprint
from host_training.corpus.sessions import Example
from host_training.corpus.whole_sentences import quotable_sentences
from host_training.privacy.scrub import PLACEHOLDER

VALUE_CHARS_MAX = 140  # six of them stand in every prompt
SHOWN_MAX = 40

_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,2}[.)])[ \t]+(\S.*)$", re.MULTILINE)


class Candidates:
    """Of the examples that pass: the items of lists; of writing without a list the sentences."""

    def __init__(self, values: Sequence[str]) -> None:
        """``values``: those that ``values.md`` has."""
        self._known = {fingerprint(value) for value in values}
        self._found: dict[str, str] = {}

    def noted(self, examples: Iterable[Example]) -> Iterator[Example]:
        """The same examples."""
        for example in examples:
            if example.layer == "values":
                self._note(example.text)
            yield example

    def _note(self, text: str) -> None:
        for item in (item.strip() for item in _ITEM.findall(text) or quotable_sentences(text)):
            mark = fingerprint(item)
            if (len(item) <= VALUE_CHARS_MAX and not PLACEHOLDER.search(item)
                    and mark not in self._known and len(self._found) < SHOWN_MAX):
                self._found.setdefault(mark, item)

    def found(self) -> list[str]:
        """In the order of the writing, each once, the first SHOWN_MAX."""
        return list(self._found.values())


def markdown(found: Sequence[str]) -> str:
    """A part of the review sheet, its lines as ``values.md`` has them; empty where there are none.
    """
    if not found:
        return ""
    return "\n".join([
        "", "# Candidates for values.md", "",
        "From your writing of the layer values. Only values.md is in every prompt: copy the"
        " lines you stand by, the most important first.", "",
        *(f"- {item}" for item in found), ""])
