"""The disk refuses at any operation: the store goes on from RAM, returns, and never pretends."""

from __future__ import annotations

import random
import sqlite3
from itertools import count, product
from pathlib import Path

import pytest

from payload.storage import retention
from payload.storage.durable_store import RETRY_MS
from payload.storage.ids import AHEAD_IDS, DISKLESS_ID
from sim.fakes.card_disk import DeskStore
from sim.fakes.sd_card import Card
from tests.crash import payload_life
from tests.crash.disk import Disk, Refusal
from tests.crash.disk_tap import tapped
from tests.crash.explorer import DEPTH, Findings, explore_cut
from tests.crash.payload_life import Ordeal, suffer
from tests.payload import aboard
from tests.thorough import sampled
from wire.records import Kind, Priority, TimeQuality

pytestmark = pytest.mark.usefixtures("tap")
FOR_EVER = 1 << 30
# refusal, how many operations it lasts; every operation of a life meets the next of them
TROUBLES = list(product((Refusal.FULL, Refusal.IO_ERROR, Refusal.READ_ONLY), (1, 4, 30, FOR_EVER)))


def add(store: DeskStore, number: int, kind: Kind = Kind.EVENT) -> int:
    return store.append(kind, {"event": "e", "n": number}, 0, 0, TimeQuality.NONE).record_id


def cut_after(ordeal: Ordeal, folder: Path, found: Findings) -> None:
    """What the power cut that ends this life may leave, against what was promised in it."""
    explore_cut(ordeal.disk, folder, found, lambda left: payload_life.check(
        left, ordeal.notebook.promise, ordeal.notebook))


