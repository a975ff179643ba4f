"""Lists what each export holds, before any selection: files, words, dates and writers.

It does not depend on the author's accounts, so ``scan`` can show it before they are known. Files of
one format in one folder of the exports are one row, so that a vault is one and not a thousand.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, cast

from host_training.common.messages import Message

INVENTORY = "inventory.json"
SPEAKERS_SHOWN_MAX = 3  # of each export
ACCOUNTS_MAX = 200  # of each export, to choose oneself among; a busy server has more
YOU = "you"


class InventoryAccount(TypedDict):
    """Somebody who writes in an export; ``account`` is source:id, as in persona.toml."""

    account: str
    name: str
    words: int
    is_you: bool


class InventoryRow(TypedDict):
    """One export, or all of one format in a folder.

    ``dates`` is like "2019-01-01 to 2021-03-06", empty where no message says when.
    """

    export: str
    files: int
    messages: int
    words: int
    dates: str
    speakers: list[str]  # those with most words, each with the share of these; then how many more
    accounts: list[InventoryAccount]  # whose author the export does not tell, ACCOUNTS_MAX at most


@dataclass(slots=True)
class ExportCount:
    """Counts an export: files, messages, words, dates and writers."""

    label: str
    n_files: int = 1
    n_messages: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    n_words: Counter[str] = field(default_factory=Counter)  # by account, as source:id
    names: dict[str, str] = field(default_factory=dict)

    def counted(self, read: Iterable[Message]) -> Iterator[Message]:
        """The same messages, counted as they pass."""
        for message in read:
            self.n_messages += 1
            account = YOU if message.is_me else f"{message.source}:{message.author}"
            self.n_words[account] += len(message.text.split())
            self.names[account] = message.name or message.author
            if message.utc_ms is not None:
                self.first_ms = min(message.utc_ms, self.first_ms or message.utc_ms)
                self.last_ms = max(message.utc_ms, self.last_ms or message.utc_ms)
            yield message

    def row(self, own: Collection[str]) -> InventoryRow:
        """The counts as a row; ``own``: the author's accounts, with or without their source."""
        def is_own(account: str) -> bool:
            return account == YOU or account in own or account.partition(":")[2] in own

        n_words: Counter[str] = Counter()
        for account, count in self.n_words.items():
            n_words[YOU if is_own(account) else self.names[account]] += count
        total = max(1, n_words.total())
        speakers = [f"{name} {count / total:.0%}"
                    for name, count in n_words.most_common(SPEAKERS_SHOWN_MAX)]
        n_more = len(n_words) - SPEAKERS_SHOWN_MAX
        days = [f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"
                for ms in (self.first_ms, self.last_ms) if ms is not None]
        return {"export": self.label, "files": self.n_files, "messages": self.n_messages,
                "words": n_words.total(), "dates": " to ".join(dict.fromkeys(days)),
                "speakers": [*speakers, *([f"{n_more} more"] if n_more > 0 else [])],
                "accounts": [{"account": account, "name": self.names[account], "words": count,
                              "is_you": is_own(account)}
                             for account, count in self.n_words.most_common(ACCOUNTS_MAX)
                             if account != YOU]}


def merged(exports: Iterable[ExportCount]) -> list[ExportCount]:
    """One count for all exports of a format below a folder of the persona directory's folders."""
    groups: dict[tuple[str, str], list[ExportCount]] = defaultdict(list)
    for export in exports:
        format_label, _, first = export.label.partition(": ")
        groups[format_label, "/".join(first.split("/")[:-1][:2])].append(export)
    return [_summed(f"{format_label}: {folder}", group) if len(group) > 1 else group[0]
            for (format_label, folder), group in groups.items()]


def _summed(label: str, exports: list[ExportCount]) -> ExportCount:
    total = ExportCount(label, sum(export.n_files for export in exports))
    for export in exports:
        total.n_messages += export.n_messages
        total.n_words += export.n_words
        total.names |= export.names
    times_ms = [ms for export in exports for ms in (export.first_ms, export.last_ms)
                if ms is not None]
    total.first_ms, total.last_ms = min(times_ms, default=None), max(times_ms, default=None)
    return total


def write_inventory(exports: Iterable[ExportCount], own: Collection[str], folder: Path) -> None:
    (folder / INVENTORY).write_text(
        json.dumps([export.row(own) for export in merged(exports)], indent=1, ensure_ascii=False))


def read_inventory(folder: Path) -> list[InventoryRow]:
    return cast(list[InventoryRow], json.loads((folder / INVENTORY).read_text()))
