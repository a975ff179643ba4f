"""Compares what the payload reports about itself with the simulated world.

Looked at when it is said: each beacon, Horus packet and sentence as it goes out, each TRACK and
HOUSEKEEPING record as it is made. A value is true when the world had it, within the error of the
sensor and the step of its code, at some instant that its age allows. Unknown may be told at any
time (``sim.trials.liveness`` asks that it ends); what no sensor has answered lately is told as
unknown.

    told_truth.place     latitude and longitude, and no fix is older than its age says
    told_truth.height    altitude above mean sea level
    told_truth.motion    climb, speed and heading
    told_truth.air       temperature outside, pressure
    told_truth.inside    temperature inside
    told_truth.battery   battery
    told_truth.time      time of day
    told_truth.state     phase, cutdown armed
    told_truth.landing   where it will come down, and when
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from payload.notes import Note
from sim.balloon import Balloon, distance_m
from sim.chips.bmp388 import DRIFT_PA_MAX, PRESSURE_FLOOR_PA
from sim.fakes.ublox import METRES_PER_DEGREE, WANDER_M
from sim.verify.sensor_truth import SENSE_AGE_MS, SensorTruth, TrueTrack
from wire import beacon, horus, ukhas
from wire.beacon import Beacon
from wire.bodies import Body
from wire.earth import wrapped_deg
from wire.frames import BeaconFrame
from wire.horus import Number
from wire.records import Kind, TimeQuality
from wire.ukhas import Sentence

if TYPE_CHECKING:
    from sim.verify.checks import Checks
    from sim.world import World

PLACE, HEIGHT, MOTION = "told_truth.place", "told_truth.height", "told_truth.motion"
AIR, INSIDE, BATTERY = "told_truth.air", "told_truth.inside", "told_truth.battery"
TIME, STATE, LANDING = "told_truth.time", "told_truth.state", "told_truth.landing"
NAMES = (PLACE, HEIGHT, MOTION, AIR, INSIDE, BATTERY, TIME, STATE, LANDING)
# A clock that a wrong date has set believes another one only after ten steady minutes
# (docs/protocol.md); winds that a wrong place has taught are remembered to the landing.
LONG_GRACE_MS = {TIME: 780_000, LANDING: 24 * 3_600_000}

# What an age may be short of: an epoch comes once a second, is read in the next step, and the age
# is told in whole seconds. And what it may be too much: half of its code.
AGE_SHORT_S, AGE_LONG_S = 3.0, 1.0
TRACK_AGE_S = 5.0  # a TRACK record has no age: it is made from no older fix
CLIMB_S = 54.0  # climb is a mean over ten seconds, and over a gap of up to forty beside them
RECEIVER_DEG = 1e-7  # what a receiver tells is whole multiples of it
# Each sensor's own error, as its fake makes it: six standard deviations where that is normal.
ERROR = {
    "latitude_deg": WANDER_M[1] / METRES_PER_DEGREE[1] + RECEIVER_DEG,
    "longitude_deg": WANDER_M[0] / METRES_PER_DEGREE[0] + RECEIVER_DEG,
    "altitude_m": WANDER_M[2],
    "climb_mps": 2 * WANDER_M[2] / 10,  # of two altitudes ten seconds apart
    "speed_mps": 0.01,
    "heading_deg": 0.01,
    "outside_c": 6 * 0.03,
    "inside_c": 0.25,  # a board tells half degrees
    "pressure_hpa": 6 * 0.02,  # to which comes the drift of a BMP388 below its range
    "battery_mv": 6 * 2.0 + 2.0,  # and half a step of an INA219
}
CHECK_OF_FELT = {"outside_c": AIR, "pressure_hpa": AIR, "inside_c": INSIDE, "battery_mv": BATTERY}
TIME_ERROR_S = 3.0  # GNSS puts the clock right beyond 2 s; and a second is told whole
LANDING_SIGMAS = 5.0  # of the ellipse that is told
LANDING_SLACK_M = 500.0  # hills, and a fix of three seconds ago
LANDING_TIME_FACTOR, LANDING_SLACK_S = 2.5, 120.0  # parachutes are drawn from 4 to 9 m/s
DAY_S = 86_400


class Code(NamedTuple):
    """How a field is told: rounded to ``step`` and held between two ends."""

    step: float
    low: float = -math.inf
    high: float = math.inf

    @staticmethod
    def of(number: Number, unit: float = 1.0) -> Code:
        return Code(*(unit * end * number.step for end in (1, number.low, number.high)))


BEACON = {
    f.name: Code(f.step, f.offset, f.offset + f.step * ((1 << f.bits) - 2)) for f in beacon.FIELDS
}
HORUS = {
    "latitude_deg": Code.of(horus.LATITUDE), "longitude_deg": Code.of(horus.LONGITUDE),
    "altitude_m": Code.of(horus.ALTITUDE_M), "climb_mps": Code.of(horus.CLIMB_MPS),
    "speed_mps": Code.of(horus.SPEED_KMH, 1 / horus.KMH_PER_MPS), "fix_age_s": Code(1, 0, 254),
    "outside_c": Code.of(horus.CELSIUS), "inside_c": Code.of(horus.CELSIUS),
    "pressure_hpa": Code.of(horus.PRESSURE_HPA), "battery_mv": Code.of(horus.MILLIVOLTS),
}
SENTENCE = {
    "latitude_deg": Code(1e-5), "longitude_deg": Code(1e-5), "altitude_m": Code(1),
    "fix_age_s": Code(1),
}
RECORD = {
    "latitude_deg": Code(1e-7), "longitude_deg": Code(1e-7), "altitude_m": Code(1),
    "climb_mps": Code(0.01), "speed_mps": Code(0.01), "heading_deg": Code(1), "fix_age_s": Code(1),
    "outside_c": Code(0.1), "inside_c": Code(0.1), "pressure_hpa": Code(0.1),
    "battery_mv": Code(1),
}


class Truth:
    """Looks on at what the payload of one world says; ``checks`` is told of what is not true."""

    def __init__(self, world: World, checks: Checks) -> None:
        self._world = world
        self._checks = checks
        self._felt = SensorTruth(world)
        self._way = TrueTrack(world.trajectory)

    # -- what is said --------------------------------------------------------------------------

    def on_send(self, frame: bytes, decoded: object) -> None:
        """``frame`` begins to go out; ``decoded`` is what it is among our own."""
        if isinstance(decoded, BeaconFrame):
            self._look_at_beacon("beacon", beacon.decode(decoded.state), BEACON)
        elif decoded is None:
            packet, sentence = horus.decode(frame), ukhas.parse(frame)
            if packet is not None:
                self._look_at_beacon("Horus packet", packet.beacon, HORUS)
            elif sentence is not None:
                self._look_at_sentence(sentence)

    def on_notes(self, notes: Iterable[Note]) -> None:
        """The payload has made these records."""
        for note in notes:
            body = note.body
            if note.kind is Kind.TRACK:
                self._look("track record", Beacon(
                    latitude_deg=_times(body, "lat", 1e-7), climb_mps=_times(body, "climb", 0.01),
                    longitude_deg=_times(body, "lon", 1e-7), altitude_m=body.get("alt"),
                    speed_mps=_times(body, "spd", 0.01), heading_deg=body.get("hdg"),
                    fix_age_s=0.0,
                ), RECORD, TRACK_AGE_S)
            elif note.kind is Kind.HOUSEKEEPING and "land_lat" in body:
                self._look_at_landing(body)
            elif note.kind is Kind.HOUSEKEEPING:
                self._look("housekeeping", Beacon(
                    battery_mv=body.get("mv"), outside_c=_times(body, "out", 0.1),
                    inside_c=_times(body, "in", 0.1), pressure_hpa=_times(body, "hpa", 0.1),
                ), RECORD)
                self._look_at_phase(body.get("phase"))

    # -- how it truly is -----------------------------------------------------------------------

    def _look_at_beacon(self, what: str, reported: Beacon, codes: Mapping[str, Code]) -> None:
        self._look(what, reported, codes)
        self._look_at_time(reported.time_of_day_s)
        self._look_at_phase(reported.phase)
        if reported.phase is not None:  # a Horus packet without it does not tell the arming either
            self._look_at_arming(reported.is_cutdown_armed)

    def _look_at_sentence(self, reported: Sentence) -> None:
        """Its time is that of its place: without one nothing says how old that is."""
        if reported.time_of_day_s is None or self._checks.excuses.hold(TIME):
            return
        self._look("sentence", Beacon(
            latitude_deg=reported.latitude_deg, longitude_deg=reported.longitude_deg,
            altitude_m=reported.altitude_m,
            fix_age_s=max(0.0, -self._ahead_s(reported.time_of_day_s)),
        ), SENTENCE)

    def _look(
        self, what: str, reported: Beacon, codes: Mapping[str, Code], unreported_s: float = 0.0
    ) -> None:
        """``unreported_s`` is how much older than it says the fix may be."""
        age_s = reported.fix_age_s
        if age_s is not None and age_s < codes["fix_age_s"].high:
            self._look_at_fix(what, reported, codes, (age_s + unreported_s + AGE_SHORT_S, age_s))
        for name, check in CHECK_OF_FELT.items():
            value = getattr(reported, name)
            if value is not None:
                truths = self._felt.of(name)
                self._hold(check, what, name, value, truths, codes[name], _drift(name, truths))

    def _look_at_fix(
        self, what: str, reported: Beacon, codes: Mapping[str, Code], ages_s: tuple[float, float]
    ) -> None:
        """The fix is between ``ages_s`` old."""
        now_ms, placed_ms = self._world.clock.now_ms, self._world.receiver.placed_ms
        silence_s = math.inf if placed_ms is None else (now_ms - placed_ms) / 1000
        if silence_s > ages_s[0]:
            self._checks.violate(
                PLACE, f"a fix of {ages_s[1]:.0f} s ago in a {what}, and the last is "
                f"{silence_s:.0f} s old")
        from_s, to_s = (now_ms / 1000 - age_s for age_s in ages_s)
        states = self._way.between(from_s, to_s + AGE_LONG_S)
        longer = self._way.between(from_s - CLIMB_S, to_s + AGE_LONG_S)
        for check, name, where in (
            (PLACE, "latitude_deg", states), (PLACE, "longitude_deg", states),
            (HEIGHT, "altitude_m", states), (MOTION, "speed_mps", states),
            (MOTION, "climb_mps", longer), (MOTION, "heading_deg", states),
        ):
            value = getattr(reported, name)
            # A fix is told until there is a newer one: what excused it then excuses it still.
            if value is None or self._checks.excuses.hold(check, 1000 * to_s):
                continue
            truths = [getattr(state, name) for state in where]
            if name in ("longitude_deg", "heading_deg"):
                truths = [value + wrapped_deg(truth - value) for truth in truths]
            self._hold(check, what, name, value, truths, codes[name])

    def _hold(
        self, check: str, what: str, name: str, reported: float, truths: list[float], code: Code,
        drift: float = 0.0,
    ) -> None:
        """``reported`` is one of ``truths``, or lies between two of them."""
        self._checks.counts["reported"] += 1
        if not truths:
            self._checks.violate(
                check, f"{name} {reported:.7g} in a {what}, and nothing has measured it for "
                f"{SENSE_AGE_MS // 1000} s")
            return
        error = ERROR[name] + code.step / 2 + drift
        low, high = (min(max(end, code.low), code.high) for end in (min(truths), max(truths)))
        if not low - error <= reported <= high + error:
            self._checks.violate(
                check, f"{name} {reported:.7g} in a {what}, in truth {low:.7g} to {high:.7g}")

    def _look_at_time(self, reported_s: int | None) -> None:
        """A clock that was only restored lags by the time it was off, and is never ahead. Of half a
        day and more the time of day does not show which it is."""
        flight = self._world.flight
        if reported_s is None or flight is None:
            return
        ahead_s, quality = self._ahead_s(reported_s), flight.clock.quality
        utc_ms = flight.clock.utc_ms(self._world.daemon.now_ms)
        if (quality is TimeQuality.RESTORED and utc_ms is not None
                and self._world.clock.utc_ms - utc_ms > DAY_S * 1000 / 2):
            return
        is_late = quality is TimeQuality.GPS and ahead_s < -TIME_ERROR_S
        if quality is TimeQuality.NONE or ahead_s > TIME_ERROR_S or is_late:
            self._checks.violate(TIME, f"time of day {ahead_s:+.0f} s off, {quality.name}")

    def _ahead_s(self, reported_s: float) -> float:
        """How far this time of day is ahead of the true one, -43200..43200."""
        now_s = self._world.clock.utc_ms / 1000
        return (reported_s - now_s + DAY_S / 2) % DAY_S - DAY_S / 2

    def _look_at_phase(self, reported: int | None) -> None:
        """Whether that is right is another check's question (phase_right)."""
        flight = self._world.flight
        if reported is not None and flight is not None and reported != flight.phase.phase:
            self._checks.violate(
                STATE, f"phase {reported} reported, it is {flight.phase.phase.name}")

    def _look_at_arming(self, reported: bool) -> None:
        flight = self._world.flight
        if flight is not None and reported != flight.cutdown.is_armed:
            self._checks.violate(STATE, f"cutdown armed: {reported} reported")
        if reported and not self._checks.cutdown.may_be_armed():
            self._checks.violate(STATE, "armed is reported, but was never ordered")

    def _look_at_landing(self, body: Body) -> None:
        """As if it fell from here and now, under its own parachute in the true winds. A payload
        that has forgotten how high the ground is reckons to the sea, and says no more than that."""
        path, now_s, flight = self._world.trajectory, self._world.clock.now_s, self._world.flight
        knows_ground = flight is not None and flight.phase.ground_altitude_m is not None
        if not isinstance(path, Balloon) or not knows_ground:
            return
        fall = path.fall_from(path.state(now_s))
        place = body["land_lat"] * 1e-7, body["land_lon"] * 1e-7
        miss_m = distance_m(place, (fall.latitude_deg, fall.longitude_deg))
        sigma_m = max(body["land_along"], body["land_across"])
        if miss_m > LANDING_SIGMAS * sigma_m + LANDING_SLACK_M:
            self._checks.violate(
                LANDING, f"a landing {miss_m / 1000:.1f} km off, one sigma is {sigma_m} m")
        least_s, most_s = fall.seconds / LANDING_TIME_FACTOR, fall.seconds * LANDING_TIME_FACTOR
        if not least_s - LANDING_SLACK_S <= body["land_s"] <= most_s + LANDING_SLACK_S:
            self._checks.violate(
                LANDING, f"a landing in {body['land_s']} s, in truth {fall.seconds:.0f} s")


def _drift(name: str, truths: list[float]) -> float:
    """What a BMP388 may be wrong by below its range, hPa."""
    if name != "pressure_hpa" or not truths:
        return 0.0
    return DRIFT_PA_MAX / 100 * max(0.0, 1 - 100 * min(truths) / PRESSURE_FLOOR_PA)


def _times(body: Body, key: str, factor: float) -> float | None:
    return None if key not in body else body[key] * factor
