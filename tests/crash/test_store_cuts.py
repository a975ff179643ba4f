"""The power goes at any instant of the store's life: nothing that was acknowledged is lost."""

from __future__ import annotations

import random
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from payload.ports import Commit, Committed, PageRead
from payload.storage import retention
from sim.fakes.card_disk import DeskStore
from tests.crash import payload_life
from tests.crash.disk import Disk, Refusal
from tests.crash.disk_tap import tapped
from tests.crash.explorer import DEPTH, Findings, Recording, explore
from tests.payload import aboard
from tests.thorough import sampled
from wire.records import Kind, TimeQuality

pytestmark = pytest.mark.usefixtures("tap")


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short lives prune in smaller portions, so that they do it often."""
    monkeypatch.setattr(retention, "PRUNE_RECORDS", 3)


def folders(tmp_path: Path) -> tuple[Path, Path]:
    made = tmp_path / "life", tmp_path / "state"
    for folder in made:
        folder.mkdir(parents=True)
    return made


def explore_life(tmp_path: Path, seed: int, **how) -> Findings:
    life, state = folders(tmp_path / str(seed))
    recording, notebook = payload_life.record(life, seed, **how)
    check = partial(payload_life.check, notebook=notebook)
    return explore(recording, state, check, torn=2, seed=seed)


@pytest.mark.parametrize("steps", sampled([4, 12]))
def test_no_cut_at_any_instant_loses_an_acknowledged_record(tmp_path: Path, steps: int) -> None:
    """Three boots with checkpoints, pruning, a clean stop and two that were none."""
    found = Findings()
    for seed in range(DEPTH):
        found += explore_life(tmp_path, seed, steps=steps)
    found.report("payload store, power cut")
    assert not found.broken, found.broken[:3]
    assert found.states >= 80 * steps * DEPTH


def normal(store: DeskStore) -> None:
    store.writer.db.execute("PRAGMA synchronous=NORMAL")


def early(store: DeskStore) -> None:
    """Every other commit is acknowledged, and done when the next one is asked for."""
    serve, late = store.writer.serve, []

    def hasty(request):
        if isinstance(request, Commit) and not late:
            late.append(request)
            return Committed(True, (PageRead((), None),) * len(request.pages), (), None, None, 0)
        for kept in late:
            serve(kept)
        late.clear()
        return serve(request)

    store.writer.serve = hasty


def unsynced(store: DeskStore) -> None:
    store.writer.db.execute("PRAGMA synchronous=OFF")


@pytest.mark.parametrize("bug", sampled([normal, early, unsynced]))
def test_the_explorer_finds_a_planted_bug(tmp_path: Path, bug) -> None:
    found = explore_life(tmp_path, 1, steps=2, spoil=bug)
    found.report(f"  planted bug {bug.__name__!r}")
    assert len(found.broken) > found.states // 20
    assert any("lost" in line for line in found.broken)


@pytest.mark.parametrize("seed", range(8 * DEPTH))
def test_ten_cuts_in_a_row_each_inside_the_recovery_from_the_last(
    tmp_path: Path, seed: int
) -> None:
    life, _ = folders(tmp_path)
    _, notebook = payload_life.record(life, seed, steps=3)
    rng, path = random.Random(seed), life / "payload.sqlite"
    with tapped(disk := Disk(life)):
        for boot in range(10):
            last = disk.operations + rng.randrange(1, 40)
            disk.refuse = lambda number, verb, last=last: (
                Refusal.POWER_OFF if number >= last else None)
            store = DeskStore(path)
            payload_life.step(store, rng, notebook, boot)
            if store.commit(0):
                notebook.acknowledge(store)
            store.writer.close()
            notebook.cut()
            disk.cut(rng)
        disk.refuse = lambda number, verb: None
        assert payload_life.check(life, notebook.promise, notebook) is None


def damaged(folder: Path) -> dict[str, bytes]:
    """A database with a bad page in the middle, and commits in its log."""
    store = DeskStore(folder / "payload.sqlite")
    for number in range(120):
        body = {"event": "e" * 200, "n": number}
        store.append(Kind.EVENT, body, number, number, TimeQuality.NONE)
        if number == 99:
            assert store.commit(0)
            store.writer.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.put("uplink_counter", 7)
    assert store.commit(0)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    store.writer.close()
    data = bytearray(files["payload.sqlite"])
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xaa" * 4096
    return {**files, "payload.sqlite": bytes(data)}


def rows(store: DeskStore) -> dict[int, bytes]:
    return dict(store.writer.db.execute("SELECT id, body FROM record"))


@pytest.mark.thorough
def test_a_cut_in_the_middle_of_a_salvage_loses_no_row_that_was_readable(tmp_path: Path) -> None:
    life, state = folders(tmp_path)
    files = damaged(life)
    disk = Disk(life, is_traced=True)
    disk.put(files)
    with tapped(disk):
        store = DeskStore(life / "payload.sqlite")
        aboard.look_through(store)
        readable, boot = rows(store), store.boot
        assert store.salvaged_from is not None and store.get("uplink_counter") == 7
        assert 100 <= len(readable) < 120, "a page of records was lost, and no other"
        store.writer.close()

    def check(folder: Path, promise: int) -> str | None:
        survivor = DeskStore(folder / "payload.sqlite")
        aboard.look_through(survivor)
        kept = survivor.writer.db is not None and rows(survivor) == readable
        counters = survivor.get("uplink_counter") == 7 and survivor.boot in (boot, boot + 1)
        survivor.close()
        return None if kept and counters else f"{kept=} {counters=}"

    found = explore(Recording(disk.trace, [(0, 0)], files), state, check, torn=2, seed=1)
    found.report("payload store, power cut while salvaging")
    assert not found.broken, found.broken[:3]
    assert found.states > 30


def test_the_tap_shows_the_library_that_python_uses(tmp_path: Path) -> None:
    """Were it another copy of SQLite, nothing above would mean anything."""
    with tapped(disk := Disk(tmp_path, is_traced=True)):
        db = sqlite3.connect(tmp_path / "x.sqlite")
        db.execute("CREATE TABLE t (a)")
        db.close()
    verbs = [operation.verb for operation in disk.trace]
    assert verbs.count("sync") >= 2 and "write" in verbs
    before = len(disk.trace)
    db = sqlite3.connect(tmp_path / "x.sqlite")
    db.execute("INSERT INTO t VALUES (1)")
    db.commit()
    assert len(disk.trace) == before, "the tap is off again"
