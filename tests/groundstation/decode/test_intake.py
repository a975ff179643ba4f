"""A decoder that raises: none of what it did stays, the station goes on, and the bug is listed."""

from __future__ import annotations

import sqlite3

import pytest
from structlog.testing import capture_logs

from groundstation.archive.archive import Archive
from groundstation.decode import foreign, intake, mosaic, payload_summaries
from groundstation.decode.record_effects import RecordEffects
from groundstation.ground import Ground, HeardBytes
from groundstation.reading.reader import FlightReader
from groundstation.web.stream import PageFeed
from tests.groundstation.far_end import MASTER_KEY, MISSION, START_MS, FarEnd, state_at
from wire.auth import Direction, derive_key
from wire.records import Kind

pytestmark = pytest.mark.usefixtures("survival")
POISON = b"{poison}"


@pytest.fixture
def poisonous(monkeypatch):
    """A bug: the bytes POISON make a decoder raise."""
    read = foreign.read

    def read_or_raise(raw):
        if raw == POISON:
            raise OverflowError("int too large to convert to float")
        return read(raw)

    monkeypatch.setattr(foreign, "read", read_or_raise)


def dump(archive):
    tables = ("beacon", "record", "neighbour", "sighting", "tally", "node", "undecodable")
    return {t: [tuple(r) for r in archive.db.execute(f"SELECT * FROM {t}")] for t in tables}


def tally(archive):
    return dict(archive.db.execute("SELECT name, value FROM tally").fetchall())


@pytest.mark.parametrize("source", ["radio", payload_summaries.SOURCE])
def test_a_reception_that_makes_a_decoder_raise_is_noted_and_the_next_one_is_decoded(
    archive, poisonous, source
):
    """Before, while and after it came, at the next starts, and in a rebuild: the same."""
    ground, far = Ground(MISSION, archive, None), FarEnd()
    ground.receive_many([
        HeardBytes(far.beacon(state_at(0)), START_MS),
        HeardBytes(POISON, START_MS + 1000, source=source),
        HeardBytes(far.beacon(state_at(2)), START_MS + 2000),
    ])
    ground.receive(far.beacon(state_at(4)), START_MS + 4000)
    (found,) = intake.listed(archive.db)
    assert found[:4] == (2, START_MS + 1000, source, len(POISON))
    assert found.error.startswith("OverflowError at test_intake.py:")
    before = dump(archive)
    assert len(before["beacon"]) == 3 and tally(archive) == {"undecodable": 1}
    for _ in range(2):
        Ground(MISSION, archive, None)
        assert dump(archive) == before
    archive.rebuild()
    assert intake.listed(archive.db) == []
    Ground(MISSION, archive, None)
    assert dump(archive) == before


def test_what_an_undecodable_reception_did_before_it_raised_is_undone(archive, monkeypatch):
    """A reply and a picture in one frame: the reply was kept and its question answered, then the
    picture raised. The mended station's rebuild has both."""
    key = derive_key(MASTER_KEY, 7, Direction.UPLINK)
    ground, far = Ground(MISSION, archive, key), FarEnd(key)
    ground.receive(far.beacon(state_at(0), is_listening=True), START_MS)
    asked = ground.ask("Is it cold?", START_MS)
    far.push(Kind.REPLY, START_MS, {"text": "Yes.", "question_id": asked})
    far.push(Kind.EVENT, START_MS, {"event": "boot", "picture": 1})
    before, changes = dump(archive), ground.archive.db.execute("SELECT * FROM change").fetchall()
    act_on = RecordEffects._act_on

    def raising(contents, life, record, utc_ms):
        act_on(contents, life, record, utc_ms)
        if record.kind is Kind.EVENT:
            raise RecursionError

    with monkeypatch.context() as patch:
        patch.setattr(RecordEffects, "_act_on", raising)
        ground.receive(far.data(START_MS + 5000), START_MS + 5000)
    after = dump(archive)
    assert after.pop("undecodable") and after.pop("tally") == [("undecodable", 1)]
    assert after == {name: rows for name, rows in before.items() if name in after}
    states = archive.db.execute("SELECT state FROM outbox").fetchall()
    assert [row[0] for row in states] == ["queued"]
    new = archive.db.execute("SELECT what FROM change").fetchall()[len(changes):]
    assert [row[0] for row in new] == ["undecodable"]
    archive.rebuild()
    Ground(MISSION, archive, key)
    assert [row[4] for row in dump(archive)["record"]] == [Kind.REPLY, Kind.EVENT]
    assert tally(archive) == {}
    assert archive.db.execute("SELECT state FROM outbox").fetchone()[0] == "answered"


