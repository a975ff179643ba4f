"""The sound at the payload's microphone: pressure in pascals, as physics has it.

Wind noise is pressure that the moving air makes at the microphone itself: proportional to
rho v^2 (Strasberg, JASA 83, 1988), with a spectrum that falls by f^(-7/3) above a corner. A balloon
goes with the wind, so the airspeed is that of its climb or fall: on the way up the noise fades with
the air's density, after the burst it roars, and at terminal velocity rho v^2 stays the same down to
the ground. Sounds of a source (voices, the bang of the burst) are proportional to the density of
the air, as the pressure of a vibrating surface is, and fall with distance. Under the parachute the
lines flap, and the noise swells with them.

Does not cover: the echo in the box, the microphone's own change in thin air, a headwind in gusts
between layers.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wire.standard_air import SEA_LEVEL_KGM3

RATE_HZ = 16_000
REFERENCE_PA = 20e-6
WIND_PART = 0.03  # of rho v^2, at a bare microphone in a hole of the box
WIND_CORNER_HZ = 30.0
STILL_WIND_MPS = 1.5  # a breeze round a box that stands on the ground
AMBIENT_SPL_DB = 42.0  # a field at sea level
VOICES_SPL_DB = 66.0  # at arm's length
VOICES_REACH_M = 40.0
BANG_SPL_DB = 128.0  # of the balloon 15 m above the box, in the air of sea level
BANG_S = 0.012
FLUTTER_HZ = (2.5, 7.0)
FLUTTER_DEPTH = 0.6
_FORMANTS_HZ = (500.0, 1_500.0, 2_500.0)

Pressure = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What there is to hear."""

    density_kgm3: float
    airspeed_mps: float
    above_ground_m: float
    are_people_near: bool = False
    is_under_parachute: bool = False
    burst_at_s: float | None = None  # within the take


def pressure(around: Surroundings, seconds: float, rng: random.Random) -> Pressure:
    """The sound pressure of a take, Pa at RATE_HZ."""
    noise = np.random.default_rng(rng.getrandbits(64))
    count = round(seconds * RATE_HZ)
    thinness = around.density_kgm3 / SEA_LEVEL_KGM3
    gusts = _gusts(count, noise)
    speed_mps = np.full(count, max(around.airspeed_mps, _breeze_mps(around)))
    wind = WIND_PART * around.density_kgm3 * speed_mps**2 * gusts * _wind_noise(count, noise)
    if around.is_under_parachute:
        wind *= _flapping(count, rng, noise)
    total = wind + _of_spl(AMBIENT_SPL_DB) * thinness * noise.standard_normal(count)
    if around.are_people_near:
        nearness = 1 / max(1.0, around.above_ground_m)
        total += _of_spl(VOICES_SPL_DB) * thinness * nearness * _speech(count, rng, noise)
    if around.burst_at_s is not None:
        total += _of_spl(BANG_SPL_DB) * thinness * _bang(count, around.burst_at_s, noise)
    return total


def wind_spl_db(density_kgm3: float, airspeed_mps: float) -> float:
    """Level of the wind noise, dB re 20 uPa."""
    return 20 * math.log10(WIND_PART * density_kgm3 * airspeed_mps**2 / REFERENCE_PA)


def _breeze_mps(around: Surroundings) -> float:
    return STILL_WIND_MPS if around.above_ground_m < 2 else 0.1


def _of_spl(level_db: float) -> float:
    return float(REFERENCE_PA * 10 ** (level_db / 20))


def _shaped(count: int, noise: np.random.Generator, shape: Pressure) -> Pressure:
    """Noise of unit rms with the amplitude spectrum ``shape``."""
    spectrum = np.fft.rfft(noise.standard_normal(count)) * shape
    made = np.fft.irfft(spectrum, count)
    unit: Pressure = made / np.sqrt(np.mean(made**2))
    return unit


def _wind_noise(count: int, noise: np.random.Generator) -> Pressure:
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    shape = np.maximum(hz, WIND_CORNER_HZ) ** (-7 / 6)  # amplitude: half of the power's exponent
    shape[hz < 15] = 0
    return _shaped(count, noise, shape)


def _gusts(count: int, noise: np.random.Generator) -> Pressure:
    """Slow swells about 1, without a frequency of their own."""
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    shape = np.where((hz > 0) & (hz < 20), 1 / np.maximum(hz, 0.3), 0.0)
    gusts: Pressure = np.exp(0.25 * _shaped(count, noise, shape))
    return gusts


def _flapping(count: int, rng: random.Random, noise: np.random.Generator) -> Pressure:
    """Swells at one frequency, which wanders by some percent."""
    hz = rng.uniform(*FLUTTER_HZ)
    wander = 1 + 0.04 * np.interp(
        np.arange(count), np.linspace(0, count, 12), noise.standard_normal(12))
    phase = 2 * math.pi * np.cumsum(hz * wander) / RATE_HZ
    return 1 + FLUTTER_DEPTH * np.sin(phase)


def _speech(count: int, rng: random.Random, noise: np.random.Generator) -> Pressure:
    """Syllables: a gliding pitch with its harmonics through three formants; unit rms.

    A stand-in with the pitch and the rhythm of speech; it has no words.
    """
    made = np.zeros(count)
    at, base_hz = rng.uniform(0.0, 0.3), rng.choice((115.0, 190.0))
    while (begin := round(at * RATE_HZ)) < count:
        length = min(round(rng.uniform(0.12, 0.3) * RATE_HZ), count - begin)
        hz = np.linspace(base_hz * rng.uniform(0.9, 1.3), base_hz * rng.uniform(0.75, 1.1), length)
        phase = 2 * math.pi * np.cumsum(hz) / RATE_HZ
        formants = [f * rng.uniform(0.7, 1.3) for f in _FORMANTS_HZ]
        for harmonic in range(1, 26):
            gain = sum(math.exp(-((harmonic * base_hz - f) / 250) ** 2) for f in formants)
            made[begin : begin + length] += (gain + 0.1) / harmonic**0.5 * np.sin(harmonic * phase)
        made[begin : begin + length] *= np.hanning(length)
        at += length / RATE_HZ + rng.choice((0.02, 0.05, 0.05, 0.3))
    made += 0.01 * noise.standard_normal(count)
    spoken: Pressure = made / np.sqrt(np.mean(made**2))
    return spoken


def _bang(count: int, at_s: float, noise: np.random.Generator) -> Pressure:
    """A front and its decay, with peak about 1."""
    begin = round(at_s * RATE_HZ)
    made = np.zeros(count)
    tail = np.exp(-np.arange(count - begin) / (BANG_S / 3 * RATE_HZ))
    made[begin:] = tail * (0.7 + 0.3 * noise.standard_normal(count - begin))
    return made
