"""A fake u-blox receiver: the bytes that come out of its serial port, and what goes into it.

It speaks NMEA until it is told to send NAV-PVT, takes CFG-NAV5, CFG-MSG and CFG-VALSET, answers
polls, and obeys the limits of its dynamic model: without the airborne one it loses its fix at
12 km, as the real one does. Switched on by the simulation's start, it stays on over a reboot of
the payload.

Simplified: NMEA ends when NAV-PVT begins (a real one sends both until told otherwise).
Sources: u-blox UBX-13003221 (NAV-PVT 32.17.15, CFG-NAV5 32.10.19, CFG-MSG 32.10.16), UBX-21035062
(CFG-VALSET 3.10.5); limits of the models: MAX-M10 integration manual table 5.
"""

from __future__ import annotations

import random
import struct
from datetime import UTC, datetime

from payload.ports import DeviceAbsent
from sim.balloon import AirState, Trajectory
from sim.clock import SimClock

# Dynamic model -> highest altitude, m. 6, 7 and 8 are airborne below 1, 2 and 4 g.
MODEL_CEILING_M: dict[int, float] = {
    0: 12_000, 2: 9_000, 3: 9_000, 4: 6_000, 5: 500, 6: 80_000, 7: 80_000, 8: 80_000, 9: 9_000,
}
PORTABLE = 0  # the model after power-up
BUFFER_BYTES_MAX = 4096  # of the operating system's serial port; what comes later is lost
TIME_KNOWN_S = 12  # cold start: UTC is resolved ...
FIRST_FIX_S = 28  # ... and some seconds later the position
CATCH_UP_EPOCHS = 40  # more would not fit the buffer anyway
_SYNC = b"\xb5\x62"
_KEY_DYNAMIC_MODEL = 0x20110021
_KEYS_NAV_PVT = (0x20910006, 0x20910007, 0x20910008, 0x20910009, 0x2091000A)
_VERSION = b"ROM SPG 5.10 (7b202e)".ljust(30, b"\0") + b"000A0000".ljust(10, b"\0")


def ubx(message_class: int, message_id: int, payload: bytes) -> bytes:
    """One UBX frame. Source: UBX-13003221 32.2 and 32.4."""
    body = bytes((message_class, message_id)) + len(payload).to_bytes(2, "little") + payload
    first = second = 0
    for byte in body:
        first = (first + byte) & 0xFF
        second = (second + first) & 0xFF
    return _SYNC + body + bytes((first, second))


def nmea(body: str) -> bytes:
    """One NMEA sentence with its checksum."""
    checksum = 0
    for character in body.encode():
        checksum ^= character
    return f"${body}*{checksum:02X}\r\n".encode()


