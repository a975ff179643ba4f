"""Events that can occur in floods: counted by name, and logged at most once in TELL_EVERY_MS.

A flood must not become a flood of the log. The first is said at once; what comes after it is said
together with the next one, or by ``tell``, which the owner calls now and then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import structlog

TELL_EVERY_MS = 60_000
_log = structlog.get_logger()


class Notices:
    """``counts`` is all there ever was; the log has under ``event`` how many since it was last
    said."""

    def __init__(self, event: str, now_ms: Callable[[], int]) -> None:
        """``now_ms`` is of a clock that is never set."""
        self.counts: Counter[str] = Counter()
        self._event = event
        self._now_ms = now_ms
        self._untold: Counter[str] = Counter()
        self._told_ms: int | None = None

    def count(self, name: str) -> None:
        """One more of these."""
        self.counts[name] += 1
        self._untold[name] += 1
        self.tell()

    def tell(self) -> None:
        """Say what was not said yet, when it is time again."""
        now_ms = self._now_ms()
        is_early = self._told_ms is not None and now_ms - self._told_ms < TELL_EVERY_MS
        if self._untold and not is_early:
            _log.info(self._event, **self._untold)
            self._untold.clear()
            self._told_ms = now_ms
