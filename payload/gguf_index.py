"""Finds where the weights of a GGUF file lie, so that they can be added to in place.

Only for files whose hash is known to be right: every count in them is believed.

Source: the GGUF specification of ggml (docs/gguf.md), version 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = b"GGUF"
F32, F16 = 0, 1  # of ggml_type, the only ones read here
ALIGNMENT_FIELD, ALIGNMENT = "general.alignment", 32
_TEXT, _LIST = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
            12: "d"}


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """One tensor: its shape as numpy counts (rows first), ggml_type, and offset in the file."""

    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass(frozen=True, slots=True)
class GgufIndex:
    """The settings of a GGUF, long lists left out, and the places of its tensors."""

    settings: dict[str, Any]
    tensors: dict[str, TensorPlace]


def read(path: Path) -> GgufIndex:
    """Raises OSError; ValueError or struct.error where it is no GGUF."""
    with path.open("rb") as file:
        magic, _, n_tensors, n_settings = struct.unpack("<4sIQQ", file.read(24))
        if magic != MAGIC:
            raise ValueError("it does not begin as a GGUF does")
        settings = {}
        for _ in range(n_settings):
            name = _text(file)
            settings[name] = _value(file, _number(file, "I"))
        found = [_tensor(file) for _ in range(n_tensors)]
        step = settings.get(ALIGNMENT_FIELD, ALIGNMENT)
        start = -(-file.tell() // step) * step
    return GgufIndex(settings, {
        name: TensorPlace(shape, kind, start + offset) for name, shape, kind, offset in found})


def _number(file: BinaryIO, form: str) -> Any:
    return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))[0]


def _text(file: BinaryIO) -> str:
    return file.read(_number(file, "Q")).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:
    """A scalar or a text; of a list, which is a vocabulary, nothing is kept."""
    if kind == _TEXT:
        return _text(file)
    if kind == _LIST:
        of, count = _number(file, "I"), _number(file, "Q")
        for _ in range(count):
            _value(file, of)
        return None
    return _number(file, _SCALARS[kind])


def _tensor(file: BinaryIO) -> tuple[str, tuple[int, ...], int, int]:
    name = _text(file)
    shape = [_number(file, "Q") for _ in range(_number(file, "I"))]
    return name, tuple(reversed(shape)), _number(file, "I"), _number(file, "Q")