class FakeUblox:
    """A ``ByteStream``. ``is_unplugged`` makes every call raise DeviceAbsent."""

    def __init__(
        self, clock: SimClock, trajectory: Trajectory, rng: random.Random, is_clone: bool = False
    ) -> None:
        """``is_clone``: a copy that refuses every setting and speaks NMEA only."""
        self.is_unplugged = False
        self.dynamic_model = PORTABLE
        self._clock = clock
        self._trajectory = trajectory
        self._rng = rng
        self._is_clone = is_clone
        self._is_pvt_on = False
        self._switched_on_s = clock.now_ms // 1000
        self._epoch_s = clock.now_ms // 1000
        self._out = bytearray()
        self._in = bytearray()
        self._offset_m = [0.0, 0.0, 0.0]  # slowly wandering error: east, north, up

    def reset(self) -> None:
        """A brown-out of the receiver: settings and satellites are forgotten."""
        self.dynamic_model, self._is_pvt_on = PORTABLE, False
        self._switched_on_s = self._epoch_s = self._clock.now_ms // 1000
        self._out.clear()
        self._out += nmea("GNTXT,01,01,02,u-blox AG - www.u-blox.com")

    def flush(self) -> None:
        """What the operating system held when the payload rebooted is gone."""
        self._out.clear()
        self._in.clear()
        self._epoch_s = self._clock.now_ms // 1000

    def read(self, max_bytes: int) -> bytes:
        """What has arrived until now. Raises DeviceAbsent when unplugged."""
        if self.is_unplugged:
            raise DeviceAbsent("the receiver is unplugged")
        second = self._clock.now_ms // 1000
        self._epoch_s = max(self._epoch_s, second - CATCH_UP_EPOCHS)
        while self._epoch_s < second:
            self._epoch_s += 1
            self._emit(self._epoch_s)
        data = bytes(self._out[:max_bytes])
        del self._out[:max_bytes]
        return data

    def write(self, data: bytes) -> None:
        """Commands from the payload. Raises DeviceAbsent when unplugged."""
        if self.is_unplugged:
            raise DeviceAbsent("the receiver is unplugged")
        self._in += data
        while True:
            start = self._in.find(_SYNC)
            if start < 0:
                self._in.clear()
                return
            del self._in[:start]
            length = int.from_bytes(self._in[4:6], "little")
            if len(self._in) < 8 or len(self._in) < length + 8:
                return
            frame = bytes(self._in[: length + 8])
            del self._in[: length + 8]
            if ubx(frame[2], frame[3], frame[6:-2]) == frame and not self._is_clone:
                self._command(frame[2], frame[3], frame[6:-2])

    def _command(self, message_class: int, message_id: int, payload: bytes) -> None:
        kind = (message_class, message_id)
        if kind == (0x0A, 0x04):  # MON-VER
            self._send(ubx(*kind, _VERSION))
            return
        if message_class != 0x06:
            return
        is_taken = self._configure(message_id, payload)
        self._send(ubx(0x05, int(is_taken), bytes(kind)))  # ACK-ACK or ACK-NAK

    def _configure(self, message_id: int, payload: bytes) -> bool:
        if message_id == 0x24 and not payload:  # CFG-NAV5, polled
            settings = struct.pack("<HBB", 0xFFFF, self.dynamic_model, 3) + bytes(32)
            self._send(ubx(0x06, 0x24, settings))
            return True
        if message_id == 0x24 and len(payload) == 36:
            if payload[0] & 0x01:
                return self._set_model(payload[2])
            return True
        if message_id == 0x01 and len(payload) in (3, 8):  # CFG-MSG
            if payload[:2] == b"\x01\x07":
                self._is_pvt_on = any(payload[2:])
            return True
        if message_id == 0x8A and len(payload) >= 4:  # CFG-VALSET
            return self._set_values(payload[4:])
        if message_id == 0x8B and len(payload) >= 8:  # CFG-VALGET
            key = payload[4:8]
            if int.from_bytes(key, "little") != _KEY_DYNAMIC_MODEL:
                return False
            self._send(ubx(0x06, 0x8B, b"\x01\0\0\0" + key + bytes((self.dynamic_model,))))
            return True
        return message_id in (0x00, 0x08, 0x3E)  # port, rate and constellations are taken as said

    def _set_values(self, items: bytes) -> bool:
        """Key and value pairs; only the one-byte keys that a payload needs are known."""
        if len(items) % 5:
            return False
        for at in range(0, len(items), 5):
            key, value = int.from_bytes(items[at : at + 4], "little"), items[at + 4]
            if key == _KEY_DYNAMIC_MODEL:
                if not self._set_model(value):
                    return False
            elif key in _KEYS_NAV_PVT:
                self._is_pvt_on = value > 0
            else:
                return False
        return True

    def _set_model(self, model: int) -> bool:
        if model not in MODEL_CEILING_M:
            return False
        self.dynamic_model = model
        return True

    def _send(self, data: bytes) -> None:
        if len(self._out) + len(data) <= BUFFER_BYTES_MAX:
            self._out += data

    def _emit(self, second: int) -> None:
        """What the receiver says about the epoch at ``second`` of the simulation."""
        state = self._trajectory.state(second)
        on_s = second - self._switched_on_s
        utc_ms = self._clock.start_utc_ms + second * 1000
        fix_type, satellites, pdop = self._quality(state, on_s)
        for index, (size, limit) in enumerate(((0.3, 2.5), (0.3, 2.5), (0.6, 5.0))):
            step = self._rng.gauss(0, size)
            moved = 0.97 * self._offset_m[index] + step
            self._offset_m[index] = min(max(moved, -limit), limit)
        if state.recorded is not None:
            self._offset_m = [0.0, 0.0, 0.0]  # the record has its own errors
        if self._is_pvt_on:
            has_time = on_s >= TIME_KNOWN_S
            payload = nav_pvt(
                state, utc_ms, fix_type, satellites, pdop, has_time, self._offset_m
            )
            self._send(ubx(0x01, 0x07, payload))
        else:
            self._send(_gga(state, utc_ms, fix_type, satellites, pdop))

    def _quality(self, state: AirState, on_s: int) -> tuple[int, int, float]:
        """(fix type, satellites, PDOP) that the receiver has in this epoch."""
        recorded = state.recorded
        if recorded is not None:
            fix_type, pdop = recorded.fix_type, recorded.pdop or 99.99
            satellites = 9 if recorded.satellites is None else recorded.satellites
        else:
            satellites = min(9 + int(state.altitude_m > 3_000) * 3, on_s * 12 // FIRST_FIX_S)
            satellites = max(0, satellites + self._rng.choice((-1, 0, 0, 0, 1)))
            fix_type, pdop = 3, 1.3 + 8.0 / max(4, satellites)
        if on_s < FIRST_FIX_S or state.altitude_m > MODEL_CEILING_M[self.dynamic_model]:
            return 0, min(satellites, 3) if on_s < FIRST_FIX_S else satellites, 99.99
        return fix_type, satellites, pdop


def nav_pvt(
    state: AirState, utc_ms: int, fix_type: int, satellites: int, pdop: float, has_time: bool,
    offset_m: list[float],
) -> bytes:
    """The 92 bytes of NAV-PVT. Source: UBX-13003221 32.17.15."""
    now = datetime.fromtimestamp(utc_ms / 1000, UTC)
    time_of_week_ms = (utc_ms - 315_964_800_000 + 18_000) % 604_800_000  # GPS is 18 s ahead
    east_m, north_m, up_m = offset_m if fix_type else (0.0, 0.0, 0.0)
    latitude = state.latitude_deg + north_m / 111_200 if fix_type else 0.0
    longitude = state.longitude_deg + east_m / 80_000 if fix_type else 0.0
    altitude_mm = round((state.altitude_m + up_m) * 1000) if fix_type else 0
    down_mmps = -round(state.climb_mps * 1000) if fix_type else 0
    speed_mmps = round(state.speed_mps * 1000) if fix_type else 0
    error_mm = 2_500 if fix_type == 3 else 0xFFFFFF
    return struct.pack(
        "<IHBBBBBBIiBBBBiiiiIIiiiiiIIHBB4xihH",
        time_of_week_ms, now.year, now.month, now.day, now.hour, now.minute, now.second,
        0x07 if has_time else 0x00, 30 if has_time else 0xFFFFFFFF, 0,
        fix_type, 0x01 if fix_type else 0x00, 0x00, satellites,
        round(longitude * 1e7), round(latitude * 1e7), altitude_mm + 47_000, altitude_mm,
        error_mm, error_mm, 0, 0, down_mmps, speed_mmps, round(state.heading_deg * 1e5),
        200, 3_000_000, min(9999, round(pdop * 100)), 0 if fix_type else 1, 0, 0, 0, 0,
    )


def _gga(state: AirState, utc_ms: int, fix_type: int, satellites: int, pdop: float) -> bytes:
    """A GGA sentence; without a fix its fields are empty, as a real receiver leaves them."""
    clock = datetime.fromtimestamp(utc_ms / 1000, UTC).strftime("%H%M%S.00")
    if not fix_type:
        return nmea(f"GNGGA,{clock},,,,,0,{satellites:02d},99.99,,,,,,")
    north, east = state.latitude_deg >= 0, state.longitude_deg >= 0
    latitude, longitude = abs(state.latitude_deg), abs(state.longitude_deg)
    return nmea(
        f"GNGGA,{clock},{int(latitude):02d}{latitude % 1 * 60:08.5f},{'N' if north else 'S'},"
        f"{int(longitude):03d}{longitude % 1 * 60:08.5f},{'E' if east else 'W'},1,"
        f"{satellites:02d},{pdop * 0.6:.2f},{state.altitude_m:.1f},M,47.0,M,,"
    )

