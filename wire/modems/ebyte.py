"""EBYTE LoRa modules (E22, E220, E32) on a serial line: frames in a stream, and the registers.

In transparent mode the module carries bytes, not frames, so each of ours is wrapped as

    E5 | length | CRC-16-CCITT of length and frame, 2 bytes | frame

and must be sent alone, no longer than one sub-packet, waiting for AUX to be high before the next:
then the stream of the other end holds it in one piece or not at all. With the RSSI byte enabled
(REG3 bit 7) the module adds one after each packet: dBm = value - 256.

Registers are written and read in configuration mode only, at 9600 8N1 whatever is set:
``C0 start count values`` writes, ``C1 start count`` reads, both are answered ``C1 start count
values``, or ``FF FF FF``. Stray bytes come before an answer after power-up. The E32 has an older
set: ``C0`` and five values writes, ``C1 C1 C1`` reads (``C0`` or ``C2`` and the values), ``C3 C3
C3`` asks for the version. Sources: EBYTE user manuals E22-xxxT22S §6-7, E220-xxxT30 §6-7 and
E32-433T20DC §7. The pins M0, M1 and AUX belong to whoever owns them.

EBYTE does not publish the modulation behind an air rate. ``MODULATIONS`` is derived: the fastest at
a coding rate of 4/5 that is no faster than its name says, so that the airtime is not too short.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import Enum

from wire.lora import Modulation

SYNC = 0xE5
HEADER_BYTES = 4
FRAME_BYTES_MAX = 255
BAUD_CONFIGURATION = 9600
REGISTERS_MAX = 16  # far above any answer; a longer one is noise
UART_RATES = (1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200)  # REG0 bits 7..5
_WRITE, _READ = 0xC0, 0xC1
_E32_OPTION = 0b0100_0100  # transparent, push-pull outputs, forward error correction
_REFUSED = b"\xff\xff\xff"


PREAMBLE = 16  # symbols; not published either
MODULATIONS = {
    rate_bps: Modulation(spreading, bandwidth_hz, 1, PREAMBLE)
    for rate_bps, spreading, bandwidth_hz in (
        (300, 12, 125_000), (1200, 11, 250_000), (2400, 11, 500_000), (4800, 10, 500_000),
        (9600, 9, 500_000), (19_200, 8, 500_000), (38_400, 6, 500_000), (62_500, 5, 500_000),
    )
}


class Model(Enum):
    """What differs: (has a network id, largest packet, packets of a frame, air rates by their
    three bits, (M1, M0) in configuration mode, channels). A packet of the chip has 255 bytes, of
    the E32's 64; what is left of them is counted as the module's own. Late revisions of the E22
    have 2400 for 0 and 1 too."""

    E22 = (True, 240, 1, (300, 1200, 2400, 4800, 9600, 19_200, 38_400, 62_500), (1, 0), 84)
    E220 = (False, 200, 1, (2400, 2400, 2400, 4800, 9600, 19_200, 38_400, 62_500), (1, 1), 84)
    E32 = (False, 58, 2, (300, 1200, 2400, 4800, 9600, 19_200), (1, 1), 32)

    def __init__(
        self, has_network: bool, packet_bytes: int, packets: int, air_rates: tuple[int, ...],
        configuration_pins: tuple[int, int], channels: int,
    ) -> None:
        self.has_network = has_network
        self.packet_bytes = packet_bytes
        self.packets = packets
        self.air_rates = air_rates
        self.configuration_pins = configuration_pins
        self.channels = channels

    @property
    def mtu_bytes(self) -> int:
        """The largest frame: one packet, or as many as follow each other without a gap."""
        return self.packets * self.packet_bytes - HEADER_BYTES

    @property
    def own_bytes(self) -> int:
        """What the module adds to a packet, at most."""
        return (64 if self is Model.E32 else 255) - self.packet_bytes

    @property
    def has_rssi(self) -> bool:
        """Can it add the strength to what it received?"""
        return self is not Model.E32


@dataclass(frozen=True, slots=True)
class ModuleSettings:
    """What both ends must share, and the power (0 strongest .. 3 weakest)."""

    channel: int
    air_rate_bps: int = 2400
    uart_rate: int = 9600
    power: int = 0
    has_rssi: bool = True
    network: int = 0


def encode(frame: bytes) -> bytes:
    """``frame`` (1..255 bytes) as it goes into the module."""
    assert 1 <= len(frame) <= FRAME_BYTES_MAX, len(frame)
    body = bytes((len(frame),)) + frame
    crc = binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")
    return bytes((SYNC, len(frame))) + crc + frame


@dataclass(frozen=True, slots=True)
class EbyteFrame:
    """A frame, and how strong it was in dBm where the module says so."""

    frame: bytes
    rssi_dbm: int | None


class Decoder:
    """Bytes in, whole frames out. Bytes that belong to none are counted in ``noise_bytes``."""

    def __init__(self, has_rssi: bool) -> None:
        self.noise_bytes = 0
        self._has_rssi = has_rssi
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[EbyteFrame]:
        """Frames completed by ``data``. Keeps at most one frame's worth of bytes."""
        self._buffer += data
        found: list[EbyteFrame] = []
        at = 0
        while at < len(self._buffer):
            if self._buffer[at] != SYNC:
                at += 1
                self.noise_bytes += 1
                continue
            if len(self._buffer) - at < 2:
                break
            length = self._buffer[at + 1]
            end = at + HEADER_BYTES + length
            if length and len(self._buffer) < end + self._has_rssi:
                break
            frame = bytes(self._buffer[at + HEADER_BYTES : end])
            crc = int.from_bytes(self._buffer[at + 2 : at + HEADER_BYTES], "big")
            if not length or binascii.crc_hqx(bytes((length,)) + frame, 0xFFFF) != crc:
                at += 1  # what looked like a beginning was none; a true one may be inside
                self.noise_bytes += 1
                continue
            rssi = self._buffer[end] - 256 if self._has_rssi else None
            found.append(EbyteFrame(frame, rssi))
            at = end + self._has_rssi
        del self._buffer[:at]
        return found

    def flush(self) -> list[EbyteFrame]:
        """The line was silent for longer than a packet lasts: what is half there will not be
        completed. Frames that a false beginning held up come out."""
        found: list[EbyteFrame] = []
        while self._buffer:
            del self._buffer[0]
            self.noise_bytes += 1
            found += self.feed(b"")
        return found


