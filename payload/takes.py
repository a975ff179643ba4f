"""Takes: one picture or one recording at a time, with a deadline and a budget for failures.

A worker that hangs cannot be caught in Python (raspberrypi/picamera2#1295): it is killed at the
deadline held here. After a failure the next take waits half a minute; after three in a row, and
after each one more, ten. One event tells the loss and one the return.
"""

from __future__ import annotations

import contextlib
from textwrap import shorten
from typing import Protocol, TypeVar

from payload.notes import Note, event
from payload.ports import PortError

FAILURES_MAX = 3  # in a row
OFF_MS = 600_000  # after them
RETRY_MS = 30_000  # after one
REASON_LETTERS_MAX = 60  # of an event: it goes over the air

T = TypeVar("T")
Taken = TypeVar("Taken", covariant=True)


class Taker(Protocol[Taken]):
    """A camera or a microphone, as ``payload.ports`` and ``payload.sound`` describe them."""

    def start(self, now_ms: int) -> bool: ...
    def poll(self, now_ms: int) -> Taken | PortError | None: ...
    def cancel(self, now_ms: int) -> None: ...


class Takes:
    """The takes of one device, which the names of its events begin with."""

    def __init__(self, device: str, first_ms: int, every_ms: int, deadline_ms: int) -> None:
        """``first_ms``: from the first question to the first take."""
        self.every_ms = every_ms
        self.is_failing = False  # off after its failures, until it delivers again
        self.last_failure = ""  # why there was no take, "" while there is one
        self._device = device
        self._first_ms = first_ms
        self._deadline_ms = deadline_ms
        self._due_ms: int | None = None
        self._started_ms: int | None = None
        self._failures = 0

    @property
    def is_busy(self) -> bool:
        """Is one in progress?"""
        return self._started_ms is not None

    def is_due(self, now_ms: int, is_wanted: bool = False) -> bool:
        """Is it time? One that ``is_wanted`` waits for nothing but the time after a failure."""
        if self._due_ms is None:
            self._due_ms = now_ms + self._first_ms
        return now_ms >= self._due_ms or (is_wanted and not self._failures)

    def start(self, taker: Taker[object], now_ms: int) -> list[Note]:
        """Begin one; a device that refuses has failed."""
        try:
            is_taken = taker.start(now_ms)
        except (PortError, OSError) as error:
            return self.fail(type(error).__name__, now_ms)
        if not is_taken:
            return self.fail("refused", now_ms)
        self._started_ms = now_ms
        return []

    def poll(self, taker: Taker[T], now_ms: int) -> T | PortError | None:
        """What it made, why it made nothing, or None while it is at it."""
        assert self._started_ms is not None
        try:
            result = taker.poll(now_ms)
        except (PortError, OSError) as error:
            return PortError(type(error).__name__)
        if result is not None or now_ms - self._started_ms < self._deadline_ms:
            return result
        with contextlib.suppress(PortError, OSError):
            taker.cancel(now_ms)
        return PortError("timeout")

    def succeed(self) -> list[Note]:
        """What it made is sound; the next is due an interval after the beginning of this one."""
        assert self._started_ms is not None
        notes = [event(f"{self._device}_returned")] if self.is_failing else []
        self.is_failing, self.last_failure, self._failures = False, "", 0
        self._due_ms = self._started_ms + self.every_ms
        self._started_ms = None
        return notes

    def fail(self, reason: str, now_ms: int) -> list[Note]:
        """Count a failure; at the third in a row, and at each one after, leave it off."""
        self._started_ms = None
        self._failures += 1
        self.last_failure = reason
        is_out = self._failures >= FAILURES_MAX
        self._due_ms = now_ms + (OFF_MS if is_out else RETRY_MS)
        if not is_out or self.is_failing:
            return []
        self.is_failing = True
        brief = shorten(reason, REASON_LETTERS_MAX, placeholder=" …")
        return [event(f"{self._device}_lost", "warning", reason=brief, off_s=OFF_MS // 1000)]
