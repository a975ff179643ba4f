"""Goal: what can still be read of a damaged store is salvaged, whatever bits have turned over.

Method: a store of some pages, bits of it turned over, and every row asked for by its id alone.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from payload.storage import ids, salvage
from payload.storage.database import COLUMNS, any_text, record_of
from sim.fakes.card_disk import DeskStore
from wire.records import Kind, TimeQuality

ROWS, MANY_ROWS = 300, 3_000
MANY_IDS = range(1, MANY_ROWS + 1)
PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return made(tmp_path_factory.mktemp("whole"), ROWS)


def made(folder: Path, rows: int) -> bytes:
    path = folder / "s.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "FIRST_IDS", 1)
        store = DeskStore(path, is_durable=False)
    rng = random.Random(5)
    for number in range(rows):
        kind = rng.choice((Kind.MUSING, Kind.TRACK, Kind.THUMBNAIL))
        store.append(kind, {"b": rng.randbytes(rng.randrange(20, 260))}, 0, 0, TimeQuality.NONE)
        if number % 20 == 0:
            store.commit(0)
    store.close()
    return path.read_bytes()


def spoiled(data: bytes, seed: int, bits: int) -> bytes:
    rng, changed = random.Random(seed), bytearray(data)
    for _ in range(bits):
        changed[rng.randrange(PAGE, len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def readable(path: Path, record_ids: Iterable[int] = range(1, ROWS + 1)) -> set[int]:
    """Those of the ids whose rows are found by their id and whole."""
    found = set()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        db.text_factory = any_text
        for record_id in record_ids:
            try:
                row = db.execute(f"SELECT {COLUMNS} FROM record WHERE id=?", (record_id,))
                values = row.fetchone()
            except (sqlite3.Error, UnicodeDecodeError):
                continue
            if values is not None and record_of(values) is not None:
                found.add(record_id)
    return found


def test_every_row_that_is_found_by_its_id_is_salvaged(whole: bytes, tmp_path: Path) -> None:
    """The first row of a page was left behind where the page before it had gone: the way to it by
    order leads over that page (soak seed 296)."""
    path = tmp_path / "s.sqlite"
    kept = 0
    for seed in range(80):
        path.write_bytes(spoiled(whole, seed, 12))
        salvage.copy(path)
        assert readable(path) <= readable(Path(f"{path}.salvaged")), seed
        kept += len(readable(path))
    assert 0.2 < kept / (80 * ROWS) < 0.98, "damaged, and not beyond help"


@pytest.mark.thorough
def test_so_is_all_that_hangs_on_a_damaged_branch_of_the_tree(tmp_path: Path) -> None:
    """In the order of the ids thousands are missing then: five hundred at each end of such a gap
    were looked up, and those between were left behind."""
    data, path = made(tmp_path, MANY_ROWS), tmp_path / "s.sqlite"
    for seed in range(40):
        path.write_bytes(spoiled(data, seed, 40))
        salvage.copy(path)
        found = readable(path, MANY_IDS)
        assert found <= readable(Path(f"{path}.salvaged"), MANY_IDS), seed


@pytest.mark.thorough
def test_what_was_committed_before_the_damage_was_found_is_not_lost_with_it(tmp_path: Path) -> None:
    """The file is looked through in slices, after commits that go into it as it is."""
    data, path = made(tmp_path, MANY_ROWS), tmp_path / "s.sqlite"
    salvaged = 0
    for seed in range(12):
        path.write_bytes(spoiled(data, seed, 40))
        whole = readable(path, MANY_IDS)
        store, rng = DeskStore(path, is_durable=False), random.Random(seed)
        held, kept = set[int](), set[int]()
        for now_ms in range(0, 60_000, 1_000):
            for _ in range(rng.randrange(3)):
                body = {"b": rng.randbytes(rng.choice((30, 300)))}
                held.add(store.append(Kind.TRACK, body, 0, 0, TimeQuality.NONE).record_id)
            store.put("now_ms", now_ms)
            kept |= held if store.commit(now_ms) else set()
        assert store.writer.is_checked
        salvaged += store.salvaged_from is not None
        store.close()
        assert kept and whole | kept == readable(path, whole | kept), seed
        path.with_name("s.sqlite-wal").unlink(missing_ok=True)
    assert salvaged > 3
