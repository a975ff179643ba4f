"""Output of a GNSS receiver as bytes: UBX messages and NMEA sentences, intact and damaged.

Nothing here knows a clock or a flight; ``sim.fakes.ublox`` decides what is said when.

Sources: u-blox UBX-13003221 (frame 32.2, checksum 32.4, NAV-PVT 32.17.15, MON-HW), UBX-21035062
(MON-RF); NMEA 0183 section 6.2.
"""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime
from operator import mul
from typing import NamedTuple

UBX_SYNC = b"\xb5\x62"
WEEK_S = 604_800
WEEK_ROLLOVER_S = 1024 * WEEK_S  # old firmware counts weeks in ten bits
GPS_EPOCH_S = 315_964_800  # 1980-01-06
LEAP_S = 18  # GPS time is ahead of UTC by this since 2017
GEOID_M = 47.0
KNOT_MPS = 1852 / 3600
PDOP_UNKNOWN = 99.99


class Epoch(NamedTuple):
    """What the receiver believes of one second; without a fix the place is its last one."""

    utc_ms: int
    has_time: bool
    fix_type: int  # 0 none, 2 2D, 3 3D
    is_valid: bool  # False: a sanity check failed, and the position must not be used
    satellites: int
    pdop: float
    latitude_deg: float
    longitude_deg: float
    altitude_m: float  # above mean sea level
    climb_mps: float
    speed_mps: float
    heading_deg: float

    @property
    def has_fix(self) -> bool:
        return self.fix_type > 0 and self.is_valid


def ubx(message_class: int, message_id: int, payload: bytes) -> bytes:
    """One UBX frame."""
    body = bytes((message_class, message_id)) + len(payload).to_bytes(2, "little") + payload
    # Fletcher's running sums, written out: the second counts byte i as often as bytes follow it.
    return UBX_SYNC + body + bytes(
        (sum(body) & 0xFF, sum(map(mul, body, range(len(body), 0, -1))) & 0xFF)
    )


def nmea(body: str) -> bytes:
    """One NMEA sentence with its checksum."""
    checksum = 0
    for byte in body.encode():
        checksum ^= byte
    return f"${body}*{checksum:02X}\r\n".encode()


def time_of_week_ms(utc_ms: int) -> int:
    """GPS time of the week, ms; 0 is the night to Sunday."""
    return (utc_ms - GPS_EPOCH_S * 1000 + LEAP_S * 1000) % (WEEK_S * 1000)


def nav_pvt(epoch: Epoch, has_place: bool) -> bytes:
    """The 92 bytes of NAV-PVT; ``has_place`` False leaves position and speed at zero.

    A fix that failed a sanity check keeps its type, loses gnssFixOK and is marked invalidLlh.
    """
    now = datetime.fromtimestamp(epoch.utc_ms / 1000, UTC)
    error_mm = 2_500 if epoch.fix_type == 3 else 0xFFFFFF
    longitude = latitude = altitude_mm = down_mmps = speed_mmps = 0
    heading_deg = 0.0
    if has_place:
        longitude, latitude = round(epoch.longitude_deg * 1e7), round(epoch.latitude_deg * 1e7)
        altitude_mm = round(epoch.altitude_m * 1000)
        down_mmps, speed_mmps = -round(epoch.climb_mps * 1000), round(epoch.speed_mps * 1000)
        heading_deg = epoch.heading_deg
    heading = math.radians(heading_deg)
    return struct.pack(
        "<IHBBBBBBIiBBBBiiiiIIiiiiiIIHBB4xihH",
        time_of_week_ms(epoch.utc_ms), now.year, now.month, now.day, now.hour, now.minute,
        now.second, 0x07 if epoch.has_time else 0x00, 30 if epoch.has_time else 0xFFFFFFFF, 0,
        epoch.fix_type, 0x01 if epoch.has_fix else 0x00, 0x00, epoch.satellites,
        longitude, latitude, altitude_mm + round(GEOID_M * 1000), altitude_mm, error_mm, error_mm,
        round(speed_mmps * math.cos(heading)), round(speed_mmps * math.sin(heading)), down_mmps,
        speed_mmps, round(heading_deg * 1e5), 200, 3_000_000, min(9999, round(epoch.pdop * 100)),
        0 if has_place and epoch.is_valid else 1, 0, 0, 0, 0,
    )


