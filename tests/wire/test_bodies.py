"""Bodies come back from each encoding, sealed without their model; garbage is a ValueError."""

import json
import random
import zlib
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host_training.codec.codec import train
from tests.hostile import bounds
from tests.wire.test_text_codec import BASE, model
from wire import bodies, records, varint
from wire.bodies import (
    BODY_BYTES_MAX,
    SEALED,
    TEXT_BYTES_MAX,
    TEXT_BYTES_PER_CODED_MAX,
    TEXT_MARKS,
    Packed,
    TextSeat,
    by_id,
    pack,
    unpack,
)
from wire.records import BODY_FIELDS, EPOCH_2025_MS, Kind, Record, TimeQuality

GOLDEN_DIR = Path(__file__).parent.parent / "golden"
GOLDEN = json.loads((GOLDEN_DIR / "records.json").read_text())
KEYS = tuple(BODY_FIELDS[Kind.MUSING])
MODELS = by_id([model()])
SHORT_ID = model().model_id[:2]

VALUES = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.text(max_size=60), st.binary(max_size=40),
    st.dictionaries(st.text(max_size=6), st.integers(0, 9), max_size=3),
)
BODIES = st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=8)), VALUES, max_size=6)


def record_of(body: dict[str, Any], kind: int = Kind.MUSING) -> Record:
    return Record(100, Kind(kind), 1, EPOCH_2025_MS + 3_600_000, TimeQuality.GPS, body)


def coded(rest: dict[Any, Any], text: str, coder: Any = None, model_id: bytes = SHORT_ID) -> bytes:
    """A body of seat 3, made by hand."""
    data = (coder or model()).encode(text)
    return model_id + varint.encode(len(data)) + data + msgpack.packb(rest)


# -- golden bytes --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_records_are_read_for_ever(name: str) -> None:
    golden = GOLDEN[name]
    data = bytes.fromhex(golden["hex"])
    record = record_of(golden["body"], golden["kind"])
    assert records.decode(data, 0, None, MODELS) == (record, len(data))
    assert data[1] & 0xF == golden["seat"]
    if golden["seat"] in (TextSeat.NUMBERED, TextSeat.MODEL):  # who deflates may do it another way
        packed = records.pack(record, model() if golden["seat"] == TextSeat.MODEL else None)
        assert records.encode(record, None, packed) == data


def test_the_numbers_of_keys_and_marks_never_change() -> None:
    """A key's place in its table is on the air: tables may only grow, at their end."""
    for kind, keys in json.loads((GOLDEN_DIR / "record_keys.json").read_text()).items():
        assert list(BODY_FIELDS[Kind[kind]])[: len(keys)] == keys, kind
    marks = {"about": 1, "text": 2, "senses": 3, "question": 4, "by": 5, "summary": 6}
    assert {key: ord(mark) for key, mark in TEXT_MARKS.items()}.items() >= marks.items()


# -- there and back ------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(BODIES, st.booleans())
@example({}, True)
@example({"text": ""}, True)
@example({"text": "a", "summary": "", "by": "model", "about": b"bytes"}, True)
def test_any_body_comes_back(body: dict[str, Any], has_model: bool) -> None:
    packed = pack(body, KEYS, model() if has_model else None)
    assert unpack(packed, KEYS, MODELS) == body
    assert len(packed.data) <= len(bodies.pack_body(body))


def test_the_smallest_encoding_is_taken() -> None:
    said = "The lamp on the board has faded."
    assert pack({}, KEYS).seat is TextSeat.PLAIN
    assert pack({"other": 1}, KEYS).seat is TextSeat.PLAIN
    assert pack({"alt": 1}, KEYS, model()).seat is TextSeat.NUMBERED
    assert pack({"text": said * 4}, KEYS).seat is TextSeat.DEFLATED
    assert pack({"text": said}, KEYS).seat is TextSeat.NUMBERED
    assert pack({"text": said}, KEYS, model()).seat is TextSeat.MODEL
    assert pack({"text": b"bytes are no text"}, KEYS, model()).seat is TextSeat.NUMBERED


