"""Texts come back whole, small and the same on every machine; nothing broken does any harm."""

import random
import tracemalloc
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from zlib import compress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host_training.codec.codec import extend, sample_base, save, train
from host_training.errors import TrainingError
from wire.text_codec import ADAPT_BYTES, CodecError, TextModel
from wire.text_tables import COUNT_VALUES, KINDS, TOTAL_MAX, Contexts, coarse_codes, unpack

EDDA = Path(__file__).resolve().parents[2] / "host_training/examples/edda-tiny.bundle/text.codec"
BASE = [
    "The wind went round to the north in the night, and the lamp was lit before the rain came.",
    "He put the kettle on the stove and looked at the glass; it was falling, and he said so.",
    "There was a light on the water and another in the house, and nobody on the road at all.",
]
OWN = [
    "The lamp on the board has faded. The wind is thin up here.",
    "The flats are under there with the tide doing something.",
    "Nothing has fallen off yet. I listened for it all through the first minute.",
    "Thin air takes nothing off the light. Müde, sagt der Draht: −56 °C.",
]
GOLDEN_MODEL_ID = "a76226ba"
GOLDEN = {
    "The lamp is lit.": "7379f1b3",
    "Nothing fell off; the wind is thin.": "2075917954e75eeef764",
    "Größe 5 € 🎈": "053a8d10f4123e45cd97147853b750961419eeb8",
}


@cache
def model() -> TextModel:
    """The tiny fixed model. Building it takes some tenths of a second."""
    return train(BASE, OWN)


def test_golden_model_and_bytes() -> None:
    """Bytes on the air: the same texts must give the same model and the same codes for ever."""
    assert model().model_id.hex() == GOLDEN_MODEL_ID
    for text, coded in GOLDEN.items():
        assert model().encode(text).hex() == coded
        assert model().decode(bytes.fromhex(coded)) == text


@pytest.mark.parametrize(("is_packed_anew", "dictionary_bytes"), [
    (False, 8 << 20), (True, 1 << 18)])
def test_unpacking_needs_the_content_and_a_dictionary_and_little_else(
    is_packed_anew: bool, dictionary_bytes: int
) -> None:
    """It is the flight core's highest memory. Models packed before had the larger dictionary."""
    model_id = TextModel.load(EDDA).model_id
    file = BytesIO(TextModel.load(EDDA).pack() if is_packed_anew else EDDA.read_bytes())
    tracemalloc.start()
    try:
        tables = unpack(file)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    content_bytes = sum(map(len, tables.content()))
    assert content_bytes > 3_000_000 and TextModel(tables).model_id == model_id
    assert peak_bytes < content_bytes + dictionary_bytes + 1_000_000


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
@example("")
@example("\0\n\xff\ufffe\U0010ffff")
@example("a" * 120)
def test_any_text_comes_back(text: str) -> None:
    coded = model().encode(text)
    assert (coded == b"") == (text == "")
    assert model().decode(coded) == text


def test_a_text_longer_than_the_counts_adapt_comes_back() -> None:
    rng = random.Random(1)
    text = "".join(rng.choice("abcdefgh \U0001f388") for _ in range(ADAPT_BYTES))
    assert model().decode(model().encode(text), len(text)) == text


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert model().decode(model().encode("a\ud800b")) == "a?b"


def test_familiar_words_are_small() -> None:
    """Even this tiny model halves what zlib makes of a message in its own words."""
    text = "The wind is thin and the lamp on the board was lit before the rain."
    assert 2 * len(model().encode(text)) < len(compress(text.encode(), 9))


def test_messages_are_independent() -> None:
    """Coding is a function of model and text: nothing that was coded before changes it."""
    text = "Nothing fell off."
    first = model().encode(text)
    model().encode("Quite another text. " * 5)
    assert model().encode(text) == first
    assert TextModel.load(model().pack()).encode(text) == first


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
@example(bytes(60))
@example(b"\xff" * 60)
def test_garbage_gives_a_text_that_encodes_to_it_or_codec_error(data: bytes) -> None:
    try:
        text = model().decode(data, 60)
    except CodecError:
        return
    assert len(text) <= 60
    assert model().encode(text) == data, "two codes for one text"


def test_every_flipped_bit_and_every_cut_is_survived() -> None:
    coded = model().encode("The flats are under there.")
    for index in range(len(coded)):
        for bit in range(8):
            broken = bytearray(coded)
            broken[index] ^= 1 << bit
            with suppress(CodecError):
                assert len(model().decode(bytes(broken), 50)) <= 50
        if index:
            with pytest.raises(CodecError):
                model().decode(coded[:index], 50)
    with pytest.raises(CodecError, match="trailing"):
        model().decode(coded + b"\0")


