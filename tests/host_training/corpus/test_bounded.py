"""Goal: the way from an export to examples takes no more memory for a larger one, and no more work
for each message.

Method: one export and one four times as large, read in one process. Counted are the bytes Python
holds at most and the calls it makes; SQLite's memory is that of its caches, ``scratch.CACHE_KIB``.
"""

from __future__ import annotations

import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from host_training.common.messages import Message
from host_training.common.persona_dir import read_persona
from host_training.corpus import assemble, dedup, message_store, sessions
from host_training.corpus.sessions import chat_examples
from host_training.importers import json_stream
from tests.host_training.conftest import write_persona
from tests.host_training.corpus.preparing import silent, with_telegram

N_SMALL, N_LARGE = 80, 320
BYTES_PER_EXAMPLE_MAX = 700  # for 18 of its weight, and lists that fill; its runs took 10,000


def texts(n: int) -> list[str]:
    """Sentences of words as common as in a language, none like another."""
    rng = random.Random(3)
    words = ["".join(rng.choices("aeioudglmnrst", k=rng.randint(2, 9))) for _ in range(1_000)]
    common = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    return [" ".join(rng.choices(words, cum_weights=common, k=18)) for _ in range(n)]


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at a time, however much there is, made small beside this test's exports."""
    monkeypatch.setattr(message_store, "BATCH_ROWS", 20)
    monkeypatch.setattr(sessions, "RHYTHM_GAPS_MAX", 20)
    monkeypatch.setattr(sessions, "SESSION_MESSAGES_MAX", 20)
    monkeypatch.setattr(json_stream, "BLOCK_BYTES", 4_096)


def prepared(place: Path, n: int) -> Callable[[], int]:
    """Reads an export with ``n`` messages of the author's, and as many of a friend's."""
    place.mkdir()
    directory = with_telegram(write_persona(place / "ada"), [
        (1 + number % 2, text) for number, text in enumerate(texts(2 * n))])
    (place / "out").mkdir()
    persona = read_persona(directory)

    def prepare() -> int:
        return assemble.prepare(directory, persona, place / "out", silent)

    return prepare


@pytest.mark.usefixtures("small_windows")
def test_memory_does_not_grow_with_the_export(tmp_path: Path) -> None:
    prepared(tmp_path / "warm", 20)()  # what is loaded and compiled once
    peaks, counts = [], []
    for n in (N_SMALL, N_LARGE):
        prepare = prepared(tmp_path / str(n), n)
        tracemalloc.start()
        try:
            counts.append(prepare())
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert counts[1] - counts[0] > (N_LARGE - N_SMALL) / 2
    assert (peaks[1] - peaks[0]) / (counts[1] - counts[0]) < BYTES_PER_EXAMPLE_MAX


def test_four_times_the_messages_are_four_times_the_work(tmp_path: Path) -> None:
    prepared(tmp_path / "warm", 20)()
    n_calls = []
    for n in (N_SMALL, N_LARGE):
        prepare = prepared(tmp_path / str(n), n)
        made = 0

        def count(frame: FrameType, event: str, argument: Any) -> None:
            nonlocal made
            made += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            prepare()
        finally:
            sys.setprofile(None)
        n_calls.append(made)
    assert n_calls[1] < 1.1 * N_LARGE / N_SMALL * n_calls[0]


def test_texts_that_differ_are_hardly_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that hardly differed from one another put most texts into buckets they shared."""
    n_compared = 0
    jaccard = dedup._jaccard

    def counted(a: frozenset[int], b: frozenset[int]) -> float:
        nonlocal n_compared
        n_compared += 1
        return jaccard(a, b)

    monkeypatch.setattr(dedup, "_jaccard", counted)
    assert not list(dedup.repeats(enumerate(texts(600)), 0.8))
    assert n_compared < 6


def test_a_chat_that_never_pauses_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat was held whole, and so was a session."""
    monkeypatch.setattr(sessions, "SESSION_MESSAGES_MAX", 10)
    monkeypatch.setattr(sessions, "RHYTHM_GAPS_MAX", 10)
    n_read = 0

    def messages() -> Iterator[Message]:
        nonlocal n_read
        for number in range(1_000):
            n_read += 1
            yield Message("telegram", "1", "dm", str(number), number, "me" if number % 2 else "K",
                          bool(number % 2), f"words {number}")

    found = chat_examples(messages())
    first = next(found)
    assert first.question == "words 0" and n_read <= 25
    rest = list(found)
    assert [e.text for e in rest][:2] == ["words 3", "words 5"] and len(rest) == 499
    lengths = [len(e.context) for e in (first, *rest)]
    assert lengths[:6] == [1, 3, 5, 6, 6, 1]  # the eleventh message begins another session
