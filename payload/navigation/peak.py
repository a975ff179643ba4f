"""The peak: the highest altitude of a flight, its time, and its certainty.

Between two fixes nothing is measured. Where the fixes around the peak are ten seconds apart, or a
reboot lies between them, the balloon may have been higher, and what is known is a lower bound.

All altitudes are metres above mean sea level, all times UTC in ms since 1970, None while unknown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from payload.navigation.fix_age import LOST_MS
from payload.ports import GnssFix


class PeakMark(NamedTuple):
    """A peak as it was known at some moment."""

    altitude_m: float | None = None
    utc_ms: int | None = None
    gap_ms: int | None = None  # the wider of the two gaps around it; None is unknown
    is_lower_bound: bool = False
    is_open: bool = False  # no fix has come after it


class Peak:
    """The highest credible altitude since ``begin``, or since it was restored."""

    def __init__(self) -> None:
        self._mark = PeakMark()
        self._seen_ms: int | None = None  # ``taken_ms`` of the last fix of this boot
        self._seen_utc_ms: int | None = None  # its date; of the boot before, until there is one
        self._is_after_reboot = False

    @property
    def altitude_m(self) -> float | None:
        return self._mark.altitude_m

    @property
    def utc_ms(self) -> int | None:
        return self._mark.utc_ms

    @property
    def mark(self) -> PeakMark:
        """What is known now, for ``return_to``."""
        return self._mark

    def begin(self) -> None:
        """A new flight, or a track that is not trusted: nothing is known of its peak."""
        self._mark = PeakMark()

    def return_to(self, mark: PeakMark) -> None:
        """Forget what was learnt since ``mark``: it was wrong."""
        self._mark = mark

    def restore(
        self, altitude_m: float | None, utc_ms: int | None, last_utc_ms: int | None
    ) -> None:
        """After a reboot: where the last fix was the peak, the altitude may have risen further
        unseen."""
        is_open = altitude_m is not None and utc_ms == last_utc_ms
        self._mark = PeakMark(altitude_m, utc_ms, is_open=is_open)
        self._seen_utc_ms, self._is_after_reboot = last_utc_ms, True

    def learn(self, fix: GnssFix, top_m: float | None, utc_ms: int | None) -> None:
        """Look at a fix. ``top_m`` is its altitude where that is credible, ``utc_ms`` its date."""
        gap_ms = self._gap_ms(fix, utc_ms)
        is_unseen = self._is_after_reboot if gap_ms is None else gap_ms >= LOST_MS
        mark = self._mark
        if mark.is_open:
            known = [gap for gap in (mark.gap_ms, gap_ms) if gap is not None]
            self._mark = mark._replace(
                gap_ms=max(known, default=None), is_open=False,
                is_lower_bound=mark.is_lower_bound or is_unseen)
        if top_m is not None and (mark.altitude_m is None or top_m > mark.altitude_m):
            self._mark = PeakMark(top_m, utc_ms, gap_ms, is_unseen, is_open=True)
        self._seen_ms, self._is_after_reboot = fix.taken_ms, False
        self._seen_utc_ms = utc_ms or self._seen_utc_ms

    def fields(self) -> dict[str, Any]:
        """The numbers of a burst event."""
        mark = self._mark
        numbers: dict[str, Any] = {}
        if mark.altitude_m is not None:
            numbers["peak_m"] = round(mark.altitude_m, 1)
        if mark.utc_ms is not None:
            numbers["utc_ms"] = mark.utc_ms
        if mark.gap_ms is not None:
            numbers["gap_s"] = mark.gap_ms // 1000
        return numbers | ({"is_lower_bound": True} if mark.is_lower_bound else {})

    def _gap_ms(self, fix: GnssFix, utc_ms: int | None) -> int | None:
        """Since the fix before this one; across a reboot only the dates can tell."""
        if self._seen_ms is not None:
            return fix.taken_ms - self._seen_ms
        if utc_ms is None or self._seen_utc_ms is None:
            return None
        return max(0, utc_ms - self._seen_utc_ms)
