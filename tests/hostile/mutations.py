"""What is done to a valid example: the same to that of every decoder.

``systematic`` does each single damage in each position, in an order that does not change;
``damaged`` does one of them, drawn; ``hostile`` is a Hypothesis strategy that piles several upon
one another, or invents everything.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator

from hypothesis import strategies as st

from tests.hostile.registry import STRANGE_PACKETS, Decoder, Tape

EXTREMES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\x01")  # of a number, at each end of its range
WIDTHS = (1, 2, 4, 8)
WORD = re.compile(rb'"[^"\n]*"|[-+\w.]+')
RANDOM_BYTES_MAX = 300
REPEATS = 3

Case = tuple[str, Tape]
Damage = Callable[[bytes, int], bytes]


def _put(packet: bytes, at: int, value: bytes) -> bytes:
    return packet[:at] + value + packet[at + len(value) :]


def _flip(bit: int) -> Damage:
    return lambda packet, at: _put(packet, at, bytes((packet[at] ^ 1 << bit,)))


def _number(value: bytes) -> Damage:
    return lambda packet, at: _put(packet, at, value)


def _numbers() -> Iterator[bytes]:
    """Numbers at their ends: all bytes the same, or one of them at either end (sign bits)."""
    for width in WIDTHS:
        for value in EXTREMES:
            pad = b"\0" * (width - 1)
            yield from dict.fromkeys((value * width, value + pad, pad + value))


DAMAGES: list[tuple[str, Damage]] = [
    ("cut before byte", lambda packet, at: packet[:at]),
    ("cut up to byte", lambda packet, at: packet[at + 1 :]),
    ("without byte", lambda packet, at: packet[:at] + packet[at + 1 :]),
    ("doubled byte", lambda packet, at: packet[: at + 1] + packet[at:]),
    *((f"flipped bit {bit} of byte", _flip(bit)) for bit in range(8)),
    *((f"{value.hex()} at byte", _number(value)) for value in _numbers()),
]


def _spread(total: int, count_max: int) -> range:
    """At most about ``count_max`` of ``total`` indices, meeting every kind of damage."""
    step = max(1, -(-total // max(1, count_max)))
    while math.gcd(step, len(DAMAGES)) > 1:
        step += 1
    return range(0, total, step)


def systematic(decoder: Decoder, tape: Tape, count_max: int) -> Iterator[Case]:
    """Packets lost, doubled and moved, and strange ones; then at most ``count_max`` of all single
    damages to a byte, evenly spread over places and kinds, and as many to a word."""
    yield "as it was", tape
    yield "twice", tape * 2
    yield "backwards", tape[::-1]
    yield "in one piece", (b"".join(tape),)
    yield "nothing", (b"",)
    for strange in STRANGE_PACKETS:
        yield f"strange {strange[:90]!r}", (strange,)
    yield "then all that is strange", (*tape, *STRANGE_PACKETS)
    for at in range(0, len(tape), 1 + 8 * len(tape) // max(8, count_max)):
        packet = tape[at]
        yield f"without packet {at}", tape[:at] + tape[at + 1 :]
        yield f"packet {at} again and again", tape[:at] + (packet,) * REPEATS + tape[at:]
        yield f"packet {at} late", (*tape[:at], *tape[at + 1 :], packet)
        yield f"packet {at} followed by itself", (*tape[:at], packet * 2, *tape[at + 1 :])
    places = [(at, byte) for at, packet in enumerate(tape) for byte in range(len(packet))]
    for index in _spread(len(places) * len(DAMAGES), count_max):
        (at, byte), (what, damage) = places[index // len(DAMAGES)], DAMAGES[index % len(DAMAGES)]
        damaged = (*tape[:at], damage(tape[at], byte), *tape[at + 1 :])
        yield f"packet {at}: {what} {byte}", damaged
    found = [(at, match) for at, packet in enumerate(tape) for match in WORD.finditer(packet)]
    for index in _spread(len(found) * len(decoder.words), count_max):
        at, match = found[index // len(decoder.words)]
        word = decoder.words[index % len(decoder.words)]
        damaged = (*tape[:at], _replaced(match, word), *tape[at + 1 :])
        yield f"packet {at}: {word[:9]!r} for {match[0]!r}", damaged


def _replaced(match: re.Match[bytes], word: bytes) -> bytes:
    return match.string[: match.start()] + word + match.string[match.end() :]


def damaged(decoder: Decoder, tape: Tape, rng: random.Random) -> Tape:
    """``tape`` with one packet damaged at a drawn place, every other time with its check field
    made right; bytes drawn at will where it has none to damage."""
    places = [at for at, packet in enumerate(tape) if packet]
    if not places:
        return (rng.randbytes(rng.randrange(RANDOM_BYTES_MAX)),)
    at = rng.choice(places)
    packet = tape[at]
    byte = rng.randrange(len(packet))
    match = WORD.search(packet, byte) if decoder.words and rng.getrandbits(1) else None
    if match is not None:
        packet = _replaced(match, rng.choice(decoder.words))
    else:
        _, damage = rng.choice(DAMAGES)
        packet = damage(packet, byte)
    if decoder.seal is not None and rng.getrandbits(1):
        packet = decoder.seal(packet)
    return (*tape[:at], packet, *tape[at + 1 :])


@st.composite
def _mutated(draw: st.DrawFn, packet: bytes, words: tuple[bytes, ...]) -> bytes:
    """A few damages at drawn places."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(packet) - 1)))
        kinds = ("put", "insert", "delete", "cut", "repeat", *["word"] * bool(words))
        kind = draw(st.sampled_from(kinds))
        piece = draw(st.one_of(
            st.binary(min_size=1, max_size=8),
            st.builds(bytes.__mul__, st.sampled_from(EXTREMES), st.sampled_from(WIDTHS)),
        ))
        if kind == "put":
            packet = _put(packet, at, piece)
        elif kind == "insert":
            packet = packet[:at] + piece + packet[at:]
        elif kind == "delete":
            packet = packet[:at] + packet[at + len(piece) :]
        elif kind == "cut":
            packet = packet[:at]
        elif kind == "word":
            match = WORD.search(packet, at)
            packet = _replaced(match, draw(st.sampled_from(words))) if match else packet
        else:
            packet = packet[:at] + packet[at : at + 16] * draw(st.integers(2, 8)) + packet[at:]
    return packet


