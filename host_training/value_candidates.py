"""Judgements in a person's writing of the layer "values" that might belong into ``values.md``.

Which of them the persona stands by is for the person to say: the prompt always carries the first of
values.md, and no program chooses them. So they are shown to the maker, on the review sheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from host_training.memory import sentences
from host_training.near_duplicates import fingerprint
from host_training.scrub import PLACEHOLDER
from host_training.sessions import Example

VALUE_CHARS_MAX = 140  # six of them stand in every prompt
SHOWN_MAX = 40

_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+(\S.*)$", re.MULTILINE)


def candidates(examples: Iterable[Example], values: Sequence[str]) -> list[str]:
    """In the order of the writing, each once, SHOWN_MAX at most, without those of ``values``.

    The items of its lists; of writing without a list its sentences.
    """
    known = {fingerprint(value) for value in values}
    found: dict[str, str] = {}
    for example in examples:
        if example.layer != "values":
            continue
        items = _ITEM.findall(example.text) or sentences(example.text)
        for item in (item.strip() for item in items):
            if len(item) <= VALUE_CHARS_MAX and not PLACEHOLDER.search(item):
                found.setdefault(fingerprint(item), item)
    return [item for mark, item in found.items() if mark not in known][:SHOWN_MAX]


def markdown(found: Sequence[str]) -> str:
    """A part of the review sheet, its lines as ``values.md`` has them; empty where there are none.
    """
    if not found:
        return ""
    return "\n".join([
        "", "# Candidates for values.md", "",
        "From your writing of the layer values. Only what stands in values.md is in every prompt:"
        " copy the lines you stand by, the weightiest first.", "",
        *(f"- {item}" for item in found), ""])
