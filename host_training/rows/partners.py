"""Partners: the lines of the people that the author wrote with, to compare the author's with."""

from __future__ import annotations

from collections.abc import Iterable

from host_training.corpus.sessions import DATA_SET, MERGE_MARK, Example
from host_training.rows.split import session_of

Line = tuple[str, str]  # (session, text)


def partners_of(examples: Iterable[Example]) -> list[Line]:
    """What others said before the author answered, each thing once in a session."""
    return list(dict.fromkeys(
        (session_of(example), line) for example in examples if example.source != DATA_SET
        for speaker, words in example.context if speaker != "me"
        for line in words.split(MERGE_MARK)))
