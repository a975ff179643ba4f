"""Splits a text into sentences, and joins them, in any script."""

from __future__ import annotations

from payload.prompt import sentence_ends

_WIDE_ENDS = tuple("。！？")
_CLOSING = "\"'”’」』）)"


def split(text: str) -> list[str]:
    """The sentences of ``text``, each with its closing quotes and without the space around it."""
    ends = sentence_ends(text)
    parts = (text[start:end].strip() for start, end in zip([0, *ends], [*ends, None], strict=True))
    return [part for part in parts if part]


def joint(before: str) -> str:
    """The separator after the sentence ``before``: empty in scripts without spaces."""
    return "" if before.rstrip(_CLOSING).endswith(_WIDE_ENDS) else " "
