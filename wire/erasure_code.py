"""The erasure code: a systematic random linear code over GF(256), rateless, pure standard library.

Source symbols 0..K-1 are sent as they are. Symbol ``esi`` of K and above is a linear combination of
all of them, whose coefficients are SHAKE-128 of (block, K, esi): both ends know them, on every
machine the same. Any K independent symbols give the block back; K random ones fail with a
probability of about 1/255, each further one divides that by 256.

Arithmetic is in GF(2^8) with the polynomial x^8+x^4+x^3+x^2+1 (0x11D) of Reed-Solomon practice. A
row is multiplied with ``bytes.translate`` and added as one big integer: no Python work per byte.
Source: RFC 8681 for the shape of such codes; the measurements are those of ``bench/link.py``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import shake_128

BLOCK_SYMBOLS_MAX = 256
ESI_MAX = (1 << 16) - 1
_POLYNOMIAL = 0x11D
_SEED = struct.Struct(">13sHHH")


def _products() -> tuple[bytes, ...]:
    """Row ``a`` is the table of a*b for all b, the form that ``bytes.translate`` wants."""
    rows = []
    for a in range(256):
        powers = [a]  # a * x^i
        for _ in range(7):
            doubled = powers[-1] << 1
            powers.append(doubled ^ _POLYNOMIAL if doubled & 0x100 else doubled)
        row = bytearray(256)
        for bit in range(8):
            for b in range(1 << bit, 2 << bit):
                row[b] = row[b - (1 << bit)] ^ powers[bit]
        rows.append(bytes(row))
    return tuple(rows)


PRODUCT = _products()
INVERSE = bytes([0] + [PRODUCT[a].index(1) for a in range(1, 256)])


def coefficients(block: int, length: int, esi: int) -> bytes:
    """Coefficients of symbol ``esi`` (0..65535) of a block of ``length`` (1..256) symbols.

    Nothing is kept of them: the radio names the blocks, so what is kept would grow with it.
    """
    assert 1 <= length <= BLOCK_SYMBOLS_MAX and 0 <= esi <= ESI_MAX, (length, esi)
    if esi < length:
        return bytes(esi) + b"\x01" + bytes(length - esi - 1)
    return shake_128(_SEED.pack(b"spacepi-rlc-1", block, length, esi)).digest(length)


def repair_symbol(block: int, esi: int, sources: Sequence[bytes]) -> bytes:
    """Coded symbol ``esi`` of the block whose source symbols, all of one width, are given."""
    width = len(sources[0])
    total = 0
    for factor, source in zip(coefficients(block, len(sources), esi), sources, strict=True):
        if factor:
            total ^= int.from_bytes(source.translate(PRODUCT[factor]))
    return total.to_bytes(width)


class Decoder:
    """Symbols of one block in any order; the source symbols out as soon as rank allows.

    Keeps at most K rows of K + width bytes, each reduced by all rows before it (Gaussian
    elimination done as rows arrive).
    """

    def __init__(self, block: int, length: int, width: int) -> None:
        self.is_inconsistent = False  # a symbol contradicted the others: one of them is poisoned
        self._block = block
        self._length = length
        self._width = width
        self._rows: dict[int, bytes] = {}  # pivot column -> normalised row

    @property
    def rank(self) -> int:
        return len(self._rows)

    @property
    def is_complete(self) -> bool:
        return len(self._rows) == self._length

    def add(self, esi: int, symbol: bytes) -> bool:
        """True when ``symbol`` told something new. It must have the block's width."""
        assert len(symbol) == self._width, (len(symbol), self._width)
        row = coefficients(self._block, self._length, esi) + symbol
        size = len(row)
        for pivot in range(self._length):
            factor = row[pivot]
            if not factor:
                continue
            known = self._rows.get(pivot)
            if known is None:
                self._rows[pivot] = row.translate(PRODUCT[INVERSE[factor]])
                return True
            product = int.from_bytes(known.translate(PRODUCT[factor]))
            row = (int.from_bytes(row) ^ product).to_bytes(size)
        self.is_inconsistent |= any(row)
        return False

    def sources(self) -> list[bytes]:
        """The K source symbols. Call when ``is_complete``."""
        assert self.is_complete
        solved: dict[int, int] = {}
        for pivot in range(self._length - 1, -1, -1):
            row = self._rows[pivot]
            value = int.from_bytes(row[self._length :])
            for column in range(pivot + 1, self._length):
                factor = row[column]
                if factor:
                    known = solved[column].to_bytes(self._width)
                    value ^= int.from_bytes(known.translate(PRODUCT[factor]))
            solved[pivot] = value
        return [solved[index].to_bytes(self._width) for index in range(self._length)]
