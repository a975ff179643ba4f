"""The archive: idempotent, rebuildable, and whole after every kind of cut."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from groundstation.archive import counters, outbox, rawlog, record_table, salvage, schema
from groundstation.archive.archive import Archive, ArchiveBusy
from groundstation.archive.rawlog import Reception
from groundstation.ground import Ground, HeardBytes
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import MASTER_KEY, MISSION, START_MS, FarEnd, state_at
from tests.groundstation.web import diary
from wire.auth import Authenticity, Direction, derive_key
from wire.records import Kind, Record, TimeQuality

DERIVED = [table for table in schema.DERIVED_TABLES if table != "change"]


def dump(archive):
    found = {}
    for table in DERIVED:
        rows = [tuple(row) for row in archive.db.execute(f"SELECT * FROM {table}")]
        found[table] = sorted(rows, key=repr)
    return found


def short_flight(path, frames=40):
    archive = Archive(path, is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    for i in range(frames):
        far.push(Kind.TRACK, START_MS + i * 1000, {"lat": 521_000_000 + i, "lon": 1, "alt": i})
        ground.receive(far.beacon(state_at(i)), START_MS + i * 1000)
        data = far.data(START_MS + i * 1000 + 500)
        if data:
            ground.receive(data, START_MS + i * 1000 + 500, -100.5, 3.25)
    return archive


def test_a_rebuild_makes_the_same_archive(tmp_path):
    archive = diary.build(tmp_path / "a.sqlite", with_pictures=False, end_s=1500)
    before = dump(archive)
    assert before["record"] and before["beacon"]
    archive.rebuild()
    assert dump(archive)["record"] == []
    Ground(MISSION, archive, None)
    after = dump(archive)
    for table in DERIVED:
        assert [row[1:] for row in after[table]] == [row[1:] for row in before[table]], table
    archive.close()


def test_the_same_frames_twice_change_nothing_but_the_receptions(tmp_path):
    archive = short_flight(tmp_path / "a.sqlite")
    records = dump(archive)["record"]
    heard = [HeardBytes(r.raw, r.utc_ms + 3_600_000) for r in archive.receptions()]
    archive.close()
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    Ground(MISSION, archive, None).receive_many(heard)
    assert dump(archive)["record"] == records
    assert archive.last_reception_id() == 2 * len(heard)


def test_a_record_with_other_contents_is_kept_beside_the_first(tmp_path):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)

    def add(text, heard_ms):
        body = {"text": text}
        record = Record(5, Kind.MUSING, 1, START_MS, TimeQuality.GPS, body)
        with archive.batch():
            return record_table.add(archive, 7, [record], heard_ms, Authenticity.UNSIGNED)

    assert add("first", 1) and not add("first", 2) and not add("second", 3) and not add("second", 4)
    tables = dump(archive)
    assert len(tables["record"]) == 1 and len(tables["record_conflict"]) == 1
    assert tables["tally"] == [("conflicts", 1)]


def test_the_raw_log_cut_at_every_byte_keeps_every_whole_entry(tmp_path):
    receptions = [Reception(START_MS + i, bytes([i]) * i, "s", None, 1.5, "radio", i)
                  for i in range(1, 9)]
    packed = [rawlog.pack(r) for r in receptions]
    data = b"".join(packed)
    ends = [sum(map(len, packed[: i + 1])) for i in range(len(packed))]
    for cut in range(len(data) + 1):
        found = [r for r, _ in rawlog.parse(data[:cut])]
        assert found == receptions[: sum(end <= cut for end in ends)], cut
    for at in range(len(data)):  # a flipped byte costs at most the entry it is in
        damaged = data[:at] + bytes([data[at] ^ 0x5A]) + data[at + 1 :]
        assert len([r for r, _ in rawlog.parse(damaged)]) >= len(receptions) - 1, at


def test_what_only_the_raw_log_has_comes_back_and_is_decoded(tmp_path):
    path = tmp_path / "a.sqlite"
    archive = short_flight(path)
    expected, count = dump(archive), archive.last_reception_id()
    raw = archive.raw_path.read_bytes()
    archive.close()
    for name in ("a.sqlite", "a.sqlite-wal", "a.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    archive = Archive(path, is_durable=False)
    assert archive.last_reception_id() == count
    Ground(MISSION, archive, None)
    assert dump(archive)["record"] == expected["record"]
    assert archive.raw_path.read_bytes() == raw
    archive.close()


def test_a_torn_last_entry_is_stepped_over_and_appended_after(tmp_path):
    path = tmp_path / "a.sqlite"
    archive = short_flight(path, 4)
    archive.close()
    with path.with_suffix(".raw").open("ab") as file:
        file.write(rawlog.pack(Reception(START_MS, b"torn"))[:-3])
    archive = Archive(path, is_durable=False)
    count = archive.last_reception_id()
    archive.add_receptions([Reception(START_MS + 1, b"after")])
    archive.close()
    assert [r.raw for r, _ in rawlog.read(path.with_suffix(".raw"))][-1] == b"after"
    archive = Archive(path, is_durable=False)
    assert archive.last_reception_id() == count + 1
    archive.close()


def test_a_shortened_raw_log_is_written_anew_from_the_database(tmp_path):
    path = tmp_path / "a.sqlite"
    archive = short_flight(path)
    expected = list(archive.receptions())
    archive.close()
    raw = path.with_suffix(".raw")
    raw.write_bytes(raw.read_bytes()[:100])
    Archive(path, is_durable=False).close()
    assert [r for r, _ in rawlog.read(raw)] == expected


@pytest.mark.parametrize("damage", ["zeros", "noise", "half"])
def test_a_damaged_database_is_moved_aside_and_made_again(tmp_path, damage):
    path = tmp_path / "a.sqlite"
    archive = short_flight(path, 200)
    archive.queue(outbox.Opcode.ASK, "Hello?", START_MS)
    expected = dump(archive)["record"]
    archive.close()
    data = path.read_bytes()
    path.write_bytes({
        "zeros": bytes(len(data)), "noise": b"not a database" * 500,
        "half": data[: len(data) // 2 // 4096 * 4096],
    }[damage])
    archive = Archive(path, is_durable=False)
    Ground(MISSION, archive, None)
    assert dump(archive)["record"] == expected
    assert (tmp_path / "a.sqlite.damaged-1").exists()
    assert archive.take_counter(START_MS + 5000, "feedback") > 0
    archive.close()


@pytest.mark.parametrize("cut_at", ["before", "within", "after"])
def test_an_older_archive_that_is_cut_while_it_is_taken_over_loses_no_command(
    tmp_path, monkeypatch, cut_at
):
    """The outbox and the counters are in no raw log: a cut between the new tables and the copy left
    both empty for good."""
    path = tmp_path / "a.sqlite"
    archive = short_flight(path, 20)
    archive.queue(outbox.Opcode.ASK, "Hello?", START_MS)
    counter = archive.take_counter(START_MS, "feedback")
    archive.db.execute("PRAGMA user_version = 3")
    archive.close()

    def cut(*args):
        raise KeyboardInterrupt

    module, name = {"before": (salvage, "salvage"), "within": (salvage, "_copy_rows"),
                    "after": (Archive, "_reconcile")}[cut_at]
    with monkeypatch.context() as patched:
        patched.setattr(module, name, cut)
        with pytest.raises(KeyboardInterrupt):
            Archive(path, is_durable=False)
    gc.collect()  # it holds the lock
    archive = Archive(path, is_durable=False)
    assert [row["text"] for row in archive.db.execute("SELECT text FROM outbox")] == ["Hello?"]
    assert archive.take_counter(START_MS + 1, "feedback") > counter
    archive.close()
    Archive(path, is_durable=False).close()


def test_an_upgrade_is_not_called_damage(tmp_path):
    """The first start after an upgrade reported a damaged archive, as an error."""
    path = tmp_path / "a.sqlite"
    archive = short_flight(path, 20)
    archive.queue(outbox.Opcode.ASK, "Hello?", START_MS)
    archive.db.execute("PRAGMA user_version = 3")
    archive.close()
    with capture_logs() as logs:
        archive = Archive(path, is_durable=False)
    told = [(entry["event"], entry["log_level"]) for entry in logs]
    assert told[0] == ("archive_upgraded", "info") and "archive_damaged" not in dict(told)
    assert logs[0]["moved_to"] == "a.sqlite.older-1" and (tmp_path / "a.sqlite.older-1").exists()
    assert [row["text"] for row in archive.db.execute("SELECT text FROM outbox")] == ["Hello?"]
    archive.close()
    path.write_bytes(b"noise" * 1_000)
    with capture_logs() as logs:
        Archive(path, is_durable=False).close()
    assert (logs[0]["event"], logs[0]["moved_to"]) == ("archive_damaged", "a.sqlite.damaged-2")


def test_a_newer_schema_is_refused_with_a_sentence_and_left_alone(tmp_path):
    path = tmp_path / "a.sqlite"
    Archive(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(schema.WrongVersion, match="newer spacepi"):
        Archive(path)
    assert not (tmp_path / "a.sqlite.damaged-1").exists()


def test_only_one_process_receives_into_an_archive(tmp_path):
    path = tmp_path / "a.sqlite"
    code = (
        "import sys; from pathlib import Path; from groundstation.archive.archive import Archive;"
        f"a = Archive(Path({str(path)!r})); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "open\n"
        with pytest.raises(ArchiveBusy, match="another station"):
            Archive(path)
        other.kill()
    Archive(path).close()


def test_while_the_disk_refuses_receptions_wait_in_memory(tmp_path, monkeypatch):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    append = archive._raw.append

    def full(receptions):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive._raw, "append", full)
    for i in range(5):
        assert not ground.receive_many([HeardBytes(far.beacon(state_at(i)), START_MS + i * 1000)])
    assert archive.last_reception_id() == 0
    monkeypatch.setattr(archive._raw, "append", append)
    assert ground.receive_many([])
    assert archive.last_reception_id() == 5
    assert len(dump(archive)["beacon"]) == 5


def test_records_without_utc_are_dated_by_the_fastest_of_their_boot(tmp_path):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    booted = START_MS
    for i in range(3):
        far.push(Kind.MUSING, 60_000 * i, {"text": f"line {i}"}, TimeQuality.NONE)
        data = far.data(60_000 * i + 5000)
        if i != 1:  # the second is late
            ground.receive(data, booted + 60_000 * i + 5000)
        else:
            late = data
    ground.receive(late, booted + 900_000)
    entries = FlightReader(archive.path, MISSION).entries(None, 10)
    assert [(e["text"], e["when_ms"] - booted) for e in entries] == [
        ("line 2", 125_000), ("line 1", 65_000), ("line 0", 5000)]
    assert not any(e["is_exact"] for e in entries)


def test_a_disk_that_refuses_for_long_does_not_fill_the_raw_log_with_copies(tmp_path, monkeypatch):
    """The raw log is synced, the database is not; then neither; then both."""
    archive = Archive(tmp_path / "a.sqlite")
    ground, far = Ground(MISSION, archive, None), FarEnd()
    frames = [far.beacon(state_at(i)) for i in range(30)]
    real_sync, real_insert = os.fsync, archive._insert_receptions

    def refuse(*arguments):
        raise OSError(5, "Input/output error")

    for i, frame in enumerate(frames):
        monkeypatch.setattr(archive, "_insert_receptions", refuse if i < 20 else real_insert)
        monkeypatch.setattr(os, "fsync", refuse if 10 <= i < 28 else real_sync)
        assert ground.receive_many([HeardBytes(frame, START_MS + i * 1000)]) is (i >= 28)
    entries = [reception for reception, _ in rawlog.read(archive.raw_path)]
    assert [r.raw for r in entries] == frames
    assert [r.reception_id for r in entries] == list(range(1, 31))
    assert [r.raw for r in archive.receptions()] == frames
    archive.close()


def test_what_could_not_be_decoded_when_it_came_is_decoded_with_the_next(tmp_path, monkeypatch):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    add_beacon = archive.add_beacon

    def refuse(*arguments):
        raise sqlite3.OperationalError("disk I/O error")

    for i in range(6):
        monkeypatch.setattr(archive, "add_beacon", refuse if 2 <= i < 4 else add_beacon)
        frame = HeardBytes(far.beacon(state_at(i)), START_MS + i * 1000)
        assert ground.receive_many([frame]), "it is durable all the same"
    found = dump(archive)
    assert len(found["beacon"]) == 6
    assert [row[-1] for row in found["node"]] == [6], "each is counted once"
    archive.close()


def test_a_commit_that_fails_leaves_no_transaction_behind(tmp_path):
    """Else every later commit would join it, and none would ever be one."""
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    archive.db.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    archive.db.execute(
        "CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    archive.db.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.IntegrityError), archive.batch():
        archive.db.execute("INSERT INTO child VALUES (1)")  # only COMMIT sees what is wrong
    assert not archive.db.in_transaction
    archive.close()


def test_while_the_disk_refuses_a_counter_nothing_is_sent_and_nothing_raised(tmp_path, monkeypatch):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    key = derive_key(MASTER_KEY, 7, Direction.UPLINK)
    ground, far = Ground(MISSION, archive, key), FarEnd(key)
    ground.ask("Are you cold?", START_MS)
    ground.receive(far.beacon(state_at(0), is_listening=True), START_MS)

    def refuse(*arguments):
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(counters, "take", refuse)
        assert ground.next_uplink(START_MS) is None
    assert ground.next_uplink(START_MS + 1) is not None, "the window is still open"
    archive.close()
