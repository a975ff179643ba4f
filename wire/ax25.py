"""AX.25 UI frames: a callsign on each packet, for KISS modems (Dire Wolf and hardware TNCs).

    destination 7 | source 7 | up to 8 digipeaters of 7 | control 03 | PID F0 | information

Source: AX.25 Link Access Protocol 2.2, §3. Flags, bit stuffing and the frame check sequence are
the modem's; we send no digipeater path and read the paths of others.
"""

from __future__ import annotations

from dataclasses import dataclass

CONTROL_UI = 0x03
PID_NONE = 0xF0
INFORMATION_BYTES_MAX = 256  # AX.25 2.2 §6.7.2.3, the default of N1
DIGIPEATERS_MAX = 8
OVERHEAD_BYTES = 16
_ADDRESS_BYTES = 7
_CHARACTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@dataclass(frozen=True, slots=True)
class Address:
    """A callsign of 1..6 capital letters and digits and an SSID 0..15."""

    callsign: str
    ssid: int = 0

    def __str__(self) -> str:
        return f"{self.callsign}-{self.ssid}" if self.ssid else self.callsign

    @staticmethod
    def parse(text: str) -> Address:
        """From "N0CALL-11". Raises ValueError when it is no such thing."""
        callsign, _, ssid = text.strip().upper().partition("-")
        is_number = ssid.isascii() and ssid.isdigit() and len(ssid) <= 2
        if not (is_number or not ssid) or (ssid and int(ssid) > 15):
            raise ValueError(f"{text!r} has no SSID 0..15")
        if not 1 <= len(callsign) <= 6 or not set(callsign.encode("utf-8")) <= _CHARACTERS:
            raise ValueError(f"{text!r} is not a callsign of 1..6 letters and digits")
        return Address(callsign, int(ssid or "0"))


@dataclass(frozen=True, slots=True)
class UiFrame:
    """An unnumbered information frame. ``path`` holds (digipeater, has it repeated this)."""

    destination: Address
    source: Address
    information: bytes
    path: tuple[tuple[Address, bool], ...] = ()
    pid: int = PID_NONE


def _pack(address: Address, mark: bool, is_last: bool) -> bytes:
    """``mark`` is the C bit of destination and source, the H bit of a digipeater."""
    shifted = bytes(c << 1 for c in address.callsign.ljust(6).encode("ascii"))
    return shifted + bytes((mark << 7 | 0x60 | address.ssid << 1 | is_last,))


def encode(destination: Address, source: Address, information: bytes) -> bytes:
    """A UI frame without a path, as KISS carries it. A command, so destination has its C bit."""
    assert len(information) <= INFORMATION_BYTES_MAX, len(information)
    addresses = _pack(destination, True, False) + _pack(source, False, True)
    return addresses + bytes((CONTROL_UI, PID_NONE)) + information


def _unpack(data: bytes) -> tuple[Address, bool] | None:
    """(address, its C or H bit) from seven bytes; None when it is not a callsign."""
    if any(byte & 1 for byte in data[:6]):
        return None
    callsign = bytes(byte >> 1 for byte in data[:6]).rstrip(b" ")
    if not callsign or not set(callsign) <= _CHARACTERS:
        return None
    return Address(callsign.decode("ascii"), data[6] >> 1 & 0xF), bool(data[6] >> 7)


def decode(data: bytes) -> UiFrame | None:
    """The UI frame in ``data``; None for noise and for frames of other kinds."""
    addresses: list[tuple[Address, bool]] = []
    at = 0
    is_last = False
    while not is_last:
        field = data[at : at + _ADDRESS_BYTES]
        if len(field) < _ADDRESS_BYTES or len(addresses) == 2 + DIGIPEATERS_MAX:
            return None
        address = _unpack(field)
        if address is None:
            return None
        addresses.append(address)
        is_last = bool(field[6] & 1)
        at += _ADDRESS_BYTES
    # The poll/final bit 10h may be set in the control field; it means nothing to us.
    if len(addresses) < 2 or len(data) < at + 2 or data[at] & ~0x10 != CONTROL_UI:
        return None
    (destination, _), (source, _), *path = addresses
    return UiFrame(destination, source, data[at + 2 :], tuple(path), data[at + 1])
