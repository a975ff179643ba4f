"""What a decoder of bytes from outside promises; every one of them is listed as a ``Decoder``.

To add one: one ``Decoder(...)`` line in the list of its room (``wire_decoders``,
``payload_decoders``, ``ground_decoders``, ``desk_decoders``). Whatever is done to the examples is
then done to it too: cut, flipped, doubled, reordered, flooded, measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Tape = tuple[bytes, ...]  # what comes over one road, packet by packet
Take = Callable[[bytes], object]


@dataclass(frozen=True)
class Decoder:
    """One way in for bytes from outside, and its contract.

    The function that ``open`` returns takes packets. It returns (what came of them), or raises one
    of ``raises``, after which it is not asked again. What it may return, it checks itself.
    """

    name: str  # module, then what of it: "wire.frames downlink"
    open: Callable[[Path], Take]  # given an empty directory, for those that read files
    examples: Callable[[], list[Tape]]  # small and valid
    raises: tuple[type[Exception], ...] = ()
    words: tuple[bytes, ...] = ()  # put in the place of every word and number of a text format
    seal: Callable[[bytes], bytes] | None = None  # the packet with its check field made right
    is_stream: bool = False  # packets may be cut anywhere and mean the same
    held_bytes: int = 256 << 10  # what may stay allocated, however much it was fed
    peak_bytes: int = 2 << 20  # what may be allocated while packets of up to 64 KiB are taken
    cost: int = 1  # of one input, roughly in tenths of a millisecond; says how many are fed


# Numbers without end or bound, depth, and what else a reader of text may trip over. The integer of
# 310 digits is one that Python reads and that no float holds.
HUGE = b"1" + b"0" * 309
JSON_WORDS = (
    b"[" * 3000, b'{"a":' * 3000, b"1" * 5000, HUGE, b"-" + HUGE, b"1e999", b"-1e400", b"-1e30",
    b"1" * 30, b"NaN", b"-Infinity", b"[1]", b"{}", b"null", b"true", b'""', b'"\\ud800"',
    b'"\\u0000"', b"-1", b"0.5", b'1,"latitude":2,"latitude":3',
)
TOML_WORDS = (
    b"[" * 3000, b"{a=" * 3000, b"1" * 5000, HUGE, b"1e400", b"nan", b"-inf", b"[1]", b"{}",
    b"true", b'""', b'"\\u0000"', b"-1", b"0.5", b"1979-05-27", b"a.b.c", b"0x" + b"f" * 60,
    b"1\na = 2\na = 3",
)
CELLS = (b"", b"1e300", b"-1e300", b"1e400", b"nan", b"inf", b"9" * 40, HUGE, b"-", b"1_0",
         b"\xd9\xa1", b"\0")
# Whole packets that every decoder meets, whatever it is for: in text and in msgpack.
STRANGE_PACKETS = (
    *(b'{"type":"PAYLOAD_SUMMARY","callsign":"N0CALL","latitude":%b,"longitude":1,"altitude":%b}'
      % (word, word) for word in JSON_WORDS),
    HUGE, b"-" + HUGE, b"1e400", b"NaN", b"-Infinity", b'{"a":1,"a":2}',
    b"[" * 20_000 + b"]" * 20_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b"\x91" * 20_000 + b"\xc0", b"\x81\xa1a" * 10_000 + b"\xc0", b"\x82\xa1a\x01\xa1a\x02",
    *(b"\x81\xa3lat" + value for value in (
        b"\xcb\x7f\xf0" + bytes(6), b"\xcb\x7f\xf8" + bytes(6), b"\xcb\xff\xf0" + bytes(6),
        b"\xcf" + b"\xff" * 8, b"\xd3\x80" + bytes(7), b"\xd6\xff" + b"\xff" * 4,
    )),
)
XML_WORDS = (
    b"<w:p>" * 600, b"</w:p>", b"<!DOCTYPE d [<!ENTITY a 'b'>]>", b"&a;", b"&#0;", b"<![CDATA[x]]>",
    b"a" * 3000, b"<?xml version='1.0' encoding='utf-16'?>", b"\xff", b"",
)


def plain(function: Take) -> Callable[[Path], Take]:
    """``open`` of a decoder without state."""
    return lambda _place: function


def fresh(make: Callable[[], Take]) -> Callable[[Path], Take]:
    """``open`` of a decoder with state and without files: ``make`` gives a new one."""
    return lambda _place: make()


def in_file(name: str, function: Callable[[Path], object]) -> Callable[[Path], Take]:
    """``open`` of what reads a file ``name``: each packet becomes its contents."""

    def open_at(place: Path) -> Take:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)

        def take(data: bytes) -> object:
            path.write_bytes(data)
            path.chmod(0o600)
            return function(path)

        return take

    return open_at
