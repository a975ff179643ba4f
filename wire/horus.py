"""Horus Binary v3: the beacon and a line of a musing, for any Horus station and for SondeHub.

A frame is 32, 48, 64, 96 or 128 bytes: CRC-16 (init FFFF, polynomial 1021, little-endian) of all
that follows, then the ASN.1 type ``Telemetry`` in unaligned packed encoding (ITU-T X.691), then
zeros. Names and order of the fields are those of ``HorusBinaryV3.asn1`` of horusdemodlib 0.6.2;
this is an encoder and decoder for just that type. The Golay code and 4FSK are made by the payload,
for what its own transmitter is to say.

The musing goes into ``extraSensors`` as a string named "musing", in the few characters allowed
there. What the beacon knows beyond the fields of Horus goes into ``customData`` where room is left:

    01 | phase u4 power u4 | boot u8 | fix age s u8 | armed u1 faults u23 | queue u16 | counter u16

all ones is unknown; the boot counts modulo 255. An unknown position is sent as 0, 0, as the ASN.1
says (its README differs); a true 0, 0 is moved by a metre. The course has no field anywhere.
"""

from __future__ import annotations

import binascii
import math
import struct
import unicodedata
from dataclasses import dataclass, replace
from typing import NamedTuple

from wire.beacon import Beacon, Phase, PowerMode

FRAME_SIZES = (32, 48, 64, 96, 128)
CRC_BYTES = 2
CALLSIGN_CHARACTERS_MAX = 15
MUSING_NAME = "musing"
_UPPER, _LOWER, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"
# A character is sent as its place in its sorted alphabet. (X.691 §30.5.4 would send those of
# TEXT_ALPHABET as themselves; asn1tools and asn1c, which all receivers use, do not.)
CALLSIGN_ALPHABET = "-/" + _DIGITS + _UPPER + _LOWER  # 64 characters, 6 bits
NAME_ALPHABET = "-" + _DIGITS + _LOWER  # 37 characters, 6 bits
TEXT_ALPHABET = " +-./" + _DIGITS + "=" + _UPPER + "_" + _LOWER  # 69 characters, 7 bits
TEXT_BITS = 7
_REPLACEMENTS = {
    ",": " -", ";": " -", ":": " -", "?": ".", "!": ".", "&": " + ", "%": " percent", "°": " deg ",
    "–": "-", "—": " - ", "…": "...", "(": "- ", ")": " -", "\n": " ", "\t": " ", "ß": "ss",
    "æ": "ae", "ø": "o", "œ": "oe", "Æ": "AE", "Ø": "O", "Œ": "OE", "ł": "l", "Ł": "L",
}


class Number(NamedTuple):
    """A bounded integer: ``value = code * step``, sent as ``code - low`` in ``bits`` bits."""

    low: int
    high: int
    step: float = 1

    @property
    def bits(self) -> int:
        return (self.high - self.low).bit_length()


SEQUENCE = Number(0, 65_535)
TIME_S = Number(-1, 86_400)  # -1 is unknown
DEGREES_1E5 = 1e-5
LATITUDE = Number(-9_000_000, 9_000_000, DEGREES_1E5)
LONGITUDE = Number(-18_000_000, 18_000_000, DEGREES_1E5)
ALTITUDE_M = Number(-1000, 50_000)  # -1000 is unknown
SPEED_KMH = Number(0, 512)
SATELLITES = Number(0, 31)
CLIMB_MPS = Number(-32_767, 32_767, 0.01)
PRESSURE_HPA = Number(0, 12_000, 0.1)
CELSIUS = Number(-1023, 1023, 0.1)
HUMIDITY = Number(0, 100)
MILLIVOLTS = Number(0, 16_383)
POWER_SAVE = Number(0, 5)
KMH_PER_MPS = 3.6
_LEAST_FIRST = ("inside_c", "outside_c", "pressure_hpa", "speed_mps", "climb_mps", "satellites")
_CUSTOM = struct.Struct(">BBBB3sHH")
_CUSTOM_VERSION = 1
_FAULT_BITS = 23


@dataclass(frozen=True, slots=True)
class Packet:
    """What a frame says. None is unknown, in ``beacon`` too; "" is no musing."""

    callsign: str
    sequence: int
    beacon: Beacon
    musing: str = ""
    humidity_percent: float | None = None
    boot: int | None = None  # modulo 255


