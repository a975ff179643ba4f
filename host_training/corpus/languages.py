"""Language filter: is a text in one of the requested languages?

By py3langid: naive Bayes over byte sequences, its model inside the package, nothing downloaded.
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
    """Read once, and only where a maker asks for it: it takes half a second and 100 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


class LanguageFilter:
    """Tells texts of other languages; what is short or doubtful is never one."""

    def __init__(self, wanted: Sequence[str]) -> None:
        """``wanted``: ISO 639 codes like en. Raises TrainingError for one that is not known."""
        self._wanted = frozenset(wanted)
        unknown = sorted(self._wanted - set(_identifier().labels))
        if unknown:
            raise TrainingError(f"[clean] languages: {', '.join(unknown)} not supported; use codes "
                                "like en, de or nl.")

    def is_foreign(self, text: str) -> bool:
        """True where the text is quite surely in a language that is not wanted."""
        language, sureness = _identifier().classify(text)
        return sureness >= FOREIGN_MIN and language not in self._wanted | {_NO_LANGUAGE}
