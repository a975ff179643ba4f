"""Events that can occur in floods: counted by name, and logged at most once in LOG_EVERY_MS.

A flood must not become a flood of the log. The first event is logged at once; later ones are logged
together with the next one that is due, or by ``log``, which the owner calls regularly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import structlog

LOG_EVERY_MS = 60_000
_log = structlog.get_logger()


class Notices:
    """``counts`` has all since the start; the log has, under ``event``, those since its last
    entry."""

    def __init__(self, event: str, now_ms: Callable[[], int]) -> None:
        """``now_ms`` is of a clock that is never set."""
        self.counts: Counter[str] = Counter()
        self._event = event
        self._now_ms = now_ms
        self._unlogged: Counter[str] = Counter()
        self._logged_ms: int | None = None

    def count(self, name: str) -> None:
        """One more of these."""
        self.counts[name] += 1
        self._unlogged[name] += 1
        self.log()

    def log(self) -> None:
        """Log what is not logged yet, when it is due again."""
        now_ms = self._now_ms()
        is_early = self._logged_ms is not None and now_ms - self._logged_ms < LOG_EVERY_MS
        if self._unlogged and not is_early:
            _log.info(self._event, **self._unlogged)
            self._unlogged.clear()
            self._logged_ms = now_ms
