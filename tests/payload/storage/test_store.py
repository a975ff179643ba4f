"""The store loses nothing that it said is durable: cut anywhere, full, damaged or killed."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgpack
import pytest

from payload.storage import database, salvage, small_state
from payload.storage.durable_store import RING_RECORDS_MAX
from payload.storage.ids import DISKLESS_ID, FIRST_IDS
from sim.fakes.card_disk import DeskStore
from sim.fakes.sd_card import Card, CardFault
from tests.payload import aboard
from wire.records import Kind, Priority, TimeQuality


def add(store: DeskStore, count: int, kind: Kind = Kind.MUSING) -> list[int]:
    body = {"text": "the string is colder than my hands", "about": "cold"}
    return [
        store.append(kind, {**body, "n": i}, i, i, TimeQuality.NONE).record_id
        for i in range(count)
    ]


def all_ids(store: DeskStore) -> set[int]:
    return {r.record_id for p in Priority for r in store.queued(p, 100_000)}


def test_committed_records_are_there_after_reopening(tmp_path: Path) -> None:
    first = DeskStore(tmp_path / "s.sqlite")
    ids = add(first, 20)
    assert first.commit(0)
    first.close()
    again = DeskStore(tmp_path / "s.sqlite")
    assert all_ids(again) == set(ids) and again.boot == first.boot + 1
    assert add(again, 1)[0] == max(ids) + 1


def test_the_log_has_no_shared_memory_file(tmp_path: Path) -> None:
    """A disk that is full when such a mapped page is first touched kills the process: SIGBUS."""
    store = DeskStore(tmp_path / "s.sqlite")
    add(store, 20)
    store.commit(0)
    assert {path.name for path in tmp_path.iterdir()} == {"s.sqlite", "s.sqlite-wal"}


def test_a_folder_that_vanishes_is_a_disk_that_refuses_and_is_made_again(tmp_path: Path) -> None:
    """A bug: asking how much room there is ended the flight core."""
    store = DeskStore(tmp_path / "gone" / "s.sqlite")
    add(store, 1)
    assert store.commit(0)
    shutil.rmtree(tmp_path / "gone")
    kept = add(store, 1)[0]
    assert not store.commit(1_000) and not store.is_kept(kept)
    for now_ms in range(2_000, 120_000, 1_000):
        store.commit(now_ms)
    assert store.is_kept(kept) and not store.is_failing and kept in all_ids(store)


def test_nothing_is_offered_before_it_is_durable(tmp_path: Path) -> None:
    store = DeskStore(tmp_path / "s.sqlite")
    add(store, 3)
    assert not all_ids(store)
    store.commit(0)
    assert len(all_ids(store)) == 3


def test_a_confirmation_marks_and_never_deletes(tmp_path: Path) -> None:
    store = DeskStore(tmp_path / "s.sqlite")
    ids = add(store, 4)
    store.commit(0)
    store.mark_in_flight(ids[:2])
    assert all_ids(store) == set(ids[2:])
    store.mark_confirmed(ids[:1])
    store.mark_queued(ids[1:2])
    assert store.commit(0) and all_ids(store) == set(ids[1:])
    assert store.count() == 4 and store.unconfirmed_count() == 3
    store.close()
    again = DeskStore(tmp_path / "s.sqlite")
    assert all_ids(again) == set(ids[1:])


def test_what_was_in_flight_at_a_power_cut_is_queued_again(tmp_path: Path) -> None:
    store = DeskStore(tmp_path / "s.sqlite")
    ids = add(store, 3)
    store.commit(0)
    store.mark_in_flight(ids[:2])
    ids += add(store, 1)
    store.commit(0)  # makes the marks durable along with the new record
    store.close()
    assert all_ids(DeskStore(tmp_path / "s.sqlite")) == set(ids)


def test_musings_come_newest_first_and_the_rest_oldest_first(tmp_path: Path) -> None:
    store = DeskStore(tmp_path / "s.sqlite")
    musings, tracks = add(store, 3), add(store, 3, Kind.TRACK)
    store.commit(0)
    assert [r.record_id for r in store.queued(Priority.MUSING, 9)] == musings[::-1]
    assert [r.record_id for r in store.queued(Priority.TRACK, 9)] == tracks


@pytest.mark.parametrize("seed", range(3))
def test_the_wal_cut_at_any_byte_keeps_every_earlier_commit(tmp_path: Path, seed: int) -> None:
    """Copies of the files with the log cut at random bytes, as a power cut may leave them."""
    store = DeskStore(tmp_path / "s.sqlite")
    rng = random.Random(seed)
    sizes = []
    for _ in range(12):
        add(store, rng.randrange(1, 5))
        store.commit(0)
        sizes.append((os.path.getsize(tmp_path / "s.sqlite-wal"), len(aboard.records(store))))
    data = (tmp_path / "s.sqlite").read_bytes()
    wal = (tmp_path / "s.sqlite-wal").read_bytes()
    for number in range(40):
        cut = rng.randrange(len(wal) + 1)
        copy = tmp_path / f"cut-{number}"
        copy.mkdir()
        (copy / "s.sqlite").write_bytes(data)
        (copy / "s.sqlite-wal").write_bytes(wal[:cut])
        durable = max((count for size, count in sizes if size <= cut), default=0)
        survivor = DeskStore(copy / "s.sqlite")
        assert len(aboard.records(survivor)) >= durable
        survivor.close()


def test_a_damaged_database_is_moved_aside_and_salvaged(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    store = DeskStore(path)
    for _ in range(3):
        add(store, 1000)
        store.commit(0)
    store.put("phase", {"phase": 2})
    store.close()
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 8192] = b"\xaa" * 8192
    path.write_bytes(data)
    again = DeskStore(path)
    now_ms = aboard.look_through(again)
    assert again.salvaged_from is not None and again.salvaged_from.exists()
    assert len(aboard.records(again)) > 2800
    assert again.get("phase") == {"phase": 2}
    add(again, 1)
    assert again.commit(now_ms)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"not a database" * 400, b"SQLite format 3\0"]
)
def test_any_file_in_its_place_ends_in_a_working_store(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.sqlite").write_bytes(content)
    store = DeskStore(tmp_path / "s.sqlite")
    add(store, 2)
    assert store.commit(0) and len(all_ids(store)) == 2


def test_a_flipped_bit_in_a_row_is_counted_and_never_sent(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    store = DeskStore(path)
    ids = add(store, 3)
    store.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE record SET body=X'80' WHERE id=?", (ids[1],))
    db.close()
    again = DeskStore(path)
    assert all_ids(again) == {ids[0], ids[2]} and again.damaged_records >= 1


def test_a_full_disk_keeps_the_newest_urgent_records_in_ram(tmp_path: Path) -> None:
    store = DeskStore(tmp_path / "s.sqlite", card=(card := Card()))
    card.fault = CardFault.FULL
    events = add(store, 5, Kind.EVENT)
    assert not store.commit(0) and store.is_failing
    add(store, RING_RECORDS_MAX, Kind.TRACK)
    assert store.dropped_records == 5
    offered = store.queued(Priority.EVENT, 9)
    assert [r.record_id for r in offered] == events, "the beacon and the radio go on from RAM"
    store.mark_in_flight(events)
    assert not store.queued(Priority.EVENT, 9)
    card.fault = None
    assert not store.commit(4_999), "retries are spaced"
    assert store.commit(5_000) and not store.is_failing
    assert store.count() == RING_RECORDS_MAX


@pytest.mark.parametrize("committed", [0, 3])
def test_a_number_that_went_out_from_ram_is_never_given_again(
    tmp_path: Path, committed: int
) -> None:
    """The ground has that record; another of its number would be taken for a contradiction."""
    store = DeskStore(tmp_path / "s.sqlite", card=(card := Card()))
    add(store, committed)
    assert store.commit(0)
    card.fault = CardFault.FULL
    sent = add(store, 400)
    assert not store.commit(1_000) and store.is_failing
    store.writer.close()  # the power goes
    again = DeskStore(tmp_path / "s.sqlite")
    assert min(add(again, 5)) > max(sent)


def test_what_is_queued_again_is_offered_again_even_from_ram(tmp_path: Path) -> None:
    """Found by sending texts again in plain: a record still in RAM stayed marked as sent."""
    store = DeskStore(tmp_path / "s.sqlite", card=(card := Card()))
    card.fault = CardFault.FULL
    ids = add(store, 3)
    assert not store.commit(0)
    store.mark_in_flight(ids)
    store.mark_queued(ids[:2])
    assert {r.record_id for r in store.queued(Priority.MUSING, 9)} == set(ids[:2])
    card.fault = None
    assert store.commit(5_000)
    assert all_ids(store) == set(ids[:2])
    store.mark_confirmed(ids)
    store.mark_queued(ids[:2])
    assert store.commit(6_000) and all_ids(store) == set(), "a confirmation is final"
    store.send_again(ids[2:])
    assert store.commit(7_000) and all_ids(store) == {ids[2]}


def test_no_directory_at_all_still_gives_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = DeskStore(tmp_path / "file" / "s.sqlite")
    add(store, 2)
    assert store.is_failing and not store.commit(0)
    assert len(store.queued(Priority.MUSING, 9)) == 2


def test_a_store_that_another_one_has_open_is_no_disk(tmp_path: Path) -> None:
    """``payload.drivers.single_instance`` refuses another payload process before it comes here."""
    first = DeskStore(tmp_path / "s.sqlite")
    second = DeskStore(tmp_path / "s.sqlite")
    assert second.is_failing and not second.is_counted
    first.close()


WRITER = """
import sys
from contextlib import closing
from pathlib import Path
from sim.fakes.card_disk import DeskStore
from wire.records import Kind, TimeQuality
store = DeskStore(Path(sys.argv[1]))
for i in range(100000):
    record = store.append(Kind.TRACK, {"n": i}, i, i, TimeQuality.NONE)
    assert store.commit(0)
    print(record.record_id, flush=True)
