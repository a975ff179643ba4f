"""Link statistics of one payload: the fraction of frames lost, per minute, and silences.

Without a clock: frame counters and UTC ms in, numbers out. Only frames that prove to be new are
counted, which is for the owner to say: data that was never heard before, beacons that are news.
A frame that comes again, over a slower path or replayed, has an old number, and a number
modulo 4,096 may look like a step ahead; so a step is believed only as far as the payload can have
sent in the time that has passed.
"""

from __future__ import annotations

from collections import Counter, deque

from wire.frames import FrameCounter

RECENT_FRAMES = 255  # the window of the loss that feedback reports
SILENCE_MS = 60_000  # a pause this long is drawn as silence, where beacons come that often
MINUTE_MS = 60_000
PAST_MS = 60_000  # how far the clocks of two stations may differ
BUFFERED_MS = 2_000  # modems and networks deliver late what came together
_NUMBERS = 1 << 12


class NodeLink:
    """The state of one node id. ``take_minutes`` gives (heard, lost) to the owner."""

    def __init__(self, node_id: int, frame_ms_min: int, silence_ms: int = SILENCE_MS) -> None:
        """``frame_ms_min`` is how long the shortest frame keeps the payload's transmitter; a pause
        of ``silence_ms`` is reported as a silence."""
        self.last_counter: FrameCounter | None = None
        self._node_id = node_id
        self._frame_ms_min = frame_ms_min
        self._silence_ms = silence_ms
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._recent: deque[bool] = deque(maxlen=RECENT_FRAMES)  # True is heard
        self._heard: Counter[int] = Counter()
        self._lost: Counter[int] = Counter()

    def on_counter(
        self, counter: FrameCounter, utc_ms: int, *, is_relayed: bool = False
    ) -> tuple[int, int] | None:
        """Account for a new frame; (from, to) in UTC ms when a silence ended with it.

        With ``is_relayed`` another station received it, perhaps long ago.
        """
        last, last_ms = self.last_counter, self._last_ms
        if is_relayed and last_ms is not None and utc_ms < last_ms:
            self.on_late(utc_ms)
            return None
        if last is not None and last_ms is not None and last.boot == counter.boot:
            step = (counter.number - last.number) % _NUMBERS
            steps_max = self._steps_max(utc_ms - last_ms)
            if not 0 < step <= steps_max:
                return None
            # Where a whole round can have been sent, more than half of it is behind (RFC 1982):
            # an old frame, or a session of the same four bits that is not known yet.
            is_ahead = steps_max < _NUMBERS or step <= _NUMBERS // 2
            if step > 1 and is_ahead and utc_ms >= last_ms:
                self._lose(step - 1, last_ms, utc_ms)
        self._heard[utc_ms // MINUTE_MS] += 1
        self._recent.append(True)
        self.last_counter, self._last_ms = counter, utc_ms
        self._first_ms = utc_ms if self._first_ms is None else self._first_ms
        if last_ms is not None and utc_ms - last_ms >= self._silence_ms:
            return last_ms, utc_ms
        return None

    def begin_session(self) -> None:
        """One that was not known before: its numbers begin anew, though its four bits may be those
        of the one before."""
        self.last_counter = None

    def is_of_the_past(self, utc_ms: int) -> bool:
        """Was something received that long after this that no two clocks differ by it?"""
        return self._last_ms is not None and utc_ms < self._last_ms - PAST_MS

    def on_late(self, utc_ms: int) -> None:
        """A new frame could be verified only now, or another station received it: it was counted as
        lost until then, where anything was received before it."""
        self._heard[utc_ms // MINUTE_MS] += 1
        if self._first_ms is None or utc_ms < self._first_ms:
            return
        self._lost[utc_ms // MINUTE_MS] -= 1
        lost = [place for place, is_heard in enumerate(self._recent) if not is_heard]
        if lost:
            self._recent[lost[-1]] = True

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
            (self._node_id, minute * MINUTE_MS): (self._heard[minute], self._lost[minute])
            for minute in sorted(minutes)
        }
        self._heard.clear()
        self._lost.clear()
        return taken

    def _steps_max(self, passed_ms: int) -> int:
        """Frames that the payload can have sent in this time at most; a clock that was set back
        says nothing."""
        if passed_ms < 0:
            return _NUMBERS
        return 1 + (passed_ms + BUFFERED_MS) // self._frame_ms_min

    def _lose(self, frames: int, from_ms: int, to_ms: int) -> None:
        """Spread lost frames evenly over the pause in which they were sent."""
        self._recent.extend([False] * min(frames, RECENT_FRAMES))
        pause_ms = max(1, to_ms - from_ms)
        for i in range(frames):
            at_ms = from_ms + pause_ms * (i + 1) // (frames + 1)
            self._lost[at_ms // MINUTE_MS] += 1
