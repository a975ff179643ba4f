"""What was freed between blocks still in use goes back to the system, after every step."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from host_training.training import callbacks, freed_memory
from host_training.training.callbacks import TrainingWatch, Watching

BLOCK_BYTES, BLOCKS = 100_000, 2_000  # below what glibc maps by itself


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_memory_freed_between_blocks_goes_back() -> None:
    """Method: of 200 MB, each fiftieth block stays."""
    blocks = [bytearray(os.urandom(1)) * BLOCK_BYTES for _ in range(BLOCKS)]
    kept = blocks[::50]
    del blocks
    before = _resident_bytes()
    freed_memory.give_back()
    assert before - _resident_bytes() > BLOCK_BYTES * BLOCKS // 2
    assert len(kept) == BLOCKS // 50


@pytest.mark.parametrize(("use_cpu", "times"), [(True, 3), (False, 0)])
def test_every_step_on_a_processor_gives_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use_cpu: bool, times: int
) -> None:
    given: list[None] = []
    monkeypatch.setattr(callbacks, "give_back", lambda: given.append(None))
    watch = TrainingWatch(tmp_path, [], Watching({1000: 1}, 1, False, 10.0),
                          lambda fraction, line: None, lambda model: None)

    class Step:
        global_step, max_steps = 1, 1000
        should_save = should_training_stop = False

    Step.use_cpu = use_cpu  # type: ignore[attr-defined]
    for _ in range(3):
        watch.on_step_end(Step, Step, Step, model=None)
    assert len(given) == times
