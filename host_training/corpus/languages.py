"""Language filter: is a text in one of the requested languages?

Uses py3langid: naive Bayes over byte sequences; the model is in the package.
Source: M. Lui and T. Baldwin, langid.py: An Off-the-shelf Language Identification Tool, 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from host_training.errors import TrainingError

FOREIGN_MIN = 0.8  # how sure one must be; the library is less sure of short texts by itself
_NO_LANGUAGE = "zxx"  # ISO 639: numbers, signs


@cache
def _identifier() -> Any:
    """Load the model, once and on demand: it takes half a second and 100 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


class LanguageFilter:
    """Detects texts in other languages; short or doubtful texts are never reported."""

    def __init__(self, wanted: Sequence[str]) -> None:
        """``wanted``: ISO 639 codes like en. Raises TrainingError for one that is not known."""
        self._wanted = frozenset(wanted)
        unknown = sorted(self._wanted - set(_identifier().labels))
        if unknown:
            raise TrainingError(f"[clean] languages: {', '.join(unknown)} not supported; use codes "
                                "like en, de or nl.")

    def is_foreign(self, text: str) -> bool:
        """True if the text is almost certainly in a language that is not wanted."""
        language, sureness = _identifier().classify(text)
        return sureness >= FOREIGN_MIN and language not in self._wanted | {_NO_LANGUAGE}
