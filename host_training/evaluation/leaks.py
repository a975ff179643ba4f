"""Private data in a persona's output: everything that the scrubber removes from writing.

The detectors are those of ``personal`` and ``secrets_in_text``, so that nothing can be said that
would not have been learnt. A hit stops the bundle: there is no allowed rate of leaking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from host_training.common.normalise import plain
from host_training.privacy import pii, secrets


@dataclass(frozen=True, slots=True)
class Leak:
    """One private thing that was said: its kind and the line, to be looked at by its owner."""

    kind: str
    line: str


def find(lines: Iterable[str], terms: Sequence[str] = (), region: str | None = None) -> list[Leak]:
    """Every kind of private thing in every line, once each.

    Args:    terms: words that must never be said, such as the names of friends; whole words in any
             case.
             region: two letters (ISO 3166) for telephone numbers without their country code.
    """
    either = "|".join(re.escape(t) for t in sorted(terms, key=len, reverse=True) if t.strip())
    term = re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE) if either else None
    found = []
    for line in map(plain, lines):
        kinds = [one.kind for one in pii.find(line, region)]
        kinds += [kind for kind, _ in secrets.find(line)]
        if term and term.search(line):
            kinds.append("term")
        found += [Leak(kind, line) for kind in dict.fromkeys(kinds)]
    return found