def hostile(decoder: Decoder) -> st.SearchStrategy[Tape]:
    """Tapes of random bytes, and of damaged, sealed, mixed and moved packets of the examples."""
    tapes = decoder.examples()
    known = st.sampled_from([packet for tape in tapes for packet in tape])
    damaged = known.flatmap(lambda packet: _mutated(packet, decoder.words))
    strange = st.sampled_from(STRANGE_PACKETS)
    packet = st.one_of(st.binary(max_size=RANDOM_BYTES_MAX), known, damaged, strange)
    if decoder.seal is not None:
        packet = st.one_of(packet, packet.map(decoder.seal))
    start = st.sampled_from([(), *tapes])
    return st.one_of(
        st.builds(lambda tape, more: (*tape, *more), start, st.lists(packet, max_size=6)),
        st.builds(lambda tape, more: (*tape, *more), start,
                  st.lists(packet, max_size=6)).flatmap(st.permutations).map(tuple),
    )


def sealed(cases: Iterator[Case], seal: Callable[[bytes], bytes] | None) -> Iterator[Case]:
    """Each case as it is, and with every check field made right."""
    for what, tape in cases:
        yield what, tape
        if seal is not None:
            again = tuple(map(seal, tape))
            if again != tape:
                yield f"{what}, sealed", again


def floods(decoder: Decoder, size: int) -> Iterator[Case]:
    """Single packets of ``size`` bytes: one byte for ever, a beginning for ever, an example."""
    packets = {packet for tape in decoder.examples() for packet in tape if packet}
    starts = sorted({packet[:n] for packet in packets for n in (1, 2)})[:8]
    longest = max(packets, key=len, default=b"")
    for piece in (b"\0", b"\xff", b"\n", b"[", *starts, longest[:-1], longest):
        if piece:
            flood = (piece * (size // len(piece) + 1))[:size]
            yield f"{piece[:8].hex()} for {size} bytes", (flood,)
            if decoder.seal is not None:
                yield f"{piece[:8].hex()} for {size} bytes, sealed", (decoder.seal(flood),)
