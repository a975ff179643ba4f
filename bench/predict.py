"""Landing forecasts of recorded flights, scored against where these flights truly landed.

Both ends are scored: the payload's forecast, from a fix a second, and the station's, from the
positions that it heard: one in twenty seconds, of which half are lost. Each knows nothing of what
comes later, and both take the mission's 5 m/s until the fall is measured. The instants within a
flight are not independent, and there are four flights, of one organisation, on which the numbers of
``wire.landing_forecast`` were set: that the ellipse is honest there does not say what it is
elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

from bench.report import Figure
from groundstation.archive.track import Point
from groundstation.reading.landing import station_forecast
from sim.balloon import AirState
from sim.replay import Replay
from wire.earth import distance_m
from wire.landing_forecast import FallSpeed, Landing, predict
from wire.mission import FlightSection
from wire.winds import AirPosition, WindLayers

PLAN = FlightSection()
FLIGHTS = Path(__file__).parents[1] / "tests" / "data" / "flights"
EVERY_S = 60
HEARD_EVERY_S, HEARD_SHARE = 20, 0.5
SIGMAS = 1.5
HEIGHTS_M = (10_000.0, 5_000.0)
LOW_M = 200.0  # above the launch site: below it there is nothing left to forecast
DOWN_M = 50.0  # above where it came to rest: it counts as down
SHARE_INSIDE = (0.60, 0.80)  # of a normal distribution in two dimensions 68 % are


class Guess(NamedTuple):
    """One forecast, by whom, from where, and how it was wrong."""

    by: str
    altitude_m: float
    error_m: float
    sigmas: float
    time_error: float  # of the time that was left; negative: told too early


def run(out_dir: Path) -> list[Figure]:
    """The figures of both ends over the four recordings; the peers of a share are the flights'."""
    flights = [list(guesses(path)) for path in sorted(FLIGHTS.glob("*.csv.gz"))]
    return [figure for by in ("payload", "station") for figure in _figures(by, [
        [guess for guess in flight if guess.by == by] for flight in flights])]


def _figures(by: str, flights: list[list[Guess]]) -> Iterator[Figure]:
    """What one end forecast of each flight."""
    moments = {"at the burst": [flight[0] for flight in flights]}
    for high_m in HEIGHTS_M:
        moments[f"from {high_m / 1000:.0f} km"] = [
            next(guess for guess in flight if guess.altitude_m < high_m) for flight in flights]
    for moment, found in moments.items():
        errors_km = [guess.error_m / 1000 for guess in found]
        yield Figure(f"{by}: error {moment}, median of the flights", median(errors_km), "km",
                     peers={"worst": max(errors_km)})
    of_20km = [next(guess for guess in flight if guess.altitude_m < 20_000) for flight in flights]
    yield Figure(f"{by}: time of fall from 20 km, bias", mean(g.time_error for g in of_20km) * 100,
                 "%", peers={"worst": 100 * max((g.time_error for g in of_20km), key=abs)})
    every = [guess for flight in flights for guess in flight]
    inside = mean(guess.sigmas <= SIGMAS for guess in every)
    what = f"{by}: truth inside 1.5 sigma, of {len(every)} instants"
    yield Figure(what, inside * 100, "%", 100 * SHARE_INSIDE[0], ">=")
    yield Figure(what, inside * 100, "%", 100 * SHARE_INSIDE[1], "<=", peers={
        str(at): 100 * mean(guess.sigmas <= SIGMAS for guess in flight)
        for at, flight in enumerate(flights, 1)})


def guesses(path: Path) -> Iterator[Guess]:
    """Of one flight, once a minute from its burst on, the payload's and the station's."""
    flight = Replay(path)
    end = _position(flight.state(flight.end_s))
    ground_m = flight.pad[2]
    down_s = next(second for second in range(int(flight.burst_s), int(flight.end_s))
                  if flight.state(second).altitude_m < end.altitude_m + DOWN_M)
    winds, fall, rng = WindLayers(), FallSpeed(PLAN.landing_mps), random.Random(1)
    heard: list[AirPosition] = []
    for second in range(down_s):
        state = flight.state(second)
        at = _position(state)
        if at.altitude_m > ground_m + LOW_M:
            winds.observe(at)
        if second > flight.burst_s:
            fall.observe(at.altitude_m, state.climb_mps)
        if second % HEARD_EVERY_S == 0 and rng.random() < HEARD_SHARE:
            heard.append(at)
        since_s = second - int(flight.burst_s)
        if since_s < 0 or since_s % EVERY_S or at.altitude_m < ground_m + LOW_M:
            continue
        payload = predict(at, winds, fall, ground_m)
        station = station_forecast([Point(*each) for each in heard], PLAN, ground_m)
        assert payload is not None and station is not None
        yield _scored("payload", payload, at, end, down_s)
        yield _scored("station", station.landings[0][1], heard[-1], end, down_s)


def _position(state: AirState) -> AirPosition:
    at_ms = round(state.t_s * 1000)
    return AirPosition(at_ms, state.latitude_deg, state.longitude_deg, state.altitude_m)


def _scored(by: str, landing: Landing, at: AirPosition, end: AirPosition, down_s: int) -> Guess:
    error_m = distance_m((landing.latitude_deg, landing.longitude_deg), end[1:3])
    left_s = down_s - at.at_ms / 1000
    return Guess(by, at.altitude_m, error_m, landing.distance_sigma(*end[1:3]),
                 landing.seconds / left_s - 1)
