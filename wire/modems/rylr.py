"""REYAX RYLR998/RYLR498 LoRa modules: AT commands out, events in.

    AT+SEND=address,length,data\\r\\n              +OK  or  +ERR=code
    +RCV=address,length,data,rssi,snr\\r\\n        a packet came, at any time

``data`` is read by its length, never by line: it may hold anything, CR and LF too. Other firmwares
of this family cut at a zero byte, so unless the mission file says that the module was seen to carry
every byte, frames go as base85 (4 bytes in 5 characters, none of them a comma). The module adds 8
bytes of its own to each packet. Source: REYAX "LoRa AT command guide", 56312E33.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

DATA_BYTES_MAX = 240
MTU_BINARY_BYTES = DATA_BYTES_MAX
MTU_TEXT_BYTES = DATA_BYTES_MAX * 4 // 5
BAUD = 115_200  # as it is shipped
OWN_BYTES = 8  # that the module adds to each packet
COMMAND_BYTES = len(b"AT+SEND=0,240,\r\n")
PREAMBLE = 12  # symbols; the only one that every network id may have
BANDWIDTHS_KHZ = {125: 7, 250: 8, 500: 9}
SPREADING_MAX = {125: 9, 250: 10, 500: 11}
BROADCAST = 0
_HEAD = re.compile(rb"\+RCV=(\d{1,5}),(\d{1,3}),")
_HEAD_BYTES_MAX = len(b"+RCV=65535,240,")
_TAIL = re.compile(rb",(-?\d{1,3}),(-?\d{1,3})\r?\n")
_TAIL_BYTES_MAX = len(b",-199,-199\r\n")
_REPLY_BYTES_MAX = 80
_EVENT_BYTES_MAX = _HEAD_BYTES_MAX + DATA_BYTES_MAX + _TAIL_BYTES_MAX


@dataclass(frozen=True, slots=True)
class RylrFrame:
    """A frame from ``address`` with its strength in dBm and signal to noise in dB."""

    address: int
    frame: bytes
    rssi_dbm: int
    snr_db: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What the module answers: "OK", "READY", "ERR=4", "PARAMETER=9,7,1,12"."""

    text: str

    @property
    def is_error(self) -> bool:
        return self.text.startswith("ERR")


Event = RylrFrame | Reply


def send_command(frame: bytes, is_binary: bool, address: int = BROADCAST) -> bytes:
    """Send ``frame``: up to MTU_BINARY_BYTES, or MTU_TEXT_BYTES as base85."""
    data = frame if is_binary else base64.b85encode(frame)
    assert 1 <= len(data) <= DATA_BYTES_MAX and 0 <= address <= 65_535, (len(data), address)
    return b"AT+SEND=%d,%d,%s\r\n" % (address, len(data), data)


class Decoder:
    """Bytes of the module in, events out; bytes that mean nothing are counted."""

    def __init__(self, is_binary: bool) -> None:
        self.noise_bytes = 0
        self._is_binary = is_binary
        self._buffer = b""

    def feed(self, data: bytes) -> list[Event]:
        """Events completed by ``data``. Keeps less than one event's worth of bytes."""
        self._buffer += data
        found: list[Event] = []
        at = 0
        while at < len(self._buffer):
            if self._buffer[at] != ord("+"):
                self.noise_bytes += self._buffer[at] not in b"\r\n"
                at += 1
                continue
            taken = self._take(at)
            if taken is None:
                break
            event, end = taken
            if event is not None:
                found.append(event)
            else:
                self.noise_bytes += end - at
            at = end
        self._buffer = self._buffer[at:]
        return found

    def flush(self) -> list[Event]:
        """The module was silent for long: what is half there will not be completed."""
        found: list[Event] = []
        while self._buffer:
            self._buffer = self._buffer[1:]
            self.noise_bytes += 1
            found += self.feed(b"")
        return found

    def _take(self, at: int) -> tuple[Event | None, int] | None:
        """(event or None for noise, where it ends) at a "+"; None: wait for more."""
        here = self._buffer[at : at + _EVENT_BYTES_MAX]
        if here.startswith(b"+RCV="):
            return self._take_packet(here, at)
        if b"+RCV=".startswith(here):
            return None
        end = here.find(b"\n", 0, _REPLY_BYTES_MAX)
        if end < 0:
            return (None, at + 1) if len(here) >= _REPLY_BYTES_MAX else None
        line = here[1:end].rstrip(b"\r")
        if not line or not line.isascii() or not line.decode("ascii").isprintable():
            return None, at + 1
        return Reply(line.decode("ascii")), at + end + 1

    def _take_packet(self, here: bytes, at: int) -> tuple[Event | None, int] | None:
        head = _HEAD.match(here)
        if head is None:
            return (None, at + 1) if len(here) >= _HEAD_BYTES_MAX else None
        length = int(head[2])
        tail_at = head.end() + length
        if not 1 <= length <= DATA_BYTES_MAX:
            return None, at + 1
        tail = _TAIL.match(here, tail_at)
        if tail is None:
            return (None, at + 1) if len(here) >= tail_at + _TAIL_BYTES_MAX else None
        frame = self._frame(here[head.end() : tail_at])
        end = at + tail.end()
        if frame is None:
            return None, end
        return RylrFrame(int(head[1]), frame, int(tail[1]), int(tail[2])), end

    def _frame(self, data: bytes) -> bytes | None:
        if self._is_binary:
            return data
        try:
            return base64.b85decode(data)
        except ValueError:
            return None
