"""Symbols are known by their content, within a bound of memory."""

from __future__ import annotations

import tracemalloc

import pytest

from payload.link.known_symbols import SYMBOLS_MAX, KnownSymbols
from wire.frames import DataFrame, FrameCounter
from wire.outgoing import Lane
from wire.session import Session

SESSION = Session(3, 4)


def symbol(block: int, esi: int, content: bytes = b"frost", length: int = 4) -> DataFrame:
    return DataFrame(8, FrameCounter(7, 1), Lane.PRECIOUS, block, length, esi, content, False)


def test_a_number_is_not_enough_to_be_known() -> None:
    known = KnownSymbols()
    for content in (b"frost", b"false", b"other"):
        assert known.is_new(SESSION, symbol(0, 1, content))
        known.note(SESSION, symbol(0, 1, content))
        assert not known.is_new(SESSION, symbol(0, 1, content))
    assert known.is_new(SESSION, symbol(0, 2)) and known.is_new(Session(5, 2), symbol(0, 1))


@pytest.mark.parametrize("is_spread", [True, False])
def test_whatever_is_heard_the_memory_is_bounded(is_spread: bool) -> None:
    """A symbol in each block, or everything under one number of one block."""
    known = KnownSymbols()
    tracemalloc.start()
    for number in range(2 * SYMBOLS_MAX):
        block = number if is_spread else 0
        known.note(SESSION, symbol(block, 0, number.to_bytes(4, "big")))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert known._symbols <= SYMBOLS_MAX and held < 1_200_000
