"""The GNSS byte stream: whole messages whatever the cuts, damage counted, memory bounded."""

from __future__ import annotations

import random

import pytest
from pyubx2 import SET, UBXMessage

from payload.devices.gnss_stream import (
    UBX_PAYLOAD_BYTES_MAX,
    GnssStreamParser,
    NmeaSentence,
    UbxMessage,
    encode_ubx,
)

GGA = b"$GNGGA,120000.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*79\r\n"
GGA_FIELDS = tuple(GGA.decode()[7:-5].split(","))


def test_framing_is_that_of_pyubx2() -> None:
    """Goal: our frames are u-blox frames. Method: another library builds the same bytes."""
    theirs = UBXMessage("CFG", "CFG-NAV5", SET, dyn=1, dynModel=6).serialize()
    assert encode_ubx(0x06, 0x24, b"\x01\x00\x06" + bytes(33)) == theirs
    assert UBXMessage("MON", "MON-VER", 2).serialize() == encode_ubx(0x0A, 0x04)


def test_split_at_every_byte() -> None:
    """Goal: cuts do not matter. Method: two messages with noise between, cut at each place."""
    data = b"\x00$x" + encode_ubx(1, 7, b"$\xb5\x62abc") + b"\xb5\xb5\x62" + GGA
    wanted = [UbxMessage(1, 7, b"$\xb5\x62abc"), NmeaSentence("GGA", GGA_FIELDS)]
    tail = GGA  # ends the wait for the false UBX start in front of the sentence
    for cut in range(len(data) + 1):
        parser = GnssStreamParser()
        got = parser.feed(data[:cut]) + parser.feed(data[cut:])
        while len(got) < 2 and parser.noise_bytes < 10_000:
            got += parser.feed(tail)
        assert got[:2] == wanted, cut


@pytest.mark.parametrize("position", range(2, 16))
def test_flipped_bits_are_noticed(position: int) -> None:
    """Goal: a damaged frame is counted, not delivered. Method: flip each bit of the frame."""
    frame = bytearray(encode_ubx(5, 1, b"\x06\x24abcdef"))
    for bit in range(8):
        damaged = bytearray(frame)
        damaged[position] ^= 1 << bit
        parser = GnssStreamParser()
        got = parser.feed(bytes(damaged) + GGA * 20)
        assert all(isinstance(message, NmeaSentence) for message in got)
        assert parser.bad_frames >= 1
        assert len(got) >= 1


def test_wrong_nmea_checksum() -> None:
    """Goal: a sentence with a wrong or missing checksum is dropped."""
    for bad in (GGA.replace(b"*79", b"*78"), GGA.replace(b"*79", b""), b"$GNGGA,\xff,*00\r\n"):
        parser = GnssStreamParser()
        assert parser.feed(bad) == []
        assert parser.bad_frames >= 1
        assert len(parser.feed(GGA)) == 1


def test_noise_is_bounded_and_passes() -> None:
    """Goal: 10 kB of noise, of dollars, of sync bytes and a line without end cost no memory."""
    source = random.Random(5)
    noises = (
        source.randbytes(10_000), b"$" * 10_000, b"\xb5" * 10_000, b"\xb5\x62" * 5_000,
        b"$GNGGA," + b"1" * 10_000, b"\xb5\x62\x01\x07\xff\xff" + bytes(1000),
    )
    for noise in noises:
        parser = GnssStreamParser()
        got: list[UbxMessage | NmeaSentence] = []
        for at in range(0, len(noise), 700):
            got += parser.feed(noise[at : at + 700])
            assert len(parser._buffer) <= UBX_PAYLOAD_BYTES_MAX + 8
        assert got == []
        for _ in range(20):
            got += parser.feed(GGA)
        assert len(got) > 1
        assert parser.bad_frames + parser.noise_bytes > 0


def test_length_65535_does_not_wait() -> None:
    """Goal: a UBX length nobody sends is noise at once, and what follows is heard."""
    parser = GnssStreamParser()
    assert len(parser.feed(b"\xb5\x62\x01\x07\xff\xff" + GGA)) == 1