def test_a_text_that_holds_a_mark_or_is_too_long_is_not_coded() -> None:
    words, rng = " ".join(BASE).split(), random.Random(2)
    letters = " ".join(rng.choice(words) for _ in range(TEXT_BYTES_MAX))[:TEXT_BYTES_MAX]
    fits = letters[: TEXT_BYTES_MAX - 1]  # and its mark
    assert pack({"text": fits}, KEYS, model()).seat is TextSeat.MODEL
    assert pack({"text": letters}, KEYS, model()).seat is not TextSeat.MODEL
    assert pack({"text": fits[:-1] + "ü"}, KEYS, model()).seat is not TextSeat.MODEL  # bytes count
    for char in map(chr, range(0x20)):
        body = {"text": f"The lamp {char} on the board has faded."}
        packed = pack(body, KEYS, model())
        assert packed.seat is not TextSeat.MODEL and unpack(packed, KEYS, MODELS) == body


def test_a_newer_key_is_readable_as_a_number() -> None:
    packed = Packed(TextSeat.NUMBERED, msgpack.packb({4: 154, len(KEYS): 1, 300: "x"}))
    body = {"alt": 154, f"field_{len(KEYS)}": 1, "field_300": "x"}
    assert unpack(packed, KEYS, {}) == body


# -- sealed --------------------------------------------------------------------------------------


def test_without_the_model_all_but_the_texts_is_read_and_nothing_is_lost() -> None:
    body = {"text": "The lamp is lit.", "by": "model", "alt": 154, "tok": 6}
    packed = pack(body, KEYS, model())
    sealed = unpack(packed, KEYS, {})
    coding = {"model": SHORT_ID.hex(), "coded": model().encode(bodies.marked_text(body))}
    assert sealed == {"alt": 154, "tok": 6, SEALED: coding}
    assert bodies.sealed_model(sealed) == SHORT_ID.hex() and bodies.sealed_model(body) is None
    assert bodies.without_text(sealed) == bodies.without_text(body) == {"alt": 154, "tok": 6}
    kept = pack(sealed, KEYS, model())  # handed on by somebody who has the model
    assert unpack(kept, KEYS, MODELS) == sealed
    again = coding["coded"]
    data = SHORT_ID + varint.encode(len(again)) + again + msgpack.packb({4: 154})
    both = {"text": "The lamp on the board has faded.", **sealed}
    assert unpack(pack(both, KEYS, model()), KEYS, {}) == both, "read by all"
    made = Packed(TextSeat.MODEL, data)
    assert unpack(made, KEYS, MODELS) == {"text": "The lamp is lit.", "by": "model", "alt": 154}


def test_another_model_with_the_same_short_id_leaves_it_sealed() -> None:
    other = train([], ["Quite other words, in quite another order, of quite another person."])
    packed = pack({"text": "The flats are under there with the tide."}, KEYS, model())
    assert bodies.sealed_model(unpack(packed, KEYS, {SHORT_ID: other})) == SHORT_ID.hex()


@pytest.mark.parametrize("text", ["no mark first", "\x02a\x02b", "\x07unknown mark", "\x02a\x1fb"])
def test_decoded_text_that_is_not_of_a_record_stays_sealed(text: str) -> None:
    body = unpack(Packed(TextSeat.MODEL, coded({4: 1}, text)), KEYS, MODELS)
    assert body.keys() == {"alt", SEALED}


@pytest.mark.parametrize("sealed", [5, {}, {"model": 5}, {"model": "xyz0"}, {"model": "abc"}])
def test_what_only_looks_sealed_names_no_model(sealed: object) -> None:
    assert bodies.sealed_model({SEALED: sealed}) is None


# -- hostile bytes -------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(TextSeat), st.binary(max_size=60))
def test_any_bytes_are_a_body_or_a_value_error(seat: TextSeat, data: bytes) -> None:
    for known in (MODELS, {data[:2]: model()}, {}):
        try:
            body = unpack(Packed(seat, data), KEYS, known)
        except ValueError:
            continue
        assert all(isinstance(key, str) for key in body)
        bodies.unpack_body(msgpack.packb(body))  # fit for the archive


