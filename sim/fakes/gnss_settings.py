"""The settings of a u-blox receiver: the dynamic models, their limits, and how they are set.

An M8 takes CFG-NAV5 and CFG-MSG and refuses CFG-VALSET; an M10 knows CFG-VALSET and CFG-VALGET
only. All settings live in RAM: a reset forgets them.

Sources: UBX-13003221 (CFG-NAV5 32.10.19, CFG-MSG 32.10.16, ACK 32.8); UBX-21035062 (CFG-VALGET
3.10.4, CFG-VALSET 3.10.5); limits of the models: MAX-M10 integration manual, table 8; 50 km for
M8 and older, and 18 km as some units do in the field: rs41-nfw#3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from sim.fakes.gnss_messages import UBX_SYNC, mon_hw, mon_rf, ubx

PORTABLE, STATIONARY, PEDESTRIAN, AUTOMOTIVE, SEA = 0, 2, 3, 4, 5
AIRBORNE = (6, 7, 8)  # below 1, 2 and 4 g
WRIST = 9
_KEY_DYNAMIC_MODEL = 0x20110021
_KEYS_NAV_PVT = (0x20910006, 0x20910007, 0x2091000A)  # I2C, UART1, SPI: an M10 has no other port
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}  # by bits 28 to 30 of a key


class Limits(NamedTuple):
    """Beyond any of these the position is invalid; the speeds count for the lower models only."""

    altitude_m: float
    horizontal_mps: float
    vertical_mps: float


# The airborne models are checked for altitude alone, and how high depends on the chip.
LIMITS: dict[int, Limits] = {
    PORTABLE: Limits(12_000, 310, 50),
    STATIONARY: Limits(9_000, 10, 6),
    PEDESTRIAN: Limits(9_000, 30, 20),
    AUTOMOTIVE: Limits(6_000, 100, 15),
    SEA: Limits(500, 25, 5),
    WRIST: Limits(9_000, 30, 20),
}


@dataclass(frozen=True, slots=True)
class Generation:
    """What one family of receivers can do."""

    name: str
    airborne_ceiling_m: float
    has_legacy_settings: bool = True  # CFG-NAV5, CFG-MSG and MON-HW
    has_key_settings: bool = False  # CFG-VALSET, CFG-VALGET and MON-RF
    # How an invalid position shows: as fix type 0, or as a fix type whose gnssFixOK is off. The
    # manual says only "invalid": here one generation does the one and the next the other.
    keeps_fix_type: bool = False
    version: tuple[bytes, bytes] = (b"ROM CORE 3.01 (107888)", b"00080000")

    @property
    def speaks_ubx(self) -> bool:
        return self.has_legacy_settings or self.has_key_settings


M8 = Generation("M8", 50_000)
M10 = Generation(
    "M10", 80_000, has_legacy_settings=False, has_key_settings=True, keeps_fix_type=True,
    version=(b"ROM SPG 5.10 (7b202e)", b"000A0000"),
)
# A receiver sold for orbits: the limits of altitude and speed are lifted, for which one signs.
ORBITAL = Generation("M8 for orbits", 2_000_000)
FIELD_M8 = Generation("M8 that drops its lock at 18 km", 18_000)
CLONE = Generation("clone", 50_000, has_legacy_settings=False)


class ReceiverSettings:
    """What can be set in one receiver; ``refuses_model`` answers every model with a NAK."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.dynamic_model = PORTABLE
        self.is_pvt_on = False
        self.refuses_model = False
        self.jam_indicator = 0  # 0..255, as MON-HW and MON-RF tell it

    def forget(self) -> None:
        """The RAM is lost."""
        self.dynamic_model, self.is_pvt_on = PORTABLE, False

    def is_within_limits(self, altitude_m: float, speed_mps: float, climb_mps: float) -> bool:
        """Whether the position stays valid under the present model."""
        if self.dynamic_model in AIRBORNE:
            return altitude_m <= self.generation.airborne_ceiling_m
        limits = LIMITS[self.dynamic_model]
        return (
            altitude_m <= limits.altitude_m and speed_mps <= limits.horizontal_mps
            and abs(climb_mps) <= limits.vertical_mps
        )

    def answer(self, message_class: int, message_id: int, payload: bytes) -> bytes:
        """What comes back for one whole message; nothing for what the chip does not know."""
        generation, kind = self.generation, (message_class, message_id)
        if not generation.speaks_ubx:
            return b""
        if kind == (0x0A, 0x04):  # MON-VER
            software, hardware = generation.version
            return ubx(*kind, software.ljust(30, b"\0") + hardware.ljust(10, b"\0"))
        if kind == (0x0A, 0x09) and generation.has_legacy_settings:
            return ubx(*kind, mon_hw(self.jam_indicator))
        if kind == (0x0A, 0x38) and generation.has_key_settings:
            return ubx(*kind, mon_rf(self.jam_indicator))
        if message_class != 0x06:
            return b""
        configure = self._by_key if generation.has_key_settings else self._legacy
        is_taken, said = configure(message_id, payload)
        return said + ubx(0x05, int(is_taken), bytes(kind))  # ACK-ACK or ACK-NAK

    def _legacy(self, message_id: int, payload: bytes) -> tuple[bool, bytes]:
        """(whether it was taken, what is said besides the ACK) of a CFG message of an M8."""
        if message_id == 0x24 and not payload:  # CFG-NAV5, polled
            said = struct.pack("<HBB", 0xFFFF, self.dynamic_model, 3) + bytes(32)
            return True, ubx(0x06, 0x24, said)
        if message_id == 0x24 and len(payload) == 36:
            return not payload[0] & 0x01 or self._set_model(payload[2]), b""
        if message_id == 0x01 and len(payload) in (3, 8):  # CFG-MSG
            if payload[:2] == b"\x01\x07":
                self.is_pvt_on = any(payload[2:])
            return True, b""
        return message_id in (0x00, 0x08, 0x3E), b""  # port, rate, constellations: as said

    def _by_key(self, message_id: int, payload: bytes) -> tuple[bool, bytes]:
        """As ``_legacy``, for CFG-VALSET and CFG-VALGET."""
        if message_id == 0x8A and len(payload) >= 4:
            items = _items(payload[4:])
            if items is None or not all(self._may_set(key, value) for key, value in items):
                return False, b""  # one wrong key, and none is taken
            for key, value in items:
                self._set(key, value)
            return True, b""
        if message_id == 0x8B and len(payload) >= 8 and not (len(payload) - 4) % 4:
            keys = [int.from_bytes(payload[at : at + 4], "little")
                    for at in range(4, len(payload), 4)]
            values = {_KEY_DYNAMIC_MODEL: self.dynamic_model,
                      **dict.fromkeys(_KEYS_NAV_PVT, int(self.is_pvt_on))}
            if any(key not in values for key in keys):
                return False, b""
            said = b"".join(key.to_bytes(4, "little") + bytes((values[key],)) for key in keys)
            return True, ubx(0x06, 0x8B, b"\x01\0\0\0" + said)
        return False, b""

    def _may_set(self, key: int, value: int) -> bool:
        if key == _KEY_DYNAMIC_MODEL:
            return not self.refuses_model and (value in LIMITS or value in AIRBORNE)
        return key in _KEYS_NAV_PVT

    def _set(self, key: int, value: int) -> None:
        if key == _KEY_DYNAMIC_MODEL:
            self.dynamic_model = value
        else:
            self.is_pvt_on = value > 0

    def _set_model(self, model: int) -> bool:
        is_known = model in LIMITS or model in AIRBORNE
        if is_known and not self.refuses_model:
            self.dynamic_model = model
        return is_known and not self.refuses_model


