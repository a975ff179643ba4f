"""The initial knowledge of the text codec: symbol counts by context, and their weights.

A *symbol* is a byte of UTF-8, or END (0xFF, which UTF-8 never holds). A *context* is one of KINDS
ways to look at what came before: the last 1 to 6 bytes, the word begun, that and the word before,
that and the word before the last, the place in the sentence. Every context is a 32-bit hash.
A *model file* holds, for each context worth keeping, the symbols that followed it with their
counts on a coarse scale, and the weights of the mixer in ``wire.text_codec``:

    "SPTC" | version u8 | xz of: contexts u32, entries u32, bucket bits u8 (little-endian)
      | 256 counts of symbols | contexts in each bucket u8 | check byte of each context
      | entries of each context u8 | symbol of each entry | count code of each entry
      | weights i16

A context lies in the bucket of its hash's top bits and is known by its hash's low byte, so one
look-up in 256 of a context that is not there finds a stranger: a loss of a little size, never of
correctness, for both ends find the same one. Building the tables is ``host_training.codec.codec``.
"""

from __future__ import annotations

import io
import lzma
import struct
import sys
from array import array
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, compress, islice, pairwise
from typing import BinaryIO
from zlib import crc32

END = 0xFF
ORDERS = 6
KINDS = ORDERS + 4  # orders 1..6, then the four below
WORD, WORD_PAIR, WORD_SKIP, SENTENCE = range(ORDERS, KINDS)
SYMBOLS = 256

INPUTS = KINDS + 1  # the last one is the plain frequency of symbols
SETS = (ORDERS + 1) * 3  # longest order known x which word contexts are known
NODES = SYMBOLS - 1  # of the code tree
CLASSES = 22  # how much a context has seen x whether it always saw the same
SET_WEIGHTS = SETS * INPUTS * CLASSES
WEIGHTS = SET_WEIGHTS + NODES * INPUTS * CLASSES
WEIGHT_ONE = 4096

TOTAL_MAX = 4095  # counts of one context are scaled down to this sum,
COUNT_SUM_MAX = TOTAL_MAX * 6 // 5 + SYMBOLS  # which rounding to the coarse scale may exceed
FILE_BYTES_MAX = 4 << 20
_CONTENT_BYTES_MAX = 32 << 20
_PIECE_BYTES = 64 << 10  # of the file in memory at a time
# Of xz: a reader holds as much beside what it unpacks. 8 MB make the file 0.4 % smaller.
_DICTIONARY_BYTES = 256 << 10
_MAGIC = b"SPTC\x01"
_HEADER = struct.Struct("<IIB")
_BUCKET_BITS = range(4, 23)
_GROUP_BUCKETS = 8
_WORD32 = 0xFFFFFFFF
_SPREAD, _SPREAD_2 = 0x9E3779B1, 0x85EBCA6B  # odd, from the golden ratio and MurmurHash3

Counts = list[tuple[int, int]]  # (symbol, count), most frequent first


class CodecError(Exception):
    """A model file or a coded text is not what it must be; the text says in which way."""


