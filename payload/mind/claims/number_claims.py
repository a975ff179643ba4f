"""Finds wrong numbers: those that a clause claims for a quantity which the moment states otherwise.

A number counts as a claim where its unit and the words around it say of what it is: "twelve
kilometres up" is a height, "twelve kilometres away" is none. As said, numbers are round: 40 stands
for anything that is nearer to 40 than to 30 or 50, within 15 %. Quantities: temperature outside,
height, air pressure, wind and minutes of silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from payload.mind.claims.stated_moment import StatedMoment

ROUND_SHARE = 0.15  # of the number, the most that rounding explains
GROUND_M = 1000.0  # on the ground the altitude may be unknown: no place on it is far above this

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {**{word: n for n, word in enumerate(_SMALL)},
          **{word: 10 * n for n, word in enumerate(_TENS, 2)}, "a": 1, "an": 1}
_SCALES = {"hundred": 100, "thousand": 1000}
_PARTS = "|".join((*_SMALL, *_TENS, *_SCALES, "and"))
_NUMBER = (rf"(?P<number>\d[\d,]*(?:\.\d+)?|half an?\b|(?:an? )?(?:{_PARTS})"
           rf"(?:[- ](?:{_PARTS})\b)*|an?\b)")
_ABOUT = re.compile(r"\b(?:about|around|nearly|almost|roughly|some|or so|close to|not far|like)\b")
_NOT = re.compile(r"\b(?:not|never|no|nor|neither|without|\w+n['’]t|was|were|had|did)\b",
                  re.IGNORECASE)  # of a number, before it; "nobody" belongs to the silence
_AT_LEAST = re.compile(r"\b(?:over|more than|at least|past|above|beyond)\s*(?:minus )?$")
_AT_MOST = re.compile(r"\b(?:under|less than|at most|not quite|up to|below)\s*(?:minus )?$")


@dataclass(frozen=True, slots=True)
class _Quantity:
    """How a quantity is claimed. ``unit`` follows the number and has the groups of ``factors``.

    ``cue`` must stand in the clause, ``other`` must not: then the number is of something else.
    ``truths`` gives what the moment states, in the unit of the factors, ``step`` its rounding.
    """

    unit: re.Pattern[str]
    factors: dict[str, float]
    cue: re.Pattern[str]
    other: re.Pattern[str]
    truths: Callable[[StatedMoment], tuple[list[float], float]]


def _known(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


def _heights(stated: StatedMoment) -> tuple[list[float], float]:
    """Above the ground and above the sea: a line may mean either."""
    if stated.phase in ("ground", "landed"):
        known = stated.altitude_m is not None
        return _known(0.0, stated.altitude_m), 50.0 if known else GROUND_M
    truths = _known(stated.height_m, stated.altitude_m if stated.height_m is not None else None)
    return truths, 25.0 if (stated.height_m or 0.0) < 1000 else 500.0


def _unit(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<sign>minus |-|−)?\b{_NUMBER}[ -]?(?:{pattern})", re.IGNORECASE)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_INDOORS = r"inside|in here|in the box|in my|battery|board|chip|lid"
_UP = (r"(?:up|high|above (?:the|my|every)|over (?:the|my) (?:ground|sea|field|earth|land|town)"
       r"|(?:of air |of sky )?(?:below|beneath|under) me|of air under|from the ground)")
_QUANTITIES = (
    _Quantity(
        _unit(r"(?P<unit>degrees?|°|C\b|below\b(?! me)|of frost|(?(sign)(?=\W|$)|(?!)))"),
        {"": 1.0},
        _words(r"outside|out here|up here|minus|below|frost|celsius|thermometer|temperature"
               r"|it is|air|cold|degrees? C|-?\d+ C"),
        _words(rf"{_INDOORS}|colder|warmer|cooler|hotter|more|less|lost|gained|wrong|apart|between"
               r"|difference|by|angle|tilt\w*|turn\w*|lean\w*|bend|slope|north|south|east|west"
               r"|latitude|longitude|horizon|sun|moon|kettle|tea|freezer|fridge|oven|room|kitchen"
               r"|workshop|shed|every|per|each|hpa|metres?|km|inches"),
        lambda stated: (_known(stated.outside_c), 0.5)),
    _Quantity(
        _unit(r"(?P<unit>(?P<km>km|kilomet(?:re|er)s?)|(?P<m>m\b(?!/)|met(?:re|er)s?)"
              r"|(?P<ft>feet|foot)|(?P<mi>miles?))(?! (?:a|per|an|each) )"),
        {"km": 1000.0, "m": 1.0, "ft": 0.3048, "mi": 1609.344},
        re.compile(
            rf"(?:km|m|met(?:re|er)s?|feet|miles?)\s+{_UP}\b|\b(?:height|altitude)\b"
            r"|\b(?:I|we|the (?:box|balloon)) (?:am|are|is|hang|float|have climbed|have reached)\b"
            r".* (?:at|to) ",
            re.IGNORECASE),
        _words(r"string|rope|wire|cable|aerial|tall|wide|long|away|off|distance|far from|drifted"
               r"|clouds?|planes?|aeroplanes?|airliners?|birds?|tower|church|trees?|ladder|hour"
               r"|second|thick|deep|parachute|to go|left|further|higher|lower|last"
               r"|every|each|from home|mountains?|space|across|sideways|horizon|sky"),
        _heights),
    _Quantity(
        _unit(r"(?P<unit>hpa|hectopascals?|millibars?|mbar|mb)\b"),
        {"": 1.0},
        _words(r".+"),
        _words(rf"{_INDOORS}|less|more|lost|dropped|every|each|per|normal|sea level|usual|by"),
        lambda stated: (_known(stated.pressure_hpa), 0.5)),
    _Quantity(
        _unit(r"(?P<unit>(?P<mps>m/s|met(?:re|er)s (?:a|per|each) second)"
              r"|(?P<kmh>km/h|kilomet(?:re|er)s (?:an|per) hour))"),
        {"mps": 1.0, "kmh": 1 / 3.6},
        _words(r"wind|winds|air|drift\w*|carr\w+|blow\w*|sideways|push\w*|along"),
        _words(r"climb\w*|ris\w+|fall\w*|drop\w*|sink\w*|gust\w*|more|less|faster|slower"),
        lambda stated: (_known(stated.wind_mps), 0.5)),
    _Quantity(
        _unit(r"(?:full |whole |long )?(?P<unit>(?P<min>minutes?|min)|(?P<h>hours?))\b"),
        {"min": 1.0, "h": 60.0},
        _words(r"nobody|no ?one|no-one|silence|silent|anybody|anyone|no voice|no word|not heard"),
        _words(r"later|every|each|wait|another|in|first|next|answer\w*|late|walk|until|within"
               r"|left|to go|ago|old|clock|days?|weeks?"),
        lambda stated: (_known(stated.silence_min), 0.5)),
)


def wrong(clause: str, stated: StatedMoment) -> str | None:
    """The first number of ``clause`` that the moment contradicts, as it stands there; else None."""
    for quantity in _QUANTITIES:
        truths, step = quantity.truths(stated)
        for found in quantity.unit.finditer(clause) if truths else ():
            before, behind = clause[: found.start()], clause[found.end() :]
            if (quantity.cue.search(clause) and not quantity.other.search(f"{before} {behind}")
                    and not _NOT.search(before)
                    and all(_differs(clause, found, quantity, truth, step) for truth in truths)):
                return found[0].strip()
    return None


def _differs(clause: str, found: re.Match[str], quantity: _Quantity, truth: float, step: float
             ) -> bool:
    """True where no way to round explains what was said of ``truth``."""
    value = value_of(found["number"])
    if value is None:
        return False
    factor = next((f for name, f in quantity.factors.items() if name and found[name]), 1.0)
    claimed = value * factor
    slack = _rounding(found["number"], value) * factor + max(step, 0.5 * min(factor, 60.0))
    before = clause[: found.start()].lower()
    if _ABOUT.search(before[-25:]) or re.match(r"\W*(?:or so|perhaps)", clause[found.end() :]):
        slack *= 2
    is_cold = bool(found["sign"]) or found["unit"].lower() in ("below", "of frost") or bool(
        re.match(r"\W*(?:below|under|of frost)", clause[found.end() :]))
    if quantity is _QUANTITIES[0]:
        # "Forty degrees" may stand for forty of frost, "40 C" does not.
        is_loose = truth < 0 and found["unit"].upper() != "C"
        candidates = [-claimed] if is_cold else [claimed, -claimed] if is_loose else [claimed]
        return all(abs(candidate - truth) > slack for candidate in candidates)
    if _AT_LEAST.search(before):
        return truth < claimed - slack
    if _AT_MOST.search(before):
        return truth > claimed + slack
    return abs(claimed - truth) > slack


def value_of(words: str) -> float | None:
    """A number in figures or English words up to the thousands; None for what is no number."""
    words = words.lower().strip()
    if words[0].isdigit():
        return float(words.rstrip(",").replace(",", ""))
    if words.startswith("half"):
        return 0.5
    total, part = 0, 0
    for word in re.split(r"[- ]+", words):
        if word in _SCALES:
            part = max(part, 1) * _SCALES[word]
            if word == "thousand":
                total, part = total + part, 0
        elif word in _WORDS:
            part += _WORDS[word]
        elif word != "and":
            return None
    return float(total + part)


def _rounding(words: str, value: float) -> float:
    """Half of the last place that is said; of a whole number at most ROUND_SHARE of it."""
    if "." in words:
        return 0.5 * 0.1 ** len(words.partition(".")[2])
    place = 1
    while value and value % (place * 10) == 0:
        place *= 10
    return max(0.5, min(place / 2, ROUND_SHARE * value))
