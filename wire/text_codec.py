"""The text codec: a short text in about a quarter of its bytes, the same on every machine.

A message is coded symbol by symbol; a symbol is a walk down a Huffman tree of plain frequencies, so
that it costs some four yes-or-no decisions. Each decision is predicted by mixing what the contexts
of ``wire.text_tables`` have seen: input = ln((n1 + 1/2) / (n0 + 1/2)) of a context's counts below
the node, weight = learnt for (kind of context, how much it has seen, longest context known) and
again for (kind, how much, node), output = the logistic of the weighted sum. A binary arithmetic
coder turns the predictions into bytes. The counts adapt to the message in a small overlay that
dies with it: every message stands alone, so a lost one harms no other.

Only integers take part, the logarithm and the logistic come from tables made with integers: both
ends agree to the bit. Both must have the same model file (``TextModel.model_id`` names it).

Covers: any bytes as input of ``decode`` give a text or CodecError, in bounded time and memory.
Does not cover: a flipped bit; most decode to another text. The block's CRC-32 is for that.
Source: M. Mahoney, "Data Compression Explained" 4.3 (context mixing, logistic mixing in PAQ).
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from wire.text_tables import (
    CLASSES,
    COUNT_SUM_MAX,
    END,
    INPUTS,
    KINDS,
    NODES,
    ORDERS,
    SENTENCE,
    SET_WEIGHTS,
    SYMBOLS,
    TOTAL_MAX,
    WEIGHT_ONE,
    WORD,
    WORD_PAIR,
    WORD_SKIP,
    CodecError,
    Contexts,
    Counts,
    Tables,
    unpack,
)

__all__ = ["CodecError", "Predictor", "TextModel"]

ADAPT_COUNT = 24  # what one occurrence in the message itself is worth
ADAPT_BYTES = 450  # then the counts stand still, which bounds them:
_COUNT_LIMIT = 1 << 14
assert COUNT_SUM_MAX + ADAPT_COUNT * ADAPT_BYTES < _COUNT_LIMIT
UTF8_BYTES_MAX = 4  # of one character

_STRETCH_ONE = 256  # one unit of natural logarithm
_STRETCH_MAX = 2047
_PROBABILITY_BITS = 16
_PROBABILITY_MIN = 22  # 1/3000: a decision never costs less than 0.0005 bit


def _logarithms(size: int) -> array[int]:
    """_STRETCH_ONE * ln(2n + 1) for n < size, by ln(2n+1) - ln(2n-1) = 2 atanh(1/2n)."""
    one = 1 << 44
    total, table = 0, array("h", [0])
    for n in range(1, size):
        power, square, k = one // (2 * n), 4 * n * n, 1
        while power:
            total += 2 * power // k
            power //= square
            k += 2
        table.append((total * _STRETCH_ONE + one // 2) // one)
    return table


def _logistic() -> array[int]:
    """P(1) in 1/65536 for stretches of -_STRETCH_MAX to +_STRETCH_MAX, by powers of e^(1/256)."""
    one = 1 << 64
    step = term = one
    for k in range(1, 12):
        term //= _STRETCH_ONE * k
        step += term
    upper, value = [1 << (_PROBABILITY_BITS - 1)], one
    for _ in range(_STRETCH_MAX):
        value = value * step // one
        upper.append(min((value << _PROBABILITY_BITS) // (value + one), 65536 - _PROBABILITY_MIN))
    return array("I", [65536 - p for p in reversed(upper[1:])] + upper)


def _classes(size: int) -> bytes:
    """Twice the class of a total count: how much a context has seen, on a coarse scale."""
    limits = (2, 3, 4, 6, 9, 16, 32, 64, 200, 1000)
    table, level = bytearray(), 0
    for n in range(size):
        if level < len(limits) and n >= limits[level]:
            level += 1
        table.append(2 * level)
    return bytes(table)


_LN = _logarithms(_COUNT_LIMIT)
_LOGISTIC = _logistic()
_CLASS = _classes(_COUNT_LIMIT)
assert _CLASS[-1] + 2 == CLASSES


def _code_tree(counts: list[int]) -> tuple[list[bytes], list[tuple[int, int]]]:
    """Huffman tree: which side each symbol is on at each node, and each node's two children.

    Node 0 is the root. A child below SYMBOLS is a symbol, others are SYMBOLS + node.
    """
    heap = [(count, symbol, bytes([symbol])) for symbol, count in enumerate(counts)]
    heapq.heapify(heap)
    sides: list[bytes] = []
    children: list[tuple[int, int]] = []
    for made in range(NODES):
        zero_count, zero, zeros = heapq.heappop(heap)
        one_count, one, ones = heapq.heappop(heap)
        side = bytearray(SYMBOLS)
        for symbol in ones:
            side[symbol] = 1
        node = NODES - 1 - made
        sides.insert(0, bytes(side))
        children.insert(0, (zero, one))
        heapq.heappush(heap, (zero_count + one_count, SYMBOLS + node, zeros + ones))
    return sides, children


class Predictor:
    """Walks one message. ``decide(weighted inputs, bit or None) -> bit`` codes each decision.

    ``overlay`` holds the counts that differ from the model's: the message's own, and in training
    those of a model that has not read the message.
    """

    def __init__(self, model: TextModel, overlay: dict[int, Counts] | None = None) -> None:
        self._model = model
        self._overlay: dict[int, Counts] = {} if overlay is None else overlay
        self._contexts = Contexts()
        self._bytes_left = ADAPT_BYTES

    def _look_up(self, context: int) -> Counts:
        known = self._overlay.get(context)
        return self._model.tables.counts(context) if known is None else known

    def _known(self, hashes: list[int]) -> tuple[list[Counts], int]:
        """The counts of each kind, and the mixer's set. A longer order needs the shorter one."""
        found: list[Counts] = [[] for _ in range(KINDS)]
        longest = 0
        while longest < ORDERS:
            found[longest] = self._look_up(hashes[longest])
            if not found[longest]:
                break
            longest += 1
        words = 0
        for kind in (WORD, WORD_PAIR):
            found[kind] = self._look_up(hashes[kind])
            if not found[kind]:
                break
            words += 1
        for kind in (WORD_SKIP, SENTENCE):
            found[kind] = self._look_up(hashes[kind])
        return found, longest * 3 + words

    def _learn(self, hashes: list[int], found: list[Counts], symbol: int) -> None:
        """Count ``symbol`` in all its contexts."""
        if not self._bytes_left:
            return
        self._bytes_left -= 1
        for context, counts in zip(hashes, found, strict=True):
            for index, (other, count) in enumerate(counts):
                if other == symbol:
                    counts[index] = (symbol, count + ADAPT_COUNT)
                    break
            else:
                counts.append((symbol, ADAPT_COUNT))
            self._overlay[context] = counts

    def code(self, symbol: int | None, decide: Decide) -> int:
        """Code ``symbol``, or find it when None. Returns it."""
        model = self._model
        hashes = self._contexts.hashes()
        found, mixer_set = self._known(hashes)
        live = [(kind * CLASSES, counts) for kind, counts in enumerate(found) if counts]
        in_set, node = mixer_set * INPUTS * CLASSES, 0
        logarithm, classes = _LN, _CLASS
        while True:
            side = model.sides[node]
            in_node = SET_WEIGHTS + node * INPUTS * CLASSES
            inputs = [(in_set + model.plain_class[node], in_node + model.plain_class[node],
                       model.plain_input[node])]
            splits = []
            for kind, counts in live:
                zeros = ones = 0
                for other, count in counts:
                    if side[other]:
                        ones += count
                    else:
                        zeros += count
                at = kind + classes[zeros + ones] + (not zeros or not ones)
                inputs.append((in_set + at, in_node + at, logarithm[ones] - logarithm[zeros]))
                splits.append((kind, counts, zeros, ones))
            bit = decide(inputs, None if symbol is None else side[symbol])
            node = model.children[node][bit]
            if node < SYMBOLS:
                break
            node -= SYMBOLS
            live = []
            for kind, counts, zeros, ones in splits:
                if not (zeros if bit else ones):
                    live.append((kind, counts))
                elif ones if bit else zeros:
                    live.append((kind, [pair for pair in counts if side[pair[0]] == bit]))
        self._learn(hashes, found, node)
        self._contexts.push(node)
        return node


