"""The receiving end of the transfer: DATA frames of one payload in, records and reports out.

Sans-I/O, bounded, and indifferent to order. The sending end is ``wire.transfer``.
"""

from __future__ import annotations

from collections.abc import Iterable

from wire.blocks import BlockReader, symbols_max
from wire.bodies import NO_MODELS, Models
from wire.frames import (
    BLOCK_SYMBOLS_MAX,
    DEFICIT_UNKNOWN,
    BlockReport,
    DataFrame,
    feedback_entries_max,
)
from wire.records import Record

RECEIVER_BLOCKS_MAX = 256
STRAYS_MAX = 8  # so many frames in a row that agree on another numbering are believed
_NUMBERS = 1 << 16


class Receiver:
    """DATA frames of one payload in, records and reports out.

    Only what it heard itself is reported: after a restart its owner feeds the frames of the raw
    log again. A report speaks of a run of blocks; what is older than the run, or was abandoned for
    its age, is never called complete.
    """

    def __init__(
        self, mtu_bytes: int, models: Models = NO_MODELS, report_bytes: int | None = None
    ) -> None:
        """``models`` are the text models that are here; see ``wire.bodies``. ``report_bytes`` is
        the largest report that can go up, as the sender knows too; ``mtu_bytes`` if left out."""
        self.duplicate_symbols = 0
        self.poisoned_blocks = 0  # begun again, for its symbols contradicted each other
        self.abandoned_blocks = 0
        self.stray_frames = 0  # of no block that can be, or far from all others
        self._mtu_bytes = mtu_bytes
        self._entries_max = feedback_entries_max(report_bytes or mtu_bytes)
        self._symbols_max = symbols_max(mtu_bytes)
        self._models = models
        self._readers: dict[int, BlockReader | None] = {}  # by unwrapped number; None is complete
        self._newest: int | None = None
        self._first = 0  # unwrapped; nothing is said of blocks before it
        self._boot: int | None = None
        self._strays: tuple[int, int] = 0, 0  # (block of the last one, how many in a row near it)
        self._older_upto = 0  # unwrapped; where the next report on older blocks ends
        self._is_older_turn = False

    def on_data(self, frame: DataFrame) -> list[Record]:
        """Records that became readable with this frame."""
        number = self._unwrap(frame) if self._is_possible(frame) else None
        if number is None:
            self.stray_frames += 1
            return []
        if number in self._readers and self._readers[number] is None:
            self.duplicate_symbols += 1
            return []
        reader = self._readers.get(number) or self._begin(number)
        if not _fits(frame, reader):
            self.poisoned_blocks += 1
            reader = self._begin(number)
        if not frame.is_open:
            reader.length = frame.block_symbols
        before = reader.deficit, reader.have
        found = reader.add(frame.esi, frame.symbol)
        self.duplicate_symbols += (reader.deficit, reader.have) == before
        if reader.is_poisoned:
            self.poisoned_blocks += 1
            self._begin(number)
        elif reader.is_complete:
            self._readers[number] = None
        self._bound()
        return found

    def report(self) -> tuple[int, int, tuple[BlockReport, ...]] | None:
        """(first, upto, incomplete blocks), in as many entries as fit one frame; None at first.

        It speaks of the newest blocks; where that leaves some out, every other report speaks of
        older ones, in turn.
        """
        if self._newest is None:
            return None
        upto = self._newest + 1
        first, entries = self._run_before(upto)
        if first > self._first and self._is_older_turn:
            upto = self._older_upto if self._first < self._older_upto < first else first
            first, entries = self._run_before(upto)
            self._older_upto = first
        self._is_older_turn = not self._is_older_turn
        return first % _NUMBERS, upto % _NUMBERS, tuple(entries)

    def incomplete_blocks(self) -> Iterable[int]:
        """Numbers of the blocks that are known to exist and not yet whole."""
        if self._newest is None:
            return []
        numbers = range(self._first, self._newest + 1)
        return [n % _NUMBERS for n in numbers if self._readers.get(n, _UNHEARD) is not None]

    def _run_before(self, upto: int) -> tuple[int, list[BlockReport]]:
        """The longest run of blocks that ends before ``upto`` and fits: (first, incomplete)."""
        entries: list[BlockReport] = []
        first = upto
        while first > self._first:
            reader = self._readers.get(first - 1, _UNHEARD)
            if reader is not None:
                if len(entries) == self._entries_max:
                    break
                deficit = min(254, reader.deficit) if reader.has_heard else DEFICIT_UNKNOWN
                shown = reader.have & (1 << BLOCK_SYMBOLS_MAX) - 1
                entries.append(BlockReport((first - 1) % _NUMBERS, deficit, shown))
            first -= 1
        return first, entries[::-1]

    def _begin(self, number: int) -> BlockReader:
        reader = BlockReader(self._mtu_bytes, number % _NUMBERS, self._models)
        self._readers[number] = reader
        return reader

    def _unwrap(self, frame: DataFrame) -> int | None:
        """The frame's block number without wrapping; None when it is far from all others."""
        if self._newest is None:
            self._renumber(frame)
        assert self._newest is not None
        number = self._newest + (frame.block - self._newest + 0x8000) % _NUMBERS - 0x8000
        if abs(number - self._newest) < RECEIVER_BLOCKS_MAX:
            self._strays = 0, 0
        elif self._is_agreed(frame.block):
            self._renumber(frame)
            number = self._newest
        else:
            return None
        is_new_boot = frame.counter.boot != self._boot
        if number >= self._newest:
            if is_new_boot:
                # A new boot sends nothing of older blocks: what they lack comes in new ones.
                self._first = number
            self._boot, self._newest = frame.counter.boot, number
        elif not is_new_boot:
            self._first = min(self._first, number)
        return number

    def _is_possible(self, frame: DataFrame) -> bool:
        """Could some sender have sent this? Of a block that grows there are only source symbols,
        and no more than a report can show."""
        if frame.is_open:
            return frame.esi < frame.block_symbols <= BLOCK_SYMBOLS_MAX
        return frame.block_symbols <= self._symbols_max

    def _is_agreed(self, block: int) -> bool:
        """Do enough frames in a row say that the numbers are elsewhere now? A late frame or a
        forged one cannot make it forget where they were; a payload that lost its store can."""
        last, in_a_row = self._strays
        apart = (block - last + 0x8000) % _NUMBERS - 0x8000
        in_a_row = in_a_row + 1 if in_a_row and abs(apart) < RECEIVER_BLOCKS_MAX else 1
        self._strays = block, in_a_row
        return in_a_row >= STRAYS_MAX

    def _renumber(self, frame: DataFrame) -> None:
        """Begin at the block of ``frame``; what was still incomplete is abandoned."""
        self.abandoned_blocks += len(list(self.incomplete_blocks()))
        self._readers.clear()
        self._newest = self._first = _NUMBERS + frame.block
        self._boot, self._strays = frame.counter.boot, (0, 0)

    def _bound(self) -> None:
        assert self._newest is not None
        oldest = self._newest - RECEIVER_BLOCKS_MAX + 1
        while self._first < oldest:
            self.abandoned_blocks += self._readers.get(self._first, _UNHEARD) is not None
            self._first += 1
        for number in [n for n in self._readers if n < oldest]:
            del self._readers[number]


def _fits(frame: DataFrame, reader: BlockReader) -> bool:
    """Can ``frame`` be of the block that ``reader`` knows?"""
    if frame.is_open:
        return reader.length is None or frame.esi < reader.length
    is_long_enough = not reader.have >> frame.block_symbols
    return is_long_enough and reader.length in (None, frame.block_symbols)


_UNHEARD = BlockReader(mtu_bytes=32)  # stands for a block of which nothing was heard