def _items(data: bytes) -> list[tuple[int, int]] | None:
    """Key and value pairs of a CFG-VALSET; None when they do not fill ``data`` exactly."""
    items = []
    at = 0
    while at < len(data):
        key = int.from_bytes(data[at : at + 4], "little")
        size = _VALUE_BYTES.get(key >> 28 & 7, 0)
        value = data[at + 4 : at + 4 + size]
        if not size or len(value) != size:
            return None
        items.append((key, int.from_bytes(value, "little")))
        at += 4 + size
    return items


class CommandReader:
    """Cuts what the payload writes into whole UBX messages; what is damaged is dropped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def clear(self) -> None:
        self._buffer.clear()

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """(class, id, payload) of every message that is now complete and whole."""
        self._buffer += data
        messages: list[tuple[int, int, bytes]] = []
        while (start := self._buffer.find(UBX_SYNC)) >= 0:
            del self._buffer[:start]
            size = int.from_bytes(self._buffer[4:6], "little") + 8
            if len(self._buffer) < size:
                return messages
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            message = frame[2], frame[3], frame[6:-2]
            if ubx(*message) == frame:
                messages.append(message)
        is_half = self._buffer.endswith(UBX_SYNC[:1])  # of the next one
        self._buffer[:] = UBX_SYNC[:1] if is_half else b""
        return messages
