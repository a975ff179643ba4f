"""What was freed goes back to the system once it is much, and few kernels are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from host_training.errors import TrainingError
from host_training.training import bounded_memory, callbacks, train
from host_training.training.callbacks import TrainingWatch, Watching
from host_training.training.curve import Curve

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
    bounded_memory.give_back()
    assert before - _resident_bytes() > BLOCK_BYTES * BLOCKS // 2
    assert len(kept) == BLOCKS // 50


LIMIT = bounded_memory.FREED_BYTES_MAX


@pytest.mark.parametrize(("resident_bytes", "returns"), [
    ([0, LIMIT, LIMIT], 0),  # a step writes to it again; page faults would take longer
    ([0, LIMIT + 1, 500, LIMIT + 500], 1),  # the limit counts from what was left
    ([0, LIMIT + 1, 500, LIMIT + 501, 900], 2),
    ([3 * LIMIT, 3 * LIMIT, LIMIT], 0),  # what was there before the training is not freed by it
    ([0, 0, 0], 0),  # a system that does not say
])
def test_freed_memory_is_returned_once_it_exceeds_the_limit(
    monkeypatch: pytest.MonkeyPatch, resident_bytes: list[int], returns: int
) -> None:
    measured, given = iter(resident_bytes), list[None]()
    monkeypatch.setattr(bounded_memory, "own_bytes", lambda: next(measured))
    monkeypatch.setattr(bounded_memory, "give_back", lambda: given.append(None))
    freed = bounded_memory.FreedMemory()
    results = [freed.limit() for _ in range(2)]
    assert sum(results) == len(given) == returns
    assert next(measured, None) is None


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_own_bytes_grow_with_what_is_allocated() -> None:
    before = bounded_memory.own_bytes()
    block = bytearray(b"x") * 50_000_000
    assert 45_000_000 < bounded_memory.own_bytes() - before < 100_000_000
    assert len(block) == 50_000_000


@pytest.mark.parametrize(("use_cpu", "times"), [(True, 3), (False, 0)])
def test_freed_memory_is_looked_at_after_every_step_on_a_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use_cpu: bool, times: int
) -> None:
    looked: list[None] = []
    monkeypatch.setattr(callbacks.FreedMemory, "limit", lambda freed: looked.append(None))
    watch = TrainingWatch(tmp_path, [], Watching({1000: 1}, 1, False, 10.0),
                          lambda fraction, line: None, lambda model: None,
                          Curve(tmp_path, [], None))

    class Step:
        global_step, max_steps = 1, 1000
        should_save = should_training_stop = False

    Step.use_cpu = use_cpu  # type: ignore[attr-defined]
    for _ in range(3):
        watch.on_step_end(Step, Step, Step, model=None)
    assert len(looked) == times


@pytest.mark.parametrize(("own", "kept"), [(None, "32"), ("7", "7")])
def test_few_kernels_are_kept_unless_the_user_says_how_many(
    monkeypatch: pytest.MonkeyPatch, own: str | None, kept: str
) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, own or "")  # so that it is restored
    if own is None:
        monkeypatch.delenv(name)
    bounded_memory.limit_kernels()
    assert os.environ[name] == kept


def test_a_training_limits_them_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited: list[None] = []
    monkeypatch.setattr(train, "limit_kernels", lambda: limited.append(None))
    with pytest.raises(TrainingError, match="No training rows"):
        train.train(tmp_path, [], [], tmp_path, train.TrainConfig("lora"), lambda *_: None)
    assert limited == [None]
