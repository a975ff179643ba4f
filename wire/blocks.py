"""Blocks: concatenated records, cut into symbols that can each be read on their own.

A block is up to BLOCK_SYMBOLS_MAX symbols of the same size; where frames are so small that one
record needs more, that record has a block of its own (``symbols_max``). Byte 0 of a symbol points
to the first record that starts inside it, like the pointer field of MPEG transport streams (ISO/IEC
13818-1 §2.4.4), so every symbol can be read alone; records may straddle. The last record of a block
is followed by END_OF_BLOCK and the CRC-32 of all content bytes before it. Trailing zeros of a
symbol are not sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from wire import erasure_code, records, varint
from wire.bodies import BODY_BYTES_MAX, NO_MODELS, Models, Packed
from wire.frames import BLOCK_SYMBOLS_MAX, DATA_OVERHEAD_BYTES
from wire.records import PackedRecord, Record

END_OF_BLOCK = 255
_END_BYTES = 5
_NO_RECORD_STARTS = 255


def content_bytes(mtu_bytes: int) -> int:
    """Record bytes in one symbol of a link whose frames have ``mtu_bytes`` (32..255)."""
    assert 32 <= mtu_bytes <= 255, mtu_bytes
    return mtu_bytes - DATA_OVERHEAD_BYTES - 1


def symbols_max(mtu_bytes: int) -> int:
    """Symbols of the largest block on such a link, 64..256. From 47 bytes on any record fits."""
    record_bytes = BODY_BYTES_MAX + records.HEADER_BYTES_MAX + _END_BYTES
    needed = -(-record_bytes // content_bytes(mtu_bytes))
    return min(erasure_code.BLOCK_SYMBOLS_MAX, max(BLOCK_SYMBOLS_MAX, needed))


class BlockWriter:
    """A block being filled. Symbols before ``sealed_symbols`` will never change again."""

    def __init__(self, mtu_bytes: int) -> None:
        self._width = content_bytes(mtu_bytes)
        self._bytes_max = self._width * symbols_max(mtu_bytes) - _END_BYTES
        self._content = bytearray()
        self._pointers: dict[int, int] = {}  # symbol index -> offset of its first record start
        self._previous: tuple[int, Record] | None = None  # (symbol it starts in, record)
        self._sources: list[bytes] = []  # full width, once a repair was asked for
        self.record_ids: list[int] = []
        self.is_closed = False

    @property
    def symbols(self) -> int:
        """How many symbols the content reaches into."""
        return -(-len(self._content) // self._width)

    @property
    def is_outsize(self) -> bool:
        """One record alone made it larger than a block grows: there is no room for another."""
        return len(self._content) > self._width * BLOCK_SYMBOLS_MAX - _END_BYTES

    @property
    def sealed_symbols(self) -> int:
        return self.symbols if self.is_closed else len(self._content) // self._width

    def add(self, record: Record, packed: Packed | None = None) -> bool:
        """Append ``record``; False, and nothing changed, when it does not fit any more.

        ``packed`` is its body of ``records.pack``, made here without a model when left out. Raises
        ValueError for a record that does not even fit an empty block.
        """
        assert not self.is_closed
        at = len(self._content)
        symbol = at // self._width
        before = self._previous[1] if self._previous and self._previous[0] == symbol else None
        encoded = records.encode(record, before, packed)
        if len(encoded) > self._bytes_max:
            raise ValueError(f"record {record.record_id} of {len(encoded)} bytes exceeds a block")
        if at and at + len(encoded) > self._width * BLOCK_SYMBOLS_MAX - _END_BYTES:
            return False
        self._content += encoded
        self._pointers.setdefault(symbol, at - symbol * self._width)
        self._previous = (symbol, record)
        self.record_ids.append(record.record_id)
        return True

    def flush(self) -> None:
        """Fill the last symbol with padding, so that it can be sent now; the very last symbol of
        a block has no room for that and is closed instead."""
        if self.symbols >= BLOCK_SYMBOLS_MAX:
            self.close()
        elif not self.is_closed:
            self._content += bytes(-len(self._content) % self._width)

    def close(self) -> None:
        """No more records: append the end mark and the block's CRC."""
        if not self.is_closed:
            assert len(self._content) <= self._bytes_max
            crc = zlib.crc32(self._content).to_bytes(4, "big")
            at = len(self._content)
            self._pointers.setdefault(at // self._width, at % self._width)
            self._content += bytes((END_OF_BLOCK,)) + crc
            self.is_closed = True

    def symbol(self, esi: int) -> bytes:
        """Source symbol ``esi`` with its pointer, trailing zeros left out."""
        assert esi < self.sealed_symbols, (esi, self.sealed_symbols)
        body = bytes(self._content[esi * self._width : (esi + 1) * self._width]).rstrip(b"\0")
        return bytes((self._pointers.get(esi, _NO_RECORD_STARTS),)) + body

    def repair(self, block: int, esi: int) -> bytes:
        """Coded symbol ``esi`` (K and above) of a closed block; always of full width."""
        assert self.is_closed and esi >= self.symbols
        if not self._sources:
            width = self._width + 1
            self._sources = [self.symbol(i).ljust(width, b"\0") for i in range(self.symbols)]
        return erasure_code.repair_symbol(block, esi, self._sources)


class BlockReader:
    """A block being heard, in any order. Noise is counted by the owner, never raised."""

    def __init__(self, mtu_bytes: int, block: int = 0, models: Models = NO_MODELS) -> None:
        """``models`` are the text models that are here; see ``wire.bodies``."""
        self._block = block
        self._models = models
        self._width = content_bytes(mtu_bytes)
        self._decoder: erasure_code.Decoder | None = None  # once a coded symbol was heard
        self._symbols: dict[int, bytes] = {}  # esi -> pointer byte + content, full width
        # Where in a symbol the last record begins that is cut off so far, and the one before it.
        self._cut_off: dict[int, tuple[int, PackedRecord | None]] = {}
        self._have = 0
        self._seen_ids: set[int] = set()
        self._end_at: int | None = None
        self.length: int | None = None  # K, once known
        self.is_poisoned = False

    def close(self, length: int) -> None:
        """The block has ``length`` symbols; one that was heard beyond its end contradicts that."""
        self.length = length
        self.is_poisoned |= any(esi >= length for esi in self._symbols)

    @property
    def have(self) -> int:
        """Bitmap of the source symbols that are here."""
        return self._have

    @property
    def deficit(self) -> int:
        """How many more symbols of any kind are needed, of what is known to exist."""
        known = self.length or self._have.bit_length()
        return known - (self._decoder.rank if self._decoder else len(self._symbols))

    @property
    def has_heard(self) -> bool:
        return bool(self._symbols or self._decoder)

    @property
    def is_complete(self) -> bool:
        return self.length is not None and len(self._symbols) == self.length

    def add(self, esi: int, symbol: bytes) -> list[Record]:
        """Take symbol ``esi``; returns the records that can be read because of it."""
        limit = self.length or BLOCK_SYMBOLS_MAX
        if len(symbol) > self._width + 1:
            return []
        symbol = symbol.ljust(self._width + 1, b"\0")
        if esi >= limit:
            return self._add_coded(esi, symbol) if self.length else []
        if esi in self._symbols:
            return []
        if self._decoder is not None:
            self._decoder.add(esi, symbol)
        found = self._add_source(esi, symbol)
        return found + self._solve()

    def _add_coded(self, esi: int, symbol: bytes) -> list[Record]:
        assert self.length is not None
        if self._decoder is None:
            self._decoder = erasure_code.Decoder(self._block, self.length, self._width + 1)
            for known, source in self._symbols.items():
                self._decoder.add(known, source)
        self._decoder.add(esi, symbol)
        return self._solve()

    def _solve(self) -> list[Record]:
        """The records of all source symbols that the coded ones give, once there are enough."""
        if self._decoder is None or not self._decoder.is_complete or self.is_complete:
            return []
        found = []
        for esi, source in enumerate(self._decoder.sources()):
            if esi not in self._symbols:
                found += self._add_source(esi, source)
        self.is_poisoned |= self._decoder.is_inconsistent
        return found

    def _add_source(self, esi: int, symbol: bytes) -> list[Record]:
        self._symbols[esi] = symbol
        self._have |= 1 << esi
        found = []
        for packed in self._walk(self._anchor(esi), esi):
            if packed.record_id in self._seen_ids:
                continue
            self._seen_ids.add(packed.record_id)
            try:
                found.append(records.unpack(packed, self._models))
            except ValueError:
                self.is_poisoned = True
        if self.is_complete and not self._is_sound():
            self.is_poisoned = True
        return found

    def _anchor(self, esi: int) -> int:
        """The nearest symbol before ``esi``, in one run with it, in which a record starts."""
        at = esi
        while at - 1 in self._symbols:
            at -= 1
            if self._symbols[at][0] != _NO_RECORD_STARTS:
                return at
        return esi

    def _walk(self, first: int, last: int) -> Iterator[PackedRecord]:
        """Records that start in symbols ``first`` to ``last`` of one run."""
        while first <= last and self._symbols[first][0] == _NO_RECORD_STARTS:
            first += 1
        if first > last:
            return
        end = first
        while end in self._symbols:
            end += 1
        data = b"".join(self._symbols[i][1:] for i in range(first, end))
        at, previous = self._cut_off.pop(first, (self._symbols[first][0], None))
        previous_symbol = 0
        while at < len(data):
            symbol = at // self._width
            if first + symbol > last:
                return
            if data[at] == END_OF_BLOCK:
                self._end_at = first * self._width + at
                return
            if data[at] == records.END_OF_SYMBOL:
                at = (symbol + 1) * self._width
                continue
            try:
                record, after = records.read(
                    data, at, previous if symbol == previous_symbol else None
                )
            except varint.Truncated:
                begun = previous if symbol == previous_symbol else None
                self._cut_off[first + symbol] = at - symbol * self._width, begun
                return
            except ValueError:
                self.is_poisoned = True
                return
            yield record
            at, previous, previous_symbol = after, record, symbol

    def _is_sound(self) -> bool:
        """True when every byte before the end mark has the CRC that stands behind it."""
        assert self.length is not None
        if self._end_at is None or any(i not in self._symbols for i in range(self.length)):
            return False
        content = b"".join(self._symbols[i][1:] for i in range(self.length))
        crc = content[self._end_at + 1 : self._end_at + _END_BYTES]
        return zlib.crc32(content[: self._end_at]).to_bytes(4, "big") == crc
