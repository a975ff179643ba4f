"""One payload as this station hears it: its blocks, how many of its frames get through, silences.

Sans-I/O and without a clock: frames and UTC ms in, records and numbers out.
"""

from __future__ import annotations

from collections import Counter, deque

from groundstation.order import BeaconOrder
from wire.bodies import NO_MODELS, Models
from wire.frames import DataFrame, FrameCounter
from wire.incoming import Receiver
from wire.records import Record

RECENT_FRAMES = 255  # the window of the loss that feedback reports
SILENCE_MS = 60_000  # a pause this long is drawn as silence, where beacons come that often
MINUTE_MS = 60_000
_NUMBERS = 1 << 12
_SAME_FRAMES = 64


class NodeReceiver:
    """The state of one node id. ``minutes`` collects (heard, lost) until the owner takes it."""

    def __init__(
        self, node_id: int, mtu_bytes: int, models: Models = NO_MODELS,
        report_bytes: int | None = None, silence_ms: int = SILENCE_MS,
    ) -> None:
        """As ``Receiver``; a pause of ``silence_ms`` is told as a silence."""
        self.node_id = node_id
        self.blocks = Receiver(mtu_bytes, models, report_bytes)
        self.order = BeaconOrder()
        self.last_counter: FrameCounter | None = None
        self.last_heard_ms: int | None = None
        self.duplicate_frames = 0
        self._silence_ms = silence_ms
        self._recent: deque[bool] = deque(maxlen=RECENT_FRAMES)  # True is heard
        self._heard: Counter[int] = Counter()
        self._lost: Counter[int] = Counter()
        self._same: deque[bytes] = deque(maxlen=_SAME_FRAMES)

    def is_duplicate(self, raw: bytes) -> bool:
        """True when these very bytes came a moment ago by another road."""
        if raw in self._same:
            self.duplicate_frames += 1
            return True
        self._same.append(raw)
        return False

    def on_counter(self, counter: FrameCounter, utc_ms: int) -> tuple[int, int] | None:
        """Account for a frame; (from, to) in UTC ms when a silence ended with it."""
        last, last_ms = self.last_counter, self.last_heard_ms
        self._heard[utc_ms // MINUTE_MS] += 1
        if last is not None and last_ms is not None and last.boot == counter.boot:
            step = (counter.number - last.number) % _NUMBERS
            if step >= _NUMBERS // 2:  # an old frame by a slower road
                return None
            self._lose(max(0, step - 1), last_ms, utc_ms)
        self._recent.append(True)
        self.last_counter, self.last_heard_ms = counter, utc_ms
        if last_ms is not None and utc_ms - last_ms >= self._silence_ms:
            return last_ms, utc_ms
        return None

    def on_data(self, frame: DataFrame) -> list[Record]:
        """Records that became readable with this frame."""
        return self.blocks.on_data(frame)

    @property
    def loss(self) -> float | None:
        """Share of the last 255 frames that did not arrive; None before the first."""
        if not self._recent:
            return None
        return 1 - sum(self._recent) / len(self._recent)

    def take_minutes(self) -> dict[tuple[int, int], tuple[int, int]]:
        """(node, minute's UTC ms) -> (heard, lost) since the last call."""
        minutes = set(self._heard) | set(self._lost)
        taken = {
            (self.node_id, minute * MINUTE_MS): (self._heard[minute], self._lost[minute])
            for minute in sorted(minutes)
        }
        self._heard.clear()
        self._lost.clear()
        return taken

    def _lose(self, frames: int, from_ms: int, to_ms: int) -> None:
        """Spread lost frames evenly over the pause in which they were sent."""
        self._recent.extend([False] * min(frames, RECENT_FRAMES))
        pause_ms = max(1, to_ms - from_ms)
        for i in range(frames):
            at_ms = from_ms + pause_ms * (i + 1) // (frames + 1)
            self._lost[at_ms // MINUTE_MS] += 1
