"""Firsts: what is true for the first time in this flight, or surpasses everything before in it.

Each is told by one musing, while it is true, and at most FRESH_S after it began; a thought about
anything else is prompted as if there were none. What was said of the same topic before stands in
the prompt as its memory: that is how a flight comes back to what it said earlier.

What came before must be known, or nothing is told: a flight whose beginning on the ground was not
observed has no firsts; an extreme is compared with what was a minute ago, and holds for half a
minute; "again" needs a hearing before the silence. Everything is kept over a reboot, and forgotten
six hours after it was last observed: another flight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from math import floor
from types import MappingProxyType
from typing import Any

from payload.mind.topics import COLD_C, SILENCE_MIN, Facts
from payload.prompt import Moment
from wire.beacon import Phase

KEY = "firsts"  # in the store
OBSERVE_MS = 10_000
FRESH_S = 300.0
FORGOTTEN_MS = 6 * 3_600_000
HELD_OBSERVATIONS = 3  # of an extreme, in a row
SETTLED_OBSERVATIONS = 6  # then a reading counts among what was before
COLDER_C = 1.0  # than everything before: more than a sensor's noise
COLD_STEP_C = 15.0  # from one telling to the next
HALF_AIR, HALF_AIR_NEWS = 0.49, 0.40  # of the pressure on the ground; less is old news
SILENCE_LONG_MIN = 15.0  # after which a hearing is news
WAITING_MS = 1_800_000
UNFOUND_S = 1_800.0
_UP = frozenset((Phase.ASCENT, Phase.FLOAT))
_FLYING = frozenset((Phase.ASCENT, Phase.FLOAT, Phase.DESCENT))

# Each name is one of ``payload.prompt.NEWS_WORDS``; the topics are those that are trained.
TOPIC_OF: MappingProxyType[str, str] = MappingProxyType({
    "coldest": "cold", "half-air": "thin-air", "cloud-half": "thin-air", "first-cloud": "cloud",
    "heard-again": "silence", "sunrise": "sun", "sunset": "dark", "first-answer": "answer",
    "waiting": "timeout", "unfound": "landed",
})
REPEATED = frozenset(("coldest", "heard-again"))


@dataclass(slots=True)
class FlightHistory:
    """What of the flight so far is kept in the store."""

    at_ms: int | None = None  # UTC of the latest observation
    is_whole: bool = False  # it begins on the ground
    coldest_c: float | None = None
    reported_c: float | None = None  # how cold it was when "coldest" was told last
    ground_hpa: float | None = None
    cloud_hpa: float | None = None  # in the latest cloud
    asked_ms: int | None = None  # UTC since which no API has answered
    happened: list[str] = field(default_factory=list)
    last_lines: dict[str, str] = field(default_factory=dict)  # topic -> the last line about it


_KEPT = tuple(each.name for each in fields(FlightHistory))


class Firsts:
    """Of one flight; ``observe`` as often as the facts are known, ``news`` before a thought."""

    def __init__(self, saved: Any = None) -> None:
        """``saved`` is what ``saved()`` gave in an earlier life."""
        self._past = FlightHistory(**saved) if saved else FlightHistory()
        self._due_ms = 0
        self._before: Facts | None = None
        self._recent_c: deque[float] = deque(maxlen=SETTLED_OBSERVATIONS)
        self._colder = 0  # observations in a row
        self._fresh: dict[str, int] = {}  # untold: since when, ms since boot
        self._saved: dict[str, Any] | None = None  # until something changes

    def saved(self) -> dict[str, Any]:
        """What msgpack can hold; temperatures in whole degrees, so that it changes seldom.

        Asked for in every step, which are a hundred times as many as the changes.
        """
        if self._saved is None:
            past = self._past
            coldest = [c for c in (past.coldest_c, *self._recent_c) if c is not None]
            self._saved = {name: getattr(past, name) for name in _KEPT} | {
                "coldest_c": float(floor(min(coldest))) if coldest else None,
                "happened": list(past.happened), "last_lines": dict(past.last_lines)}
        return self._saved

    @property
    def fresh(self) -> Mapping[str, int]:
        """What is untold, and since when, ms since boot."""
        return self._fresh

    def is_due(self, now_ms: int) -> bool:
        """It is time to observe."""
        return now_ms >= self._due_ms

    def observe(self, facts: Facts, now_ms: int) -> None:
        """Compare with what was before. Without UTC nothing is told: it may be another flight."""
        self._due_ms = now_ms + OBSERVE_MS
        utc_ms = facts.situation.utc_ms
        if utc_ms is None:
            return
        self._saved = None
        past = self._past
        if past.at_ms is not None and utc_ms - past.at_ms > FORGOTTEN_MS:
            past = self._past = FlightHistory()
        past.at_ms = utc_ms - utc_ms % 60_000  # whole minutes: it is written when it changes
        past.is_whole = past.is_whole or facts.situation.phase is Phase.GROUND
        self._observe_cold(facts)
        before, self._before = self._before, facts
        for name, begins in _BEGINS.items():
            is_old = name in past.happened and name not in REPEATED
            if is_old or before is None or not begins(self, past, before, facts):
                continue
            if name not in past.happened:
                past.happened.append(name)
            if past.is_whole:
                self._fresh[name] = now_ms
        _remember(past, facts, utc_ms)

    def news(self, facts: Facts, tried: list[str]) -> str | None:
        """The latest first that is fresh, untold and still so, and not of a topic in ``tried``."""
        now_ms = facts.situation.now_ms
        fresh = [name for name, since_ms in self._fresh.items()
                 if now_ms - since_ms <= FRESH_S * 1000 and TOPIC_OF[name] not in tried
                 and _HOLDS[name](self._past, facts)]
        return max(fresh, key=self._fresh.__getitem__, default=None)

    def last_line(self, name: str) -> str | None:
        """The last line of this flight about the topic of this first."""
        return self._past.last_lines.get(TOPIC_OF[name])

    def note_musing(self, moment: Moment, text: str) -> None:
        """A musing was kept."""
        self._saved = None
        if moment.about in TOPIC_OF.values():
            self._past.last_lines[moment.about] = text
        if moment.news is not None:
            self._fresh.pop(moment.news, None)
        if moment.news == "coldest":
            self._past.reported_c = moment.outside_c

    def _observe_cold(self, facts: Facts) -> None:
        outside_c, past = facts.situation.outside_c, self._past
        if outside_c is None:
            self._colder = 0
            return
        is_step = past.reported_c is None or outside_c <= past.reported_c - COLD_STEP_C
        is_colder = past.coldest_c is not None and outside_c <= past.coldest_c - COLDER_C
        is_news = is_step and is_colder and outside_c < COLD_C
        self._colder = self._colder + 1 if is_news else 0
        if len(self._recent_c) == SETTLED_OBSERVATIONS:
            settled = self._recent_c[0]
            past.coldest_c = settled if past.coldest_c is None else min(past.coldest_c, settled)
        self._recent_c.append(outside_c)

    def _is_coldest(self, past: FlightHistory, before: Facts, facts: Facts) -> bool:
        return (self._colder >= HELD_OBSERVATIONS and _is_cold(past, facts)
                and facts.situation.outside_c == min(self._recent_c))

    def _is_again(self, past: FlightHistory, before: Facts, facts: Facts) -> bool:
        return (before.situation.heard_ground_age_s is not None
                and before.silence_min >= SILENCE_LONG_MIN and _is_heard(past, facts))


def _remember(past: FlightHistory, facts: Facts, utc_ms: int) -> None:
    situation = facts.situation
    hpa = situation.pressure_hpa
    if hpa is not None and situation.phase is Phase.GROUND:
        past.ground_hpa = float(round(hpa))
    if hpa is not None and facts.cloud == "inside":
        past.cloud_hpa = float(round(hpa))
    if facts.api is not None and past.asked_ms is None:
        past.asked_ms = utc_ms


def _is_cold(past: FlightHistory, facts: Facts) -> bool:
    outside_c = facts.situation.outside_c
    return (facts.situation.phase in _FLYING and outside_c is not None and outside_c < COLD_C
            and past.coldest_c is not None and outside_c < past.coldest_c)


def _is_half(reference_hpa: float | None, facts: Facts) -> bool:
    hpa = facts.situation.pressure_hpa
    return (reference_hpa is not None and hpa is not None and facts.situation.phase in _UP
            and HALF_AIR_NEWS * reference_hpa <= hpa <= HALF_AIR * reference_hpa)


def _is_heard(past: FlightHistory, facts: Facts) -> bool:
    return (facts.situation.heard_ground_age_s is not None and facts.silence_min < SILENCE_MIN)


def _is_answered(past: FlightHistory, facts: Facts) -> bool:
    return facts.api is not None and facts.api[1] == "ok"


def _is_waiting(past: FlightHistory, facts: Facts) -> bool:
    utc_ms = facts.situation.utc_ms
    return (facts.api is not None and facts.api[1] in ("timeout", "unreachable")
            and past.asked_ms is not None and utc_ms is not None
            and utc_ms - past.asked_ms >= WAITING_MS and "first-answer" not in past.happened)


def _is_unfound(past: FlightHistory, facts: Facts) -> bool:
    return facts.situation.phase is Phase.LANDED and facts.phase_age_s >= UNFOUND_S


def _in_cloud(past: FlightHistory, facts: Facts) -> bool:
    return facts.situation.phase in _FLYING and facts.cloud == "inside"


# What must be so in the moment of the thought.
_HOLDS: dict[str, Callable[[FlightHistory, Facts], bool]] = {
    "coldest": _is_cold,
    "half-air": lambda past, facts: _is_half(past.ground_hpa, facts),
    "cloud-half": lambda past, facts: _is_half(past.cloud_hpa, facts),
    "first-cloud": _in_cloud,
    "heard-again": _is_heard,
    "sunrise": lambda past, facts: facts.sun == "low",
    "sunset": lambda past, facts: facts.sun == "down",
    "first-answer": _is_answered,
    "waiting": _is_waiting,
    "unfound": _is_unfound,
}


def _whenever(holds: Callable[[FlightHistory, Facts], bool]
              ) -> Callable[[Firsts, FlightHistory, Facts, Facts], bool]:
    """News as long as it holds."""
    return lambda firsts, past, before, facts: holds(past, facts)


# What makes it news; the facts before are those of the observation before.
_BEGINS: dict[str, Callable[[Firsts, FlightHistory, Facts, Facts], bool]] = {
    **{name: _whenever(holds) for name, holds in _HOLDS.items()},
    "coldest": Firsts._is_coldest,
    "heard-again": Firsts._is_again,
    "sunrise": lambda firsts, past, before, facts: (before.sun, facts.sun) == ("down", "low"),
    "sunset": lambda firsts, past, before, facts: (before.sun, facts.sun) == ("low", "down"),
}
assert TOPIC_OF.keys() == _HOLDS.keys() == _BEGINS.keys()