def sanitise(text: str) -> str:
    """``text`` in the characters that Horus allows in strings: no accents, no ``,`` ``'`` ``?``."""
    for old, new in _REPLACEMENTS.items():
        text = text.replace(old, new)
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in plain if c in TEXT_ALPHABET).split())


class _Writer:
    """Bits, most significant first."""

    def __init__(self) -> None:
        self.bits = 0
        self._value = 0

    def put(self, value: int, bits: int) -> None:
        assert 0 <= value < 1 << bits or bits == value == 0, (value, bits)
        self._value = self._value << bits | value
        self.bits += bits

    def number(self, kind: Number, code: int) -> None:
        self.put(code - kind.low, kind.bits)

    def text(self, text: str, alphabet: str, low: int, high: int) -> None:
        self.number(Number(low, high), len(text))
        for character in text:
            self.put(alphabet.index(character), (len(alphabet) - 1).bit_length())

    def to_bytes(self, size: int) -> bytes:
        assert self.bits <= size * 8
        return (self._value << size * 8 - self.bits).to_bytes(size, "big")


class _Reader:
    """Raises ValueError at the end of the data and for what the type does not allow."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, bits: int) -> int:
        if bits > self._left:
            raise ValueError("a Horus frame is cut off")
        self._left -= bits
        return self._value >> self._left & (1 << bits) - 1

    def flag(self) -> bool:
        return bool(self.take(1))

    def number(self, kind: Number) -> int:
        code = self.take(kind.bits) + kind.low
        if code > kind.high:
            raise ValueError(f"{code} is above {kind.high}")
        return code

    def optional(self, kind: Number, is_here: bool) -> float | None:
        if not is_here:
            return None
        return self.number(kind) * kind.step

    def text(self, alphabet: str, low: int, high: int) -> str:
        length = self.number(Number(low, high))
        bits = (len(alphabet) - 1).bit_length()
        places = [self.take(bits) for _ in range(length)]
        if any(place >= len(alphabet) for place in places):
            raise ValueError("a character outside its alphabet")
        return "".join(alphabet[place] for place in places)

    def skip_bytes(self) -> None:
        """An unbounded INTEGER or REAL: a length and that many bytes."""
        self.take(8 * self.take(8))


def _code(kind: Number, value: float | None) -> int | None:
    if value is None or not math.isfinite(value):
        return None
    return round(max(kind.low, min(kind.high, value / kind.step)))


def _position(beacon: Beacon) -> tuple[int, int]:
    latitude = _code(LATITUDE, beacon.latitude_deg)
    longitude = _code(LONGITUDE, beacon.longitude_deg)
    if latitude is None or longitude is None:
        return 0, 0
    return (latitude, longitude) if latitude or longitude else (1, 0)


def _custom(packet: Packet) -> bytes:
    """The eleven bytes of what Horus has no field for."""
    beacon = packet.beacon
    phase = 0xF if beacon.phase is None else beacon.phase
    power = 0xF if beacon.power_mode is None else beacon.power_mode
    age = _code(Number(0, 254), beacon.fix_age_s)
    queue = _code(Number(0, 65_534), beacon.queue_records)
    faults = beacon.is_cutdown_armed << _FAULT_BITS | beacon.faults & (1 << _FAULT_BITS) - 1
    return _CUSTOM.pack(
        _CUSTOM_VERSION, phase << 4 | power, 255 if packet.boot is None else packet.boot % 255,
        255 if age is None else age, faults.to_bytes(3, "big"),
        65_535 if queue is None else queue, beacon.command_counter & 0xFFFF,
    )


def with_custom(packet: Packet, data: bytes) -> Packet:
    """``packet`` with what our own ``customData`` adds; as it is for any other data."""
    if len(data) != _CUSTOM.size or data[0] != _CUSTOM_VERSION:
        return packet
    _, modes, boot, age, packed, queue, counter = _CUSTOM.unpack(data)
    phase, power, faults = modes >> 4, modes & 0xF, int.from_bytes(packed, "big")
    beacon = replace(
        packet.beacon,
        phase=Phase(phase) if phase in Phase._value2member_map_ else None,
        power_mode=PowerMode(power) if power in PowerMode._value2member_map_ else None,
        fix_age_s=None if age == 255 else age,
        faults=faults & (1 << _FAULT_BITS) - 1, is_cutdown_armed=bool(faults >> _FAULT_BITS),
        queue_records=None if queue == 65_535 else queue, command_counter=counter,
    )
    return replace(packet, beacon=beacon, boot=None if boot == 255 else boot)


def _telemetry(packet: Packet, musing: str | None, custom: bytes) -> _Writer:
    """``musing`` None leaves the extra field out altogether."""
    beacon = packet.beacon
    speed = None if beacon.speed_mps is None else beacon.speed_mps * KMH_PER_MPS
    singles = (
        (SPEED_KMH, _code(SPEED_KMH, speed)),
        (SATELLITES, _code(SATELLITES, beacon.satellites)),
        (CLIMB_MPS, _code(CLIMB_MPS, beacon.climb_mps)),
        (PRESSURE_HPA, _code(PRESSURE_HPA, beacon.pressure_hpa)),
    )
    inside, outside = _code(CELSIUS, beacon.inside_c), _code(CELSIUS, beacon.outside_c)
    humidity = _code(HUMIDITY, packet.humidity_percent)
    battery = _code(MILLIVOLTS, beacon.battery_mv)
    time_s = _code(TIME_S, beacon.time_of_day_s)
    altitude = _code(ALTITUDE_M, beacon.altitude_m)
    has_temperature = inside is not None or outside is not None
    out = _Writer()
    out.put(0, 1)  # no fields beyond the extension marker
    present = (
        musing is not None, *(code is not None for _, code in singles), has_temperature,
        humidity is not None, battery is not None, False, False, bool(custom),
    )
    for flag in present:
        out.put(flag, 1)
    out.text(packet.callsign, CALLSIGN_ALPHABET, 1, CALLSIGN_CHARACTERS_MAX)
    out.number(SEQUENCE, packet.sequence & 0xFFFF)
    out.number(TIME_S, TIME_S.low if time_s is None else max(0, time_s))
    for kind, code in zip((LATITUDE, LONGITUDE), _position(beacon), strict=True):
        out.number(kind, code)
    out.number(ALTITUDE_M, ALTITUDE_M.low if altitude is None else max(altitude, -999))
    if musing is not None:
        out.put(0, 2)  # one sensor
        out.put(0b11, 2)  # with a name and a value
        out.text(MUSING_NAME, NAME_ALPHABET, 1, 20)
        out.put(0, 2)  # the value is a string
        out.text(musing, TEXT_ALPHABET, 0, 255)
    for kind, optional in singles:
        if optional is not None:
            out.number(kind, optional)
    if has_temperature:
        out.put((inside is not None) << 3 | (outside is not None) << 2, 4)
        for optional in (inside, outside):
            if optional is not None:
                out.number(CELSIUS, optional)
    if humidity is not None:
        out.number(HUMIDITY, humidity)
    if battery is not None:
        out.put(0b1000, 4)
        out.number(MILLIVOLTS, battery)
    if custom:
        out.put(len(custom), 8)
        for byte in custom:
            out.put(byte, 8)
    return out


def _shortened(text: str, characters: int) -> str:
    """``text`` in at most ``characters``, ending at a word and in dots where it goes on."""
    if len(text) <= characters:
        return text
    if characters < 8:
        return ""
    return text[: characters - 3].rsplit(" ", 1)[0].rstrip(" -.") + "..."


def encode(packet: Packet, bytes_max: int = 64) -> bytes:
    """The smallest frame that holds all, or what fits of the musing into ``bytes_max`` (one of
    FRAME_SIZES). Values outside a field's range are clamped; nothing raises.

    In order of importance: position and sensors, the musing, ``customData``.
    """
    assert bytes_max in FRAME_SIZES, bytes_max
    callsign = "".join(c for c in packet.callsign if c in CALLSIGN_ALPHABET)
    packet = replace(packet, callsign=callsign[:CALLSIGN_CHARACTERS_MAX] or "N0CALL")
    bits_max = 8 * (bytes_max - CRC_BYTES)
    for name in _LEAST_FIRST:  # only a long callsign in the smallest frame needs this
        if _telemetry(packet, None, b"").bits > bits_max:
            beacon = replace(packet.beacon, **{name: None})  # type: ignore[arg-type]  # may be None
            packet = replace(packet, beacon=beacon, humidity_percent=None)
    line: str | None = None
    room = bits_max - _telemetry(packet, "", b"").bits
    if packet.musing and room > 0:
        line = _shortened(sanitise(packet.musing)[:255], room // TEXT_BITS) or None
    out = _telemetry(packet, line, _custom(packet))
    if out.bits > bits_max:
        out = _telemetry(packet, line, b"")
    size = next(s for s in FRAME_SIZES if out.bits <= 8 * (s - CRC_BYTES))
    body = out.to_bytes(size - CRC_BYTES)
    return _crc(body) + body


def _crc(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0xFFFF).to_bytes(CRC_BYTES, "little")


def is_frame(data: bytes) -> bool:
    """True when size and CRC are those of a Horus v3 frame; noise is one in 65,536 times."""
    return len(data) in FRAME_SIZES and _crc(data[CRC_BYTES:]) == data[:CRC_BYTES]


def decode(data: bytes) -> Packet | None:
    """The packet in ``data``, from whatever payload; None when it is not a Horus v3 frame."""
    if not is_frame(data):
        return None
    try:
        return _read(_Reader(data[CRC_BYTES:]))
    except ValueError:
        return None


def _read(source: _Reader) -> Packet:
    source.flag()  # fields beyond the extension marker stand at the end; we need none of them
    (has_extra, has_speed, has_satellites, has_climb, has_pressure, has_temperature, has_humidity,
     has_voltage, has_counts, has_power_save, has_custom) = (source.flag() for _ in range(11))
    callsign = source.text(CALLSIGN_ALPHABET, 1, CALLSIGN_CHARACTERS_MAX)
    sequence = source.number(SEQUENCE)
    time_s = source.number(TIME_S)
    latitude, longitude = source.number(LATITUDE), source.number(LONGITUDE)
    altitude = source.number(ALTITUDE_M)
    is_placed = bool(latitude or longitude)
    musing = _read_extra(source) if has_extra else ""
    speed = source.optional(SPEED_KMH, has_speed)
    satellites = source.optional(SATELLITES, has_satellites)
    climb = source.optional(CLIMB_MPS, has_climb)
    pressure = source.optional(PRESSURE_HPA, has_pressure)
    inside, outside, *_ = _read_four(source, CELSIUS, has_temperature)
    humidity = source.optional(HUMIDITY, has_humidity)
    battery, *_ = _read_four(source, MILLIVOLTS, has_voltage)
    if has_counts:
        for _ in range(source.take(3) + 1):
            source.skip_bytes()
    source.optional(POWER_SAVE, has_power_save)
    beacon = Beacon(
        time_of_day_s=None if time_s < 0 else time_s,
        latitude_deg=latitude * DEGREES_1E5 if is_placed else None,
        longitude_deg=longitude * DEGREES_1E5 if is_placed else None,
        altitude_m=None if altitude == ALTITUDE_M.low else altitude,
        climb_mps=climb, speed_mps=None if speed is None else speed / KMH_PER_MPS,
        satellites=None if satellites is None else int(satellites),
        battery_mv=battery, outside_c=outside, inside_c=inside, pressure_hpa=pressure,
    )
    packet = Packet(callsign, sequence, beacon, musing, humidity)
    if has_custom:
        packet = with_custom(packet, bytes(source.take(8) for _ in range(source.take(8))))
    return packet


def _read_four(source: _Reader, kind: Number, is_here: bool) -> list[float | None]:
    """A sequence of four optional numbers of one kind."""
    flags = [source.flag() for _ in range(4)] if is_here else [False] * 4
    return [source.optional(kind, flag) for flag in flags]


def _read_extra(source: _Reader) -> str:
    """The first string among the extra sensors, "" when there is none; numbers are passed over."""
    found: list[str] = []
    for _ in range(source.take(2) + 1):
        has_name, has_value = source.flag(), source.flag()
        if has_name:
            source.text(NAME_ALPHABET, 1, 20)
        if not has_value:
            continue
        choice = source.take(2)
        if choice == 0:
            found.append(source.text(TEXT_ALPHABET, 0, 255))
        elif choice == 3:
            source.take(8)
        else:
            for _ in range(source.take(2) + 1):
                source.skip_bytes()
    return found[0] if found else ""
