"""Any K independent symbols give the block back, the same on every machine; poison is noticed."""

import random
import tracemalloc
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import erasure_code
from wire.erasure_code import INVERSE, PRODUCT, coefficients, repair_symbol


def sources(length: int, width: int, seed: int = 1) -> list[bytes]:
    rng = random.Random(seed)
    return [rng.randbytes(width) for _ in range(length)]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_the_field_is_a_field(a: int, b: int, c: int) -> None:
    assert PRODUCT[a][b] == PRODUCT[b][a]
    assert PRODUCT[a][b ^ c] == PRODUCT[a][b] ^ PRODUCT[a][c]
    assert PRODUCT[a][PRODUCT[b][c]] == PRODUCT[PRODUCT[a][b]][c]
    assert a == 0 or PRODUCT[a][INVERSE[a]] == 1


def test_golden_symbols() -> None:
    """Bytes on the air, never to change: they must be the same on every machine."""
    assert coefficients(513, 4, 2) == b"\0\0\1\0"
    assert coefficients(513, 8, 8).hex() == "26d34166d18c186d"
    digest = sha256(b"".join(repair_symbol(513, e, sources(64, 209)) for e in range(64, 80)))
    assert digest.hexdigest() == "82697cf742f48d5bf046515b0c07783634005e018e2c9dba79d2b530df29501b"


@pytest.mark.parametrize("length", [1, 2, 16, 64, 255, 256])
@pytest.mark.parametrize("loss", [0.0, 0.5, 0.9])
def test_a_block_comes_back_after_any_loss(length: int, loss: float) -> None:
    rng = random.Random(length)
    block, width = sources(length, 40), 40
    decoder, esi = erasure_code.Decoder(7, length, width), 0
    while not decoder.is_complete:
        if rng.random() >= loss:
            symbol = block[esi] if esi < length else repair_symbol(7, esi, block)
            decoder.add(esi, symbol)
        esi += 1
    assert decoder.sources() == block and not decoder.is_inconsistent


def test_repairs_alone_suffice_and_a_surplus_is_rarely_needed() -> None:
    extra = 0
    for trial in range(300):
        block = sources(8, 4, trial)
        decoder, esi = erasure_code.Decoder(trial, 8, 4), 8
        while not decoder.is_complete:
            decoder.add(esi, repair_symbol(trial, esi, block))
            esi += 1
        extra += esi - 16
        assert decoder.sources() == block
    assert extra <= 6  # about 1 in 255 blocks needs one more


def test_duplicates_tell_nothing_new() -> None:
    block = sources(5, 10)
    decoder = erasure_code.Decoder(1, 5, 10)
    assert decoder.add(9, repair_symbol(1, 9, block))
    assert not decoder.add(9, repair_symbol(1, 9, block))
    assert decoder.rank == 1 and not decoder.is_inconsistent


def test_a_poisoned_symbol_contradicts_the_rest() -> None:
    block = sources(5, 10)
    decoder = erasure_code.Decoder(1, 5, 10)
    for esi in range(5):
        decoder.add(esi, block[esi] if esi else bytes(10))
    decoder.add(9, repair_symbol(1, 9, block))
    assert decoder.is_complete and decoder.is_inconsistent


def test_nothing_is_kept_of_blocks_that_the_radio_names() -> None:
    """20,000 block numbers cost 3.3 MB, for ever."""
    coefficients(0, 64, 64)
    tracemalloc.start()
    for block in range(20_000):
        coefficients(block, 1 + block % 256, 300)
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept_bytes < 10_000
