"""The diary: musings of one flight that the next one remembers, if the maker wishes it.

A text file, one musing a line, lines that begin with # left out: ``spacepi-payload diary`` writes
it, the mission file names it (``mind.diary``), and whoever wants something forgotten deletes its
line. It holds what the model said by itself: no answers, so that nothing of a person is carried
over, and no canned lines. A remembered line stands in a prompt as any memory does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from payload.mind.private_words import PrivateWords
from payload.mind.refusals import usable
from payload.prompt import MUSING_BYTES_MAX
from wire.bodies import Body

LINES_MAX = 200
FILE_BYTES_MAX = 128 * 1024
SENTENCES_MAX = 10


class DiaryError(Exception):
    """The diary cannot be used; the text is one clear sentence."""


def lines_of(musings: Sequence[Body]) -> list[str]:
    """The model's own lines, each once; of more than LINES_MAX so many, spread over the flight."""
    texts = dict.fromkeys(str(body.get("text")) for body in musings if body.get("by") == "model")
    lines = [text for text in texts if _is_line(text)]
    count = min(len(lines), LINES_MAX)
    return [lines[number * len(lines) // count] for number in range(count)]


def page(name: str, lines: Sequence[str]) -> str:
    """The file."""
    head = (f"# What {name} mused about in an earlier flight. A flight whose mission file names\n"
            "# this file (mind.diary) remembers it; a line that is deleted is forgotten.")
    return "\n".join((head, *lines)) + "\n"


def read(path: Path, private_words: tuple[str, ...]) -> list[str]:
    """The lines of a diary that may be said again. Raises DiaryError."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise DiaryError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise DiaryError(f"{path}: is not UTF-8 text.") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()[:1] not in ("", "#")]
    if len(data) > FILE_BYTES_MAX or len(lines) > LINES_MAX:
        raise DiaryError(
            f"{path}: at most {LINES_MAX} lines and {FILE_BYTES_MAX} bytes are allowed.")
    for number, line in enumerate(lines, 1):
        if not _is_line(line) or PrivateWords(private_words).are_in(line):
            raise DiaryError(f"{path}: line {number} of the lines that are remembered may not be "
                             f"said: {line[:40]!r}; a clean sentence of at most "
                             f"{MUSING_BYTES_MAX} bytes without private words is allowed.")
    return lines


def _is_line(text: str) -> bool:
    return usable(text, SENTENCES_MAX) == text
