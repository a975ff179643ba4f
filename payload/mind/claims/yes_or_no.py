"""The yes or no that the moment gives: "Has the balloon burst?", asked of one that is falling.

Conservative, as ``contradictions`` is: only questions about here and now that the senses settle
have an answer here, and only a line that begins with it, or denies or affirms in the words of the
question, is held against it. English.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from payload.mind.claims.contradiction_rules import phrases
from payload.mind.claims.stated_moment import StatedMoment

_ELSEWHERE = phrases("was", "were", "did", "will", "would", "do you (?:like|want|think|know)", "if",
                     "or", "when", "before", "after", "like", "tomorrow", "yesterday", "tonight")
_NO = re.compile(r"(?:no|not|never|nobody)\b", re.IGNORECASE)
_YES = re.compile(r"yes\b", re.IGNORECASE)
_SELF = r"(?:I|it|there|we|the balloon|the sun|the sky|the battery)"
_VERB = "(?:am|is|are|has|have|do|does|can)"
_DENIES = re.compile(
    rf"{_SELF} (?:{_VERB} (?:not|no)\b|cannot\b|\w+n['’]t\b)", re.IGNORECASE)
_AFFIRMS = re.compile(rf"{_SELF} {_VERB}\b[.,]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Fact:
    """``pattern``: what the question says; ``truth``: None where the moment does not tell."""

    pattern: re.Pattern[str]
    truth: Callable[[StatedMoment], bool | None]


def _is_in(value: str | None, *those: str) -> bool | None:
    return None if value is None else value in those


def _cold(stated: StatedMoment) -> bool | None:
    if stated.outside_c is None or 0 < stated.outside_c < 15:
        return None
    return stated.outside_c <= 0


_FACTS = (
    _Fact(phrases("burst", "popped"), lambda at: {"ascent": False, "descent": True}.get(
        at.phase or "")),
    _Fact(phrases("parachute", "chute"), lambda at: {"descent": True}.get(at.phase or "")),
    _Fact(phrases("going up", "climbing", "rising", "on your way up"),
          lambda at: _is_in(at.phase, "ascent")),
    _Fact(phrases("coming down", "going down", "falling", "descending",
                  "on your way (?:down|home)"), lambda at: _is_in(at.phase, "descent")),
    _Fact(phrases("landed", "on the ground", "back on the ground", "safely down"),
          lambda at: False if at.phase in ("ascent", "float", "descent") else
          {"landed": True}.get(at.phase or "")),
    _Fact(phrases("in the air", "flying", "in the sky"),
          lambda at: _is_in(at.phase, "ascent", "float", "descent")),
    _Fact(phrases("inside (?:a|the) clouds?", "in (?:a|the) clouds?"),
          lambda at: {"inside": True, "above": False, "below": False}.get(at.cloud or "")),
    _Fact(phrases("above the clouds?"),
          lambda at: {"inside": False, "above": False, "below": True}.get(at.cloud or "")),
    _Fact(phrases("(?:see|are there|any) (?:any |some |the )?clouds?", "cloudy"),
          lambda at: True if at.cloud in ("below", "above", "inside") else None),
    _Fact(phrases("dark", "night", "stars"),
          lambda at: {"high": False, "down": True}.get(at.sun or "")),
    _Fact(phrases("light", "bright", "daylight", "day", "the sun"),
          lambda at: {"high": True, "low": True, "down": False}.get(at.sun or "")),
    _Fact(phrases("cold", "freezing", "below zero", "icy", "chilly"), _cold),
    _Fact(phrases("warm", "hot"), lambda at: None if (cold := _cold(at)) is None else not cold),
    _Fact(phrases("battery (?:is |getting |running )*(?:low|out|empty|flat)", "running out"),
          lambda at: _is_in(at.battery, "low")),
    _Fact(phrases("enough (?:power|battery|charge)",
                  "battery (?:is )?(?:good|full|fine|all right)"),
          lambda at: {"good": True, "low": False}.get(at.battery or "")),
)


def is_wrong(line: str, question: str, stated: StatedMoment) -> bool:
    """True where the moment settles what ``question`` asks, and ``line`` says the other."""
    claim = _claim(line)
    if claim is None or _ELSEWHERE.search(question):
        return False
    truths = {truth for fact in _FACTS
              if fact.pattern.search(question) and (truth := fact.truth(stated)) is not None}
    return truths == {not claim}


def _claim(line: str) -> bool | None:
    """What the line says of a question that is answered with yes or no."""
    if _YES.match(line):
        return True
    if _NO.match(line) or _DENIES.search(line):
        return False
    return True if _AFFIRMS.match(line) else None
