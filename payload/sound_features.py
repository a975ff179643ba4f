"""What one take of the microphone sounds like: its level, and five traits with a confidence each.

Numbers, not understanding: each trait is one measure with a threshold, and what a measure cannot
tell apart, it does not. *Wind* is low, rough and without a tone: so is a lorry far away. *Bang* is
one short loud instant: a burst, or a knock on the box. *Flutter* is noise that swells at one
frequency: a parachute's lines, or a loose strap. *Voices* have a pitch that moves and syllables:
so has a singing bird, or a radio. *Quiet* is a low level, which without the microphone's
sensitivity is only told where it is low for any microphone.

A confidence is a logistic function of its measure, 0.5 at the threshold. The thresholds are
measured on the simulator's sounds and on synthetic speech, ``test_sound_features.py`` of the tests;
no balloon has flown with them.

numpy alone: a Fourier transform and a window are all that these measures need, and SciPy would cost
a Pi Zero 2 another 40 MB and a second for each take. Only the microphone's worker and the simulator
import this file.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from payload.sound import Sound

Samples = NDArray[np.int16]
Signal = NDArray[np.float64]

RATE_HZ = 16_000
TAKE_S_MIN = 1.0  # a shorter one has too few swells and syllables to count
FULL_SCALE = 32_768
PASCAL_DB = 94.0  # dB re 20 uPa of 1 Pa, at which sensitivities are given (IEC 60268-4)
# What is no sound. Even in silence the noise of a microphone moves the lowest bit: an ICS-43434
# has 65 dB below -26 dBFS, 0.9 steps rms (TDK DS-000069, table 1).
STUCK_LEVEL, STUCK_SHARE = 32_700, 0.9

# (threshold, width) of the logistic functions.
_QUIET_SPL_DB = (45.0, 2.5)  # a library has 40 dB, a quiet street 50
_QUIET_DBFS = (-70.0, 2.5)  # 50 dB at the least sensitive MEMS microphone in use, -26 dBFS
# Wind pressure falls by f^(-7/3) or faster (Strasberg, JASA 83, 1988): 18 dB between these bands,
# where noise of equal power in each octave has 0 dB, and white noise -15.
_WIND_BANDS_HZ = (20.0, 200.0), (500.0, 6_000.0)
_WIND_DB = (9.0, 2.0)
_TONE_DB_MAX = 12.0  # above its neighbours: an engine, or the mains
# Of a 2 ms frame over the median frame; Gaussian noise stays below 5.
_BANG_DB = (16.0, 1.5)
_BANG_ABOVE_HZ = 500.0
_BANG_FRAME_S, _BANG_S_MAX, _BANG_FALL_DB = 0.002, 0.06, 10.0
# Of a line in the spectrum of the swells, over its surroundings; noise has 11 in 1 % of takes.
_FLUTTER_DB = (12.5, 0.8)
_FLUTTER_HZ = (1.5, 12.0)
_FLUTTER_BAND_HZ = (200.0, 4_000.0)
_SWELL_FRAME_S = 0.02
# Voiced frames, and how far their pitch goes.
_VOICE_BAND_HZ = (200.0, 3_400.0)
_VOICE_FRAME_S, _PITCH_HZ = 0.04, (80.0, 350.0)
_PERIODIC_MIN = 0.6
_VOICED_SHARE = (0.10, 0.02)
_PITCH_SPREAD = (0.06, 0.015)  # standard deviation of its logarithm; a semitone is 0.058
_MASK_DB_MIN = -65.0  # dBFS in the voices' band: wind that fills it hides them

_SPECTRUM_SAMPLES = 2_048


class NoSound(Exception):
    """The samples are no sound; the text is one sentence."""


def listen(samples: Samples, sensitivity_dbfs: float | None, taken_ms: int = 0) -> Sound:
    """The sound of a take at RATE_HZ.

    Args:    sensitivity_dbfs: of the microphone at 94 dB; None is unknown.
    Raises:  NoSound for too few samples, for one value throughout, and at full scale.
    """
    if len(samples) < TAKE_S_MIN * RATE_HZ:
        raise NoSound(f"The take is cut off after {len(samples) / RATE_HZ:.1f} s.")
    if samples.min() == samples.max():
        raise NoSound(f"The microphone is dead: every sample is {samples[0]}.")
    if np.mean(np.abs(samples.astype(np.int32)) >= STUCK_LEVEL) >= STUCK_SHARE:
        raise NoSound("The microphone is stuck at full scale.")
    signal = samples.astype(np.float64) / FULL_SCALE
    signal -= signal.mean()
    level_dbfs = 10 * math.log10(2 * float(np.mean(signal**2)))  # a full sine is 0 (AES17)
    spl_db = None if sensitivity_dbfs is None else level_dbfs - sensitivity_dbfs + PASCAL_DB
    traits: dict[str, float | None] = {
        "quiet": _quiet(level_dbfs, spl_db), "wind": _wind(signal), "bang": _bang(signal),
        "flutter": _flutter(signal),
    }
    traits["voices"] = _voices(signal, traits["wind"] or 0.0)
    if (traits["voices"] or 0.0) >= 0.5:
        traits["flutter"] = None  # syllables swell too
    known = {name: min(1.0, max(0.0, value)) for name, value in traits.items() if value is not None}
    return Sound(taken_ms, level_dbfs, spl_db, known)


def _logistic(value: float, threshold: float, width: float) -> float:
    return 1 / (1 + math.exp(min(50.0, (threshold - value) / width)))


def _quiet(level_dbfs: float, spl_db: float | None) -> float | None:
    """Without a sensitivity a high level may be that of a sensitive microphone: unknown."""
    if spl_db is not None:
        return 1 - _logistic(spl_db, *_QUIET_SPL_DB)
    is_quiet = 1 - _logistic(level_dbfs, *_QUIET_DBFS)
    return is_quiet if is_quiet >= 0.5 else None


def _wind(signal: Signal) -> float:
    """How much more there is low down than high up, unless it is a tone."""
    power = _spectrum(signal)
    hz = np.fft.rfftfreq(_SPECTRUM_SAMPLES, 1 / RATE_HZ)
    low, high = (power[(hz >= a) & (hz < b)] for a, b in _WIND_BANDS_HZ)
    near = np.array([np.median(low[max(0, at - 4) : at + 5]) for at in range(len(low))])
    if _db(float((low / near).max())) > _TONE_DB_MAX:
        return 0.0
    return _logistic(_db(float(low.sum() / high.sum())), *_WIND_DB)


def _bang(signal: Signal) -> float:
    """How far the loudest 2 ms stand out, if no more than a few of them are as loud."""
    power = _frame_power(_band(signal, _BANG_ABOVE_HZ, RATE_HZ / 2), _BANG_FRAME_S)
    peak = float(power.max())
    loud_s = float(np.sum(power > peak / 10 ** (_BANG_FALL_DB / 10))) * _BANG_FRAME_S
    if loud_s > _BANG_S_MAX:
        return 0.0
    return _logistic(_db(peak / float(np.median(power))), *_BANG_DB)


def _flutter(signal: Signal) -> float:
    """How far one frequency of the swells stands out from those around it."""
    swells = np.log(_frame_power(_band(signal, *_FLUTTER_BAND_HZ), _SWELL_FRAME_S))
    swells -= swells.mean()
    power = np.abs(np.fft.rfft(swells * np.hanning(len(swells)))) ** 2
    power = np.convolve(power, np.ones(3) / 3, "same")  # no line is sharper than the take
    hz = np.fft.rfftfreq(len(swells), _SWELL_FRAME_S)
    reach = round(3.0 / hz[1])
    best = 0.0
    for at in np.flatnonzero((hz >= _FLUTTER_HZ[0]) & (hz <= _FLUTTER_HZ[1])):
        around = power[max(1, at - reach) : at + reach + 1]
        best = max(best, float(power[at] / np.median(around)))
    return _logistic(_db(best), *_FLUTTER_DB)


def _voices(signal: Signal, wind: float) -> float | None:
    """Frames with a pitch, and a pitch that moves. None where wind may hide them."""
    heard = _band(signal, *_VOICE_BAND_HZ)
    length = round(_VOICE_FRAME_S * RATE_HZ)
    frames = heard[: len(heard) // length * length].reshape(-1, length)
    power = np.abs(np.fft.rfft(frames * np.hanning(length), 2 * length)) ** 2
    window = np.abs(np.fft.rfft(np.hanning(length), 2 * length)) ** 2
    # What is left of a period when the window is taken out of the autocorrelation (Boersma, 1993).
    shape = np.fft.irfft(window)[:length]
    same = np.fft.irfft(power)[:, :length]
    first, last = (round(RATE_HZ / hz) for hz in reversed(_PITCH_HZ))
    periodic = (same / np.maximum(same[:, :1], 1e-20) / (shape / shape[0]))[:, first : last + 1]
    strength = periodic.max(axis=1)
    pitch = RATE_HZ / (first + periodic.argmax(axis=1))
    is_loud = same[:, 0] > np.median(same[:, 0]) / 2
    is_voiced = (strength > _PERIODIC_MIN) & is_loud
    share = float(is_voiced.mean())
    spread = float(np.log(pitch[is_voiced]).std()) if is_voiced.sum() > 2 else 0.0
    found = min(_logistic(share, *_VOICED_SHARE), _logistic(spread, *_PITCH_SPREAD))
    level_dbfs = _db(2 * float(np.mean(heard**2)))
    is_masked = wind >= 0.5 and level_dbfs > _MASK_DB_MIN
    return None if is_masked and found < 0.5 else found


def _spectrum(signal: Signal) -> Signal:
    """Mean power of overlapping windows in each frequency bin (Welch)."""
    half = _SPECTRUM_SAMPLES // 2
    frames = np.lib.stride_tricks.sliding_window_view(signal, _SPECTRUM_SAMPLES)[::half]
    spectra = np.fft.rfft(frames * np.hanning(_SPECTRUM_SAMPLES), axis=1)
    power: Signal = np.mean(np.abs(spectra) ** 2, axis=0) + 1e-12
    return power


def _band(signal: Signal, low_hz: float, high_hz: float) -> Signal:
    """The signal without what is outside the band.

    The lower edge is a slope: behind a sharp one a knock rings on, as if with a pitch.
    """
    hz = np.fft.rfftfreq(len(signal), 1 / RATE_HZ)
    slope = np.clip((hz - low_hz / 2) / low_hz, 0.0, 1.0) ** 2
    slope *= np.clip((high_hz * 1.2 - hz) / (high_hz * 0.4), 0.0, 1.0)
    inside: Signal = np.fft.irfft(np.fft.rfft(signal) * slope, len(signal))
    return inside


def _frame_power(signal: Signal, frame_s: float) -> Signal:
    """Mean power of each frame, never 0."""
    length = round(frame_s * RATE_HZ)
    frames = signal[: len(signal) // length * length].reshape(-1, length)
    power: Signal = np.mean(frames**2, axis=1) + 1e-14
    return power


def _db(ratio: float) -> float:
    return 10 * math.log10(max(ratio, 1e-20))
