"""``import.json``: what was read of a person's writing, what was left out, and what is learnt.

The stage ``writing`` writes it; ``dataset`` writes it again with two numbers added.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict, cast

from host_training.common.messages import LeftOut
from host_training.corpus.weighting import Learnt

SUMMARY = "import.json"

ChatRow = TypedDict("ChatRow", {  # of chats.json
    "source": str, "id": str, "name": str, "messages": int, "left out": int,
})
AccountRow = TypedDict("AccountRow", {  # of people.json; "is": the letter it was given
    "source": str, "account": str, "name": str, "messages": int, "is": str,
})
_Writing = TypedDict("_Writing", {
    "sources": dict[str, int],  # messages of each export
    "candidates for values.md": list[str],
    "warnings": list[str],  # a sentence each
    "third party": str,  # privacy.third_party of persona.toml
    "left out": LeftOut,
    "taken out": dict[str, int],  # of the texts: what, and how often
})


class WritingSummary(_Writing, Learnt):
    """The summary of the stage ``writing``."""


_Rows = TypedDict("_Rows", {
    "memory sentences": int,
    "bytes per token": float,  # of the base's tokenizer on this writing
})


class RowsSummary(WritingSummary, _Rows):
    """The summary of the stage ``dataset``."""


def write_summary(summary: WritingSummary, folder: Path) -> None:
    (folder / SUMMARY).write_text(json.dumps(summary, indent=1, ensure_ascii=False))


def read_summary(folder: Path) -> WritingSummary:
    """Read the summary in a folder of the stage ``writing`` or ``dataset``."""
    return cast(WritingSummary, json.loads((folder / SUMMARY).read_text()))


def read_rows_summary(folder: Path) -> RowsSummary:
    """Read the summary in a folder of the stage ``dataset``."""
    return cast(RowsSummary, json.loads((folder / SUMMARY).read_text()))
