"""Tries out an adapter bundle as it will fly: assembles it, measures it, and lets it say a line.

The flight computer's own program assembles it, in a process of its own, so that what is signed is
known to become a model there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host_training.bundle import chat
from host_training.errors import TrainingError
from host_training.likelihood.bits import gguf_bits_per_byte
from host_training.rows.dataset import Row
from wire.bundle import MODEL, PUBLIC_KEY

AGREEMENT = 0.01  # of bits per byte: the same weights, summed and rounded in another order
ASSEMBLY_S_MAX = 1800


@dataclass(frozen=True, slots=True)
class AssemblyTrial:
    """What the assembled model is held against: the file of the ladder that was examined."""

    base: Path  # the file of the base model
    rows: Sequence[Row]
    expected_bpb: float
    threads: int

    def __call__(self, bundle: Path) -> None:
        """Assemble a copy of ``bundle``, measure it and let it say a line.

        Raises:  TrainingError when it cannot be assembled or is another model than was examined.
        """
        with tempfile.TemporaryDirectory(dir=bundle.parent) as folder:
            copy = Path(folder) / bundle.name
            _assemble(bundle, self.base, copy)
            measured = gguf_bits_per_byte(copy / MODEL, self.rows, self.threads)
            if not abs(measured / self.expected_bpb - 1) <= AGREEMENT:
                raise TrainingError(
                    f"{bundle}: assembled it costs {measured:.3f} bits per byte, and what was"
                    f" examined {self.expected_bpb:.3f}; it is not the same model.")
            chat.try_out(copy)


def _assemble(bundle: Path, base: Path, out: Path) -> None:
    key = (bundle / PUBLIC_KEY).read_bytes().hex()
    child = subprocess.run(
        [sys.executable, "-m", "payload.assembly_worker", "--bundle", str(bundle), "--trust", key,
         "--base", str(base), "--out", str(out)],
        capture_output=True, text=True, timeout=ASSEMBLY_S_MAX, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    if child.returncode != 0:
        last = (child.stderr.strip().splitlines() or ["no message"])[-1]
        raise TrainingError(f"The adapter could not be assembled: {last}")
