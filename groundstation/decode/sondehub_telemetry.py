"""Positions of our payload that others received and uploaded to SondeHub Amateur.

``GET /amateur/telemetry`` answers, usually gzipped, {callsign: {second: entry}}; an entry is what
one receiver uploaded: payload_callsign, uploader_callsign, datetime, lat, lon, alt, and temp (C),
pressure (hPa), humidity (%), batt (V), sats, vel_v and vel_h (m/s), heading where it had them. One
entry, as JSON of its own, is archived as one reception, and is no more verified than a stranger's.

Sans-I/O: an answer in, receptions out, and a reception in, a packet out.
Source: sondehub-infra, swagger.yaml and lambda/query_ham.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from groundstation.sanitise import clean_text, number, read_json, read_object, to_json
from wire import horus
from wire.beacon import Beacon
from wire.horus import Packet

SOURCE = "sondehub"  # the source of such receptions, as the archive names it
UNPACKED_BYTES_MAX = 8_000_000
ENTRY_BYTES_MAX = 4_096
ENTRIES_MAX = 2_000  # of one answer, the newest
AHEAD_MS_MAX = 60_000  # a receiver whose clock is further ahead is not believed
_DAY_S = 86_400


class UploadedEntry(NamedTuple):
    """One entry, and when it was made, UTC ms."""

    at_ms: int
    raw: bytes


def uploaded(body: bytes, callsign: str, own_uploader: str, now_ms: int) -> list[UploadedEntry]:
    """The entries about ``callsign`` that others than ``own_uploader`` uploaded, oldest first.

    Raises ValueError for what is no such answer. An entry that makes no sense is left out.
    """
    telemetry = read_json(_unpacked(body))
    if not isinstance(telemetry, dict):
        raise ValueError("not an object of callsigns")
    found = sorted(_entries(telemetry, callsign, own_uploader.upper(), now_ms))
    return found[-ENTRIES_MAX:]


def parse(data: bytes) -> Packet | None:
    """The packet of a reception; None for anything but an entry with a place and a time."""
    entry = read_object(data, ENTRY_BYTES_MAX)
    callsign, made = entry.get("payload_callsign"), _made(entry)
    latitude, longitude = number(entry, "lat", -90, 90), number(entry, "lon", -180, 180)
    if not isinstance(callsign, str) or made is None or latitude is None or longitude is None:
        return None
    volts, satellites = number(entry, "batt", 0, 60), number(entry, "sats", 0, 99)
    is_placed = bool(latitude or longitude)
    beacon = Beacon(
        time_of_day_s=made // 1000 % _DAY_S,
        latitude_deg=latitude if is_placed else None,
        longitude_deg=longitude if is_placed else None,
        altitude_m=number(entry, "alt", -999, 100_000),
        climb_mps=number(entry, "vel_v", -300, 300), speed_mps=number(entry, "vel_h", 0, 400),
        heading_deg=number(entry, "heading", 0, 360),
        satellites=None if satellites is None else int(satellites),
        battery_mv=None if volts is None else volts * 1000,
        outside_c=number(entry, "temp", -150, 150),
        pressure_hpa=number(entry, "pressure", 0, 1200),
    )
    musing = entry.get("musing")
    return Packet(callsign, 0, beacon,
                  horus.sanitise(musing[:255]) if isinstance(musing, str) else "",
                  number(entry, "humidity", 0, 100))


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(body, UNPACKED_BYTES_MAX)
    except zlib.error as error:
        raise ValueError(f"damaged gzip ({error})") from error
    if not unpacker.eof:
        raise ValueError("cut, or longer than it may be")
    return found


def _entries(
    telemetry: Mapping[str, Any], callsign: str, own_uploader: str, now_ms: int
) -> Iterator[UploadedEntry]:
    of_ours = telemetry.get(callsign)
    for entry in of_ours.values() if isinstance(of_ours, dict) else ():
        if not isinstance(entry, dict) or entry.get("payload_callsign") != callsign:
            continue
        if clean_text(entry.get("uploader_callsign"), 40).upper() == own_uploader:
            continue
        made = _made(entry)
        kept = {key: value for key, value in sorted(entry.items())
                if isinstance(value, str | int | float | bool)}
        raw = _as_raw(kept)
        if made is not None and made <= now_ms + AHEAD_MS_MAX and parse(raw) is not None:
            yield UploadedEntry(min(made, now_ms), raw)


def _as_raw(entry: Mapping[str, Any]) -> bytes:
    try:
        raw = to_json(entry).encode("ascii")
    except ValueError:  # a number beyond 1e308
        return b""
    return raw if len(raw) <= ENTRY_BYTES_MAX else b""


def _made(entry: Mapping[str, Any]) -> int | None:
    """UTC ms of its ``datetime``; None for one before 2000 or without a zone."""
    text = entry.get("datetime")
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        if at is None or at.tzinfo is None or at.astimezone(UTC).year < 2000:
            return None
        return round(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