@pytest.mark.parametrize(("data", "says"), [
    (b"", "not a map"), (b"\x81\x00", "incomplete"), (b"\xde", "not a map"),
    (b"\xde\xff\xff\x00\x01", "exceeds"), (b"\xdf\xff\xff\xff\xff\x00\x01", "not a map"),
    (b"\x80\x00", "extra data"), (b"\x82\x00\x01\x00\x02", "twice"),
    (b"\x82\x00\x01\xa4text\x02", "twice"),
    (b"\x81\xff\x01", "numbered keys"), (b"\x81\xc3\x01", "numbered keys"),
    (b"\x81\x91\x00\x01", "numbered keys"), (b"\x81\xc4\x01a\x01", "numbered keys"),
    (b"\x81\x00\x81\x00\x01", "strict_map_key"), (b"\x93\x01\x02\x03", "not a map"),
])
def test_numbered_bodies_that_are_none(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        unpack(Packed(TextSeat.NUMBERED, data), KEYS, {})


def deflated(data: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(data) + deflater.flush()


def test_a_deflated_body_is_never_larger_than_a_body_may_be() -> None:
    def body_of(size: int) -> bytes:
        packed: bytes = msgpack.packb({0: "x" * (size - 5)})
        assert len(packed) == size
        return deflated(packed)

    assert len(unpack(Packed(TextSeat.DEFLATED, body_of(BODY_BYTES_MAX)), KEYS, {})["text"]) == 8187
    bomb = deflated(bytes(100_000_000))
    for data in (body_of(BODY_BYTES_MAX + 1), bomb, body_of(900)[:-1], body_of(900) + b"\0", b""):
        with pytest.raises(ValueError, match="deflated body"):
            unpack(Packed(TextSeat.DEFLATED, data), KEYS, {})


def test_a_deflated_body_takes_no_more_memory_than_its_bound() -> None:
    """8 KB that inflate to 8 MB: refused, and never made."""
    bomb = Packed(TextSeat.DEFLATED, deflated(bytes(8_000_000)))
    assert len(bomb.data) < BODY_BYTES_MAX

    def open_it() -> None:
        with pytest.raises(ValueError, match="deflated body"):
            unpack(bomb, KEYS, {})

    open_it()  # what the first use leaves behind is not the bomb's
    _, peak_bytes = bounds.bytes_used(open_it)
    assert peak_bytes < 100_000, peak_bytes


def test_a_coded_body_cut_anywhere_is_a_value_error_and_never_truncated() -> None:
    """Truncated would make the reader wait for more, though the record is whole."""
    data = coded({4: 154}, "\x02The lamp is lit.")
    for end in range(len(data)):
        with pytest.raises(ValueError) as raised:
            unpack(Packed(TextSeat.MODEL, data[:end]), KEYS, MODELS)
        assert not isinstance(raised.value, varint.Truncated)


@pytest.mark.parametrize("rest", [{0: "twice"}, {SEALED: 1, "text": 1}])
def test_a_field_that_is_coded_and_not_is_refused(rest: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match="twice"):
        unpack(Packed(TextSeat.MODEL, coded(rest, "\x02The lamp is lit.")), KEYS, MODELS)


def test_a_few_bytes_cannot_make_the_decoder_work_long() -> None:
    """Method: a model to which one letter is nearly certain, as a stranger may choose his bytes."""
    sure = train([], ["\x02" + "a" * 390] * 3)
    text = "\x02" + "a" * (TEXT_BYTES_MAX - 1)
    data = sure.encode(text)
    assert len(text) > TEXT_BYTES_PER_CODED_MAX * len(data)
    known = {SHORT_ID: sure}
    assert SEALED in unpack(Packed(TextSeat.MODEL, coded({}, text, sure)), KEYS, known)
    assert pack({"text": text[1:]}, KEYS, sure).seat is TextSeat.DEFLATED
    short = text[: TEXT_BYTES_PER_CODED_MAX * len(sure.encode(text[:30]))]
    assert unpack(Packed(TextSeat.MODEL, coded({}, short[:30], sure)), KEYS, known) == {
        "text": short[1:30]}


def test_the_bound_of_a_decoded_text_is_in_bytes() -> None:
    """Four bytes a character must not make it four times as long."""
    rng = random.Random(6)
    for letters, is_read in ((190, True), (210, False)):
        text = "\x02" + "".join(rng.choice("αβγδεζηθ") for _ in range(letters))
        assert len(text) < TEXT_BYTES_MAX < TEXT_BYTES_PER_CODED_MAX * len(model().encode(text))
        body = unpack(Packed(TextSeat.MODEL, coded({}, text)), KEYS, MODELS)
        assert (SEALED not in body) == is_read


def test_records_know_four_seats() -> None:
    data = bytearray(records.encode(record_of({"text": "Cold."}), None))
    for seat in range(4, 16):
        data[1] = data[1] & 0xF0 | seat
        with pytest.raises(ValueError, match=f"encoding {seat}"):
            records.decode(bytes(data), 0, None, MODELS)


def test_every_cut_of_a_coded_record_is_truncated() -> None:
    record = record_of({"text": "The lamp is lit.", "alt": 154})
    data = records.encode(record, None, records.pack(record, model()))
    for end in range(len(data)):
        with pytest.raises(varint.Truncated):
            records.decode(data[:end], 0, None, MODELS)
