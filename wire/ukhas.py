"""UKHAS sentences: the simple fallback that any balloon tracker can read.

    $$CALLSIGN,sequence,HH:MM:SS,latitude,longitude,altitude,...*CRC4\\n

CRC-16-CCITT (init FFFF, polynomial 1021) of all between ``$$`` and ``*``, four capital hex digits.
Printable ASCII only. What is unknown is an empty field. Source: ukhas.org.uk,
communication:protocol. Encoding is a path of its own on purpose: it needs nothing else to work.
"""

from __future__ import annotations

import binascii
import math
import re
from dataclasses import dataclass

SENTENCE_BYTES_MAX = 512  # with its line end; a longer line is noise
_MEANT = frozenset("$*,")  # characters with a meaning of their own
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,12})?")
_TIME = re.compile(r"(\d\d):?(\d\d):?(\d\d)")
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence; None is unknown. ``extra`` are the fields after the altitude, as text."""

    callsign: str
    sequence: int
    time_of_day_s: int | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    altitude_m: float | None = None
    extra: tuple[str, ...] = ()


def crc(text: bytes) -> bytes:
    """Four capital hex digits."""
    return b"%04X" % binascii.crc_hqx(text, 0xFFFF)


def _clean(field: str) -> str:
    return "".join(c for c in field if " " <= c <= "~" and c not in _MEANT)


def _number(value: float | None, decimals: int, low: float, high: float) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{max(low, min(high, value)):.{decimals}f}"


def encode(sentence: Sentence) -> bytes:
    """The sentence with its line end; numbers are clamped, odd characters left out, the last of
    the extra fields too where it would be too long. Never raises."""
    time_s = sentence.time_of_day_s
    clock = ""
    if time_s is not None:
        time_s %= _DAY_S
        clock = f"{time_s // 3600:02}:{time_s // 60 % 60:02}:{time_s % 60:02}"
    fields = [
        _clean(sentence.callsign)[:20] or "N0CALL", str(max(0, sentence.sequence) % 1_000_000_000),
        clock, _number(sentence.latitude_deg, 5, -90, 90),
        _number(sentence.longitude_deg, 5, -180, 180),
        _number(sentence.altitude_m, 0, -1000, 100_000),
    ]
    text = ",".join(fields)
    for field in sentence.extra:
        longer = f"{text},{_clean(field)}"
        if len(longer) > SENTENCE_BYTES_MAX - len("$$*FFFF\n"):
            break
        text = longer
    body = text.encode("ascii")
    return b"$$" + body + b"*" + crc(body) + b"\n"


def _value(field: str, limit: float) -> float | None:
    """A number within ±``limit``; None for anything else, an empty field above all."""
    if not _NUMBER.fullmatch(field):
        return None
    value = float(field)
    return value if abs(value) <= limit else None


def parse(line: bytes) -> Sentence | None:
    """The sentence in one line, with or without its line end; None when it is none."""
    start, end = line.rfind(b"$$"), line.rfind(b"*")
    if start < 0 or end < start or len(line) > SENTENCE_BYTES_MAX:
        return None
    body = line[start + 2 : end]
    if line[end + 1 :].strip().upper() != crc(body) or not body.isascii():
        return None
    fields = body.decode("ascii").split(",")
    if len(fields) < 2 or not fields[0] or not re.fullmatch(r"\d{1,9}", fields[1]):
        return None
    fields += [""] * (6 - len(fields))
    clock = _TIME.fullmatch(fields[2])
    time_s = None
    if clock:
        hours, minutes, seconds = (int(part) for part in clock.groups())
        if hours < 24 and minutes < 60 and seconds <= 60:
            time_s = min(_DAY_S - 1, hours * 3600 + minutes * 60 + seconds)
    latitude, longitude = _value(fields[3], 90), _value(fields[4], 180)
    return Sentence(
        fields[0], int(fields[1]), time_s, latitude, longitude, _value(fields[5], 100_000),
        tuple(fields[6:]),
    )


class Decoder:
    """Bytes in, whole sentences out; lines that are none are counted in ``bad_lines``."""

    def __init__(self) -> None:
        self.bad_lines = 0
        self._line = bytearray()

    def feed(self, data: bytes) -> list[Sentence]:
        """Sentences completed by ``data``."""
        *lines, rest = data.split(b"\n")
        found: list[Sentence] = []
        for line in lines:
            sentence = parse(bytes(self._line + line))
            self._line.clear()
            if sentence is not None:
                found.append(sentence)
            else:
                self.bad_lines += 1
        # The beginning of an endless line is as good as any part of it: enough to be too long.
        self._line += rest[: SENTENCE_BYTES_MAX + 1 - len(self._line)]
        return found

