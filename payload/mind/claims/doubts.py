"""Lines that a careful reader would doubt in their moment, though the sensors do not deny them.

``contradictions`` finds what cannot be so, and such a line is never kept. A doubt is less sure, so
it only decides between drafts: one without any is kept before one with a doubt. The patterns are of
what small models get wrong most: what came of a call, where they are, whether it is dark, and
reasons, since a model of 135 million parameters seldom finds one that holds. English.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from payload.mind.claims import stated_moment
from payload.mind.claims.contradiction_rules import phrases
from payload.mind.claims.stated_moment import CALL_TOPICS, StatedMoment


@dataclass(frozen=True, slots=True)
class Doubt:
    """``words`` are doubtful in the moments of ``is_doubtful``."""

    words: re.Pattern[str]
    is_doubtful: Callable[[StatedMoment], bool]


def _came_of_call(*outcomes: str) -> Callable[[StatedMoment], bool]:
    """In a moment about a call that had none of ``outcomes``."""
    return lambda stated: (stated.about in CALL_TOPICS and stated.call is not None
                           and stated.call[1] not in outcomes)


def _is_flying(stated: StatedMoment) -> bool:
    return stated.phase in ("ascent", "float", "descent")


def _is_on_ground(stated: StatedMoment) -> bool:
    return stated.phase in ("ground", "landed")


_DOUBTS = (
    # A call: only a 404 says that something is not there, only a timeout is silence.
    Doubt(phrases("not (?:found|there|here|up|in)", "missing", "gone", "no (?:such )?page",
                  "off", "cannot find(?: it| out)?", "not exist", "out of date"),
          _came_of_call("404")),
    Doubt(phrases(r"(?:did|does|do|has|have|had) not (?:have )?(?:answer|repl)\w*",
                  "no (?:answer|reply)", "never (?:answer|repl)\\w*", "nobody answer\\w*"),
          _came_of_call("timeout")),
    Doubt(phrases("too (?:many|often|much|long)", "refus\\w+", "busy", "requests?"),
          _came_of_call("429")),
    Doubt(phrases("error", "broke\\w*", "out of order", "went wrong", "fault"),
          _came_of_call("500")),
    Doubt(phrases("nonsense", "gibberish", "garbage", "letters", "no sense"),
          _came_of_call("garbage")),
    Doubt(phrases("(?:was|been) told", "(?:it|page|server|answer) says", "have read",
                  "was (?:a )?good", "the answer (?:is|was)", "sent me", "for hours"),
          _came_of_call("ok", "404")),
    Doubt(phrases("(?:nobody|no one|none)(?: has| have)?(?: \\w+ to)? (?:ask|want)\\w*",
                  "not (?:been )?asked", "never asked"),
          _came_of_call()),
    # Where it is.
    Doubt(phrases("from the ground", "on the ground", "in (?:the|a) (?:field|grass|town|street)",
                  "hill", "lower than", "height of a \\w+", "sky is below", "air is above"),
          _is_flying),
    Doubt(phrases("top of", "balloon is still", "standing still", "stopped"),
          lambda stated: stated.phase == "ascent"),
    Doubt(phrases("up here", "long way (?:down|up)", "from above", "above the clouds?",
                  "going up", "climbing", "below me"), _is_on_ground),
    Doubt(phrases("above the clouds?", "sun (?:is|was) (?:bright|shining)", "sun shin\\w+",
                  "not seen (?:a|any) clouds?"),
          lambda stated: stated.cloud == "inside"),
    Doubt(phrases("low(?:er|est)? clouds?", "through (?:a|the) clouds?", "near(?:er)? the ground"),
          lambda stated: (stated.height_m or 0.0) > 12_000 and _is_flying(stated)),
    Doubt(phrases("air is (?:so |too |very )?thick", "thick air"),
          lambda stated: (stated.height_m or 0.0) > 2_000 and _is_flying(stated)),
    # Light.
    Doubt(phrases("dark", "darkness", "night", "stars?", "moon", "evening"),
          lambda stated: stated.sun == "high"),
    Doubt(phrases("sun (?:comes|goes|came|went|is coming|is going) (?:up|down)", "sunrise",
                  "sunset", "sun (?:rises|sets|has set|has risen)", "this morning", "dawn",
                  "end of the day"),
          lambda stated: stated.sun == "high"),
    # Cold and battery, as the sensors have them.
    Doubt(phrases("warm(?:er)?", "hot", "heat"),
          lambda stated: (stated.outside_c or 0.0) < -20 and stated.about == "cold"),
    Doubt(phrases("no way (?:of|to) (?:measur\\w+|know\\w*)", "cannot measure"),
          lambda stated: stated.about in ("wind", "height", "cold")),
    # Reasons and comparisons.
    Doubt(phrases("so (?:that )?(?:I|we|it|the|my|there|you|they)", "because", "since", "as if",
                  "that is why", "if"), lambda stated: True),
    Doubt(phrases("(?:all the|most) people", "people (?:in the world|who)", "any(?:one|body)",
                  "than any other"), lambda stated: stated.about == "height"),
)


def count(line: str, about: str, senses: str, altitude_m: float | None) -> int:
    """How many kinds of doubt there are of ``line``; arguments as in ``contradictions.find``."""
    stated = stated_moment.read(about, senses, altitude_m)
    return sum(doubt.is_doubtful(stated) and doubt.words.search(line) is not None
               for doubt in _DOUBTS)
