"""Speech that Whisper wrote down as JSON, to Messages: a transcript, with speakers or without.

Source: whisper's and whisperx' ``--output_format json`` (``segments``: ``start`` in seconds,
``text``, ``speaker``), whisper.cpp's ``--output-json`` (``transcription``: ``offsets`` in ms).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers import transcript
from host_training.importers.export_rows import json_values
from host_training.importers.text import head_text, mend
from host_training.importers.tree import File

NAME = transcript.NAME
LABEL = "Whisper transcript"

_SOUND = re.compile(r"^\W*[\[(*♪].*[\])*♪]\W*$")  # [BLANK_AUDIO], (music)
_WHISPER = re.compile(r'"segments"\s*:\s*\[\s*\{(?=.{0,400}?"start"\s*:)(?=.{0,4000}?"text"\s*:)',
                      re.DOTALL)
_CPP = re.compile(r'"transcription"\s*:\s*\[\s*\{(?=.{0,400}?"offsets"\s*:)', re.DOTALL)


def claims(file: File) -> bool:
    """An object with segments of speech."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return head.lstrip().startswith("{") and bool(
        _WHISPER.search(head) or _CPP.search(head))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What each speaker said before somebody else did, as one message without a date."""
    for file in files:
        kind = transcript.kind_of(map(_speaker, _rows(file, Notes())))
        for index, (speaker, spoken) in enumerate(groupby(_rows(file, notes), _speaker)):
            words = [text.strip() for row in spoken if isinstance(text := row.get("text"), str)]
            text = mend(" ".join(part for part in words if not _SOUND.match(part))).strip()
            if text:
                yield transcript.spoken(file, kind, str(index), speaker, text)
            else:
                notes.skip("no words")


def _rows(file: File, notes: Notes) -> Iterator[dict[str, Any]]:
    return (row for _, row, _ in json_values(file, notes, ("segments", "*"),
                                             ("transcription", "*")))


def _speaker(row: dict[str, Any]) -> str:
    return str(row.get("speaker") or transcript.NOBODY)
