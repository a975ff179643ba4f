"""Dates as exports write them, to milliseconds since 1970 UTC; None if not a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any

DISCORD_EPOCH_MS = 1_420_070_400_000
APPLE_EPOCH_S = 978_307_200  # 2001-01-01
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ENGLISH = re.compile(
    r"(?:[A-Z][a-z]+day, )?([A-Z][a-z]{2,8})\.? (\d{1,2}), (\d{4}),?(?: at)? +"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))? ?([AP]M)?( UTC)?")
_SECONDS_MAX = 253_402_300_799  # the end of the year 9999, which no date here goes beyond


def from_seconds(value: Any) -> int | None:
    """From seconds since 1970, as a number or a string ("1615052488", Slack's "1615052488.0002").
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not value.isascii():
        return None  # float() would read other digits too
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return round(seconds * 1000) if 0 <= seconds <= _SECONDS_MAX else None  # NaN compares false


def from_ms(value: Any) -> int | None:
    """From milliseconds since 1970, as a number or a string."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _SECONDS_MAX * 1000 else None


def from_us(value: Any) -> int | None:
    """From microseconds since 1970, as a number or a string."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    return from_ms(value // 1000) if type(value) is int else None


def from_apple(value: Any) -> int | None:
    """From seconds or nanoseconds since 2001, as Apple's databases have them; 0 is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    return from_seconds(APPLE_EPOCH_S + (value / 1e9 if value > 1e11 else value))


def from_english(value: Any, zone: tzinfo = UTC) -> int | None:
    """From "Saturday, March 6, 2021 at 6:00:11 PM UTC" and its like; ``zone`` where none is named.
    """
    match = _ENGLISH.fullmatch(" ".join(value.split())) if isinstance(value, str) else None
    if match is None or match[1][:3].lower() not in _MONTHS:
        return None
    hour = int(match[4]) if match[7] is None else int(match[4]) % 12 + 12 * (match[7] == "PM")
    try:
        moment = datetime(int(match[3]), _MONTHS.index(match[1][:3].lower()) + 1, int(match[2]),
                          hour, int(match[5]), int(match[6] or 0),
                          tzinfo=UTC if match[8] else zone)
    except ValueError:
        return None
    return to_ms(moment, zone)


def from_iso(value: Any, zone: tzinfo = UTC) -> int | None:
    """From ISO 8601; ``zone`` where the text names none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip().removesuffix(" UTC"))
    except ValueError:
        return None
    return to_ms(moment, zone)


def from_snowflake(message_id: Any, near_ms: int | None) -> int | None:
    """From a Discord id (https://discord.com/developers/docs/reference#snowflakes), to the ms.

    Its data package cuts times to the second, and other exports of the same message do not.

    Returns:  ``near_ms``, the time as written, where that is not within the same second.
    """
    if near_ms is None or not str(message_id).isdecimal() or len(str(message_id)) > 20:
        return near_ms
    exact_ms = (int(message_id) >> 22) + DISCORD_EPOCH_MS
    return exact_ms if exact_ms // 1000 == near_ms // 1000 else near_ms


def from_mail(value: str | None) -> int | None:
    """From a mail's Date header (RFC 5322)."""
    try:
        return to_ms(parsedate_to_datetime(value or ""), UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def to_ms(moment: datetime, zone: tzinfo) -> int | None:
    """Of a moment, in ``zone`` where it has none; a time that a clock change repeats is its first.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        ms = round(moment.timestamp() * 1000)
    except (OverflowError, OSError, ValueError):
        return None
    return ms if 0 <= ms <= _SECONDS_MAX * 1000 else None
