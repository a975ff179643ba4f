"""A camera or a microphone that takes its time, and notes how it is used."""

from __future__ import annotations

from typing import Generic, TypeVar

from payload.ports import PortError

Made = TypeVar("Made")


class SlowDevice(Generic[Made]):
    """Gives ``result`` ``takes_ms`` after each start; None hangs."""

    def __init__(self, result: Made | PortError | None, takes_ms: int) -> None:
        self.result = result
        self.starts: list[int] = []
        self.cancelled: list[int] = []
        self.takes = True  # a start
        self._takes_ms = takes_ms

    def start(self, now_ms: int) -> bool:
        if self.takes:
            self.starts.append(now_ms)
        return self.takes

    def ended(self, now_ms: int) -> Made | PortError | None:
        """The result once the time has passed."""
        return self.result if now_ms >= self.starts[-1] + self._takes_ms else None

    def cancel(self, now_ms: int) -> None:
        self.cancelled.append(now_ms)
