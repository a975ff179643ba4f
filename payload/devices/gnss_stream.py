"""A GNSS receiver's byte stream cut into UBX messages and NMEA sentences.

Sans-I/O: bytes in, whole and checked messages out; damage is counted, never raised. Nothing is
interpreted here, see ``gnss_ublox`` (UBX) and ``nmea`` (sentences).

Sources: u-blox M8 interface description UBX-13003221, section 32.2 (frame) and 32.4 (checksum);
NMEA 0183 section 5.3.

The buffer is bounded: a UBX length above ``UBX_PAYLOAD_BYTES_MAX`` or a line longer than
``NMEA_BYTES_MAX`` is noise that happened to look like a start. After a wrong start only its first
byte is thrown away, so a good message inside the noise is still found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

UBX_SYNC = b"\xb5\x62"
UBX_PAYLOAD_BYTES_MAX = 1024  # MON-VER of a multi-constellation M10 is 340, NAV-PVT 92
NMEA_BYTES_MAX = 128  # 82 by the standard; u-blox extended sentences are a little longer
_UBX_OVERHEAD_BYTES = 8
_SENTENCE = re.compile(rb"\$([A-Z0-9]{4,9}),([\x20-\x7e]*)\*([0-9A-Fa-f]{2})\r?")


@dataclass(frozen=True, slots=True)
class UbxMessage:
    """One UBX message with a right checksum."""

    message_class: int
    message_id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class NmeaSentence:
    """One NMEA sentence with a right checksum; ``kind`` without the talker, such as "GGA"."""

    kind: str
    fields: tuple[str, ...]


def fletcher_8(data: bytes) -> bytes:
    """The two checksum bytes over class, id, length and payload."""
    first = second = 0
    for byte in data:
        first = (first + byte) & 0xFF
        second = (second + first) & 0xFF
    return bytes((first, second))


def encode_ubx(message_class: int, message_id: int, payload: bytes = b"") -> bytes:
    """One UBX frame; an empty payload polls the message."""
    assert len(payload) <= UBX_PAYLOAD_BYTES_MAX, len(payload)
    body = bytes((message_class, message_id)) + len(payload).to_bytes(2, "little") + payload
    return UBX_SYNC + body + fletcher_8(body)


class GnssStreamParser:
    """Feed bytes, get messages; ``bad_frames`` and ``noise_bytes`` count what was thrown away."""

    def __init__(self) -> None:
        self.bad_frames = 0
        self.noise_bytes = 0
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[UbxMessage | NmeaSentence]:
        """Messages completed by ``data``, in the order in which they began."""
        self._buffer += data
        messages: list[UbxMessage | NmeaSentence] = []
        while self._skip_to_start():
            used, message = self._take_ubx() if self._buffer[0] == 0xB5 else self._take_nmea()
            if used == 0:
                break  # the message is not complete yet
            del self._buffer[:used]
            if message is not None:
                messages.append(message)
            else:
                self.bad_frames += 1
        assert len(self._buffer) <= UBX_PAYLOAD_BYTES_MAX + _UBX_OVERHEAD_BYTES
        return messages

    def _skip_to_start(self) -> bool:
        """Drop what begins neither kind of message; False when nothing is left."""
        starts = [at for at in (self._buffer.find(0xB5), self._buffer.find(0x24)) if at >= 0]
        skipped = min(starts) if starts else len(self._buffer)
        self.noise_bytes += sum(byte not in b"\r\n" for byte in self._buffer[:skipped])
        del self._buffer[:skipped]
        return bool(self._buffer)

    def _take_ubx(self) -> tuple[int, UbxMessage | None]:
        """(bytes used, message); (0, None) to wait for more, (1, None) for a wrong start."""
        buffer = self._buffer
        if len(buffer) >= 2 and buffer[1] != UBX_SYNC[1]:
            return 1, None
        if len(buffer) < 6:
            return 0, None
        length = int.from_bytes(buffer[4:6], "little")
        if length > UBX_PAYLOAD_BYTES_MAX:
            return 1, None
        size = length + _UBX_OVERHEAD_BYTES
        if len(buffer) < size:
            return 0, None
        if fletcher_8(bytes(buffer[2 : size - 2])) != buffer[size - 2 : size]:
            return 1, None
        return size, UbxMessage(buffer[2], buffer[3], bytes(buffer[6 : size - 2]))

    def _take_nmea(self) -> tuple[int, NmeaSentence | None]:
        """As ``_take_ubx``; a byte that no sentence has ends the wait at once."""
        line_bytes = self._buffer.find(0x0A, 0, NMEA_BYTES_MAX)
        seen = self._buffer[: line_bytes if line_bytes >= 0 else NMEA_BYTES_MAX]
        if any(not 0x20 <= byte <= 0x7E and byte != 0x0D for byte in seen):
            return 1, None
        if line_bytes < 0:
            return (1, None) if len(self._buffer) >= NMEA_BYTES_MAX else (0, None)
        match = _SENTENCE.fullmatch(seen)
        if match is None:
            return 1, None
        checksum = 0
        for byte in seen[1 : match.start(3) - 1]:
            checksum ^= byte
        if checksum != int(match[3], 16):
            return 1, None
        kind = match[1].decode("ascii")[-3:]
        return line_bytes + 1, NmeaSentence(kind, tuple(match[2].decode("ascii").split(",")))
