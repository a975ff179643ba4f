"""The two text-age protocols: sentences that others read, callsigns on packets, and any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import ax25, ukhas
from wire.ax25 import Address, UiFrame
from wire.modems import kiss
from wire.ukhas import Sentence

FULL = Sentence("EDDA", 57, 45_296, 52.12345, -3.23456, 18_240, ("11", "3.92", "-41.5"))
LINE = b"$$EDDA,57,12:34:56,52.12345,-3.23456,18240,11,3.92,-41.5*AD80\n"
# From the unit tests of horusdemodlib 0.6.2 (decoder.py), made by another encoder.
FOREIGN = b"$$HORUS,6,06:43:16,0.000000,0.000000,0,0,0,1801,20*1DA2"


def test_golden_sentence() -> None:
    assert ukhas.encode(FULL) == LINE
    assert ukhas.parse(LINE) == FULL


def test_a_sentence_made_by_others() -> None:
    sentence = ukhas.parse(FOREIGN)
    assert sentence is not None
    assert (sentence.callsign, sentence.sequence, sentence.time_of_day_s) == ("HORUS", 6, 24_196)
    assert sentence.extra == ("0", "0", "1801", "20")


def test_horusdemodlib_reads_ours() -> None:
    decoder = pytest.importorskip("horusdemodlib.decoder", reason="horusdemodlib")
    heard = decoder.parse_ukhas_string(LINE.decode().strip())
    assert heard["callsign"] == "EDDA" and heard["latitude"] == 52.12345
    assert heard["altitude"] == 18_240


def test_unknown_is_empty_and_not_zero() -> None:
    line = ukhas.encode(Sentence("EDDA", 1))
    assert line.startswith(b"$$EDDA,1,,,,*")
    assert ukhas.parse(line) == Sentence("EDDA", 1)


def test_any_flipped_bit_is_noticed() -> None:
    for bit in range(8 * (len(LINE) - 1)):
        damaged = bytearray(LINE)
        damaged[bit // 8] ^= 1 << bit % 8
        heard = ukhas.parse(bytes(damaged))
        assert heard is None or heard == FULL  # the case of its CRC's letters does not matter


def test_a_stream_is_cut_anywhere() -> None:
    stream = b"noise\xff*1\n" + LINE + b"$$" + LINE + b"x" * 2000 + b"\n" + LINE
    for cut in range(len(stream)):
        decoder = ukhas.Decoder()
        found = decoder.feed(stream[:cut]) + decoder.feed(stream[cut:])
        assert found == [FULL] * 3 and decoder.bad_lines == 2


@given(st.builds(
    Sentence, st.text(max_size=30), st.integers(), st.none() | st.integers(),
    st.none() | st.floats(), st.none() | st.floats(), st.none() | st.floats(),
    st.lists(st.text(max_size=300), max_size=6).map(tuple),
))
def test_any_values_make_a_sentence(sentence: Sentence) -> None:
    line = ukhas.encode(sentence)
    assert len(line) <= ukhas.SENTENCE_BYTES_MAX and line.isascii() and line.count(b"\n") == 1
    assert ukhas.parse(line) is not None


@given(st.lists(st.binary(max_size=80) | st.sampled_from([b"$$", b"*", b"\n", LINE[:9]])))
def test_any_bytes_are_no_sentence(chunks: list[bytes]) -> None:
    decoder = ukhas.Decoder()
    for chunk in chunks:
        decoder.feed(chunk)


def test_any_body_with_a_right_crc_is_parsed_or_not() -> None:
    for body in (b"", b",", b"A", b"A,x", b"A,1", b"A,1,99:99:99", b"A,1,,nan,inf,1e9", b"\xff,1",
                 b"A,1,,91,181,100001", b"A,-1", b"A,9999999999"):
        sentence = ukhas.parse(b"$$" + body + b"*" + ukhas.crc(body))
        assert sentence is None or sentence == Sentence("A", 1)


GOLDEN = bytes.fromhex("a6a082869240e0" "9c608682989877" "03f0" "68656c6c6f")


def test_golden_frame() -> None:
    """SPACI, then N0CALL-11: each letter shifted left, C bit, both reserved bits, SSID, last."""
    destination, source = Address("SPACI"), Address.parse("n0call-11")
    assert ax25.encode(destination, source, b"hello") == GOLDEN
    assert ax25.decode(GOLDEN) == UiFrame(destination, source, b"hello")
    assert len(GOLDEN) == ax25.OVERHEAD_BYTES + 5


def test_a_path_of_digipeaters_is_read() -> None:
    """Source address without its last bit, WIDE1-1 that has repeated it, WIDE2-2 that has not."""
    path = bytes.fromhex("ae92888a62" "40e2" "ae92888a64" "4065")
    source = bytearray(GOLDEN[7:14])
    source[-1] &= 0xFE
    frame = ax25.decode(GOLDEN[:7] + bytes(source) + path + GOLDEN[14:])
    assert frame is not None and str(frame.source) == "N0CALL-11"
    assert frame.path == ((Address("WIDE1", 1), True), (Address("WIDE2", 2), False))


@pytest.mark.parametrize("text", ["", "TOOLONG", "N0CALL-16", "N0CALL-", "A B", "é", "X--1", "X-²"])
def test_what_is_not_a_callsign(text: str) -> None:
    if text == "N0CALL-":
        assert Address.parse(text) == Address("N0CALL")
        return
    with pytest.raises(ValueError, match=r"SSID|callsign"):
        Address.parse(text)


def test_a_frame_cut_anywhere_is_none_or_shorter() -> None:
    for end in range(len(GOLDEN)):
        frame = ax25.decode(GOLDEN[:end])
        assert (frame is None) == (end < ax25.OVERHEAD_BYTES)


def test_nine_digipeaters_are_too_many() -> None:
    source = GOLDEN[7:13] + bytes((GOLDEN[13] & 0xFE,))
    assert ax25.decode(GOLDEN[:7] + source + source * 9 + GOLDEN[14:]) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_a_frame_or_nothing(data: bytes) -> None:
    ax25.decode(data)
    ax25.decode(GOLDEN[:16] + data)


@given(st.from_regex(r"[A-Z0-9]{1,6}", fullmatch=True), st.integers(0, 15),
       st.binary(max_size=256))
def test_frames_pass_through_kiss(callsign: str, ssid: int, information: bytes) -> None:
    data = ax25.encode(Address("SPACI"), Address(callsign, ssid), information)
    (heard,) = kiss.Decoder().feed(kiss.encode(data))
    frame = ax25.decode(heard)
    assert frame == UiFrame(Address("SPACI"), Address(callsign, ssid), information)
