"""Impairments of received frames: flipped bits, truncation, duplicates, delays, joins.

One thing at most happens to one frame. What is late may come hours late, as through a gateway that
was offline; what is joined waits for the next frame of its direction and comes in front of it.
"""

from __future__ import annotations

import random
from typing import NamedTuple

FLIPPED_BITS_MAX = 8
DOUBLE_MS_MAX = 3_000
REORDER_MS = (1_000, 20_000)
LATE_MS = (60_000, 3 * 3_600_000)


class Arrival(NamedTuple):
    """Bytes that arrive so many ms after the frame ended."""

    delay_ms: int
    data: bytes


class FrameDamage:
    """One direction. The rates are shares of the frames, 0..1, together at most 1."""

    def __init__(self, rng: random.Random) -> None:
        self.flipped = 0.002
        self.duplicated = 0.002
        self.truncated = 0.0
        self.reordered = 0.0
        self.late = 0.0
        self.joined = 0.0
        self._rng = rng
        self._held = b""

    def none(self) -> None:
        """A channel that changes nothing."""
        self.flipped = self.duplicated = self.truncated = 0.0
        self.reordered = self.late = self.joined = 0.0

    def use(self, frame: bytes) -> tuple[str, list[Arrival]]:
        """(what happened, "" nothing, and what arrives)."""
        before, self._held = self._held, b""
        what = self._draw()
        if what == "joined":
            self._held = before + frame
            return what, []
        if what == "flipped":
            frame = self._with_flips(frame)
        elif what == "truncated":
            frame = frame[: self._rng.randrange(len(frame))]
        arrivals = [Arrival(0, before + frame)]
        if what == "duplicated":
            arrivals.append(Arrival(self._rng.randint(1, DOUBLE_MS_MAX), frame))
        elif what in ("reordered", "late"):
            span = REORDER_MS if what == "reordered" else LATE_MS
            arrivals = [Arrival(self._rng.randint(*span), before + frame)]
        return what, arrivals

    def _draw(self) -> str:
        """The one thing that happens to the next frame; one random number for each frame."""
        at = self._rng.random()
        for name in ("flipped", "duplicated", "truncated", "reordered", "late", "joined"):
            at -= getattr(self, name)
            if at < 0:
                return name
        return ""

    def _with_flips(self, frame: bytes) -> bytes:
        changed = bytearray(frame)
        bits = len(frame) * 8
        for bit in self._rng.sample(range(bits), min(bits, self._rng.randint(1, FLIPPED_BITS_MAX))):
            changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)