@pytest.mark.parametrize("stride", sampled([4, 1]))
def test_a_disk_that_refuses_at_any_operation_costs_nothing_acknowledged(
    tmp_path: Path, stride: int
) -> None:
    """Full, failing or read-only, for one operation or for ever, from every operation on."""
    found, met, refused = Findings(), 0, 0
    for turn in range(min(len(TROUBLES), DEPTH)):
        for first in count(1, stride):
            refusal, length = TROUBLES[(first // stride + turn) % len(TROUBLES)]
            (life := tmp_path / f"{turn}-{first}").mkdir()
            ordeal = suffer(life, first, first, refusal, length)
            if not ordeal.was_met:
                break
            met += 1
            refused += ordeal.refused_commits
            case = f"{refusal} for {length} operations from operation {first}"
            assert ordeal.has_returned, f"{case}: the store did not return"
            cut_after(ordeal, life, found)
            assert not found.broken, f"{case}: {found.broken}"
    found.report(f"payload store, {met} lives on a disk that refuses, then a power cut")
    assert met >= 100 // stride * DEPTH and refused > met


@pytest.mark.thorough
def test_the_explorer_finds_a_store_that_ignores_a_failed_commit(tmp_path: Path) -> None:
    def credulous(store: DeskStore) -> None:
        commit = store.commit
        store.commit = lambda now_ms: commit(now_ms) or True

    found = Findings()
    for first in range(10, 40):
        (life := tmp_path / str(first)).mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(payload_life, "RETRY_MS", 0)  # it dies before it can try again
            cut_after(suffer(life, 1, first, Refusal.IO_ERROR, FOR_EVER, credulous), life, found)
    assert found.broken


def test_a_store_that_finds_no_disk_when_it_starts_joins_it_later(tmp_path: Path) -> None:
    """Twice: and no record of either life gets a number that another one has."""
    path = tmp_path / "s.sqlite"
    with tapped(disk := Disk(tmp_path)):
        first = DeskStore(path)
        ids = [add(first, number) for number in range(3)]
        first.put("uplink_counter", 40)
        assert first.commit(0)
        first.close()
        for life in (1, 2):
            disk.refuse = lambda number, verb: Refusal.IO_ERROR
            store = DeskStore(path)
            assert store.is_failing and store.boot == 0
            early = [add(store, 10 * life + number) for number in range(3)]
            assert early[0] >= DISKLESS_ID, "no life with a disk gives these out"
            store.put("uplink_counter", 7)
            store.put("phase", {"life": life})
            assert not store.commit(0) and not store.commit(RETRY_MS)
            store.mark_in_flight(early[:1])
            assert [r.record_id for r in store.queued(Priority.EVENT, 9)] == early[1:]
            disk.refuse = lambda number, verb: None
            assert not store.commit(2 * RETRY_MS - 1) and store.is_failing, "too early"
            assert store.commit(2 * RETRY_MS) and not store.is_failing
            assert store.get("uplink_counter") == 40, "counters never go back"
            assert store.get("phase") == {"life": life}, "what RAM knows is newer"
            add(store, 10 * life + 3)
            assert store.commit(3 * RETRY_MS)
            store.close()
    store = DeskStore(path)
    found = {r.record_id: r.body["n"] for r in store.queued(Priority.EVENT, 99)}
    ids += range(early[0], early[0] + 8)  # both lives drew the same place
    assert found == dict(zip(ids, [0, 1, 2, 10, 11, 12, 13, 20, 21, 22, 23], strict=True))
    assert store.boot == 2, "lives that never knew their number took none"


def test_ids_of_records_that_no_disk_took_are_never_given_again(tmp_path: Path) -> None:
    """Hours on a failing disk, and all of it may have gone out. It healed while the machine was
    off: the next life gave the same ids, and at the ground its records were contradictions."""
    path = tmp_path / "s.sqlite"
    with tapped(disk := Disk(tmp_path)):
        store = DeskStore(path)
        ids = [add(store, number) for number in range(3)]
        assert store.commit(0)
        disk.refuse = lambda number, verb: Refusal.IO_ERROR
        add(store, 3)
        assert not store.commit(1)
        ids += [add(store, number) for number in range(4, AHEAD_IDS + 200)]
        assert not store.commit(RETRY_MS + 1)
        with disk.without_process():
            store.close()
        disk.refuse = lambda number, verb: None
        second = DeskStore(path)
        later = [add(second, number) for number in range(300)]
    assert not set(ids) & set(later) and len(set(ids)) == len(ids)
    assert max(later) < DISKLESS_ID, "its disk works"


def test_after_a_failure_of_the_disk_the_ids_go_on_where_they_were(tmp_path: Path) -> None:
    """One read that fails closes the file. The ids that were kept for later are still there."""
    with tapped(Disk(tmp_path)):
        store = DeskStore(tmp_path / "s.sqlite")
        ids = [add(store, 0)]
        assert store.commit(0)
        store.writer.close()
        ids += [add(store, number) for number in range(1, 4)]
        assert not store.commit(RETRY_MS) and store.commit(2 * RETRY_MS)
        for number in range(4, 2 * AHEAD_IDS):
            ids.append(add(store, number))
            assert store.commit(3 * RETRY_MS)
    assert ids == list(range(ids[0], ids[0] + 2 * AHEAD_IDS))


def bad_sectors(disk: Disk, name: str, page: int) -> set[tuple[str, int]]:
    return {(name, page * 8 + index) for index in range(8)}


def filled(folder: Path) -> DeskStore:
    store = DeskStore(folder / "s.sqlite")
    for number in range(400):
        add(store, number)
    assert store.commit(0)
    store.writer.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return store


def test_a_sector_that_cannot_be_read_any_more_ends_in_a_salvage(tmp_path: Path) -> None:
    with tapped(disk := Disk(tmp_path)):
        filled(tmp_path).close()
        disk.bad_sectors = bad_sectors(disk, "s.sqlite", 5)
        store = DeskStore(tmp_path / "s.sqlite")
        now_ms = aboard.look_through(store)
        assert store.salvaged_from is not None and not store.is_failing
        add(store, 1000)
        assert store.commit(now_ms)
        kept = [record.body["n"] for record in aboard.queued(store).values()]
        lost = sorted(set(range(400)) - set(kept))
        assert kept[-1] == 1000 and 0 < len(lost) < 4096 // 30
        assert lost == list(range(lost[0], lost[-1] + 1)), "one page of records, and no other"


def test_whichever_page_goes_bad_the_others_are_salvaged(tmp_path: Path) -> None:
    """The first page and the roots hold everything together; of all others one page is lost."""
    kept = []
    for page in range(40):
        (folder := tmp_path / str(page)).mkdir()
        with tapped(disk := Disk(folder)):
            filled(folder).close()
            if page * 4096 >= (folder / "s.sqlite").stat().st_size:
                break
            disk.bad_sectors = bad_sectors(disk, "s.sqlite", page)
            store = DeskStore(folder / "s.sqlite")
            now_ms = aboard.look_through(store)
            assert store.salvaged_from is not None and not store.is_failing
            kept.append(len(aboard.queued(store)))
            add(store, 1000)
            assert store.commit(now_ms)
            store.close()
    assert len(kept) > 6 and kept[-1] > 0, "the last page too, though it has the largest id"
    assert sum(count > 400 - 4096 // 30 for count in kept) >= len(kept) - 2, kept


class Hesitant(Disk):
    """A disk on which a bad sector reads well from the third time on."""

    tries = 0

    def is_bad(self, name: str, offset: int, length: int) -> bool:
        is_bad = super().is_bad(name, offset, length)
        self.tries += is_bad
        return is_bad and self.tries < 3


def test_a_sector_that_reads_well_at_the_third_try_is_no_damage(tmp_path: Path) -> None:
    with tapped(disk := Hesitant(tmp_path)):
        filled(tmp_path).close()
        disk.bad_sectors = bad_sectors(disk, "s.sqlite", 5)
        store = DeskStore(tmp_path / "s.sqlite")
        aboard.look_through(store)
        assert disk.tries >= 3 and store.salvaged_from is None
        assert len(aboard.queued(store)) == 400


def test_a_glitch_while_reading_costs_nothing(tmp_path: Path) -> None:
    with tapped(disk := Disk(tmp_path)):
        store = filled(tmp_path)
        store.close()
        store = DeskStore(tmp_path / "s.sqlite")
        store.writer.db.execute("PRAGMA shrink_memory")
        disk.bad_sectors = bad_sectors(disk, "s.sqlite", 5)
        for now_ms in range(3):
            add(store, 1000 + now_ms)
            store.commit(now_ms)
        assert store.is_failing, "every record is read once"
        disk.bad_sectors = set()
        assert not store.commit(RETRY_MS) and store.commit(RETRY_MS + 2)
        assert not store.is_failing and store.salvaged_from is None
        assert len(aboard.queued(store)) == 403


def test_what_follows_a_sync_that_failed_is_durable_though_the_file_was_opened_anew(
    tmp_path: Path,
) -> None:
    """A failed commit's pages stay in the log, and no later sync writes them: a power cut took them
    and every commit after them, which had been acknowledged."""
    path = tmp_path / "s.sqlite"
    with tapped(disk := Disk(tmp_path)):
        store = DeskStore(path)
        add(store, 0)
        assert store.commit(0)
        disk.refuse = lambda number, verb: Refusal.IO_ERROR if verb == "sync" else None
        add(store, 1)
        assert not store.commit(0)
        store.writer._doubt(sqlite3.OperationalError("a read that failed as well"))
        disk.refuse = lambda number, verb: None
        assert not store.commit(RETRY_MS), "not open any more"
        assert store.commit(2 * RETRY_MS)
        left = list(disk.states(random.Random(0), torn=4))
        with disk.without_process():
            store.writer.close()
        for files in left:
            disk.put(files)
            survivor = DeskStore(path)
            assert [r.body["n"] for r in survivor.queued(Priority.EVENT, 9)] == [0, 1]
            survivor.close()


def test_what_was_marked_survives_a_commit_that_failed(tmp_path: Path) -> None:
    with tapped(disk := Disk(tmp_path)):
        store = DeskStore(tmp_path / "s.sqlite")
        old = [add(store, number) for number in range(4)]
        assert store.commit(0)
        store.mark_in_flight(old[:2])
        store.mark_confirmed(old[2:3])
        fresh = [add(store, number) for number in range(4, 6)]
        store.mark_confirmed(fresh[:1])
        disk.refuse = lambda number, verb: Refusal.FULL
        assert not store.commit(0)
        assert [r.record_id for r in store.queued(Priority.EVENT, 9)] == [old[3], fresh[1]]
        disk.refuse = lambda number, verb: None
        assert store.commit(RETRY_MS)
        store.mark_queued(old[2:3])
        assert [r.record_id for r in store.queued(Priority.EVENT, 9)] == [old[3], fresh[1]]
        store.close()
        db = sqlite3.connect(tmp_path / "s.sqlite")
        states = dict(db.execute("SELECT id, state FROM record"))
        assert states == dict(zip(old + fresh, (1, 1, 2, 0, 2, 0), strict=True))


def test_a_nearly_full_disk_forgets_the_oldest_confirmed_of_the_lowest_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PRUNE_RECORDS", 2)
    store = DeskStore(tmp_path / "s.sqlite", card=(card := Card()))
    events = [add(store, number) for number in range(3)]
    pictures = [add(store, number, Kind.THUMBNAIL) for number in range(5)]
    store.mark_confirmed(events + pictures[1:])
    assert store.commit(0)

    def kept() -> set[int]:
        return set(aboard.records(store))

    assert kept() == {*events, *pictures}, "a confirmation marks and never deletes"
    card.room_bytes = retention.RESERVE_BYTES - 1
    for _ in range(3):
        add(store, 0)
        assert store.commit(0)
    assert not kept() & set(pictures[1:]), "pictures go first"
    assert kept() >= {events[2], pictures[0]}, "what the ground lacks stays"
    assert not kept() & set(events[:2]), "then, oldest first, the next class"
    monkeypatch.setattr(retention, "PRUNE_PAGES", 0)
    add(store, 0)
    assert store.commit(0) and events[2] in kept(), "free pages in the file are enough"
    last = add(store, 0, Kind.THUMBNAIL)
    assert store.commit(0)
    store.mark_confirmed([last])
    monkeypatch.setattr(retention, "PRUNE_PAGES", 64)
    assert store.commit(0) and last in kept(), "or its number would be given out again"


def test_a_value_that_does_not_match_its_checksum_is_absent(tmp_path: Path) -> None:
    store = DeskStore(tmp_path / "s.sqlite")
    for _ in range(4):
        add(store, 0)
        store.put("phase", {"phase": 3})
        store.close()
        store = DeskStore(tmp_path / "s.sqlite")
    boot = store.boot
    add(store, 0)
    store.close()
    with sqlite3.connect(tmp_path / "s.sqlite") as db:
        db.execute("UPDATE small SET value = X'C0FFEE' WHERE key IN ('phase', 'boot')")
    db.close()
    again = DeskStore(tmp_path / "s.sqlite")
    assert again.get("phase") is None
    assert again.boot == boot + 1, "the records tell which boot was the last"


@pytest.mark.parametrize("column", ["kind", "boot", "time_ms", "quality", "body"])
def test_a_flipped_bit_in_any_field_of_a_record_is_seen(tmp_path: Path, column: str) -> None:
    store = DeskStore(tmp_path / "s.sqlite")
    number = add(store, 0)
    store.close()
    value = "X'80'" if column == "body" else f"{column} + 77"
    with sqlite3.connect(tmp_path / "s.sqlite") as db:
        db.execute(f"UPDATE record SET {column} = {value} WHERE id = ?", (number,))
    db.close()
    again = DeskStore(tmp_path / "s.sqlite")
    assert again.queued(Priority.EVENT, 9) == [] and again.damaged_records == 1
    assert again.queued(Priority.EVENT, 9) == [] and again.damaged_records == 1, "counted once"