"""


def test_kill_nine_loses_no_committed_record(tmp_path: Path) -> None:
    """A real process prints each id after its commit returned; then it is killed, five times."""
    path, durable = tmp_path / "s.sqlite", set[int]()
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(40)]
        process.send_signal(signal.SIGKILL)
        printed += process.stdout.read().split()
        process.wait()
        assert not durable & set(map(int, printed)), "no id is given out twice"
        durable |= set(map(int, printed))
        store = DeskStore(path)
        stored = {number: record.boot for number, record in aboard.queued(store).items()}
        assert durable <= stored.keys()
        of_this_boot = [i for i, boot in stored.items() if boot == store.boot - 1]
        assert of_this_boot == list(range(of_this_boot[0], of_this_boot[0] + len(of_this_boot)))
        store.close()


def test_an_uncommitted_record_cannot_be_sent(tmp_path: Path) -> None:
    """The write order that the power-cut promise rests on: full sync, not normal."""
    store = DeskStore(tmp_path / "s.sqlite")
    assert store.writer.db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert store.writer.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


@pytest.mark.parametrize(("kind", "quality", "body"), [
    (250, 0, {"event": "later"}), (1, 9, {"event": "later"}), (1, 0, {7: "later"}),
])
def test_a_record_of_a_newer_version_stays_unsent_and_is_counted(
    tmp_path: Path, kind: int, quality: int, body: dict
) -> None:
    """An unknown quality of the time raised at every read."""
    path = tmp_path / "s.sqlite"
    store = DeskStore(path)
    ids = add(store, 3, Kind.EVENT)
    store.close()
    columns = (1_000, Priority.EVENT, kind, 1, 5, 5, quality, msgpack.packb(body))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(database.INSERT, (*database.with_crc(columns), 0))
    again = DeskStore(path)
    assert again.commit(0) and all_ids(again) == set(ids)
    assert again.damaged_records == 1 and again.salvaged_from is None
    states = dict(again.writer.db.execute("SELECT id, state FROM record"))
    assert states[1_000] == 0, "whoever knows it may send it"


EXTRA = ("ALTER TABLE record ADD COLUMN sig BLOB", "ALTER TABLE small ADD COLUMN sig BLOB",
         "CREATE TABLE extra (a)", "CREATE INDEX extra ON record (kind)", "PRAGMA user_version=9")


@pytest.mark.parametrize("statement", EXTRA)
def test_what_a_newer_version_added_is_no_damage(tmp_path: Path, statement: str) -> None:
    """Of 21 rows with a column more, a salvage kept one."""
    path = tmp_path / "s.sqlite"
    store = DeskStore(path)
    ids = add(store, 20)
    store.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)
    again = DeskStore(path)
    ids += add(again, 1)
    again.put("phase", {"phase": 3})
    now_ms = aboard.look_through(again)
    assert again.commit(now_ms) and again.salvaged_from is None
    assert all_ids(again) == set(ids)
    again.close()
    assert DeskStore(path).get("phase") == {"phase": 3}


@pytest.mark.parametrize("statement", EXTRA)
def test_nor_does_a_salvage_leave_a_row_of_it_behind(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "s.sqlite"
    store = DeskStore(path)
    ids = add(store, 20)
    store.put("phase", {"phase": 3})
    store.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)
    salvage.copy(path)
    salvage.finish(path)
    again = DeskStore(path)
    assert all_ids(again) == set(ids) and again.get("phase") == {"phase": 3}


def test_a_store_that_begins_empty_draws_its_incarnation_and_its_first_id(tmp_path: Path) -> None:
    """Both are on the disk with the first commit, and stay as long as the file does."""
    chance = random.Random(3)
    stores = [DeskStore(tmp_path / f"{number}.sqlite", chance=chance) for number in range(20)]
    for store in stores:
        rows = store.writer.db.execute("SELECT key, value, crc32 FROM small")
        assert small_state.read(rows)["incarnation"] == store.incarnation
    ids = [add(store, 1)[0] for store in stores]
    assert len({store.incarnation for store in stores} | {0}) == 21
    assert len(set(ids)) == 20 and min(ids) > 0 and max(ids) <= FIRST_IDS
    incarnation = stores[0].incarnation
    stores[0].close()
    again = DeskStore(tmp_path / "0.sqlite", chance=chance)
    assert again.incarnation == incarnation and again.boot == 2
    assert add(again, 1) == [ids[0] + 1]


def test_lives_without_a_disk_have_ids_and_incarnations_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite").mkdir()
    chance = random.Random(4)
    lives = [DeskStore(tmp_path / "s.sqlite", chance=chance) for _ in range(20)]
    ids = [add(life, 1)[0] for life in lives]
    assert not any(life.is_counted for life in lives)
    assert len(set(ids)) == len({life.incarnation for life in lives}) == 20
    assert min(ids) >= DISKLESS_ID and max(ids) < 1 << 32