def _count_values() -> tuple[int, ...]:
    values = [1]
    while values[-1] < TOTAL_MAX:
        values.append(max(values[-1] + 1, values[-1] * 6 // 5))
    return tuple(values)


COUNT_VALUES = _count_values()
_COUNT_MIDDLES = [(a + b) // 2 for a, b in pairwise(COUNT_VALUES)]


def coarse_codes(counts: Iterable[int]) -> bytes:
    """Codes of ``counts`` (each 1 or more), their sum first scaled to TOTAL_MAX or below."""
    values = list(counts)
    total = sum(values)
    if total > TOTAL_MAX:
        values = [max(1, value * TOTAL_MAX // total) for value in values]
    return bytes(bisect(_COUNT_MIDDLES, value - 1) for value in values)


def _folded() -> bytes:
    """Letters in lower case, bytes beyond ASCII and the apostrophe as they are, others 0."""
    table = bytearray(SYMBOLS)
    for byte in range(SYMBOLS - 1):
        character = chr(byte)
        if byte >= 0x80 or byte == ord("'"):
            table[byte] = byte
        elif character.isalpha():
            table[byte] = ord(character.lower())
    return bytes(table)


_FOLDED = _folded()
_SENTENCE_ENDS = b".?!"
_LENGTHS = bytes(  # bucket of a length in bytes: of the sentence (low nibble) or the message
    bisect((2, 20, 40, 60, 90), n) | bisect((1, 30, 60, 90, 130), n) << 4 for n in range(256)
)


class Contexts:
    """The contexts at the end of what has been pushed so far; a message starts with none."""

    def __init__(self) -> None:
        self._history = bytearray([END]) * ORDERS
        self._word = self._previous = self._before = 0  # hashes of folded words
        self._marks = 0  # hash of what stands between the previous word and this one, but spaces
        self._sentence_bytes = 0
        self._message_bytes = 0

    def push(self, symbol: int) -> None:
        """``symbol`` came next."""
        self._history.append(symbol)
        folded = _FOLDED[symbol]
        if folded:
            if not self._word:
                self._word = 1
            self._word = crc32(folded.to_bytes(1), self._word)
        else:
            if self._word:
                self._before, self._previous = self._previous, self._word
                self._word = self._marks = 0
            if symbol != 0x20:
                self._marks = crc32(symbol.to_bytes(1), self._marks)
        self._sentence_bytes = min(self._sentence_bytes + 1, 255)
        self._message_bytes = min(self._message_bytes + 1, 255)
        if symbol in _SENTENCE_ENDS:
            self._sentence_bytes = 0

    def hashes(self) -> list[int]:
        """KINDS hashes of 32 bits."""
        history, word = self._history, self._word
        hashes = [
            crc32(history[-order:], order) * _SPREAD & _WORD32 for order in range(1, ORDERS + 1)
        ]
        last = history[-1]
        begun = word or last
        marks = 0 if word else self._marks
        place = _LENGTHS[self._sentence_bytes] & 0x0F | _LENGTHS[self._message_bytes] & 0xF0
        hashes += (
            (crc32(b"w", begun) * _SPREAD + WORD) & _WORD32,
            (crc32(b"pair", word) * _SPREAD + (self._previous ^ marks) * _SPREAD_2) & _WORD32,
            (crc32(b"ski", word) * _SPREAD + self._before * _SPREAD_2) & _WORD32,
            (crc32(b"ps", last << 8 | place) * _SPREAD + SENTENCE) & _WORD32,
        )
        return hashes


class Tables:
    """The counts of every context kept, in a few flat arrays; 4 MB for 500,000 contexts."""

    def __init__(self, parts: Sequence[bytes | bytearray], weights: array[int]) -> None:
        """``parts``: the six byte strings of the model file before the weights, in its order."""
        symbol_codes, bucket_sizes, checks, entry_counts, symbols, codes = parts
        bits = len(bucket_sizes).bit_length() - 1
        if len(bucket_sizes) != 1 << bits or bits not in _BUCKET_BITS:
            raise CodecError("the model has an impossible number of buckets")
        if sum(bucket_sizes) != len(checks) or len(checks) != len(entry_counts):
            raise CodecError("the model's buckets do not add up to its contexts")
        if sum(entry_counts) != len(symbols) or len(symbols) != len(codes):
            raise CodecError("the model's contexts do not add up to its entries")
        if max(max(codes, default=0), *symbol_codes) >= len(COUNT_VALUES):
            raise CodecError("the model has a count beyond the scale")
        if len(symbol_codes) != SYMBOLS or len(weights) != WEIGHTS:
            raise CodecError("the model's mixer has the wrong size")
        if _largest_sum(entry_counts, codes) > COUNT_SUM_MAX:
            raise CodecError("the model has a context that saw more than the scale holds")
        self.symbol_counts = [COUNT_VALUES[code] for code in symbol_codes]
        self.weights = weights
        self._parts = tuple(parts)
        self._shift = 32 - bits
        # Where a group of buckets begins; within it a few sizes are added up at each look-up.
        contexts = islice(accumulate(bucket_sizes, initial=0), 0, None, _GROUP_BUCKETS)
        self._first_context = array("I", contexts)
        entries = accumulate(entry_counts, initial=0)
        self._first_entry = array("I", _pick(entries, self._first_context))
        self._bucket_sizes = bucket_sizes
        self._checks, self._sizes, self._symbols, self._codes = parts[2:]

    @property
    def contexts_count(self) -> int:
        return len(self._checks)

    @property
    def entries_count(self) -> int:
        return len(self._symbols)

    def counts(self, context: int) -> Counts:
        """What followed ``context``: a new list, empty for a context that was not kept."""
        bucket = context >> self._shift
        group = bucket // _GROUP_BUCKETS
        base = self._first_context[group]
        first = base + sum(self._bucket_sizes[group * _GROUP_BUCKETS : bucket])
        index = self._checks.find(context & 0xFF, first, first + self._bucket_sizes[bucket])
        if index < 0:
            return []
        start = self._first_entry[group] + sum(self._sizes[base:index])
        entries = slice(start, start + self._sizes[index])
        values = COUNT_VALUES
        return list(
            zip(self._symbols[entries], [values[c] for c in self._codes[entries]], strict=True)
        )

    @property
    def context_mask(self) -> int:
        """The bits of a context's hash by which it is known here."""
        return (_WORD32 << self._shift | 0xFF) & _WORD32

    @property
    def bucket_bits(self) -> int:
        return 32 - self._shift

    def known(self) -> Iterator[tuple[int, Counts]]:
        """Every context, as the bits of ``context_mask``, with what followed it."""
        checks = iter(self._checks)
        for bucket, size in enumerate(self._bucket_sizes):
            for check in islice(checks, size):
                context = bucket << self._shift | check
                yield context, self.counts(context)

    def with_weights(self, weights: array[int]) -> Tables:
        """The same counts under another mixer."""
        return Tables(self._parts, weights)

    def content(self) -> Iterator[bytes | bytearray]:
        """All of the model file that is compressed in it, in pieces."""
        weights = self.weights[:]
        if sys.byteorder == "big":
            weights.byteswap()
        yield _HEADER.pack(self.contexts_count, self.entries_count, self.bucket_bits)
        yield from self._parts
        yield weights.tobytes()

    def pack(self) -> bytes:
        """The model file. Versions of liblzma may make different files of the same content."""
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": _DICTIONARY_BYTES}]
        content = b"".join(self.content())
        return _MAGIC + lzma.compress(content, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=filters)


def _largest_sum(entry_counts: bytes | bytearray, codes: bytes | bytearray) -> int:
    """The largest sum of the counts of one context, without an array of all sums."""
    is_start = bytearray(len(codes) + 1)
    for start in accumulate(entry_counts, initial=0):
        is_start[start] = 1
    sums = accumulate(map(COUNT_VALUES.__getitem__, codes), initial=0)
    return max((end - start for start, end in pairwise(compress(sums, is_start))), default=0)


def _pick(values: Iterable[int], places: Iterable[int]) -> Iterator[int]:
    """The values at ``places``, which never go down and do not end beyond the last value."""
    at, value, rest = -1, 0, iter(values)
    for place in places:
        if place > at:
            value = next(islice(rest, place - at - 1, None))
            at = place
        yield value


class _Unpacker:
    """The compressed rest of a model file, taken piece by piece: it is never here as a whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=64 << 20)
        self._file = file

    def take(self, size: int) -> bytearray:
        """The next ``size`` bytes. Raises CodecError when there are fewer or they are damaged."""
        taken, at = bytearray(size), 0  # pieces that are joined would be here twice
        while at < size:
            piece = self._read(min(size - at, _PIECE_BYTES))
            if not piece:
                raise CodecError("the text model is cut short or has a tail")
            taken[at : at + len(piece)] = piece
            at += len(piece)
        return taken

    def finish(self) -> None:
        """Raises CodecError unless this was all."""
        is_over = not self._read(1) and self._decompressor.eof
        if not is_over or self._decompressor.unused_data or self._file.read(1):
            raise CodecError("the text model is cut short or has a tail")

    def _read(self, bytes_max: int) -> bytes:
        """Some of the next bytes; none at the end."""
        found = b""
        while not (found or self._decompressor.eof):
            needs_input = self._decompressor.needs_input
            piece = self._file.read(_PIECE_BYTES) if needs_input else b""
            if needs_input and not piece:
                break
            try:
                found = self._decompressor.decompress(piece, bytes_max)
            except lzma.LZMAError as error:
                raise CodecError(f"the text model is damaged ({error})") from error
        return found


def unpack(file: BinaryIO) -> Tables:
    """The tables of a model file, which can be sought in.

    Raises CodecError for anything else, in bounded memory; OSError as reading does.
    """
    size_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size_bytes > FILE_BYTES_MAX or file.read(len(_MAGIC)) != _MAGIC:
        raise CodecError("not a text model of a supported version")
    unpacker = _Unpacker(file)
    contexts, entries, bits = _HEADER.unpack(unpacker.take(_HEADER.size))
    sizes = (SYMBOLS, 1 << min(bits, 32), contexts, contexts, entries, entries, 2 * WEIGHTS)
    if sum(sizes) > _CONTENT_BYTES_MAX:
        raise CodecError("the text model's parts do not fill it")
    *parts, packed_weights = map(unpacker.take, sizes)
    unpacker.finish()
    del unpacker  # 5 MB, before the tables are examined
    weights = array("h", bytes(packed_weights))
    if sys.byteorder == "big":
        weights.byteswap()
    return Tables(parts, weights)
