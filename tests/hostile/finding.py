"""An input that broke a decoder: how it is told, made smaller, and kept as a file that is a test.

A file in ``found/`` is fed again by ``test_campaign.py`` for ever; the line that is printed of
it feeds it once: ``python -m tests.hostile --replay FILE``.
"""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.registry import Tape

FOUND = Path(__file__).parent / "found"
TRIES_MAX = 2_000
MESSAGE_CHARS_MAX = 200


@dataclass(frozen=True)
class Finding:
    """What went wrong, where (one finding is told for each place), and with which packets."""

    decoder: str
    error: str
    tape: Tape


def error_of(error: BaseException) -> str:
    """One line: kind, place and message of an exception."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())[:MESSAGE_CHARS_MAX]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {said}"


def place_of(error: str) -> str:
    """What two errors have in common that are one finding."""
    return error.split(": ")[0]


def smaller(tape: Tape, is_same: Callable[[Tape], bool]) -> Tape:
    """A tape of fewer packets and bytes of which ``is_same`` holds too; it is asked at most
    TRIES_MAX times."""
    tries = 0

    def kept(candidate: Tape) -> bool:
        nonlocal tries
        tries += 1
        return tries <= TRIES_MAX and is_same(candidate)

    for at in reversed(range(len(tape))):
        if kept(tape[:at] + tape[at + 1 :]):
            tape = tape[:at] + tape[at + 1 :]
    for at, packet in enumerate(tape):
        width = len(packet) // 2
        while width:
            byte = 0
            while byte < len(tape[at]):
                shorter = tape[at][:byte] + tape[at][byte + width :]
                candidate = (*tape[:at], shorter, *tape[at + 1 :])
                if kept(candidate):
                    tape = candidate
                else:
                    byte += width
            width //= 2
    return tape


def save(finding: Finding, folder: Path = FOUND) -> Path:
    """The file of a finding; the same finding is the same file."""
    packets = [packet.hex() for packet in finding.tape]
    digest = hashlib.sha256(json.dumps(packets).encode()).hexdigest()[:8]
    path = folder / f"{re.sub(r'[^a-z0-9_]+', '-', finding.decoder)}-{digest}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(
        {"decoder": finding.decoder, "error": finding.error, "packets": packets}, indent=1) + "\n")
    return path


def load(path: Path) -> Finding:
    """What ``save`` wrote."""
    saved = json.loads(path.read_text())
    return Finding(saved["decoder"], saved["error"], tuple(map(bytes.fromhex, saved["packets"])))
