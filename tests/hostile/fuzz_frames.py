"""Coverage-guided fuzzing of frames: ``python -m tests.hostile.fuzz_frames -runs=N -seed=S``.

Atheris (libFuzzer) changes the bytes and keeps what reaches new lines of ``wire``. An input is a
tape of packets: a length, a byte that says how its check field is made right (0 not, 1 CRC-32,
2 MAC; 3 makes a data frame of one of four blocks, so that frames meet), the packet. Each packet
goes down to a receiver and its records, and up to a sender and the commands; whatever it is, what
they answer can be sent. Options are libFuzzer's; a corpus folder may be named, without one the
golden frames and a short flight are where it begins.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["wire"]):
    from tests.hostile import examples, seals
    from tests.hostile.wire_decoders import SMALL_MTU, receiver_take, sender_take
    from wire import commands, frames
    from wire.frames import CommandFrame, DataFrame, FrameCounter

BLOCKS = 4
PACKET_BYTES_MAX = 255
INPUT_BYTES_MAX = 4096


def data_frame(packet: bytes) -> bytes:
    """A data frame from few bytes: its block and whether that is open, its length, the ESI."""
    block, length, esi, *_ = packet.ljust(3, b"\0")
    return frames.encode_downlink(DataFrame(
        examples.NODE_ID, FrameCounter(1, esi), 1, 500 + block % BLOCKS, length + 1, esi,
        packet[3:] or b"\xff", bool(block & 0x80),
    ))


SEALS: tuple[Callable[[bytes], bytes], ...] = (bytes, seals.crc32, seals.mac, data_frame)


def pack(tape: tuple[bytes, ...]) -> bytes:
    """The input that means ``tape``; check fields are made right again, so that they stay so."""
    def how(packet: bytes) -> int:
        return 2 if frames.is_uplink(packet) else 1

    return b"".join(bytes((len(p), how(p))) + p for p in tape if len(p) <= PACKET_BYTES_MAX)


def unpack(data: bytes) -> list[bytes]:
    """The packets in any input."""
    packets: list[bytes] = []
    at = 0
    while at + 2 <= len(data):
        length, how = data[at], data[at + 1]
        packets.append(SEALS[how % len(SEALS)](data[at + 2 : at + 2 + length]))
        at += 2 + length
    return packets


def survive(data: bytes) -> None:
    """What libFuzzer calls; an exception is a find."""
    takes = receiver_take(), receiver_take(SMALL_MTU), sender_take()
    for packet in unpack(data):
        for take in takes:
            take(packet)
        frame = frames.decode_uplink(packet, seals.UPLINK_KEY)
        if isinstance(frame, CommandFrame):
            try:
                command = commands.decode(frame.body)
            except ValueError:
                continue
            assert commands.decode(commands.encode(command)) == command


def write_seeds(folder: Path) -> None:
    """The golden frames, a short flight, and what is said to it."""
    for number, tape in enumerate((*examples.downlink(), *examples.uplink())):
        (folder / f"{number:02}").write_bytes(pack(tape))


def main() -> None:
    """Runs until libFuzzer's options say that it is enough."""
    with TemporaryDirectory() as seeds:
        write_seeds(Path(seeds))
        has_corpus = any(not argument.startswith("-") for argument in sys.argv[1:])
        options = [f"-max_len={INPUT_BYTES_MAX}", *sys.argv[1:]]
        atheris.Setup([sys.argv[0], *options, *([] if has_corpus else [seeds])], survive)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
