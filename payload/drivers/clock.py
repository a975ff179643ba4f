"""Milliseconds since boot, and waiting for a due time: the only clock of the flight computer.

CLOCK_BOOTTIME counts through suspend and is never set, unlike the wall clock of a Pi, which has no
battery and jumps by years when the network or GNSS first tells it the date.
"""

from __future__ import annotations

import time


class BootClock:
    """The integer ``now_ms`` that the composition root passes to everything else."""

    def now_ms(self) -> int:
        """Milliseconds since the machine started."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def wait_until(self, due_ms: int, wait_ms_max: int = 1_000) -> None:
        """Sleep until ``due_ms``, at most ``wait_ms_max``; not at all when it is past."""
        wait_ms = min(due_ms - self.now_ms(), wait_ms_max)
        if wait_ms > 0:
            time.sleep(wait_ms / 1000)