Inputs = list[tuple[int, int, int]]  # (index of a weight, of another, input)
Decide = Callable[[Inputs, int | None], int]


def probability(weights: array[int] | list[int], inputs: Inputs, one: int) -> int:
    """P(1) in 1/65536 by both weights of each input, where ``one`` is a weight of one."""
    total = 0
    for first, second, stretch in inputs:
        total += (weights[first] + weights[second]) * stretch
    total //= 2 * one
    return _LOGISTIC[min(max(total, -_STRETCH_MAX), _STRETCH_MAX) + _STRETCH_MAX]


class _Interval:
    """The arithmetic coder's interval of 32 bits, and the bytes both its ends agree on."""

    def __init__(self, weights: array[int]) -> None:
        self.low, self.high = 0, 0xFFFFFFFF
        self.settled = bytearray()
        self._weights = weights

    def split(self, inputs: Inputs) -> int:
        """The last value that means 1."""
        p = probability(self._weights, inputs, WEIGHT_ONE)
        return self.low + ((self.high - self.low) * p >> _PROBABILITY_BITS)

    def narrow(self, split: int, bit: int) -> int:
        """Take one side. Returns how many bytes that settled."""
        if bit:
            self.high = split
        else:
            self.low = split + 1
        before = len(self.settled)
        while not (self.low ^ self.high) >> 24:
            self.settled.append(self.high >> 24)
            self.low = self.low << 8 & 0xFFFFFFFF
            self.high = self.high << 8 & 0xFFFFFFFF | 0xFF
        return len(self.settled) - before

    def finish(self) -> bytes:
        """The shortest bytes that, followed by zeros, lie in the interval; never none at all."""
        for size in range(0 if self.settled else 1, 5):
            unit = 1 << (32 - 8 * size)
            value = -(-self.low // unit) * unit
            if value <= self.high:
                return bytes(self.settled) + (value >> (32 - 8 * size)).to_bytes(size)
        raise AssertionError("the interval's lower end itself lies in it")


class _Encode(_Interval):
    def decide(self, inputs: Inputs, bit: int | None) -> int:
        assert bit is not None
        self.narrow(self.split(inputs), bit)
        return bit


class _Decode(_Interval):
    def __init__(self, weights: array[int], data: bytes) -> None:
        super().__init__(weights)
        self._data = data
        self._value = int.from_bytes(data[:4].ljust(4, b"\0"))
        self._next = 4

    def decide(self, inputs: Inputs, _bit: int | None) -> int:
        split = self.split(inputs)
        bit = int(self._value <= split)
        for _ in range(self.narrow(split, bit)):
            byte = self._data[self._next] if self._next < len(self._data) else 0
            self._value = self._value << 8 & 0xFFFFFFFF | byte
            self._next += 1
        if self._next > len(self._data) + 4:
            raise CodecError("the coded text is cut short")
        return bit


class TextModel:
    """A model in use; read-only, so any number of messages may share it.

    ``model_id`` is of what is in the model file, not of how xz packed that.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        digest = sha256()
        for part in tables.content():
            digest.update(part)
        self.model_id = digest.digest()[:4]
        counts = tables.symbol_counts
        self.sides, self.children = _code_tree(counts)
        self.plain_input, self.plain_class = array("i"), array("i")
        for node in range(NODES):
            ends = [self._count_below(child) for child in self.children[node]]
            self.plain_input.append(_LN[min(ends[1], TOTAL_MAX)] - _LN[min(ends[0], TOTAL_MAX)])
            self.plain_class.append(KINDS * CLASSES + _CLASS[min(sum(ends), TOTAL_MAX)])

    def _count_below(self, child: int) -> int:
        if child < SYMBOLS:
            return self.tables.symbol_counts[child]
        return sum(self._count_below(grandchild) for grandchild in self.children[child - SYMBOLS])

    @staticmethod
    def load(source: Path | str | bytes) -> TextModel:
        """A model file or its bytes. Raises CodecError when it is not one; OSError as ``open``."""
        if isinstance(source, bytes):
            return TextModel(unpack(BytesIO(source)))
        with Path(source).open("rb") as file:
            return TextModel(unpack(file))

    def pack(self) -> bytes:
        """The model file; some seconds."""
        return self.tables.pack()

    def save(self, path: Path | str) -> None:
        Path(path).write_bytes(self.pack())

    def encode(self, text: str) -> bytes:
        """``text`` coded; the empty text is no bytes. A lone surrogate becomes a question mark."""
        if not text:
            return b""
        coder, predictor = _Encode(self.tables.weights), Predictor(self)
        for symbol in text.encode("utf-8", "replace") + bytes([END]):
            predictor.code(symbol, coder.decide)
        return coder.finish()

    def decode(self, data: bytes, max_chars: int = 400, max_bytes: int | None = None) -> str:
        """The text of ``encode``, of at most ``max_chars`` characters in ``max_bytes`` of UTF-8.

        Raises CodecError for anything that ``encode`` of this model did not return, and for a
        longer text. Time is bounded by ``max_bytes``, which is four for each character when left
        out: some 0.1 ms a byte on a desk.
        """
        if max_bytes is None:
            max_bytes = UTF8_BYTES_MAX * max_chars
        if not data:
            return ""
        coder, predictor = _Decode(self.tables.weights, data), Predictor(self)
        out, chars = bytearray(), 0
        while (symbol := predictor.code(None, coder.decide)) != END:
            out.append(symbol)
            chars += symbol & 0xC0 != 0x80
            if chars > max_chars or len(out) > max_bytes:
                raise CodecError(f"the coded text is longer than {max_chars} characters")
        if not out or coder.finish() != data:
            raise CodecError("the coded text has trailing bytes")
        try:
            return out.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CodecError("the decoded bytes are not UTF-8") from error
