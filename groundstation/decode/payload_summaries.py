"""Payload summaries: the JSON over UDP that Horus receivers, auto_rx and chasemapper exchange.

One datagram is one position. What horusdemodlib 0.6.2 and horus-gui send (``horusudp.py``), to the
broadcast address, port 55672:

    type "PAYLOAD_SUMMARY", callsign, latitude, longitude (degrees), altitude (m), time "HH:MM:SS",
    speed (km/h), heading (degrees), temp (C), sats, batt_voltage (V), comment; -1 is unknown;
    and where the packet had them ascent_rate, ext_pressure, ext_humidity, ext_temperature,
    custom_data (hex) and the extra strings as NAME_0, so that our musing is musing_0.

Sans-I/O: datagrams in, packets out, and the other way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from groundstation.sanitise import number, read_object, to_json
from wire import horus
from wire.beacon import Beacon
from wire.horus import KMH_PER_MPS, Packet

SOURCE = "horus-udp"  # the source of such receptions, as the archive names it
DATAGRAM_BYTES_MAX = 32_768  # as chasemapper has it
SUMMARY = "PAYLOAD_SUMMARY"
UNKNOWN = -1  # outside the range of every number read below that is sent so
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?Z?", re.ASCII)
_CUSTOM = re.compile(r"(?:[0-9a-fA-F]{2}){1,64}")
_DAY_S = 86_400


def parse(data: bytes) -> Packet | None:
    """The packet of a datagram; None unless it is a payload summary with callsign and position.

    Its packet has number 0: summaries are not numbered. ``temp`` is not read: receivers send -1 in
    it for unknown, which is a temperature too.
    """
    summary = read_object(data, DATAGRAM_BYTES_MAX)
    if summary.get("type") != SUMMARY:
        return None
    callsign, musing = summary.get("callsign"), summary.get(f"{horus.MUSING_NAME}_0")
    latitude = number(summary, "latitude", -90, 90)
    longitude = number(summary, "longitude", -180, 180)
    if not isinstance(callsign, str) or latitude is None or longitude is None:
        return None
    packet = Packet(
        callsign, 0, _beacon(summary, latitude, longitude),
        horus.sanitise(musing[:255]) if isinstance(musing, str) else "",
        number(summary, "ext_humidity", 0, 100),
    )
    custom = summary.get("custom_data")
    if isinstance(custom, str) and _CUSTOM.fullmatch(custom):
        packet = horus.with_custom(packet, bytes.fromhex(custom))
    return packet


def is_chatter(data: bytes) -> bool:
    """True for the other messages of that port: modem statistics, cars, bearings."""
    kind = read_object(data, DATAGRAM_BYTES_MAX).get("type")
    return isinstance(kind, str) and kind != SUMMARY


def _beacon(summary: Mapping[str, Any], latitude: float, longitude: float) -> Beacon:
    is_placed = bool(latitude or longitude)  # 0, 0 is a receiver's word for unknown
    speed_kmh, volts = number(summary, "speed", 0, 2000), number(summary, "batt_voltage", 0, 60)
    satellites = number(summary, "sats", 0, 99)
    return Beacon(
        time_of_day_s=_time_of_day_s(summary.get("time")),
        latitude_deg=latitude if is_placed else None,
        longitude_deg=longitude if is_placed else None,
        altitude_m=number(summary, "altitude", -999, 100_000),
        climb_mps=number(summary, "ascent_rate", -300, 300),
        speed_mps=None if speed_kmh is None else speed_kmh / KMH_PER_MPS,
        heading_deg=number(summary, "heading", 0, 360),
        satellites=None if satellites is None else int(satellites),
        battery_mv=None if volts is None else volts * 1000,
        outside_c=number(summary, "ext_temperature", -150, 150),
        pressure_hpa=number(summary, "ext_pressure", 0, 1200),
    )


def _time_of_day_s(text: Any) -> int | None:
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    hours, minutes, seconds = (int(part) for part in match.groups())
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return min(_DAY_S - 1, hours * 3600 + minutes * 60 + seconds)


def build(callsign: str, seen: Mapping[str, Any], comment: str) -> bytes | None:
    """The datagram for a beacon as ``FlightReader`` gives it.

    None without a position and an altitude: chasemapper rejects a summary that lacks one of them.
    """
    if any(seen[key] is None for key in ("latitude_deg", "longitude_deg", "altitude_m")):
        return None
    time_s = seen["time_of_day_s"]
    clock = int(seen["utc_ms"] / 1000 if time_s is None else time_s) % _DAY_S
    summary = {
        "type": SUMMARY, "callsign": callsign,
        "latitude": round(seen["latitude_deg"], 6), "longitude": round(seen["longitude_deg"], 6),
        "altitude": round(seen["altitude_m"], 1),
        "speed": _or_unknown(seen["speed_mps"], KMH_PER_MPS),
        "heading": _or_unknown(seen["heading_deg"]),
        "time": f"{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}",
        "comment": comment, "temp": _or_unknown(seen["outside_c"]),
        "sats": _or_unknown(seen["satellites"]),
        "batt_voltage": _or_unknown(seen["battery_mv"], 0.001, 3),
    }
    for name, key in (("ascent_rate", "climb_mps"), ("ext_pressure", "pressure_hpa")):
        if seen[key] is not None:
            summary[name] = _or_unknown(seen[key], 1, 2)
    return to_json(summary).encode("ascii")


def _or_unknown(value: float | None, factor: float = 1.0, digits: int = 1) -> float:
    """The number as it is sent; UNKNOWN where there is none."""
    return UNKNOWN if value is None else round(value * factor, digits)