def test_a_frame_that_raises_when_it_is_fed_again_does_not_keep_the_station_from_starting(
    archive, monkeypatch
):
    ground, far = Ground(MISSION, archive, None), FarEnd()
    far.push(Kind.MUSING, START_MS, {"text": "Half heard."})
    ground.receive(far.data(START_MS + 5000), START_MS + 5000)
    ground.receive(far.beacon(state_at(6)), START_MS + 6000)

    def raising(*_):
        raise struct_error

    struct_error = ValueError("not so")
    monkeypatch.setattr("groundstation.decode.node_receiver.NodeReceiver.on_data", raising)
    again = Ground(MISSION, archive, None)
    assert [found.reception_id for found in intake.listed(archive.db)] == [1]
    again.receive(far.beacon(state_at(8)), START_MS + 8000)
    assert len(dump(archive)["beacon"]) == 2


def test_a_value_that_the_database_cannot_hold_is_the_receptions_fault(archive, monkeypatch):
    """And none of the disk's, which would be tried again for ever."""
    def too_large(db, node_id, life, record):
        db.execute("INSERT INTO tile VALUES (?, ?, ?, ?, ?)", (node_id, life, 1, None, None))

    monkeypatch.setattr(mosaic, "keep", too_large)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    far.push(Kind.THUMBNAIL, START_MS, {"image": b"\xff\xd8\xff", "picture": 1})
    assert ground.receive_many([HeardBytes(far.data(START_MS + 5000), START_MS)])
    (found,) = intake.listed(archive.db)
    assert found.error.startswith("IntegrityError at ")


def test_a_disk_that_refuses_is_no_fault_of_the_reception(archive, monkeypatch):
    def refuse(*_):
        raise sqlite3.OperationalError("disk I/O error")

    ground, far = Ground(MISSION, archive, None), FarEnd()
    with monkeypatch.context() as patch:
        patch.setattr(archive, "add_beacon", refuse)
        ground.receive(far.beacon(state_at(0)), START_MS)
    ground.receive(far.beacon(state_at(1)), START_MS + 1000)
    assert intake.listed(archive.db) == [] and len(dump(archive)["beacon"]) == 2


def test_ten_thousand_of_them_are_counted_and_ten_are_logged(archive, poisonous):
    ground = Ground(MISSION, archive, None)
    with capture_logs() as logs:
        for start in range(0, 10_000, 500):
            ground.receive_many(HeardBytes(POISON, START_MS + start + i) for i in range(500))
    told = [entry for entry in logs if entry["event"] == "undecodable"]
    assert len(told) == intake.LOGGED_MAX
    assert told[0]["reception_id"] == 1 and told[0]["error"] == "OverflowError"
    assert [entry["is_last_logged"] for entry in told] == [False] * 9 + [True]
    assert tally(archive) == {"undecodable": 10_000}


def test_an_open_page_hears_of_it(archive, poisonous):
    ground = Ground(MISSION, archive, None)
    feed = PageFeed(FlightReader(archive.path, MISSION), lambda: START_MS)
    at, _ = feed.step(None)
    ground.receive(POISON, START_MS)
    _, message = feed.step(at)
    assert '"undecodable":1' in message


def test_they_are_listed_by_a_command(tmp_path, mission, ground, poisonous):
    """``receive --replay`` of a log with a poisoned packet, then the list; and after the mend."""
    other = Archive(tmp_path / "other" / "flight.sqlite", is_durable=False)
    heard = Ground(MISSION, other, None)
    heard.receive(FarEnd().beacon(state_at(0)), START_MS)
    heard.receive(POISON, START_MS + 1000)
    other.close()
    status, _, err = ground("receive", "--replay", other.raw_path, "-m", mission)
    assert (status, err.count("undecodable")) == (0, 1)
    status, out, _ = ground("undecodable", "-m", mission)
    assert status == 0
    assert out.startswith("2  2026-09-21 14:13:21 UTC  replay, 8 bytes: OverflowError at ")
    _, out, _ = ground("rebuild", "-m", mission)
    assert out.endswith("1 undecodable, see `spacepi-ground undecodable`.\n")


def test_where_everything_was_decoded_the_list_says_so(tmp_path, mission, ground):
    Archive(tmp_path / "archive" / "archive.sqlite", is_durable=False).close()
    assert ground("undecodable", "-m", mission)[1] == "Every reception was decoded.\n"
