"""Alarms: what an operator must notice, the rules that raise them, and who has acknowledged them.

    RULE          RAISED WHEN                                            CLEARED WHEN
    silence       no beacon for SILENT_FACTOR of the expected pauses     one is heard
    low_battery   at or below power.low_mv                               above by the hysteresis
    burst         ascent or float has become descent                     the phase changes
    descent_rate  it falls DESCENT_FACTOR times as fast as expected      below the other factor
    fence         outside flight.fence or above flight.ceiling_m         inside and below again
    fault         a fault bit is set; a further one raises it again,     no bit is set
                  and API never does: that calls fail is what a flight expects
    landing       the phase is LANDED                                    the phase changes

An acknowledgement at another station that shares the control room counts here as well, for what had
been raised when it was given.

Only what is believed raises or clears: at a station with the key, beacons that the payload signed.
A value that is unknown neither raises nor clears. An alarm that has cleared stays until somebody
has acknowledged it. The board lives as long as the station: after a restart everything that holds
is raised again. Without a clock: the time is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from groundstation.archive.acknowledgements import Acknowledgement
from groundstation.reading.fault_words import fault_words
from wire.beacon import FaultBits
from wire.earth import contains
from wire.mission import Mission

SILENT_FACTOR = 10  # as the page's flight.js has it
FLIGHT_OVER_MS = 12 * 3600 * 1000  # without a beacon: nobody waits for this flight any more
DESCENT_FACTOR = 2.0
DESCENT_FACTOR_CLEAR = 1.6
SCALE_HEIGHT_M = 7_200  # of the density of the air, with which a falling parachute keeps its drag
# Their keys are times of reception, which differ from one station to the next.
_KEYED_BY_TIME = ("silence", "burst")
_AIRBORNE = ("ASCENT", "FLOAT")


@dataclass(frozen=True, slots=True)
class Alarm:
    """One that holds (``is_active``), or has held and was not acknowledged."""

    rule: str
    since_ms: int
    words: str
    is_active: bool = True
    is_acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class AlarmFinding:
    """What a rule says now. A key that was not among those before raises the alarm again."""

    words: str
    keys: frozenset[str] = frozenset()


Beacon = Mapping[str, Any]
# What holds, None when nothing does; the last argument: does it hold already?
Rule = Callable[[Mapping[str, Any], Beacon, int, bool], AlarmFinding | None]
_UNKNOWN = AlarmFinding("")  # neither raises nor clears


class AlarmBoard:
    """The alarms of one payload."""

    def __init__(
        self, mission: Mission, lock: AbstractContextManager[Any] | None = None
    ) -> None:
        """``lock`` is held in every method, where several threads call them."""
        self._rules: dict[str, Rule] = {
            "silence": _silence, "fault": _fault, "burst": _burst, "landing": _landing,
            "low_battery": LowBattery(mission), "descent_rate": DescentRate(mission),
            "fence": Fence(mission),
        }
        self._flight: Mapping[str, Any] = {}
        self._alarms: dict[str, Alarm] = {}
        self._keys: dict[str, frozenset[str]] = {}
        self._lock = lock or nullcontext()

    def hear(self, flight: Mapping[str, Any]) -> None:
        """Take the newest state, as ``FlightReader.flight`` gives it."""
        with self._lock:
            if flight["change_id"] >= self._flight.get("change_id", 0):
                self._flight = flight

    def look(self, utc_ms: int) -> list[Alarm]:
        """Apply all rules at this time; the unacknowledged first, then the newest."""
        with self._lock:
            beacon = self._flight.get("beacon")
            if beacon is None or utc_ms - beacon["utc_ms"] > FLIGHT_OVER_MS:
                self._alarms.clear()
                return []
            for name, rule in self._rules.items():
                self._apply(name, rule, beacon, utc_ms)
            for given in self._flight.get("acknowledged", ()):
                self._take(given)
            return sorted(self._alarms.values(),
                          key=lambda alarm: (alarm.is_acknowledged, -alarm.since_ms, alarm.rule))

    def acknowledge(self, rule: str, since_ms: int) -> bool:
        """Somebody has noticed this alarm; False when there is none."""
        with self._lock:
            alarm = self._alarms.get(rule)
            if alarm is None or alarm.since_ms != since_ms:
                return False
            self._set_acknowledged(alarm)
            return True

    def reasons(self, rule: str) -> tuple[str, ...]:
        """For which reasons the alarm of this rule was raised last, as other stations have them
        too."""
        with self._lock:
            return () if rule in _KEYED_BY_TIME else tuple(sorted(self._keys.get(rule, ())))

    def _take(self, given: Acknowledgement) -> None:
        alarm = self._alarms.get(given.rule)
        if alarm is None or alarm.is_acknowledged or alarm.since_ms > given.at_ms:
            return
        if given.rule in _KEYED_BY_TIME or self._keys[given.rule] <= set(given.reasons):
            self._set_acknowledged(alarm)

    def _set_acknowledged(self, alarm: Alarm) -> None:
        if alarm.is_active:
            self._alarms[alarm.rule] = replace(alarm, is_acknowledged=True)
        else:
            del self._alarms[alarm.rule]

    def _apply(self, name: str, rule: Rule, beacon: Beacon, utc_ms: int) -> None:
        alarm = self._alarms.get(name)
        is_held = alarm is not None and alarm.is_active
        found = rule(self._flight, beacon, utc_ms, is_held)
        if found is _UNKNOWN:
            return
        if found is None:
            if alarm is not None and alarm.is_acknowledged:
                del self._alarms[name]
            elif alarm is not None:
                self._alarms[name] = replace(alarm, is_active=False)
        elif alarm is not None and is_held and found.keys <= self._keys[name]:
            self._alarms[name] = replace(alarm, words=found.words)
        else:
            self._alarms[name] = Alarm(name, utc_ms, found.words)
            self._keys[name] = found.keys


# -- rules -----------------------------------------------------------------------------------------


def _silence(flight: Mapping[str, Any], beacon: Beacon, utc_ms: int, is_held: bool
             ) -> AlarmFinding | None:
    silent_ms = utc_ms - beacon["utc_ms"]
    if silent_ms <= 1000 * SILENT_FACTOR * beacon["expected_every_s"]:
        return None
    where = "" if beacon["altitude_m"] is None else f", last at {beacon['altitude_m']:.0f} m"
    return AlarmFinding(f"no beacon for {_span(silent_ms)}{where}", _keys(beacon["utc_ms"]))


def _fault(flight: Mapping[str, Any], beacon: Beacon, utc_ms: int, is_held: bool
           ) -> AlarmFinding | None:
    words = fault_words(int(beacon["faults"] or 0) & ~FaultBits.API)
    return AlarmFinding(", ".join(words), frozenset(words)) if words else None


def _burst(flight: Mapping[str, Any], beacon: Beacon, utc_ms: int, is_held: bool
           ) -> AlarmFinding | None:
    phases = flight["phases"]
    if len(phases) < 2 or phases[-1]["phase"] != "DESCENT" or phases[-2]["phase"] not in _AIRBORNE:
        return None
    high = phases[-1]["alt_m"]
    at = "" if high is None else f", first heard at {high:.0f} m"  # it burst higher than that
    return AlarmFinding(f"it is falling{at}", _keys(phases[-1]["at_ms"]))


def _landing(flight: Mapping[str, Any], beacon: Beacon, utc_ms: int, is_held: bool
             ) -> AlarmFinding | None:
    if beacon["phase"] != "LANDED":
        return None
    lat, lon = beacon["latitude_deg"], beacon["longitude_deg"]
    is_known = lat is not None and lon is not None
    return AlarmFinding("it has landed" + (f" at {lat:.4f}, {lon:.4f}" if is_known else ""))


class LowBattery:
    """At or below ``power.low_mv``; critical ones are raised again."""

    def __init__(self, mission: Mission) -> None:
        self._power = mission.power

    def __call__(
        self, flight: Mapping[str, Any], beacon: Beacon, utc_ms: int, is_held: bool
    ) -> AlarmFinding | None:
        battery_mv, power = beacon["battery_mv"], self._power
        if battery_mv is None:
            return _UNKNOWN
        if battery_mv > power.low_mv + (power.hysteresis_mv if is_held else 0):
            return None
        levels = ("low", "critical") if battery_mv <= power.critical_mv else ("low",)
        return AlarmFinding(
            f"the battery is {levels[-1]}, {battery_mv / 1000:.2f} V", _keys(*levels))


class DescentRate:
    """Faster than a whole parachute at this height falls, by far."""

    def __init__(self, mission: Mission) -> None:
        self._landing_mps = mission.flight.landing_mps

    def __call__(
        self, flight: Mapping[str, Any], beacon: Beacon, utc_ms: int, is_held: bool
    ) -> AlarmFinding | None:
        climb_mps, altitude_m = beacon["climb_mps"], beacon["altitude_m"]
        if beacon["phase"] != "DESCENT":
            return None
        if climb_mps is None or altitude_m is None:
            return _UNKNOWN
        expected_mps = self._landing_mps * math.exp(max(0.0, altitude_m) / (2 * SCALE_HEIGHT_M))
        factor = DESCENT_FACTOR_CLEAR if is_held else DESCENT_FACTOR
        if -climb_mps <= factor * expected_mps:
            return None
        return AlarmFinding(f"it falls at {-climb_mps:.1f} m/s; {expected_mps:.1f} m/s is expected"
                            f" at {altitude_m:.0f} m")


class Fence:
    """Outside the polygon, or above the ceiling. Without either it is never raised."""

    def __init__(self, mission: Mission) -> None:
        self._corners = mission.flight.fence
        self._ceiling_m = mission.flight.ceiling_m

    def __call__(
        self, flight: Mapping[str, Any], beacon: Beacon, utc_ms: int, is_held: bool
    ) -> AlarmFinding | None:
        lat, lon, altitude_m = (
            beacon["latitude_deg"], beacon["longitude_deg"], beacon["altitude_m"])
        if self._ceiling_m is not None and altitude_m is not None and altitude_m > self._ceiling_m:
            return AlarmFinding(
                f"it is above the ceiling of {self._ceiling_m:.0f} m", _keys("ceiling"))
        if self._corners and lat is not None and lon is not None:
            is_out = not contains(self._corners, (lat, lon))
            return AlarmFinding("it is outside the fence", _keys("fence")) if is_out else None
        is_known = not self._corners and (self._ceiling_m is None or altitude_m is not None)
        return None if is_known else _UNKNOWN



def _keys(*each: object) -> frozenset[str]:
    return frozenset(map(str, each))


def _span(span_ms: int) -> str:
    minutes = round(span_ms / 60_000)
    if minutes < 2:
        return f"{round(span_ms / 1000)} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
