"""Finds judgements in a person's writing of the layer "values" that may belong in ``values.md``.

Only the person can decide which of them the persona holds: the first lines of values.md are in
every prompt, and no program chooses them. The review sheet shows the candidates to the maker.
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
    """Collects candidates from examples: list items, or sentences where there is no list."""

    def __init__(self, values: Sequence[str]) -> None:
        """``values``: those already in ``values.md``."""
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
        """The first SHOWN_MAX candidates, each once, in the order of the writing."""
        return list(self._found.values())


def markdown(found: Sequence[str]) -> str:
    """The section of the review sheet, in the form of ``values.md``; empty without candidates."""
    if not found:
        return ""
    return "\n".join([
        "", "# Candidates for values.md", "",
        "From your writing of the layer values. Only values.md is in every prompt: copy the"
        " lines you stand by, the most important first.", "",
        *(f"- {item}" for item in found), ""])