def sentences(epoch: Epoch, has_place: bool) -> bytes:
    """GGA, GSA and RMC of one epoch; what is not known is left empty, as a real receiver does."""
    now = datetime.fromtimestamp(epoch.utc_ms / 1000, UTC)
    clock = f"{now:%H%M%S}.00" if epoch.has_time else ""
    date = f"{now:%d%m%y}" if epoch.has_time else ""
    place, altitude, motion = ",,,", ",,,", ","
    if has_place:
        place = f"{_angle(epoch.latitude_deg, 'NS', 2)},{_angle(epoch.longitude_deg, 'EW', 3)}"
        altitude = f"{epoch.altitude_m:.1f},M,{GEOID_M:.1f},M"
        motion = f"{epoch.speed_mps / KNOT_MPS:.3f},{epoch.heading_deg:.2f}"
    quality, status = ("1", "A") if epoch.has_fix else ("0", "V")
    mode = {3: "3", 2: "2"}.get(epoch.fix_type, "1") if epoch.has_fix else "1"
    hdop = epoch.pdop * 0.6 if epoch.has_fix else PDOP_UNKNOWN
    used = [f"{number:02d}" for number in range(1, min(12, epoch.satellites) + 1)]
    used += [""] * (12 - len(used))
    return b"".join((
        nmea(f"GNRMC,{clock},{status},{place},{motion},{date},,,{'A' if epoch.has_fix else 'N'}"),
        nmea(f"GNGGA,{clock},{place},{quality},{epoch.satellites:02d},{hdop:.2f},{altitude},,"),
        nmea(f"GNGSA,A,{mode},{','.join(used)},{epoch.pdop:.2f},{hdop:.2f},{hdop:.2f}"),
    ))


def _angle(degrees: float, letters: str, digits: int) -> str:
    """ddmm.mmmmm and the letter of its hemisphere, in whole hundred-thousandths of a minute."""
    minutes_e5 = round(abs(degrees) * 6_000_000)
    whole, rest = divmod(minutes_e5, 6_000_000)
    letter = letters[0] if degrees >= 0 else letters[1]
    return f"{whole:0{digits}d}{rest / 100_000:08.5f},{letter}"


def mon_hw(jam_indicator: int) -> bytes:
    """The 60 bytes of MON-HW (M8): only noise, gain and the jamming indicator 0..255 are filled."""
    return struct.pack("<16xHH25xB14x", 90, 4_000, jam_indicator)


def mon_rf(jam_indicator: int) -> bytes:
    """MON-RF (M9 and later) with one block; jamming state 1 ok, 2 warning, 3 critical."""
    state = 1 + (jam_indicator > 60) + (jam_indicator > 180)
    return struct.pack("<BB2xBBBB8xHHBbBbB3x", 0, 1, 0, state, 2, 1, 90, 4_000, jam_indicator,
                       4, 130, 2, 120)


def spoilt(message: bytes) -> bytes:
    """The same UBX message, or the same sentences, with wrong checksums."""
    if message.startswith(UBX_SYNC):
        return message[:-1] + bytes((message[-1] ^ 0x55,))
    lines = message.splitlines(keepends=True)
    return b"".join(line[:-3] + (b"1" if line[-3:-2] == b"0" else b"0") + b"\r\n"
                    for line in lines)


def long_line(length_bytes: int) -> bytes:
    """The start of a sentence that never ends."""
    return b"$GNGGA," + b"1" * max(0, length_bytes - 7)


def oversized_ubx() -> bytes:
    """A NAV-PVT whose length field says 65535, and the first bytes of it."""
    return UBX_SYNC + b"\x01\x07\xff\xff" + bytes(64)
