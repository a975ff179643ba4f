"""Health: which parts make progress, what is broken, and whether the watchdog may be petted.

The watchdog is petted only while every part of the step has finished a round lately: a part that
hangs or is skipped stops the petting, and the supervisor starts the daemon again. What is broken
outside (a sensor, the mind, the disk) is a fault bit in the beacon, never a reason to stop.
"""

from __future__ import annotations

from enum import IntFlag

PROGRESS_MS_MAX = 10_000  # a part silent for longer has hung; systemd's WatchdogSec is 30 s
SLIP_MS = 2_000  # a step that starts this late is worth an event


class Fault(IntFlag):
    """Fault bits of the beacon and of housekeeping; bits are only ever added."""

    GNSS = 1
    OUTSIDE = 2
    POWER_SENSOR = 4
    MIND = 8
    CAMERA = 16
    API = 32
    RADIO = 64
    STORE = 128
    UNDERVOLTAGE = 256
    SAFE = 512
    BEACON = 1024  # no beacon can be made; where one can, its ten bits have no room for this


class Health:
    """Progress marks by part, and the lateness of steps."""

    def __init__(self, parts: tuple[str, ...], now_ms: int) -> None:
        self._marks = dict.fromkeys(parts, now_ms)
        self._due_ms: int | None = None
        self.worst_slip_ms = 0

    def mark(self, part: str, now_ms: int) -> None:
        """``part`` finished a round. It must be one of the parts named at the start."""
        assert part in self._marks, part
        self._marks[part] = now_ms

    def hung_parts(self, now_ms: int) -> list[str]:
        return [p for p, marked in self._marks.items() if now_ms - marked > PROGRESS_MS_MAX]

    def may_pet(self, now_ms: int) -> bool:
        return not self.hung_parts(now_ms)

    def begin_step(self, now_ms: int) -> int | None:
        """How late this step is, ms, when that is worth an event; else None."""
        slip_ms = 0 if self._due_ms is None else now_ms - self._due_ms
        self.worst_slip_ms = max(self.worst_slip_ms, slip_ms)
        return slip_ms if slip_ms >= SLIP_MS else None

    def end_step(self, due_ms: int) -> None:
        self._due_ms = due_ms
