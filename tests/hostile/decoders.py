"""Every decoder in one list, and what it means to feed one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile.desk_decoders import DESK
from tests.hostile.device_decoders import DEVICES
from tests.hostile.ground_decoders import GROUND
from tests.hostile.payload_decoders import PAYLOAD
from tests.hostile.registry import Decoder, Tape
from tests.hostile.wire_decoders import WIRE

DECODERS = [*WIRE, *DEVICES, *PAYLOAD, *GROUND, *DESK]


def feed(decoder: Decoder, tape: Tape, place: Path) -> list[object]:
    """What came of ``tape`` until it ended or was refused."""
    take = decoder.open(place)
    results: list[object] = []
    for packet in tape:
        try:
            results.append(take(packet))
        except decoder.raises:
            break
    return results


def is_understood(results: list[object], tape: Tape) -> bool:
    """True when no packet was refused and something came of one."""
    return len(results) == len(tape) and any(
        result is not None and result != [] for result in results)


@contextmanager
def empty_place() -> Iterator[Path]:
    """A new directory, in memory where the machine has one: thousands of files are written."""
    memory = Path("/dev/shm")
    folder = memory if os.access(memory, os.W_OK) else None
    with TemporaryDirectory(dir=folder, prefix="spacepi-hostile-") as name:
        yield Path(name)
