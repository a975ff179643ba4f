"""The pass plan: can a station hear the payload now, by the orbit and the stations' places?

Only what is known keeps it silent: without elements, stations or a clock that the sky or the ground
has set, and with elements too old to tell, somebody may always be listening. A station that was
just heard is there, whatever the plan says.

Its first elements are those of the mission file, if it has any: before a launch nobody knows them.
Newer ones come by command and are kept.

A plan is wrong by seconds, and by minutes when its elements are old or GNSS has died. So it begins
to send a margin before the rise, and what it says in a margin counts as said to nobody
(``Downlink.note_reach``).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from enum import Enum

from wire.mission_orbit import OrbitSection, OrbitStation
from wire.orbit import TEXT_BYTES, Elements, OrbitError
from wire.passes import Pass, passes
from wire.records import TimeQuality

MARGIN_MS = 30_000  # before rise and after set: a clock, and a station that hears lower
MARGIN_MS_PER_DAY = 5_000  # the air makes a low orbit run ahead of its elements
BELIEVED = (TimeQuality.GPS, TimeQuality.COMMAND)
AGE_DAYS_MAX = 60.0  # older elements tell nothing about minutes
KEY = "elements"  # of the small state: ``PassPlan.saved`` when some came by command
SEARCH_MS = 6 * 3_600_000  # in one step: 3 ms at a desk, and a station has four passes in it
AHEAD_MS = 600_000
HEARD_S = 120.0  # a station reports every 20 s


class Reach(Enum):
    """Who can hear it now."""

    NOBODY = "no station, and that is certain"
    PERHAPS = "a station is about to rise, or has just set"
    STATION = "a station, or nobody knows"


@dataclass(slots=True)
class _Outlook:
    """The passes over one station that were found between two instants, UTC in ms."""

    station: OrbitStation
    from_ms: int = 0
    known_ms: int = 0
    passes: list[Pass] = field(default_factory=list)


class PassPlan:
    """One per boot. Passes are searched for once, a slice in a step."""

    def __init__(self, orbit: OrbitSection | None, saved: str | None = None) -> None:
        """None is of a payload that does not orbit: it is never away. ``saved`` is what ``saved``
        gave in an earlier life: those elements count until the mission file has newer ones that it
        had not then."""
        self.elements = None if orbit is None else orbit.elements
        self._of_file = "" if self.elements is None else self.elements.text
        self._outlooks = [] if orbit is None else [_Outlook(each) for each in orbit.stations]
        if saved is not None and orbit is not None:
            with contextlib.suppress(OrbitError):
                sent = Elements.of_text(saved[:TEXT_BYTES])
                is_newer = self.elements is None or sent.epoch_ms > self.elements.epoch_ms
                if is_newer or saved[TEXT_BYTES:] == self._of_file:
                    self.elements = sent

    def saved(self) -> str:
        """The elements that hold now, and behind them those of the mission file, if it has any."""
        return ("" if self.elements is None else self.elements.text) + self._of_file

    def take(self, text: str, utc_ms: int, quality: TimeQuality) -> str | None:
        """Predict by these elements from now on; why not, None when it does. ``utc_ms`` is as
        good as ``quality`` says."""
        if not self._outlooks:
            return "its mission has no stations whose passes to predict"
        try:
            elements = Elements.of_text(text)
        except OrbitError:
            return "not a TLE that can be followed"
        if quality in BELIEVED and elements.age_days(utc_ms) > AGE_DAYS_MAX:
            return f"the epoch is more than {AGE_DAYS_MAX:.0f} days away"
        self.elements = elements
        self._outlooks = [_Outlook(each.station) for each in self._outlooks]
        return None

    def is_away(self, utc_ms: int, quality: TimeQuality, heard_age_s: float | None) -> bool:
        """True while no station can hear it, and that is certain; as ``reach``."""
        return self.reach(utc_ms, quality, heard_age_s) is Reach.NOBODY

    def reach(
        self, utc_ms: int, quality: TimeQuality, heard_age_s: float | None, drift_ms: int = 0
    ) -> Reach:
        """Who can hear it now. ``utc_ms`` is as good as ``quality`` says, and may have run away by
        ``drift_ms``; ``heard_age_s`` is since the ground was last heard, None for never."""
        if self.elements is None or not self._outlooks:
            return Reach.STATION
        if heard_age_s is not None and heard_age_s < HEARD_S:
            return Reach.STATION
        age_days = self.elements.age_days(utc_ms)
        if quality not in BELIEVED or age_days > AGE_DAYS_MAX:
            return Reach.STATION
        margin_ms = MARGIN_MS + round(MARGIN_MS_PER_DAY * age_days) + drift_ms
        try:
            found = {self._reach(self.elements, outlook, utc_ms, margin_ms)
                     for outlook in self._outlooks}
            if found == {Reach.NOBODY} and self._is_seen(self.elements, utc_ms):
                return Reach.STATION
        except OrbitError:
            return Reach.STATION
        return next(each for each in reversed(Reach) if each in found)

    def _is_seen(self, elements: Elements, utc_ms: int) -> bool:
        """Does a station see it, whatever the search found? That is made for low orbits: what stays
        up for most of a revolution may have no peak to be found by. Raises OrbitError."""
        seen = elements.at(utc_ms)
        return any(each.station.vantage.look(seen).elevation_deg > each.station.elevation_min_deg
                   for each in self._outlooks)

    @staticmethod
    def _reach(elements: Elements, outlook: _Outlook, utc_ms: int, margin_ms: int) -> Reach:
        """Is it above this station now, or does nobody know yet?

        Raises OrbitError where the elements do not reach as far as is searched; of that span
        nothing is known then, and the next call searches it again.
        """
        if not outlook.from_ms <= utc_ms <= outlook.known_ms + SEARCH_MS:  # the clock was set
            outlook.from_ms = outlook.known_ms = utc_ms - margin_ms
            outlook.passes.clear()
        if outlook.known_ms - utc_ms <= margin_ms + AHEAD_MS:
            end_ms = outlook.known_ms + SEARCH_MS
            coming = list(passes(
                elements, outlook.station.vantage, outlook.station.elevation_min_deg,
                outlook.known_ms, end_ms))
            outlook.passes = [each for each in outlook.passes if each.set_ms + margin_ms >= utc_ms]
            outlook.from_ms = max(outlook.from_ms, utc_ms - margin_ms)  # what was before is gone
            outlook.passes += coming
            outlook.known_ms = end_ms
        if outlook.known_ms <= utc_ms + margin_ms:
            return Reach.STATION
        if any(each.rise_ms <= utc_ms <= each.set_ms for each in outlook.passes):
            return Reach.STATION
        is_near = any(each.rise_ms - margin_ms <= utc_ms <= each.set_ms + margin_ms
                      for each in outlook.passes)
        return Reach.PERHAPS if is_near else Reach.NOBODY
