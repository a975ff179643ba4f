"""Sources of outside knowledge: an address filled with a place, and the text of an answer.

Both the payload and a ground station ask sources, each from its own list in the mission file. An
address may have placeholders, ``https://example.org/?at={lat},{lon}``. What an answer says is its
plain text or, of JSON, a sentence with paths into it: ``{query.pages.0.extract}``, or
``{current.temperature} C below``. Where a path leads to anything but a text or a number, the answer
says nothing. Pure: nothing is asked here, and nothing is cleaned; each end has its own rules.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

BODY_BYTES_MAX = 8192  # of an answer; a longer one is cut, and cut JSON says nothing
TEXT_CHARS_MAX = 160  # of what is kept of it, by either road
TEXT_BYTES_MAX = 160  # of what goes up by radio
PRINTABLE_SHARE_MIN = 0.95  # of the characters; an answer with fewer is not text
PLACEHOLDERS = ("lat", "lon", "alt")
GROUND = "the ground"  # who sent a note; with a space: no source has this name
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Position:
    """Where the asker is: degrees, and metres above the sea."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float


def checked_address(template: str) -> str:
    """``template`` as it is. Raises ValueError for a placeholder that nothing fills."""
    for name in _PLACEHOLDER.findall(template):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise ValueError(f"unknown placeholder {{{name}}}; available: {known}")
    return template


def checked_sentence(sentence: str) -> str:
    """``sentence`` as it is. Raises ValueError for one that takes nothing from the answer."""
    if sentence and not _PLACEHOLDER.search(sentence):
        raise ValueError("needs a path into the answer, such as {current.summary}")
    return sentence


def address(template: str, spot: Position | None) -> str | None:
    """The address to ask; None where it has placeholders and the place is unknown."""
    if _PLACEHOLDER.search(template) is None:
        return template
    if spot is None:
        return None
    values = {"lat": f"{spot.latitude_deg:.3f}", "lon": f"{spot.longitude_deg:.3f}",
              "alt": f"{spot.altitude_m:.0f}"}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def text_of(body: bytes, sentence: str = "") -> str | None:
    """What an answer says, through ``sentence`` where it is JSON; None when it says nothing.

    Nothing is said by bytes that are too many, no UTF-8 or not printable, by a page for a browser,
    such as the sign-in of a public network, and by JSON that does not have the paths.
    """
    text = _readable(body)
    if text is None:
        return None
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        value = None
    if sentence:
        return _filled(sentence, value)
    return value if isinstance(value, str) else text  # plain text is an answer too


def _readable(body: bytes) -> str | None:
    if len(body) > BODY_BYTES_MAX:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(body) or len(body) < BODY_BYTES_MAX:
            return None  # only the cut at BODY_BYTES_MAX may split the last character
        text = body[: error.start].decode("utf-8")
    if text.lstrip("\ufeff \r\n\t")[:9].lower().startswith(("<!doctype", "<html")):
        return None
    printable = sum(c.isprintable() or c in "\r\n\t" for c in text)
    return text if printable >= PRINTABLE_SHARE_MIN * len(text) else None


def _filled(sentence: str, value: Any) -> str | None:
    """``sentence`` with what its paths lead to; None when one leads to no text or number."""
    found = {path: _at(value, path) for path in _PLACEHOLDER.findall(sentence)}
    if None in found.values():
        return None
    return _PLACEHOLDER.sub(lambda place: str(found[place[1]]), sentence)


def _at(value: Any, path: str) -> str | None:
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
