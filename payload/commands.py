"""Uplink: which frames from the ground are believed, and what each command does.

A frame is believed when its MAC is right, it names this payload, and its counter is one of its
station's and ahead of the last accepted from there. The new counter is durable before anything is
done because of the frame (``payload.inbox``), so that a power cut can never make a frame count
twice. A disk that does not take it leaves the counter in RAM: deafness would be worse than a replay
after a reboot.

A life that does not know what earlier ones accepted, because its disk is gone, takes nothing or was
damaged, waits for the sky's time: counters follow the seconds since 2025, and what is older than
this boot could be a replay. Until then, and in an orbit that may be for ever, a report is believed
that names one of the last frames sent: no old one does. Source: ``groundstation.outbox`` numbers
them so.
"""

from __future__ import annotations

from collections.abc import Callable

from payload.clock import MissionClock
from payload.storage.store import Store
from wire import auth, frames
from wire.commands import Command, decode
from wire.frames import CommandFrame, FeedbackFrame, FrameCounter, Uplink
from wire.records import EPOCH_2025_MS, TimeQuality

_COUNTERS_KEY = "uplink_counters"  # station -> the last accepted from it
LAST_KEY = "uplink_counter"  # the last accepted from any


class UplinkGate:
    """Lets genuine, fresh frames through and counts the others."""

    def __init__(
        self, key: bytes | None, node_id: int, store: Store, clock: MissionClock
    ) -> None:
        self.bad_frames = 0
        self.replayed_frames = 0
        self.misnumbered_frames = 0  # genuine, with a counter that is not the station's to use
        self._repeated: CommandFrame | None = None
        self._key = key
        self._node_id = node_id
        self._store = store
        self._clock = clock
        self._has_forgotten = store.has_forgotten(_COUNTERS_KEY) or not store.is_counted
        if not self._has_forgotten:
            store.put(_COUNTERS_KEY, store.get(_COUNTERS_KEY, {}))

    @property
    def last_counter(self) -> int:
        """The last accepted uplink counter, 0 if there was none; modulo 16 it tells whose."""
        return int(self._store.kept(LAST_KEY, 0))

    def accept(
        self, data: bytes, now_ms: int, is_recent: Callable[[FrameCounter], bool]
    ) -> Uplink | None:
        """The frame in ``data`` if it is to be acted on, once what is put here is durable.

        Anything else is counted. ``is_recent`` tells whether a counter is that of one of the last
        frames sent.
        """
        if self._key is None or not frames.is_uplink(data) or data[1] != self._node_id:
            return None
        frame = frames.decode_uplink(data, self._key)
        if frame is None:
            self.bad_frames += 1
            return None
        if not auth.is_of_station(frame.counter, frame.station):
            self.misnumbered_frames += 1
            return None
        counters: dict[int, int] = self._store.get(_COUNTERS_KEY, {})
        floor = self._floor()
        if floor is None and isinstance(frame, FeedbackFrame):
            return frame if is_recent(frame.last_counter) else None
        last_counter = max(counters.get(frame.station, 0), floor or 0)
        if floor is None or not auth.is_fresh(frame.counter, last_counter):
            self.replayed_frames += 1
            self._repeated = frame if isinstance(frame, CommandFrame) else None
            return None
        self._store.put(_COUNTERS_KEY, {**counters, frame.station: frame.counter})
        self._store.put(LAST_KEY, frame.counter)
        return frame

    def _floor(self) -> int | None:
        """What the counter of a station that was not heard must be above; None is not known yet."""
        if not self._has_forgotten:
            return 0
        boot_utc_ms, quality = self._clock.stamp(0)
        if quality is not TimeQuality.GPS:
            return None
        return (boot_utc_ms - EPOCH_2025_MS) // 1000

    def take_repeated(self) -> CommandFrame | None:
        """The genuine command that came again since the last call: it must not run once more."""
        repeated, self._repeated = self._repeated, None
        return repeated


def parse(frame: CommandFrame) -> Command | str:
    """The command in a genuine frame, or the reason why it is none."""
    try:
        return decode(frame.body)
    except ValueError as error:
        return str(error)[:80]