def registers(model: Model, settings: ModuleSettings) -> bytes:
    """All registers from 0 on: address FFFF (hears everything), 8N1, transparent, full packets.

    Raises ValueError for a rate that the model does not have.
    """
    assert 0 <= settings.channel <= 255 and 0 <= settings.power <= 3, settings
    rate = model.air_rates.index(settings.air_rate_bps)
    if model is Model.E32:
        speed = UART_RATES.index(settings.uart_rate) << 3 | rate
        return bytes((0xFF, 0xFF, speed, settings.channel, _E32_OPTION | settings.power))
    if model is Model.E220 and settings.air_rate_bps == 2400:
        rate = 2  # 0..2 are all 2400; 2 is what the module is shipped with
    reg0 = UART_RATES.index(settings.uart_rate) << 5 | rate
    reg1, reg3 = settings.power, settings.has_rssi << 7
    network = bytes((settings.network,)) if model.has_network else b""
    return b"\xff\xff" + network + bytes((reg0, reg1, settings.channel, reg3))


def write_command(start: int, values: bytes) -> bytes:
    """Set the registers from ``start`` on, kept over power-off."""
    assert 0 <= start <= 255 and 1 <= len(values) <= REGISTERS_MAX, (start, values)
    return bytes((_WRITE, start, len(values))) + values


def read_command(start: int, count: int) -> bytes:
    """Ask for ``count`` registers from ``start`` on."""
    assert 0 <= start <= 255 and 1 <= count <= REGISTERS_MAX, (start, count)
    return bytes((_READ, start, count))


class ModuleRefused(ValueError):
    """The module did not understand the command (FF FF FF)."""


def parse_answer(data: bytes, start: int, count: int) -> bytes | None:
    """The values of the awaited answer among all bytes heard since the command; None: not yet.

    Raises ModuleRefused when the module refused. Bytes before the answer are passed over.
    """
    at = data.find(bytes((_READ, start, count)))
    if at >= 0:
        values = data[at + 3 : at + 3 + count]
        return values if len(values) == count else None
    if _REFUSED in data:
        raise ModuleRefused("the module refused the command")
    return None


E32_READ, E32_VERSION = b"\xc1\xc1\xc1", b"\xc3\xc3\xc3"
E32_VALUES, E32_VERSION_BYTES = 5, 3


def e32_write(values: bytes) -> bytes:
    """Set all registers of an E32, kept over power-off."""
    assert len(values) == E32_VALUES, values
    return bytes((_WRITE,)) + values


def parse_e32_answer(data: bytes, heads: bytes, count: int) -> bytes | None:
    """The ``count`` bytes behind the first of ``heads``: C0 or C2 for values, C3 for the version;
    None: not yet. Raises ModuleRefused."""
    found = [at for head in heads if (at := data.find(head)) >= 0]
    if not found and _REFUSED in data:
        raise ModuleRefused("the module refused the command")
    values = data[min(found) + 1 : min(found) + 1 + count] if found else b""
    return values if len(values) == count else None
