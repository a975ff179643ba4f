"""KnownSymbols: which symbols of a neighbour have been taken, so that none is carried twice.

Nobody here may have the key that would tell a forged symbol from a genuine one. So a symbol is
known by its content, not by its numbers alone: one that was forged in advance does not stand in for
the genuine one. Where two contents claim one number, one of them is forged and the block is
*disputed*. Of an undisputed, closed block of K symbols no coded one is needed beyond K; a source
symbol always is, for it can be read alone. Coded ones count by their bytes, so that short forged
ones do not fill a block.

What is left to a forger: to repeat a symbol that was not heard here under a MAC of its own, or to
send as many bytes of coded symbols as the block has. Both take the time on the air that it would
take to jam them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from wire.frames import DataFrame
from wire.session import Session

SYMBOLS_MAX = 2_048  # remembered, 1 MB; the oldest blocks are forgotten, and may come twice
DIGEST_BYTES = 8

PlacedIn = Session | int  # its four bits, until it was told


@dataclass(slots=True)
class _Block:
    """What was taken of one block."""

    digests: dict[int, bytes] = field(default_factory=dict)  # of the first content, by ESI
    disputing: set[bytes] | None = None  # digests of other contents
    coded_bytes: int = 0
    sources: int = 0

    @property
    def symbols(self) -> int:
        return len(self.digests) + len(self.disputing or ())

    def has(self, esi: int, digest: bytes) -> bool:
        return self.digests.get(esi) == digest or digest in (self.disputing or ())

    def is_whole(self, frame: DataFrame) -> bool:
        """Were as many symbols taken as the block has?"""
        coded = self.coded_bytes // len(frame.symbol)
        return self.disputing is None and self.sources + coded >= frame.block_symbols


class KnownSymbols:
    """Of one neighbour, in all its sessions."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[PlacedIn, int], _Block] = {}  # and block number; oldest first
        self._symbols = 0

    def is_new(self, session: PlacedIn, frame: DataFrame) -> bool:
        """Could it help to make its block whole?"""
        block = self._blocks.get((session, frame.block))
        if block is None:
            return True
        if block.has(frame.esi, _digest(frame)):
            return False
        return frame.is_open or frame.esi < frame.block_symbols or not block.is_whole(frame)

    def note(self, session: PlacedIn, frame: DataFrame) -> None:
        """It was taken."""
        block = self._blocks.setdefault((session, frame.block), _Block())
        if frame.esi in block.digests:
            block.disputing = block.disputing or set()
            block.disputing.add(_digest(frame))
        else:
            block.digests[frame.esi] = _digest(frame)
            block.sources += frame.esi < frame.block_symbols
        if frame.esi >= frame.block_symbols:
            block.coded_bytes += len(frame.symbol)
        self._symbols += 1
        while self._symbols > SYMBOLS_MAX:
            self._symbols -= self._blocks.pop(next(iter(self._blocks))).symbols


def _digest(frame: DataFrame) -> bytes:
    numbered = frame.esi.to_bytes(2, "big") + frame.symbol
    return hashlib.blake2b(numbered, digest_size=DIGEST_BYTES).digest()
