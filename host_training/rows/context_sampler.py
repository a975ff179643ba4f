"""Samples contexts in which a thought is true, with all other readings filled in consistently.

A thought says "about wind, climbing, 50 to 2500 m"; in flight the same thought will be asked for
with a pressure, a temperature and a battery beside it. What the author left open is drawn from the
standard atmosphere and from how balloons fly, so that the model learns which words matter.
"""

from __future__ import annotations

import math
import random

from host_training.importers.notebook import API_OUTCOMES, RANGE_KEYS, Condition
from payload.prompt import Moment
from wire import standard_air

API_NAMES = ("weather", "news", "tides", "time", "iss", "poem")
API_CHANCE = 0.1
MISSING_CHANCE = 0.1  # a sensor that is not there, or has failed
CEILING_M = 34_000.0
ZERO_C_K = 273.15
BAROMETER_HPA_MIN = 300.5  # below, the payload's barometer says nothing
DRAWS_MAX = 600  # redraws of the altitude until stated pressure and temperature agree with it

_PHASE_WEIGHTS = {"ground": 1.0, "ascent": 4.0, "float": 2.0, "descent": 2.0, "landed": 1.0}


def draw_moment(condition: Condition, rng: random.Random) -> Moment:
    """One moment that agrees with ``condition``; the same ``rng`` state gives the same moment."""
    phase = condition.words.get("phase") or _draw_phase(condition, rng)
    altitude_m, outside_c, pressure_hpa = _draw_air(condition, phase, rng)
    senses: dict[str, float | None] = {
        "altitude_m": altitude_m,
        "outside_c": outside_c,
        "pressure_hpa": pressure_hpa if pressure_hpa > BAROMETER_HPA_MIN else None,
        "inside_c": rng.uniform(-20, 30),
        "humidity_pct": rng.uniform(0, 100),
        "climb_mps": _climb_mps(phase, altitude_m, rng),
        "wind_mps": abs(rng.gauss(8, 8)),
        "silence_min": 0.0 if rng.random() < 0.5 else math.exp(rng.uniform(0, math.log(900))),
    }
    for key in RANGE_KEYS:
        if key in condition.ranges:
            if key not in ("altitude_m", "outside_c", "pressure_hpa"):
                senses[key] = rng.uniform(*condition.ranges[key])
        elif key != "silence_min" and rng.random() < MISSING_CHANCE:
            senses[key] = None
    words = dict(condition.words)
    words.setdefault("sun", rng.choices(("high", "low", "down"), (70, 15, 15))[0])
    words.setdefault("battery", rng.choices(("good", "fair", "low"), (60, 28, 12))[0])
    words.setdefault("cloud", _cloud(altitude_m, rng))
    api = condition.api
    if api is None and rng.random() < API_CHANCE:
        api = (rng.choice(API_NAMES), rng.choice(API_OUTCOMES))
    return Moment(about=condition.about, phase=phase, sun=words["sun"], cloud=words["cloud"],
                  battery=words["battery"], api=api, question=condition.question,
                  news=words.get("news"), heard=None, panel=None, spin=None,
                  sights=(), sounds=(), **senses)


def _draw_phase(condition: Condition, rng: random.Random) -> str:
    """A phase the stated altitude and climb allow."""
    weights = dict(_PHASE_WEIGHTS)
    if condition.ranges.get("altitude_m", (0.0, 0.0))[1] > 500:
        weights["ground"] = weights["landed"] = 0.0
    climb = condition.ranges.get("climb_mps")
    if climb is not None:
        fits = {"ascent": climb[1] > 1, "descent": climb[0] < -1,
                "float": climb[0] <= 0 <= climb[1]}
        weights = {phase: weights[phase] if fits.get(phase, climb[0] <= 0 <= climb[1]) else 0.0
                   for phase in weights}
    if not any(weights.values()):
        weights["float"] = 1.0
    return rng.choices(list(weights), list(weights.values()))[0]


def _draw_air(condition: Condition, phase: str, rng: random.Random) -> tuple[float, float, float]:
    """Altitude, temperature and pressure that agree with each other and with what is stated.

    Altitudes are redrawn until the standard atmosphere gives about the stated values; where none
    does (an inversion, a warm box) the stated values win, as they do in the real sky.
    """
    span = condition.ranges.get("altitude_m") or {
        "ground": (0.0, 300.0), "landed": (0.0, 300.0), "float": (16_000.0, CEILING_M),
    }.get(phase, (100.0, CEILING_M))
    stated_c = condition.ranges.get("outside_c")
    stated_hpa = condition.ranges.get("pressure_hpa")
    for _ in range(DRAWS_MAX):
        altitude_m = rng.uniform(*span)
        standard = standard_air.at(altitude_m)
        outside_c = standard.temperature_k - ZERO_C_K + rng.gauss(0, 5)
        pressure_hpa = standard.pressure_pa / 100 * rng.gauss(1, 0.01)
        if (_within(outside_c, stated_c)) and _within(pressure_hpa, stated_hpa):
            return altitude_m, outside_c, pressure_hpa
    if stated_c is not None:
        outside_c = rng.uniform(*stated_c)
    if stated_hpa is not None:
        pressure_hpa = rng.uniform(*stated_hpa)
    return altitude_m, outside_c, pressure_hpa


def _within(value: float, span: tuple[float, float] | None) -> bool:
    return span is None or span[0] <= value <= span[1]


def _climb_mps(phase: str, altitude_m: float, rng: random.Random) -> float:
    """Balloons rise at about 5 m/s; a parachute falls faster where the air is thinner."""
    if phase == "ascent":
        return max(1.5, rng.gauss(5, 1))
    if phase == "descent":
        return -max(3.0, rng.gauss(6, 1) * math.exp(altitude_m / 15_000))
    return rng.gauss(0, 0.3)


def _cloud(altitude_m: float, rng: random.Random) -> str:
    """Clouds end at about 12 km: above that they can only be below."""
    if altitude_m > 12_000:
        return rng.choices(("below", "none"), (60, 40))[0]
    if altitude_m < 300:
        return rng.choices(("above", "none"), (50, 50))[0]
    return rng.choices(("below", "inside", "above", "none"), (30, 20, 20, 30))[0]
