"""Builds the text codec's model: context counts of general and personal text, and weights.

1. Count, for each kind of context, which symbol followed how often; the person's own text counts
   ``own_weight`` times. Of long contexts, what was seen once in general text only is dropped.
2. Learn the mixer's weights by coding messages *as if the model had never read them*: a message's
   own counts are taken out before it is coded (leave one out), so that the weights learn how far
   each context can be trusted on text that is new. Every number is an integer: the same texts give
   the same model on every machine.

About a minute and 400 MB for 1 MB of general text and 100 kB of own text, on one core.
"""

from __future__ import annotations

import os
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from host_training.errors import TrainingError
from wire.text_codec import Inputs, Predictor, TextModel, probability
from wire.text_tables import (
    COUNT_VALUES,
    END,
    FILE_BYTES_MAX,
    KINDS,
    SYMBOLS,
    WEIGHT_ONE,
    WEIGHTS,
    Contexts,
    Counts,
    Tables,
    coarse_codes,
)

BASE_CHARS_MAX = 1_000_000
GENERAL_CHARS = BASE_CHARS_MAX  # how much text a model of general text stands for
_BASE_CHUNK_CHARS = 4_000  # general text is sampled in slices of about this size
_SHORT_KINDS = 4  # orders 1..4 keep all they saw; the others drop what general text had once
_BASE_COUNT_MIN = 2
_OWN_WEIGHTS = (4, 32)
_OWN_SHARE = 2  # own text shall weigh about twice what general text does
_CONTEXT_ENTRIES_MAX = 255
_BUCKET_CONTEXTS_MAX = 255

_EPOCH_RATES = (20, 8, 3)  # learning rate in 1/1024, one for each pass over own text
_BASE_MESSAGES = 300  # coded once before, for the first idea of the weights
_EPOCH_BYTES_MAX = 70_000
_MESSAGE_BYTES_MAX = 400
_FINE = 16  # weights are learnt this much finer than they are kept
_WEIGHT_AT_FIRST = WEIGHT_ONE // 4

Progress = Callable[[str, float], None]  # (what is being done, share of it done)


def _silent(_what: str, _share: float) -> None:
    pass


def sample_base(texts: Iterable[str], chars_max: int = BASE_CHARS_MAX, seed: int = 1) -> list[str]:
    """Lines drawn evenly from all of ``texts``: about ``chars_max`` characters, or everything."""
    chunks: list[list[str]] = []
    for text in texts:
        chunk: list[str] = []
        size = 0
        for line in text.splitlines():
            if not line.strip():
                continue
            chunk.append(line.strip())
            size += len(line)
            if size >= _BASE_CHUNK_CHARS:
                chunks.append(chunk)
                chunk, size = [], 0
        if chunk:
            chunks.append(chunk)
    random.Random(seed).shuffle(chunks)
    lines: list[str] = []
    total = 0
    for chunk in chunks:
        if total >= chars_max:
            break
        lines += chunk
        total += sum(map(len, chunk))
    return lines


def _steps(message: bytes) -> list[tuple[list[int], int]]:
    """(hashes of the contexts, symbol that followed) at each place of ``message``."""
    contexts = Contexts()
    steps = []
    for symbol in message + bytes([END]):
        steps.append((contexts.hashes(), symbol))
        contexts.push(symbol)
    return steps


def _pairs(messages: Sequence[bytes], progress: Progress, what: str) -> list[array[int]]:
    """For each kind of context, (hash << 8 | symbol) of every place of every message."""
    pairs = [array("Q") for _ in range(KINDS)]
    for index, message in enumerate(messages):
        if index % 256 == 0:
            progress(what, index / len(messages))
        for hashes, symbol in _steps(message):
            for kind, context in enumerate(hashes):
                pairs[kind].append(context << 8 | symbol)
    return pairs


