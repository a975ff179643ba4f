"""The order of beacons: is a genuine one newer than all that were accepted before it?

A signature says who made a beacon, never when. Somebody who recorded signed frames can send them
again, and a chaser's station may pass on late what it heard long ago. Data may come as late as it
likes, its records are the same; a beacon says where the payload is *now*, so only news is believed.

The rule, for the genuine beacons of one payload:

1. Where both know the time of day, the later one is newer. The payload's clock comes from GNSS and
   runs backwards over a reboot by no more than it had not yet saved (10 s), so neither reboots nor
   how many of them went unheard matter. The date is the latest one that does not put the beacon
   into the future by this station's clock, which may be AHEAD_MS slow.
2. Within SAME_TIME_MS, or where no time was known yet, the counter decides: in one boot the frame
   number (serial order, 12 bits), else the boot number (serial order, 4 bits).
3. A beacon that does not know the time, in a boot that did, is old: a boot never forgets the time.
4. The first beacon is believed, and so is the next one after this station's clock was set back by
   half a day. A station that starts reads the last two hours of its archive again, so that its
   first is not a stranger's choice.
5. Where nothing was news for SILENCE_MS, one that does not know the time is believed, but for rule
   3: a payload whose disk is gone counts its boots anew, and where no receiver has a fix, as in an
   orbit, nothing else would ever tell that it is alive.

Limits. What this station did not hear when it was sent (it was off, or the payload behind a hill)
is accepted as new once, until the next live beacon some seconds later; ``clock_gap_s`` shows that
it is old. A recording is recognised as old for a day, less AHEAD_MS, less what this station's clock
is fast; by a clock that is more than AHEAD_MS slow, not at all. So set the clock, and make a key
for every flight. A payload whose clock was wrong and is set back is believed again when it passes
what it said before. Without any time only the counter protects: 2,048 frames, seven reboots, and
only while the payload itself is heard.
"""

from __future__ import annotations

from wire.frames import FrameCounter

DAY_MS = 86_400_000
AHEAD_MS = 15 * 60_000  # how slow this station's clock may be
SAME_TIME_MS = 60_000  # closer than this, clocks do not say which came first
SET_BACK_MS = DAY_MS // 2
SILENCE_MS = 10 * 60_000
_NUMBERS = 1 << 12
_BOOTS = 1 << 4


class BeaconFreshness:
    """The newest accepted beacon of one payload. Times are UTC in ms."""

    def __init__(self) -> None:
        self._newest: FrameCounter | None = None
        self._heard_ms = 0
        self._made_ms: int | None = None  # of the newest beacon that knew the time
        self._timed_boot: int | None = None

    def is_news(self, counter: FrameCounter, time_of_day_s: int | None, heard_ms: int) -> bool:
        """True when the beacon is to be believed as the state now; later ones are held to it."""
        made_ms = None if time_of_day_s is None else made_at(time_of_day_s, heard_ms)
        if self._newest is not None and heard_ms < self._heard_ms - SET_BACK_MS:
            self._newest = self._made_ms = self._timed_boot = None
        if self._newest is not None and not (
            self._is_after(self._newest, counter, made_ms)
            or self._is_forgetful(counter, made_ms, heard_ms)
        ):
            return False
        self._newest, self._heard_ms = counter, heard_ms
        if made_ms is not None:
            self._made_ms, self._timed_boot = made_ms, counter.boot
        return True

    def _is_after(self, newest: FrameCounter, counter: FrameCounter, made_ms: int | None) -> bool:
        if made_ms is None and counter.boot == self._timed_boot:
            return False
        if made_ms is not None and self._made_ms is None:
            return True
        if made_ms is not None and self._made_ms is not None:
            step_ms = made_ms - self._made_ms
            if abs(step_ms) > SAME_TIME_MS:
                return step_ms > 0
        if counter.boot == newest.boot:
            return 0 < (counter.number - newest.number) % _NUMBERS < _NUMBERS // 2
        return 0 < (counter.boot - newest.boot) % _BOOTS < _BOOTS // 2

    def _is_forgetful(self, counter: FrameCounter, made_ms: int | None, heard_ms: int) -> bool:
        """May this be a payload that has forgotten how often it was started?"""
        is_silent = heard_ms - self._heard_ms >= SILENCE_MS
        return made_ms is None and counter.boot != self._timed_boot and is_silent


def made_at(time_of_day_s: int, heard_ms: int) -> int:
    """UTC in ms of the latest such time of day that is not after ``heard_ms`` + AHEAD_MS."""
    latest_ms = heard_ms + AHEAD_MS
    return latest_ms - (latest_ms - time_of_day_s * 1000) % DAY_MS


def is_of_its_time(time_of_day_s: int | None, heard_ms: int) -> bool:
    """Does a beacon say that it was made when it was received?"""
    gap_s = clock_gap_s(time_of_day_s, heard_ms)
    return gap_s is not None and abs(gap_s) * 1000 <= SAME_TIME_MS


def clock_gap_s(time_of_day_s: float | None, heard_ms: int) -> int | None:
    """How long before ``heard_ms`` it was this time of day, s, -43200..43199; None if not known.

    Far from 0, the beacon came late or one of the two clocks is wrong.
    """
    if time_of_day_s is None:
        return None
    return (heard_ms // 1000 - int(time_of_day_s) + 43_200) % 86_400 - 43_200
