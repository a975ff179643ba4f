"""The pass plan: whether a station can hear the payload now, from its elements and their places.

Only what is known keeps it silent: without elements, stations or a clock that the sky or the ground
has set, and with elements too old to tell, somebody may always be listening. Who was just heard is
there, whatever the plan says.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wire.mission_orbit import OrbitSection, OrbitStation
from wire.orbit import Elements, OrbitError
from wire.passes import Pass, passes
from wire.records import TimeQuality

MARGIN_MS = 30_000  # before rise and after set: a clock, and a station that hears lower
MARGIN_MS_PER_DAY = 5_000  # the air makes a low orbit run ahead of its elements
AGE_DAYS_MAX = 60.0  # older elements tell nothing about minutes
SEARCH_MS = 6 * 3_600_000  # in one step: 3 ms at a desk, and a station has four passes in it
AHEAD_MS = 600_000
HEARD_MS = 120_000  # a station reports every 20 s


@dataclass(slots=True)
class _Outlook:
    """The passes over one station that were found between two instants, UTC in ms."""

    station: OrbitStation
    from_ms: int = 0
    known_ms: int = 0
    passes: list[Pass] = field(default_factory=list)


class PassPlan:
    """One per boot. Passes are searched for once, a slice in a step."""

    def __init__(self, orbit: OrbitSection | None) -> None:
        """None is of a payload that does not orbit: it is never away."""
        self._elements = None if orbit is None else orbit.elements
        self._outlooks = [] if orbit is None else [_Outlook(each) for each in orbit.stations]

    def is_away(self, utc_ms: int, quality: TimeQuality, heard_age_ms: int | None) -> bool:
        """True while no station can hear it, and that is certain. ``utc_ms`` is as good as
        ``quality`` says; ``heard_age_ms`` is since the ground was last heard, None for never."""
        if self._elements is None or not self._outlooks:
            return False
        if heard_age_ms is not None and heard_age_ms < HEARD_MS:
            return False
        age_days = self._elements.age_days(utc_ms)
        if quality not in (TimeQuality.GPS, TimeQuality.COMMAND) or age_days > AGE_DAYS_MAX:
            return False
        margin_ms = MARGIN_MS + round(MARGIN_MS_PER_DAY * age_days)
        try:
            is_near = [self._is_near(self._elements, outlook, utc_ms, margin_ms)
                       for outlook in self._outlooks]
        except OrbitError:
            return False
        return not any(is_near)

    @staticmethod
    def _is_near(elements: Elements, outlook: _Outlook, utc_ms: int, margin_ms: int) -> bool:
        """Is it above this station now, or does nobody know yet?"""
        if not outlook.from_ms <= utc_ms <= outlook.known_ms + SEARCH_MS:  # the clock was set
            outlook.from_ms = outlook.known_ms = utc_ms - margin_ms
            outlook.passes.clear()
        if outlook.known_ms - utc_ms <= margin_ms + AHEAD_MS:
            begin_ms, outlook.known_ms = outlook.known_ms, outlook.known_ms + SEARCH_MS
            outlook.passes = [each for each in outlook.passes if each.set_ms + margin_ms >= utc_ms]
            outlook.passes += passes(
                elements, outlook.station.vantage, outlook.station.elevation_min_deg, begin_ms,
                outlook.known_ms)
        is_known = outlook.known_ms > utc_ms + margin_ms
        return not is_known or any(
            each.rise_ms - margin_ms <= utc_ms <= each.set_ms + margin_ms
            for each in outlook.passes)