class _Counted:
    """Counts of every context kept, by the bits of its hash in ``mask``."""

    def __init__(self, own_weight: int, mask: int = 0xFFFFFFFF) -> None:
        self.own_weight = own_weight
        self.symbols = Counter(dict.fromkeys(range(SYMBOLS), 1))
        self.contexts: dict[int, dict[int, int]] = {}
        self.thrifty: set[int] = set()  # contexts that drop what general text had once
        self._mask = mask

    def read(self, base: Sequence[bytes], own: Sequence[bytes], progress: Progress) -> None:
        """Count general text once and own text ``own_weight`` times."""
        for messages, weight in ((base, 1), (own, self.own_weight)):
            self.symbols[END] += weight * len(messages)
            for symbol, count in Counter(b"".join(messages)).items():
                self.symbols[symbol] += weight * count
        base_pairs = _pairs(base, progress, "counting general text")
        own_pairs = _pairs(own, progress, "counting own text")
        for kind in range(KINDS):
            self._merge(kind, Counter(base_pairs[kind]), Counter(own_pairs[kind]))
            base_pairs[kind] = own_pairs[kind] = array("Q")

    def take(self, general: Tables) -> None:
        """Begin with the counts of a model of general text."""
        scale = GENERAL_CHARS // sum(general.symbol_counts)
        for symbol, count in enumerate(general.symbol_counts):
            self.symbols[symbol] += count * scale
        for context, counts in general.known():
            self.contexts[context] = dict(counts)

    def _merge(self, kind: int, base: Counter[int], own: Counter[int]) -> None:
        least = 1 if kind < _SHORT_KINDS else _BASE_COUNT_MIN
        kept = Counter({pair: count for pair, count in base.items() if count >= least})
        for pair, count in own.items():
            kept[pair] += self.own_weight * count
        for pair, count in kept.items():
            counts = self.contexts.setdefault(pair >> 8 & self._mask, {})
            counts[pair & 0xFF] = counts.get(pair & 0xFF, 0) + count
        if least > 1:
            self.thrifty.update(pair >> 8 for pair in kept)

    def without(self, message: bytes, weight: int) -> dict[int, Counts]:
        """The counts of the message's contexts in a model that never read it: an overlay."""
        read: dict[int, Counter[int]] = {}
        for hashes, symbol in _steps(message):
            for context in hashes:
                read.setdefault(context, Counter())[symbol] += weight
        overlay: dict[int, Counts] = {}
        for context, seen in read.items():
            least = _BASE_COUNT_MIN if weight == 1 and context in self.thrifty else 1
            left = {
                symbol: count - seen[symbol]
                for symbol, count in self.contexts.get(context & self._mask, {}).items()
                if symbol not in seen or count - seen[symbol] >= least
            }
            overlay[context] = [(s, COUNT_VALUES[code]) for s, code in _coarse(left)]
        return overlay


def _coarse(counts: dict[int, int]) -> list[tuple[int, int]]:
    """(symbol, count code), most frequent first."""
    order = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))[:_CONTEXT_ENTRIES_MAX]
    return list(zip(order, coarse_codes(counts[symbol] for symbol in order), strict=True))


def _tables(counted: _Counted, weights: array[int], bits: int) -> Tables:
    """The flat form of the exact counts. Contexts with the same bucket and check: the larger."""
    buckets: list[list[int]] = [[] for _ in range(1 << bits)]
    for context in counted.contexts:
        buckets[context >> (32 - bits)].append(context)
    checks, entry_counts, symbols, codes = bytearray(), bytearray(), bytearray(), bytearray()
    bucket_sizes = bytearray()
    for bucket in buckets:
        by_check: dict[int, int] = {}
        for context in sorted(bucket, key=lambda c: (-sum(counted.contexts[c].values()), c)):
            by_check.setdefault(context & 0xFF, context)
        kept = sorted(by_check.values(), key=lambda c: c & 0xFF)[:_BUCKET_CONTEXTS_MAX]
        bucket_sizes.append(len(kept))
        for context in kept:
            entries = _coarse(counted.contexts[context])
            checks.append(context & 0xFF)
            entry_counts.append(len(entries))
            symbols += bytes(symbol for symbol, _ in entries)
            codes += bytes(code for _, code in entries)
    symbol_codes = coarse_codes(counted.symbols[symbol] for symbol in range(SYMBOLS))
    parts = (symbol_codes, bucket_sizes, checks, entry_counts, symbols, codes)
    return Tables([bytes(part) for part in parts], weights)


