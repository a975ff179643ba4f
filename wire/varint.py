"""Variable-length integers: LEB128, seven bits a byte, least significant group first.

Source: DWARF 5, section 7.6 (unsigned LEB128); zigzag as in Protocol Buffers for signed values.
"""

from __future__ import annotations

VARINT_BYTES_MAX = 10  # a 64-bit value


class Truncated(ValueError):
    """The bytes end before the value does."""


def encode(value: int) -> bytes:
    """Unsigned LEB128 of ``value``, 0..2**64-1."""
    assert 0 <= value < 1 << 64, value
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode(data: bytes, offset: int) -> tuple[int, int]:
    """(value, offset after it). Raises Truncated, or ValueError when it exceeds 64 bits."""
    if offset < len(data) and data[offset] < 0x80:  # most of them
        return data[offset], offset + 1
    value = 0
    for index in range(VARINT_BYTES_MAX):
        if offset + index >= len(data):
            raise Truncated("a varint is cut off")
        byte = data[offset + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80 and value < 1 << 64:
            return value, offset + index + 1
    raise ValueError("a varint is longer than 64 bits")


def zigzag(value: int) -> int:
    """Signed to unsigned, small magnitudes staying small."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def unzigzag(value: int) -> int:
    """Inverse of ``zigzag``."""
    return value >> 1 if not value & 1 else -((value + 1) >> 1)
