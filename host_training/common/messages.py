"""The common format of all exports, and the notes that an import leaves."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Literal, TextIO, TypedDict

ChatKind = Literal["dm", "group", "self", "channel", "note", "mail", "document", "post",
                   "transcript", "pair"]
Layer = Literal["said", "thinking", "values"]

CHAT_KINDS: tuple[ChatKind, ...] = ("dm", "group", "self", "channel")  # those with a room

BAD_ROWS_KEPT_MAX = 1000  # in memory, for the summary; the file has all that are told
BAD_ROWS_OF_FILE_MAX = 20  # told one by one; of more the number


@dataclass(frozen=True, slots=True)
class Message:
    """One thing somebody wrote.

    ``source`` is the kind of export, ``chat_id`` the conversation or document within it.
    ``utc_ms`` is milliseconds since 1970 UTC; None where the export does not say. ``author`` is
    the export's own id where it has one (names change, ids do not), ``name`` how it showed them.
    ``is_me`` is set by importers whose export holds only the author's words; everywhere else
    ``identify`` finds out. ``text`` is never empty and keeps its line breaks. ``tier`` is 1..4,
    how much thought usually goes into such writing: 1 documents and essays, 2 journals and notes,
    3 mails, 4 chat. ``chat_name`` is how the export shows the conversation, where it names it.
    ``weight`` is what persona.toml gives its ``[[source]]``.
    """

    source: str
    chat_id: str
    chat_kind: ChatKind
    message_id: str
    utc_ms: int | None
    author: str
    is_me: bool
    text: str
    name: str = ""
    tier: int = 4
    layer: Layer = "said"
    chat_name: str = ""
    weight: float = 1.0

    @property
    def room(self) -> str:
        """The id of the chat as a whole, of whose topics or threads this may be one."""
        return self.chat_id.partition("/")[0]

    @property
    def chat(self) -> str:
        """The room among those of all exports; empty for writing that is in none."""
        return f"{self.source}:{self.room}" if self.chat_kind in CHAT_KINDS else ""


def whole_characters(text: str) -> str:
    """Text that UTF-8 can hold: JSON and file names may have half a character, here ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class BadRow:
    """One thing that was not understood: in which file, where in it, and what is wrong with it."""

    file: str
    place: str
    reason: str


LeftOut = TypedDict("LeftOut", {
    "skipped": dict[str, int],  # messages, by reason
    "bad": int,  # rows that were not understood
    "first bad": list[str],  # at most 20 of them: the place and what is wrong
})


def _deaf(_path: str) -> str | None:
    return None


@dataclass(slots=True)
class Notes:
    """What an import says beside its messages: what it left out, and who is who.

    A sticker or a forwarded joke is *skipped* (it is not writing of the author, nothing is wrong
    with it) and counted by reason; a row with a damaged date is *bad*: it is written to the
    quarantine file with its place, so that it can be looked at. Nothing is lost silently.
    ``zone`` is that of the export being read, should it write local time, and ``date_order`` the
    order of day, month and year in it, like "dmy", where the maker says it. A *warning* is one
    sentence on what the maker asked for and did not get; every command shows it. ``hear`` gives
    the words of a voice note by its path below the persona directory; None where nobody listens.
    """

    sink: TextIO | None = None
    zone: tzinfo = UTC
    date_order: str | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    bad: list[BadRow] = field(default_factory=list)
    n_bad: int = 0
    n_bad_of_file: Counter[str] = field(default_factory=Counter)
    own_accounts: set[str] = field(default_factory=set)
    names: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    warnings: list[str] = field(default_factory=list)
    hear: Callable[[str], str | None] = _deaf

    def skip(self, reason: str, count: int = 1) -> None:
        """Count ordinary rows that hold no writing of anybody's."""
        if count:
            self.skipped[reason] += count

    def put(self, file: str, place: str, reason: str) -> None:
        """Set something broken aside."""
        file, place, reason = map(whole_characters, (file, place, reason))
        self.n_bad += 1
        self.n_bad_of_file[file] += 1
        if self.n_bad_of_file[file] <= BAD_ROWS_OF_FILE_MAX:
            self._tell(file, place, reason)

    def sum_up(self) -> None:
        """Say of how many more than those told one by one nothing was understood, file by file."""
        for file, count in self.n_bad_of_file.items():
            if count > BAD_ROWS_OF_FILE_MAX:
                self._tell(file, "", f"{count - BAD_ROWS_OF_FILE_MAX} more rows or lines that are"
                                     " not understood")
        self.n_bad_of_file.clear()

    def _tell(self, file: str, place: str, reason: str) -> None:
        if len(self.bad) < BAD_ROWS_KEPT_MAX:
            self.bad.append(BadRow(file, place, reason))
        if self.sink is not None:
            row = {"file": file, "place": place, "reason": reason}
            self.sink.write(json.dumps(row, ensure_ascii=False) + "\n")

    def called(self, account: str, name: object) -> None:
        """Somebody's name, for ``identify`` and for ``scrub``."""
        if isinstance(name, str) and name.strip():
            self.names[account].add(whole_characters(name.strip()))

    def report(self) -> LeftOut:
        """Counts for the run directory, JSON-ready."""
        return {"skipped": dict(sorted(self.skipped.items())), "bad": self.n_bad,
                "first bad": [f"{' '.join(filter(None, (r.file, r.place)))}: {r.reason}"
                              for r in self.bad[:20]]}


def quarantine_path(out: Path) -> Path:
    """Where the rows that were not understood lie, one JSON object per line."""
    return out / "quarantine.jsonl"
