"""Serial LoRa modules: golden commands, every cut of a stream, garbage before and between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.modems import ebyte, rylr

FRAMES = [b"hello", b"\xe5" * 20, bytes(range(222)), b"\r\n+RCV=1,2,"]


def ebyte_stream(has_rssi: bool) -> bytes:
    tail = b"\xc4" if has_rssi else b""
    return b"".join(b"\x00\xe5\x03" + ebyte.encode(frame) + tail for frame in FRAMES)


def test_ebyte_golden_frame() -> None:
    assert ebyte.encode(b"hello").hex() == "e5058e7368656c6c6f"


@pytest.mark.parametrize("has_rssi", [False, True])
def test_ebyte_stream_cut_anywhere(has_rssi: bool) -> None:
    stream = ebyte_stream(has_rssi)
    expected = [ebyte.EbyteFrame(frame, -60 if has_rssi else None) for frame in FRAMES]
    for cut in range(len(stream) + 1):
        decoder = ebyte.Decoder(has_rssi)
        found = decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) + decoder.flush()
        assert found == expected and decoder.noise_bytes == 3 * len(FRAMES)


def test_ebyte_a_lost_end_costs_one_frame() -> None:
    """A packet cut short holds back the next until the line is silent, and no longer."""
    decoder = ebyte.Decoder(False)
    assert decoder.feed(ebyte.encode(bytes(200))[:50] + ebyte.encode(b"next")) == []
    assert decoder.flush() == [ebyte.EbyteFrame(b"next", None)]


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"\xe5", b"\xe5\x00", b"\xe5\xff"])),
       st.booleans())
def test_ebyte_any_bytes_stay_within_the_bound(chunks: list[bytes], has_rssi: bool) -> None:
    decoder = ebyte.Decoder(has_rssi)
    for chunk in chunks:
        decoder.feed(chunk)
        assert len(decoder._buffer) <= ebyte.HEADER_BYTES + ebyte.FRAME_BYTES_MAX + 1
    decoder.flush()
    heard = decoder.feed(ebyte.encode(b"after the storm") + b"\x80")
    assert [h.frame for h in heard] == [b"after the storm"]


def test_ebyte_registers() -> None:
    """The example of the E22 manual (2.4k, 9600 8N1 is 62h in REG0), and the E220's shorter set."""
    e22 = ebyte.registers(ebyte.Model.E22, ebyte.ModuleSettings(channel=18, network=5))
    assert e22.hex() == "ffff0562001280"
    e220 = ebyte.registers(
        ebyte.Model.E220, ebyte.ModuleSettings(channel=18, power=3, has_rssi=False))
    assert e220.hex() == "ffff62031200"
    assert ebyte.write_command(0, e22).hex() == "c00007ffff0562001280"
    assert ebyte.read_command(5, 1).hex() == "c10501"
    with pytest.raises(ValueError, match="not in tuple"):
        ebyte.registers(ebyte.Model.E220, ebyte.ModuleSettings(channel=1, air_rate_bps=300))


def test_ebyte_answer_after_stray_bytes() -> None:
    """0xFC or 00 00 comes first after power-up (xreef E220_micropython #1, #2)."""
    answer = bytes.fromhex("fc0000c1050109")
    for end in range(len(answer)):
        assert ebyte.parse_answer(answer[:end], 5, 1) is None
    assert ebyte.parse_answer(answer, 5, 1) == b"\x09"
    with pytest.raises(ebyte.ModuleRefused):
        ebyte.parse_answer(b"\x00\xff\xff\xff", 5, 1)


@given(st.binary(max_size=50))
def test_ebyte_any_answer(data: bytes) -> None:
    try:
        values = ebyte.parse_answer(data, 0, 7)
    except ebyte.ModuleRefused:
        return
    assert values is None or len(values) == 7


def packet(data: bytes, tail: bytes = b",-99,40\r\n") -> bytes:
    return b"+RCV=50,%d,%s%s" % (len(data), data, tail)


def test_rylr_golden_commands() -> None:
    assert rylr.send_command(b"HELLO", True, 50) == b"AT+SEND=50,5,HELLO\r\n"
    assert rylr.send_command(b"\0\0\0\0", False) == b"AT+SEND=0,5,00000\r\n"
    assert len(rylr.send_command(bytes(rylr.MTU_TEXT_BYTES), False)) < 260


@pytest.mark.parametrize("is_binary", [False, True])
def test_rylr_stream_cut_anywhere(is_binary: bool) -> None:
    stream = b"+READY\r\n+OK\r\ngarbage"
    expected: list[rylr.Event] = [rylr.Reply("READY"), rylr.Reply("OK")]
    for frame in (b"hello", b"\r\n+RCV=1,2,", bytes(range(180))):
        data = rylr.send_command(frame, is_binary).split(b",", 2)[2][:-2]
        stream += packet(data) + b"+ERR=4\r\n"
        expected += [rylr.RylrFrame(50, frame, -99, 40), rylr.Reply("ERR=4")]
    for cut in range(len(stream) + 1):
        decoder = rylr.Decoder(is_binary)
        assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == expected
        assert decoder.noise_bytes == len(b"garbage")
    assert [e.is_error for e in expected if isinstance(e, rylr.Reply)][-1]


def test_rylr_a_damaged_length_costs_one_packet() -> None:
    decoder = rylr.Decoder(True)
    damaged = packet(b"lost").replace(b",4,", b",240,")
    assert decoder.feed(damaged + packet(b"next")) == []
    assert decoder.flush() == [rylr.RylrFrame(50, b"next", -99, 40)]


def test_rylr_base85_that_is_none_is_noise() -> None:
    decoder = rylr.Decoder(False)
    assert decoder.feed(packet(b'"""""') + packet(b"~~~~~")) == []
    assert decoder.noise_bytes


@given(st.lists(st.binary(max_size=60) | st.sampled_from(
    [b"+RCV=", b"+RCV=1,240,", b"+RCV=99999,0,", b"+", b"+O", b"\r\n", b",-1,1\r\n"])),
    st.booleans())
def test_rylr_any_bytes_stay_within_the_bound(chunks: list[bytes], is_binary: bool) -> None:
    decoder = rylr.Decoder(is_binary)
    for chunk in chunks:
        decoder.feed(chunk)
        assert len(decoder._buffer) < 280
    decoder.flush()
    assert decoder.feed(b"\r\n+OK\r\n") == [rylr.Reply("OK")]


@given(st.binary(min_size=1, max_size=192))
def test_rylr_base85_round_trip(frame: bytes) -> None:
    data = rylr.send_command(frame, False).split(b",", 2)[2][:-2]
    assert b"," not in data
    (heard,) = rylr.Decoder(False).feed(packet(data))
    assert isinstance(heard, rylr.RylrFrame) and heard.frame == frame