class _Learner:
    """Learns the mixer's weights by coding: each half of them from its own error."""

    def __init__(self, model: TextModel) -> None:
        self.weights = [weight * _FINE for weight in model.tables.weights]
        self._model = model

    def read(self, message: bytes, overlay: dict[int, Counts], rate: int) -> None:
        weights, one = self.weights, WEIGHT_ONE * _FINE

        def decide(inputs: Inputs, bit: int | None) -> int:
            assert bit is not None
            for half in (0, 1):
                alone = [(item[half], item[half], item[2]) for item in inputs]
                step = ((bit << 16) - probability(weights, alone, one)) * rate
                for index, _, stretch in alone:
                    weights[index] += (step * stretch + (1 << 17)) >> 18
            return bit

        predictor = Predictor(self._model, overlay)
        for symbol in message[:_MESSAGE_BYTES_MAX] + bytes([END]):
            predictor.code(symbol, decide)

    def result(self) -> array[int]:
        limit = (1 << 15) - 1
        return array("h", [max(-limit, min(limit, weight // _FINE)) for weight in self.weights])


def _learn_weights(
    model: TextModel, counted: _Counted, base: Sequence[bytes], own: Sequence[bytes],
    progress: Progress,
) -> array[int]:
    learner, rng = _Learner(model), random.Random(1)
    general = rng.sample(base, min(len(base), _BASE_MESSAGES))
    for index, message in enumerate(general):
        progress("weighing contexts on general text", index / len(general))
        learner.read(message, counted.without(message, 1), _EPOCH_RATES[0])
    epoch_bytes = min(_EPOCH_BYTES_MAX, sum(min(len(m), _MESSAGE_BYTES_MAX) for m in own))
    for epoch, rate in enumerate(_EPOCH_RATES):
        left = epoch_bytes
        for message in rng.sample(own, len(own)):
            progress("weighing contexts on own text",
                     (epoch + 1 - left / epoch_bytes) / len(_EPOCH_RATES))
            learner.read(message, counted.without(message, counted.own_weight), rate)
            left -= min(len(message), _MESSAGE_BYTES_MAX)
            if left <= 0:
                break
    return learner.result()


def train(
    base_lines: Iterable[str], own_texts: Iterable[str], progress: Progress = _silent
) -> TextModel:
    """The model for ``own_texts`` (each one message) on top of ``base_lines`` (each a paragraph).

    Raises:  TrainingError without any text.
    """
    base, own = _messages(base_lines), _messages(own_texts)
    if not base and not own:
        raise TrainingError("The text codec requires some text.")
    counted = _Counted(_own_weight(sum(map(len, base)), own))
    counted.read(base, own, progress)
    bits = max(4, len(counted.contexts).bit_length() - 1)
    at_first = array("h", [_WEIGHT_AT_FIRST]) * WEIGHTS
    return _learnt(counted, at_first, bits, base, own, progress)


def extend(
    general: TextModel, own_texts: Iterable[str], progress: Progress = _silent
) -> TextModel:
    """The model for ``own_texts`` on top of a model of general text, whose text is not needed.

    A context is then known by its bucket and check alone, and its counts in general text on the
    coarse scale of the model file. Both cost little: see docs/training.md.

    Raises:  TrainingError without any text.
    """
    own = _messages(own_texts)
    if not own:
        raise TrainingError("The text codec requires some of the person's text.")
    tables = general.tables
    counted = _Counted(_own_weight(GENERAL_CHARS, own), tables.context_mask)
    counted.take(tables)
    counted.read([], own, progress)
    return _learnt(counted, tables.weights, tables.bucket_bits, [], own, progress)


def _messages(texts: Iterable[str]) -> list[bytes]:
    return [text.encode("utf-8", "replace") for text in texts if text]


def _own_weight(base_bytes: int, own: Sequence[bytes]) -> int:
    low, high = _OWN_WEIGHTS
    return max(low, min(high, _OWN_SHARE * base_bytes // max(1, sum(map(len, own)))))


def _learnt(
    counted: _Counted, weights: array[int], bits: int, base: Sequence[bytes],
    own: Sequence[bytes], progress: Progress,
) -> TextModel:
    """The model of these counts; ``weights`` are where the mixer's begin."""
    progress("laying out the tables", 0.0)
    first = TextModel(_tables(counted, weights, bits))
    return TextModel(first.tables.with_weights(_learn_weights(first, counted, base, own, progress)))


def save(model: TextModel, out: Path) -> int:
    """Write the model file, atomically; its size in bytes.

    Raises:  TrainingError when it would be larger than 4 MB.
    """
    data = model.pack()
    if len(data) > FILE_BYTES_MAX:
        raise TrainingError(
            f"The text codec would be {len(data)} bytes, more than {FILE_BYTES_MAX}: use less of "
            "the person's text."
        )
    partial = out.with_name(out.name + ".part")
    partial.write_bytes(data)
    os.replace(partial, out)
    return len(data)