def test_no_more_characters_than_asked_for() -> None:
    """A limit in characters, not bytes; the just-valid and the just-invalid."""
    text = "Größe, Größe"
    coded = model().encode(text)
    assert model().decode(coded, len(text)) == text
    with pytest.raises(CodecError, match="longer than"):
        model().decode(coded, len(text) - 1)


def test_a_megabyte_of_garbage_costs_no_more_than_the_limit() -> None:
    """The decoder stops by its character limit and never walks the data; method: random bytes."""
    with pytest.raises(CodecError):
        model().decode(random.Random(5).randbytes(1 << 20), 40)


def test_a_model_file_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "text.codec"
    model().save(path)
    again = TextModel.load(path)
    assert again.model_id == model().model_id and len(again.model_id) == 4
    assert again.decode(model().encode(OWN[0])) == OWN[0]


def test_a_damaged_model_file_is_refused() -> None:
    """Cut at many places, and every byte changed in turn in steps."""
    data = model().pack()
    for broken in (b"", b"SPTC", b"SPTC\x01", b"SPTC\x02" + data[5:], data + b"\0", data + data):
        with pytest.raises(CodecError):
            TextModel.load(broken)
    for index in range(0, len(data), 37):
        with pytest.raises(CodecError):
            TextModel.load(data[:index])
        with pytest.raises(CodecError):
            TextModel.load(data[:index] + bytes([data[index] ^ 0x55]) + data[index + 1 :])


def test_counts_are_kept_coarsely_and_within_bounds() -> None:
    for count in (*range(1, 30), 100, 1000, TOTAL_MAX):
        kept = COUNT_VALUES[coarse_codes([count])[0]]
        assert abs(kept - count) * 9 <= count, (count, kept)
    codes = coarse_codes([10**9, 10**8, 1])
    assert sum(COUNT_VALUES[code] for code in codes) <= TOTAL_MAX * 6 // 5


@given(st.lists(st.integers(0, 255), max_size=300))
def test_contexts_are_hashes_of_32_bits(symbols: list[int]) -> None:
    contexts, again = Contexts(), Contexts()
    for symbol in symbols:
        contexts.push(symbol)
        again.push(symbol)
    hashes = contexts.hashes()
    assert len(hashes) == KINDS and hashes == again.hashes()
    assert all(0 <= context < 1 << 32 for context in hashes)


@pytest.mark.parametrize("start", [b"", b"Hello there, ", b"It's"])
def test_no_run_of_a_symbol_counts_twice_in_one_context(start: bytes) -> None:
    """Counts stay below the logarithm's table only while the kinds' hashes differ."""
    for symbol in range(256):
        contexts = Contexts()
        for index, pushed in enumerate(start + bytes([symbol]) * 150):
            contexts.push(pushed)
            if index % 20 == 19:
                assert len(set(contexts.hashes())) == KINDS, (start, symbol)


def test_a_sample_of_general_text_is_drawn_from_all_of_it() -> None:
    texts = [f"{name} line\n" * 2000 for name in ("first", "second", "third")]
    lines = sample_base(texts, 30_000)
    assert {line.split()[0] for line in lines} == {"first", "second", "third"}
    assert 30_000 <= sum(map(len, lines)) < 35_000
    assert sample_base(texts, 30_000) == lines


def test_a_model_is_made_and_written_even_without_general_text(tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "text.codec"
    built = train([], OWN, lambda what, _share: said.append(what))
    assert save(built, out) == out.stat().st_size
    assert TextModel.load(out).model_id == built.model_id
    assert "weighing contexts on own text" in said
    assert [p.name for p in tmp_path.iterdir()] == [out.name]
    with pytest.raises(TrainingError, match="some text"):
        train([], [""])


def test_a_model_of_general_text_can_be_extended_without_that_text() -> None:
    """As good as one made of both together; what it starts from matters and stays as it is."""
    general = train(BASE, [])
    before = general.pack()
    extended, together, alone = extend(general, OWN), train(BASE, OWN), train([], OWN)
    text = "There was a light on the flats, and the lamp in the house has faded."
    sizes = [len(m.encode(text)) for m in (extended, together, alone, general)]
    assert sizes[0] <= sizes[1] * 1.1 and sizes[0] < min(sizes[2:]), sizes
    assert extended.decode(extended.encode(text)) == text
    assert general.pack() == before
    with pytest.raises(TrainingError, match="person's text"):
        extend(general, [""])


def test_every_context_of_a_model_is_known_by_its_bucket_and_check() -> None:
    tables = model().tables
    known = list(tables.known())
    assert len(known) == tables.contexts_count
    for context, counts in known:
        assert context & tables.context_mask == context
        assert counts and tables.counts(context | 0x700 & ~tables.context_mask) == counts
