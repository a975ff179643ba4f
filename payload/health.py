"""Health: which parts make progress, which faults exist, and whether to pet the watchdog.

The watchdog is petted only while every part of the step has finished a round recently: a part that
hangs or is skipped stops the petting, and the supervisor starts the daemon again. What is broken
outside (a sensor, the mind, the disk) is a fault bit in the beacon, never a reason to stop.
"""

from __future__ import annotations

from payload.notes import Note, event

PROGRESS_MS_MAX = 10_000  # a part silent for longer has hung; systemd's WatchdogSec is 30 s
SLIP_MS = 2_000  # a step that starts this late is worth an event
ON_TIME_MS = 60_000  # steps are on time again when none was late for so long


class Health:
    """Progress marks by part, and the lateness of steps."""

    def __init__(self, parts: tuple[str, ...], now_ms: int) -> None:
        self._marks = dict.fromkeys(parts, now_ms)
        self._due_ms: int | None = None
        self.worst_slip_ms = 0
        self.slips = 0  # late steps since the start
        self._slipped_ms: int | None = None  # the latest late step, while they are not over

    def mark(self, part: str, now_ms: int) -> None:
        """``part`` finished a round. It must be one of the parts named at the start."""
        assert part in self._marks, part
        self._marks[part] = now_ms

    def hung_parts(self, now_ms: int) -> list[str]:
        return [p for p, marked in self._marks.items() if now_ms - marked > PROGRESS_MS_MAX]

    def may_pet(self, now_ms: int) -> bool:
        return not self.hung_parts(now_ms)

    def begin_step(self, now_ms: int) -> list[Note]:
        """An event when steps begin to come late, and one when all were on time for a minute."""
        slip_ms = 0 if self._due_ms is None else now_ms - self._due_ms
        self.worst_slip_ms = max(self.worst_slip_ms, slip_ms)
        before_ms = self._slipped_ms
        if slip_ms >= SLIP_MS:
            self.slips += 1
            self._slipped_ms = now_ms
            return [event("step_slip", "warning", slip_ms=slip_ms)] if before_ms is None else []
        if before_ms is not None and now_ms - before_ms >= ON_TIME_MS:
            self._slipped_ms = None
            return [event("step_on_time", slips=self.slips, worst_ms=self.worst_slip_ms)]
        return []

    def end_step(self, due_ms: int) -> None:
        self._due_ms = due_ms
