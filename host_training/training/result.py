"""The result of a training as it lies beside the merged model: how it was trained and how well.

Its numbers are bits per byte of the held-out rows.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NotRequired, TypedDict

RESULT = "result.json"


class EpochResult(TypedDict):
    """One epoch: its number, from 1, and what was measured after it."""

    epoch: float
    held_out_bpb: float


class TrainResult(TypedDict):
    """What ``train.train`` returns, and ``import_result.adopt``."""

    method: str
    lr: float | None  # None where another trainer chose it
    base_bpb: float  # of the base, untuned
    held_out_bpb: NotRequired[float]  # of the merged model, known to the process that writes it
    history: list[EpochResult]
    config: dict[str, Any]  # of train.TrainConfig; of another trainer's adapter only ``keep``
    has_canaries: NotRequired[bool]  # of what was adopted: were they among its rows?
    preferred_pairs: NotRequired[int]  # of graded drafts, learnt after all of it


def write(result: TrainResult, out: Path) -> None:
    """Whole or not at all."""
    (out / "result.part").write_text(json.dumps(result, indent=1))
    os.replace(out / "result.part", out / RESULT)


def read(folder: Path) -> TrainResult:
    """Raises OSError, or ValueError where it is not JSON; its keys are not checked."""
    found: TrainResult = json.loads((folder / RESULT).read_bytes())
    return found
