"""The receiving end of the transfer: DATA frames of one payload in, records and reports out.

Sans-I/O, bounded, and indifferent to order. The sending end is ``wire.transfer``.
"""

from __future__ import annotations

from collections.abc import Iterable

from wire.blocks import BlockReader, symbols_max
from wire.bodies import NO_MODELS, Models
from wire.frames import (
    BLOCK_SYMBOLS_MAX,
    BLOCKS_MAX,
    DEFICIT_UNKNOWN,
    BlockReport,
    DataFrame,
    feedback_entries_max,
)
from wire.records import Record

RECEIVER_BLOCKS_MAX = 256
FRAMES_REMEMBERED_MAX = 16_384


class Receiver:
    """DATA frames of one session in, records and reports out.

    Block numbers begin at 0 in each session and do not wrap, so what lies far behind the newest is
    old, whoever sends it again, and displaces nothing. A frame far ahead displaces what it leaves
    behind; how far one is believed is for the owner to say.

    Only what it heard itself is reported: after a restart its owner feeds the frames of the raw
    log again. A report speaks of a run of blocks; what is older than the run, or was abandoned for
    its age, is never called complete.
    """

    def __init__(
        self, mtu_bytes: int, models: Models = NO_MODELS, report_bytes: int | None = None
    ) -> None:
        """``models`` are the text models that are here; see ``wire.bodies``. ``report_bytes`` is
        the largest report that can go up, as the sender knows too; ``mtu_bytes`` if left out."""
        self.new_frames = 0  # that were never heard before
        self.duplicate_symbols = 0
        self.poisoned_blocks = 0  # begun again, for its symbols contradicted each other
        self.abandoned_blocks = 0
        self.stray_frames = 0  # of no block that can be, or too far ahead
        self.old_frames = 0  # of blocks that were abandoned or forgotten
        self._mtu_bytes = mtu_bytes
        self._entries_max = feedback_entries_max(report_bytes or mtu_bytes)
        self._symbols_max = symbols_max(mtu_bytes)
        self._models = models
        self._readers: dict[int, BlockReader | None] = {}  # by number; None is complete
        self._newest = -1
        self._first = 0  # nothing is said of blocks before it
        self._heard: dict[tuple[int, int, int], None] = {}  # block, symbol, frame; oldest first
        self._older_upto = 0  # where the next report on older blocks ends
        self._is_older_turn = False

    def on_data(self, frame: DataFrame, ahead_max: int = BLOCKS_MAX) -> list[Record]:
        """Records that became readable with this frame.

        It is believed up to ``ahead_max`` blocks ahead of the newest: any number where its MAC is
        right, for then the payload has sent it in this session.
        """
        number = frame.block
        is_near = self._newest < 0 or number - self._newest <= ahead_max
        if not (is_near and self._is_possible(frame)):
            self.stray_frames += 1
            return []
        if number <= self._newest - RECEIVER_BLOCKS_MAX:
            self.old_frames += 1
            return []
        self._first = number if self._newest < 0 else min(self._first, number)
        if number > self._newest:
            self._newest = number
            self._bound()
        self._remember(frame)
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
        return found

    def report(self) -> tuple[int, int, tuple[BlockReport, ...]] | None:
        """(first, upto, incomplete blocks), in as many entries as fit one frame; None at first.

        It speaks of the newest blocks; where that leaves some out, every other report speaks of
        older ones, in turn.
        """
        if self._newest < 0:
            return None
        upto = self._newest + 1
        first, entries = self._run_before(upto)
        if first > self._first and self._is_older_turn:
            upto = self._older_upto if self._first < self._older_upto < first else first
            first, entries = self._run_before(upto)
            self._older_upto = first
        self._is_older_turn = not self._is_older_turn
        return first, upto, tuple(entries)

    def incomplete_blocks(self) -> Iterable[int]:
        """Numbers of the blocks that are known to exist and not yet whole."""
        numbers = range(self._first, self._newest + 1)
        return [n for n in numbers if self._readers.get(n, _UNHEARD) is not None]

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
                entries.append(BlockReport(first - 1, deficit, shown))
            first -= 1
        return first, entries[::-1]

    def _begin(self, number: int) -> BlockReader:
        reader = BlockReader(self._mtu_bytes, number, self._models)
        self._readers[number] = reader
        return reader

    def _remember(self, frame: DataFrame) -> None:
        """Frames that come again, over another path or replayed, are not new."""
        name = frame.block, frame.esi, frame.counter.number
        if name in self._heard:
            return
        self.new_frames += 1
        self._heard[name] = None
        if len(self._heard) > FRAMES_REMEMBERED_MAX:
            del self._heard[next(iter(self._heard))]

    def _is_possible(self, frame: DataFrame) -> bool:
        """Could some sender have sent this? Of a block that grows there are only source symbols,
        and no more than a report can show."""
        if frame.block >= BLOCKS_MAX:
            return False
        if frame.is_open:
            return frame.esi < frame.block_symbols <= BLOCK_SYMBOLS_MAX
        return frame.block_symbols <= self._symbols_max

    def _bound(self) -> None:
        """Forget what lies too far behind the newest, whole or not."""
        oldest = self._newest - RECEIVER_BLOCKS_MAX + 1
        forgotten = [n for n in self._readers if n < oldest]
        whole = sum(self._readers.pop(number) is None for number in forgotten)
        self.abandoned_blocks += max(0, oldest - self._first) - whole
        self._first = max(self._first, oldest)


def _fits(frame: DataFrame, reader: BlockReader) -> bool:
    """Can ``frame`` be of the block that ``reader`` knows?"""
    if frame.is_open:
        return reader.length is None or frame.esi < reader.length
    is_long_enough = not reader.have >> frame.block_symbols
    return is_long_enough and reader.length in (None, frame.block_symbols)


_UNHEARD = BlockReader(mtu_bytes=32)  # stands for a block of which nothing was heard
