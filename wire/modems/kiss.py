"""KISS: frames in a byte stream to and from a terminal node controller (TNC).

Source: Chepponis & Karn, "The KISS TNC", 1987. FEND C0 delimits; FESC DB escapes.
"""

from __future__ import annotations

FEND, FESC, TFEND, TFESC = 0xC0, 0xDB, 0xDC, 0xDD
DATA_COMMAND, TX_DELAY_COMMAND, TX_TAIL_COMMAND = 0x00, 0x01, 0x04
FRAME_BYTES_MAX = 2048  # far above any modem's MTU; a longer one is a lost FEND


def encode(frame: bytes, port: int = 0) -> bytes:
    """One data frame for TNC port 0..15. Starts with FEND too, which ends any half frame there."""
    assert 0 <= port <= 15, port
    return _delimited(bytes((port << 4 | DATA_COMMAND,)) + frame)


def keying(head_ms: int, tail_ms: int) -> bytes:
    """Tells TNC port 0 how long to key before a frame and after it, 0..2550 ms, in steps of 10."""
    return b"".join(_delimited(bytes((command, -(-ms // 10)))) for command, ms in (
        (TX_DELAY_COMMAND, head_ms), (TX_TAIL_COMMAND, tail_ms)))


def _delimited(body: bytes) -> bytes:
    return b"\xc0" + body.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


class Decoder:
    """Bytes in, whole data frames out; damage is counted in ``bad_frames``."""

    def __init__(self) -> None:
        self.bad_frames = 0
        self._buffer = bytearray()
        self._is_escaped = False
        self._is_bad = True  # until the first FEND, we may be in the middle of a frame

    def feed(self, data: bytes) -> list[bytes]:
        """Frames completed by ``data``; commands other than data are dropped."""
        frames: list[bytes] = []
        for byte in data:
            if byte == FEND:
                frame = self._finish()
                if frame is not None:
                    frames.append(frame)
            elif self._is_bad:
                continue
            elif self._is_escaped:
                self._is_escaped = False
                if byte in (TFEND, TFESC):
                    self._buffer.append(FEND if byte == TFEND else FESC)
                else:
                    self._is_bad = True
            elif byte == FESC:
                self._is_escaped = True
            elif len(self._buffer) <= FRAME_BYTES_MAX:
                self._buffer.append(byte)
            else:
                self._is_bad = True
        return frames

    def _finish(self) -> bytes | None:
        was_bad = self._is_bad or self._is_escaped
        buffer = bytes(self._buffer)
        self._buffer.clear()
        self._is_bad = self._is_escaped = False
        if was_bad:
            self.bad_frames += bool(buffer)
            return None
        if len(buffer) < 2 or buffer[0] & 0x0F != DATA_COMMAND:
            return None
        return buffer[1:]
