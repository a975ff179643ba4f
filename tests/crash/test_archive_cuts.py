"""The power goes at any instant of the station's life: what ``receive`` returned for is there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count, product
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from groundstation.archive import rawlog
from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception
from groundstation.archive.retention import Worth
from tests.crash import ground_life
from tests.crash.disk import Refusal
from tests.crash.explorer import DEPTH, Findings, explore, explore_cut
from tests.crash.ground_life import Ordeal, suffer
from tests.thorough import sampled

pytestmark = pytest.mark.usefixtures("tap")
FOR_EVER = 1 << 30
TROUBLES = list(product((Refusal.FULL, Refusal.IO_ERROR, Refusal.READ_ONLY), (1, 4, 30, FOR_EVER)))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


def explore_life(tmp_path: Path, seed: int, **how) -> Findings:
    life, state = tmp_path / str(seed) / "life", tmp_path / str(seed) / "state"
    for folder in (life, state):
        folder.mkdir(parents=True)
    recording, diary = ground_life.record(life, seed, **how)
    return explore(recording, state, partial(ground_life.check, diary=diary), torn=2, seed=seed)


@pytest.mark.parametrize("steps", sampled([1, 5]))
def test_no_cut_at_any_instant_loses_what_was_received(tmp_path: Path, steps: int) -> None:
    found = Findings()
    for seed in range(DEPTH):
        found += explore_life(tmp_path, seed, steps=steps)
    found.report("station archive, power cut")
    assert not found.broken, found.broken[:3]
    assert found.states >= 60 * steps * DEPTH


@pytest.mark.parametrize("steps", sampled([1, 5], quick=0))
def test_no_cut_while_a_full_log_is_thinned_loses_what_was_signed(
    tmp_path: Path, steps: int
) -> None:
    found = Findings()
    for seed in range(DEPTH):
        found += explore_life(tmp_path, seed, steps=steps, is_full=True)
    found.report("station archive, raw log full of noise, power cut")
    assert not found.broken, found.broken[:3]
    assert found.states >= 100 * steps * DEPTH


def judge_all_noise(archive: Archive) -> None:
    thin = archive._raw._thin
    archive._raw._thin = lambda segment, judge: thin(segment, lambda reception: Worth.NOISE)


def thin_unsynced(archive: Archive) -> None:
    """A thinned segment takes the place of the old one before it is on the disk."""
    archive._raw._is_durable = False


@pytest.mark.thorough
@pytest.mark.parametrize("bug", [judge_all_noise, thin_unsynced])
def test_the_explorer_finds_what_a_thinned_log_may_not_lose(tmp_path: Path, bug) -> None:
    found = explore_life(tmp_path, 1, steps=3, spoil=bug, is_full=True)
    found.report(f"  planted bug {bug.__name__!r}")
    assert len(found.broken) > found.states // 50


def normal(archive: Archive) -> None:
    archive._full = "NORMAL"
    archive._raw._file._is_durable = False


def database_only(archive: Archive) -> None:
    """The raw log is written but not synced, and the database ahead of it."""
    archive._raw._file._is_durable = False


@pytest.mark.thorough
@pytest.mark.parametrize("bug", [normal, database_only])
def test_the_explorer_finds_a_planted_bug(tmp_path: Path, bug) -> None:
    found = explore_life(tmp_path, 1, steps=2, spoil=bug)
    found.report(f"  planted bug {bug.__name__!r}")
    assert len(found.broken) > found.states // 20


def cut_after(ordeal: Ordeal, folder: Path, found: Findings) -> None:
    explore_cut(ordeal.disk, folder, found,
                lambda left: ground_life.check(left, ordeal.promise, ordeal.diary))


@pytest.mark.parametrize("stride", sampled([13, 2]))  # odd: meets every trouble
def test_a_disk_that_refuses_at_any_operation_costs_nothing_received(
    tmp_path: Path, stride: int
) -> None:
    found, met, refused = Findings(), 0, 0
    for turn in range(min(len(TROUBLES), DEPTH)):
        for first in count(1 + turn % stride, stride):
            refusal, length = TROUBLES[(first + turn) % len(TROUBLES)]
            (life := tmp_path / f"{turn}-{first}").mkdir()
            ordeal = suffer(life, first, first, refusal, length)
            if not ordeal.was_met:
                break
            met += 1
            refused += ordeal.refused
            case = f"{refusal} for {length} operations from operation {first}"
            assert ordeal.has_returned, f"{case}: the archive did not return"
            cut_after(ordeal, life, found)
            assert not found.broken, f"{case}: {found.broken}"
    found.report(f"station archive, {met} lives on a disk that refuses, then a power cut")
    assert met >= 100 // stride * DEPTH and refused > met


@pytest.mark.thorough
def test_a_disk_that_refuses_while_a_full_log_is_thinned_costs_nothing_signed(
    tmp_path: Path,
) -> None:
    found, met = Findings(), 0
    for first in count(1, 4):
        refusal, length = TROUBLES[first % len(TROUBLES)]
        (life := tmp_path / str(first)).mkdir()
        ordeal = suffer(life, 5, first, refusal, length, is_full=True)
        if not ordeal.was_met:
            break
        met += 1
        case = f"{refusal} for {length} operations from operation {first}"
        assert ordeal.has_returned, f"{case}: the archive did not return"
        cut_after(ordeal, life, found)
        assert not found.broken, f"{case}: {found.broken}"
    found.report(f"station archive, {met} lives with a full raw log on a disk that refuses")
    assert met >= 40


@pytest.mark.thorough
def test_a_sync_that_failed_is_not_made_good_by_another(tmp_path: Path) -> None:
    """The kernel forgets what it could not write; a station that asks again believes a lie."""

    def stubborn(archive: Archive) -> None:
        raw = archive._raw._file

        def append(receptions: Sequence[Reception]) -> int:
            raw._file.write(b"".join(map(rawlog.pack, receptions)))
            while True:
                with suppress(OSError):
                    os.fsync(raw._file.fileno())
                    return raw.size_bytes

        raw.append = append

    found = Findings()
    for first in range(1, 90):  # opening an archive takes some forty of these
        (life := tmp_path / str(first)).mkdir()
        cut_after(suffer(life, 1, first, Refusal.IO_ERROR, 1, stubborn), life, found)
    found.report("  planted bug 'sync again'")
    assert any("lost" in line or "differ" in line for line in found.broken)
