"""Horus Binary as sound: its error-correcting code, 4FSK symbols, and samples for a transmitter.

Format: horusdemodlib 0.6.2, docs and ``src/horus_l2.c`` (described there, written anew here; the
tests compare with its encoder and hear it with its demodulator). Of a frame's bits, the first
leftmost, each twelve get the 11 check bits of a Golay (23,12) code; of what is left at the end, its
bits stand one place above the lowest of the twelve. Frame and check bits are interleaved and
scrambled, bytes now with the lowest bit first, and stand behind the word 24 24. Two bits are a
symbol, the first leftmost, and symbol n is the tone ``base + n * 270`` Hz for 10 ms.
"""

from __future__ import annotations

import math
from array import array
from types import MappingProxyType

BAUD, SPACING_HZ = 100, 270
BASE_HZ = 1_000
RATE_HZ = 8_000
SAMPLES_PER_SYMBOL = RATE_HZ // BAUD
PREAMBLE = b"\x1b" * 8  # 0123 0123: each tone in turn
UNIQUE_WORD = b"\x24\x24"
_GOLAY_POLYNOMIAL = 0xC75
_DATA_BITS, _CHECK_BITS = 12, 11
# Bit n goes to n times this, modulo the bits, by the number of coded bytes of each frame size.
_INTERLEAVER_STEP = MappingProxyType({63: 389, 92: 457, 124: 613, 184: 911, 247: 1223})
_SCRAMBLER_START = 0x4A80  # of 15 bits, x^15 + x^14 + 1, as in DVB
_SINE = array("h", (round(32_000 * math.sin(2 * math.pi * n / RATE_HZ)) for n in range(RATE_HZ)))


def duration_ms(frame_bytes: int) -> int:
    """How long a frame of 32, 48, 64, 96 or 128 bytes sounds."""
    checks = -(-8 * frame_bytes // _DATA_BITS) * _CHECK_BITS
    coded_bytes = len(PREAMBLE) + len(UNIQUE_WORD) + frame_bytes + -(-checks // 8)
    return coded_bytes * 4 * 1000 // BAUD


def coded(frame: bytes) -> bytes:
    """Unique word, frame and check bits as they are sent. ``frame`` has a size of Horus v3."""
    plain = frame + _checks(frame)
    bits = 8 * len(plain)
    step = _INTERLEAVER_STEP[len(plain)]
    out = bytearray(len(plain))
    state = _SCRAMBLER_START
    noise = []
    for _ in range(bits):
        bit = (state ^ state >> 1) & 1
        state = state >> 1 | bit << 14
        noise.append(bit)
    for n in range(bits):
        at = n * step % bits
        out[at // 8] |= (plain[n // 8] >> n % 8 & 1 ^ noise[at]) << at % 8
    return UNIQUE_WORD + bytes(out)


def _checks(frame: bytes) -> bytes:
    """The check bits of all words of twelve, the first leftmost, filled up with zeros."""
    size, value = 8 * len(frame), int.from_bytes(frame, "big")
    words = [value >> size - end & 0xFFF for end in range(_DATA_BITS, size + 1, _DATA_BITS)]
    if rest := size % _DATA_BITS:
        words.append((value & (1 << rest) - 1) << 1)
    checks = 0
    for word in words:
        checks = checks << _CHECK_BITS | _golay(word)
    bits = len(words) * _CHECK_BITS
    return (checks << -bits % 8).to_bytes(-(-bits // 8), "big")


def _golay(word: int) -> int:
    """The remainder of twelve bits, which are the check bits."""
    remainder = word << _CHECK_BITS
    for bit in range(_DATA_BITS + _CHECK_BITS - 1, _CHECK_BITS - 1, -1):
        if remainder >> bit & 1:
            remainder ^= _GOLAY_POLYNOMIAL << bit - _CHECK_BITS
    return remainder


def samples(frame: bytes, level_percent: int = 50, base_hz: int = BASE_HZ) -> bytes:
    """Signed 16-bit samples, little-endian, RATE_HZ a second; the phase goes on from tone to tone.

    A frame of 64 bytes takes some 20 ms of a desk's processor.
    """
    table = array("h", (sample * level_percent // 100 for sample in _SINE))
    tones = [base_hz + symbol * SPACING_HZ for symbol in range(4)]
    sound = array("h")
    phase = 0
    for byte in PREAMBLE + coded(frame):
        for shift in (6, 4, 2, 0):
            tone = tones[byte >> shift & 3]
            sound.extend(table[(phase + n * tone) % RATE_HZ] for n in range(SAMPLES_PER_SYMBOL))
            phase = (phase + SAMPLES_PER_SYMBOL * tone) % RATE_HZ
    return sound.tobytes()
