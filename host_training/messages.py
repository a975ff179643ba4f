"""The one shape every export is brought into, and the place for rows that cannot be used."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

ChatKind = Literal["dm", "group", "self", "channel", "note"]


@dataclass(frozen=True, slots=True)
class Message:
    """One thing somebody wrote.

    ``utc_ms`` is milliseconds since 1970 UTC. ``author`` is the export's own id where it has one
    (names change, ids do not). ``text`` is never empty and keeps its line breaks.
    """

    source: str
    chat_id: str
    chat_kind: ChatKind
    message_id: str
    utc_ms: int
    author: str
    is_me: bool
    text: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that was set aside: where it stands and what is wrong with it."""

    place: str
    reason: str


@dataclass(slots=True)
class Quarantine:
    """What an import left out: ordinary rows by counted reason, broken rows one by one.

    A sticker or a forwarded joke is *skipped* (it is not writing of the author, nothing is wrong
    with it); a row with a damaged date is *bad* and is kept with its place so it can be looked at.
    """

    skipped: Counter[str] = field(default_factory=Counter)
    bad: list[BadRow] = field(default_factory=list)

    def skip(self, reason: str) -> None:
        """Count an ordinary row that holds no writing of anybody's."""
        self.skipped[reason] += 1

    def put(self, place: str, reason: str) -> None:
        """Set a broken row aside."""
        self.bad.append(BadRow(place, reason))

    def report(self) -> dict[str, object]:
        """Counts and rows for the run directory, JSON-ready."""
        return {
            "skipped": dict(sorted(self.skipped.items())),
            "bad": [{"place": row.place, "reason": row.reason} for row in self.bad],
        }
