"""The common format of messages from all exports, and the notes of an import."""

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
    """A message, post, mail or document.

    ``source`` is the kind of export, ``chat_id`` the conversation or document within it.
    ``utc_ms`` is milliseconds since 1970 UTC; None where the export does not say. ``author`` is
    the export's own id where it has one (names change, ids do not), ``name`` the displayed name.
    ``is_me`` is set by importers whose export holds only the author's words; for all others
    ``identify`` sets it. ``text`` is never empty and keeps its line breaks. ``tier`` is 1..4, by
    how much thought usually goes into such writing: 1 documents and essays, 2 journals and notes,
    3 mails, 4 chat. ``chat_name`` is the displayed name of the conversation, where there is one.
    ``weight`` is that of its ``[[source]]`` in persona.toml.
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
        """The id of the whole chat, without that of a topic or thread within it."""
        return self.chat_id.partition("/")[0]

    @property
    def chat(self) -> str:
        """The id of the room, unique among all exports; empty for writing outside rooms."""
        return f"{self.source}:{self.room}" if self.chat_kind in CHAT_KINDS else ""


def whole_characters(text: str) -> str:
    """Text that UTF-8 can encode: lone surrogates, as in JSON and file names, become ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not understood: its file, its place, and the reason."""

    file: str
    place: str
    reason: str


LeftOut = TypedDict("LeftOut", {
    "skipped": dict[str, int],  # messages, by reason
    "bad": int,  # rows that were not understood
    "first bad": list[str],  # at most 20 of them: the place and what is wrong
})


def _no_transcript(_path: str) -> str | None:
    return None


@dataclass(slots=True)
class Notes:
    """The findings of an import beside its messages: what it left out, and names of accounts.

    A sticker or a forwarded joke is *skipped* (it is valid, but not the author's writing) and
    counted by reason; a row with a damaged date is *bad*: it is written to the quarantine file with
    its place, so that it can be inspected. Nothing is lost silently. ``zone`` is the time zone of
    the export being read, for local times, and ``date_order`` the order of day, month and year in
    it, like "dmy", if the maker sets it. A *warning* is one sentence about a setting that had no
    effect; every command shows it. ``hear`` returns the words of a voice note by its path below the
    persona directory, or None without a speech model.
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
    hear: Callable[[str], str | None] = _no_transcript

    def skip(self, reason: str, count: int = 1) -> None:
        """Count valid rows that contain nobody's writing."""
        if count:
            self.skipped[reason] += count

    def put(self, file: str, place: str, reason: str) -> None:
        """Write a row that was not understood to the quarantine file."""
        file, place, reason = map(whole_characters, (file, place, reason))
        self.n_bad += 1
        self.n_bad_of_file[file] += 1
        if self.n_bad_of_file[file] <= BAD_ROWS_OF_FILE_MAX:
            self._quarantine(file, place, reason)

    def sum_up(self) -> None:
        """Quarantine the count of each file's bad rows beyond BAD_ROWS_OF_FILE_MAX, as one row."""
        for file, count in self.n_bad_of_file.items():
            if count > BAD_ROWS_OF_FILE_MAX:
                self._quarantine(file, "", f"{count - BAD_ROWS_OF_FILE_MAX} more rows or lines that"
                                           " are not understood")
        self.n_bad_of_file.clear()

    def _quarantine(self, file: str, place: str, reason: str) -> None:
        if len(self.bad) < BAD_ROWS_KEPT_MAX:
            self.bad.append(BadRow(file, place, reason))
        if self.sink is not None:
            row = {"file": file, "place": place, "reason": reason}
            self.sink.write(json.dumps(row, ensure_ascii=False) + "\n")

    def called(self, account: str, name: object) -> None:
        """Note the name of an account, for ``identify`` and ``scrub``."""
        if isinstance(name, str) and name.strip():
            self.names[account].add(whole_characters(name.strip()))

    def report(self) -> LeftOut:
        """Counts for the run directory, JSON-ready."""
        return {"skipped": dict(sorted(self.skipped.items())), "bad": self.n_bad,
                "first bad": [f"{' '.join(filter(None, (r.file, r.place)))}: {r.reason}"
                              for r in self.bad[:20]]}


def quarantine_path(out: Path) -> Path:
    """The file of the rows that were not understood, one JSON object per line."""
    return out / "quarantine.jsonl"
