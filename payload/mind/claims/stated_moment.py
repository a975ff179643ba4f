"""The moment a line was said in, read back from the words of its record.

A record of a musing has what the prompt said (``payload.prompt.senses_in_words``), its topic and
the altitude. What the words leave out is unknown here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from payload.prompt import SIGHT_WORDS, SOUND_WORDS

_PHASES = {"on the ground": "ground", "climbing": "ascent", "floating": "float",
           "falling": "descent", "landed": "landed"}
_CLOUDS = {"cloud below": "below", "in cloud": "inside", "cloud above": "above"}
_OUTCOMES = {"404": "404", "429, too many requests": "429", "500, server error": "500",
             "no answer": "timeout", "nonsense": "garbage", "an answer": "ok"}
_SIGHTS = {words: sight for sight, words in SIGHT_WORDS.items()}
_SOUNDS = {words: sound for sound, words in SOUND_WORDS.items()}
CALL_TOPICS = frozenset(("notfound", "refused", "timeout", "garbage", "answer"))


@dataclass(frozen=True, slots=True)
class StatedMoment:
    """What the moment says, in the words and units of ``payload.prompt.Moment``; None is unknown.

    ``height_m`` is above the ground, rounded to 50 m below 1 km and to whole kilometres above;
    ``altitude_m`` is above the sea. ``call`` is the name of an API and the outcome of asking it.
    """

    about: str
    phase: str | None = None
    height_m: float | None = None
    altitude_m: float | None = None
    outside_c: float | None = None
    pressure_hpa: float | None = None
    wind_mps: float | None = None
    silence_min: float | None = None
    sun: str | None = None
    cloud: str | None = None
    battery: str | None = None
    call: tuple[str, str] | None = None
    sights: frozenset[str] = frozenset()  # of the last picture
    sounds: frozenset[str] | None = None  # None where nothing is said of any


def read(about: str, senses: str, altitude_m: float | None) -> StatedMoment:
    """The moment of a record: its ``about``, ``senses`` and ``alt``."""
    place = re.match("|".join(_PHASES), senses)
    height = re.search(r"\b(\d+) (k?)m up\b", senses)
    cloud = re.search("|".join(_CLOUDS), senses)
    call = re.search(r"\basked (\S+): ([^.]+)\.", senses)
    return StatedMoment(
        about,
        phase=_PHASES[place[0]] if place else None,
        height_m=float(height[1]) * (1000 if height[2] else 1) if height else None,
        altitude_m=altitude_m,
        outside_c=_number(r"\boutside (-?\d+) C\b", senses),
        pressure_hpa=_number(r"\bair (\d+) hPa\b", senses),
        wind_mps=_number(r"\bwind (\d+) m/s", senses),
        silence_min=_number(r"\bheard nobody for (\d+) min\b", senses),
        sun=_word(r"\bsun (high|low|down)\b", senses),
        cloud=_CLOUDS[cloud[0]] if cloud else None,
        battery=_word(r"\bbattery (good|fair|low)\b", senses),
        call=(call[1], _OUTCOMES[call[2]]) if call and call[2] in _OUTCOMES else None,
        sights=_sights(senses),
        sounds=_sounds(senses),
    )


def _sights(senses: str) -> frozenset[str]:
    found = re.search(r"\bsees ([a-z ]+)\.", senses)
    words = found[1].split(" and ") if found else []
    return frozenset(_SIGHTS[word] for word in words if word in _SIGHTS)


def _sounds(senses: str) -> frozenset[str] | None:
    found = re.search(r"\bhears ([a-z ]+)\.", senses)
    if found is None:
        return None
    return frozenset(_SOUNDS[word] for word in found[1].split(" and ") if word in _SOUNDS)


def _number(pattern: str, senses: str) -> float | None:
    found = re.search(pattern, senses)
    return float(found[1]) if found else None


def _word(pattern: str, senses: str) -> str | None:
    found = re.search(pattern, senses)
    return found[1] if found else None
