"""Hearsay: what others said, kept with its age, quoted, forgotten on command.

Others are sources, neighbours and the ground. Of each the newest text is kept; of a source whose
mission says ``keep``, every text is, so that the mind remembers the towns it has passed, and so is
every note of the ground. HEARD_MAX in all: the oldest leaves. It is another's word, never the
mind's own: it is quoted as such, with source and age, and does nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from payload.notes import Note, event
from payload.prompt import Heard, Moment, strip_control
from wire.sources import GROUND

KEY = "hearsay"  # in the store
HEARD_MAX = 16
NUMBER_MAX = (1 << 16) - 1
WORD_CHARS_MIN = 4  # shorter ones are in every question


@dataclass(frozen=True, slots=True)
class _Saying:
    """One text; ``utc_ms`` is when it arrived, None where the time was not known."""

    number: int
    source: str
    text: str
    utc_ms: int | None

    def quoted(self, utc_ms: int | None) -> Heard:
        """As a prompt has it; the age is left out where it cannot be told."""
        age_min = None
        if utc_ms is not None and self.utc_ms is not None and utc_ms >= self.utc_ms:
            age_min = (utc_ms - self.utc_ms) / 60_000
        return Heard(self.source, self.text, age_min)


class Hearsay:
    """What is kept, oldest first. What ``saved`` gives outlives a reboot."""

    def __init__(self, keeping: Iterable[str] = (), saved: Any = None) -> None:
        """``keeping`` are the names of the sources whose every text is kept."""
        self._keeping = frozenset((GROUND, *keeping))
        self._sayings = [_Saying(*saying) for saying in saved or ()][-HEARD_MAX:]

    def saved(self) -> list[list[Any]]:
        """[number, source, text, utc_ms] of each, oldest first."""
        return [[s.number, s.source, s.text, s.utc_ms] for s in self._sayings]

    def note(self, source: str, text: str, utc_ms: int | None) -> None:
        """A source said this; said again, it is as old as the last time."""
        is_kept = source in self._keeping
        latest = self._sayings[-1].number if self._sayings else 0
        number = latest % NUMBER_MAX + 1
        self._sayings = [
            saying for saying in self._sayings
            if saying.source != source or (is_kept and saying.text != text)]
        self._sayings.append(_Saying(number, source, text, utc_ms))
        del self._sayings[:-HEARD_MAX]

    def for_thought(self, moment: Moment, utc_ms: int | None) -> Heard | None:
        """What a thought may quote: the answer that it is about; else, of a question, the newest
        text that shares a word of WORD_CHARS_MIN letters with it or whose source it names."""
        question_words = _words(moment.question or "")
        for saying in reversed(self._sayings):
            words = {word for word in _words(saying.text) if len(word) >= WORD_CHARS_MIN}
            words.add(saying.source.casefold())
            if moment.api == (saying.source, "ok") or question_words & words:
                return saying.quoted(utc_ms)
        return None

    def of(self, source: str, utc_ms: int | None) -> Heard | None:
        """The newest text of this source; None where there is none."""
        found = [saying for saying in self._sayings if saying.source == source]
        return found[-1].quoted(utc_ms) if found else None

    def listed(self) -> list[Note]:
        """An event for each, oldest first; one that says so where there is none."""
        notes = [event("hearsay", number=s.number, source=s.source, text=s.text)
                 for s in self._sayings]
        return notes or [event("hearsay_empty")]

    def forget(self, number: int) -> bool:
        """Forget the one of this number, all for 0; False where there is none."""
        kept = [saying for saying in self._sayings if number not in (0, saying.number)]
        is_forgotten = len(kept) < len(self._sayings)
        self._sayings = kept
        return is_forgotten


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", strip_control(text).casefold()))
