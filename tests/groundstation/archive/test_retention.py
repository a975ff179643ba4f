"""A raw log that is full: noise goes first, then others', and what our payload signed never."""

from __future__ import annotations

import random

import pytest
from structlog.testing import capture_logs

from groundstation.archive import rawlog, retention, schema
from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception
from groundstation.archive.retention import Worth
from groundstation.decode.reception_worth import worth_of_frame
from groundstation.decode.sessions import INCARNATIONS_MAX
from groundstation.ground import Ground, HeardBytes
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import (
    MASTER_KEY,
    MISSION,
    SIGNED_MISSION,
    START_MS,
    FarEnd,
    state_at,
)
from wire import frames, ukhas
from wire.auth import Direction, derive_key
from wire.records import Kind

KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)
DOWNLINK_KEY = SIGNED_MISSION.downlink_key(MASTER_KEY)
BOUND = 64_000


def sentence(number):
    return ukhas.encode(ukhas.Sentence("FRIEND", number, 45_000, 52.1, 13.2, 1200))


class Station:
    """With the key, and a raw log of BOUND bytes; ``heard`` is what it was given, by worth."""

    def __init__(self, path, downlink_key=DOWNLINK_KEY, mission=SIGNED_MISSION, bound=BOUND):
        self.path, self.bound = path, bound
        self.mission, self.downlink_key = mission, downlink_key
        self.far, self.forger = FarEnd(KEY, mission), FarEnd(KEY, mission)
        self.rng = random.Random(3)
        self.forger.downlink_key = bytes(32)
        self.heard = {worth: [] for worth in Worth}
        self.now_ms = START_MS
        self.open()

    def open(self):
        self.archive = Archive(self.path, is_durable=False, raw_log_bytes_max=self.bound)
        self.ground = Ground(self.mission, self.archive, KEY, self.downlink_key)

    def restart(self):
        self.archive.close()
        self.open()

    def make(self, worth):
        if worth is Worth.NOISE:
            return b"\xff" + self.rng.randbytes(self.rng.randint(20, 200))
        if worth is Worth.OTHERS:
            return sentence(self.rng.getrandbits(30))
        self.now_ms += 1000
        far = self.far if worth is Worth.VERIFIED else self.forger
        return far.beacon(state_at((self.now_ms - START_MS) / 1000))

    def hear(self, *worths):
        frames = [self.make(worth) for worth in worths]
        for worth, frame in zip(worths, frames, strict=True):
            self.heard[worth].append(frame)
        self.now_ms += 1000
        assert self.ground.receive_many([HeardBytes(frame, self.now_ms) for frame in frames])

    def kept(self, worth):
        there = {reception.raw for reception in self.archive.receptions()}
        return [frame for frame in self.heard[worth] if frame in there]

    def sizes(self):
        files = [file for _, _, file in rawlog.sealed(self.archive.raw_path)]
        return [file.stat().st_size for file in (*files, self.archive.raw_path)]

    def check(self):
        """The log and the table say the same, and the log is not above its bound."""
        logged = [reception for reception, _ in rawlog.read(self.archive.raw_path)]
        assert logged == list(self.archive.receptions())
        count = sum(map(len, self.heard.values()))
        assert len(logged) + self.forgotten() == count

    def forgotten(self):
        return FlightReader(self.path, self.mission).flight()["link"]["forgotten"]


@pytest.fixture
def station(tmp_path):
    opened = Station(tmp_path / "flight.sqlite")
    yield opened
    opened.archive.close()


@pytest.mark.parametrize(("frame", "worth"), [
    (b"", Worth.NOISE),
    (b"$$CALL,1,12:30:00,52.1,13.2,1200*0000\n", Worth.NOISE),
    (sentence(1), Worth.OTHERS),
    (b'{"type":"PAYLOAD_SUMMARY","callsign":"X","latitude":1' + b"0" * 309 + b',"longitude":1}',
     Worth.NOISE),
    (FarEnd(KEY, SIGNED_MISSION).beacon(state_at(0)), Worth.VERIFIED),
    (FarEnd(KEY, MISSION).beacon(state_at(0)), Worth.REFUSED),
    (FarEnd(KEY, SIGNED_MISSION, node_id=9).beacon(state_at(0)), Worth.OTHERS),
])
def test_what_a_reception_is_worth(frame, worth):
    def judged(keys, source="radio"):
        reception = Reception(START_MS, frame, source=source)
        return worth_of_frame(reception, frames.decode_downlink(frame, keys), 7)

    assert judged({7: DOWNLINK_KEY}) is worth
    if worth in (Worth.VERIFIED, Worth.REFUSED):
        assert judged({}) is Worth.POSSIBLE, "without the key"
        assert judged({}, "horus-udp") is Worth.OTHERS


def test_a_raw_log_does_not_grow_without_bound_under_noise(station):
    for _ in range(40):
        station.hear(*[Worth.NOISE] * 100, Worth.VERIFIED)
        assert sum(station.sizes()) < BOUND + 2 * 16_000, "and a batch"
    station.check()
    assert station.kept(Worth.VERIFIED) == station.heard[Worth.VERIFIED]
    assert 0 < len(station.kept(Worth.NOISE)) < 600 and station.forgotten() > 3_000
    assert len(station.sizes()) < 2 * retention.SEGMENTS, "what is left of neighbours is joined"
    newest = station.heard[Worth.NOISE][-50:]
    assert station.kept(Worth.NOISE)[-50:] == newest, "the oldest go first"


def test_noise_goes_first_then_others_and_what_is_verified_never(station):
    rng = random.Random(7)
    for worth in (Worth.OTHERS, Worth.REFUSED):  # as much of each as nearly fills it
        while sum(station.sizes()) < BOUND * 3 // 4:
            station.hear(*[worth] * 10, Worth.VERIFIED)
        for _ in range(30):
            station.hear(*[Worth.NOISE] * 40)
        assert len(station.kept(worth)) == len(station.heard[worth])
    while len(station.kept(Worth.OTHERS)) > 0:
        station.hear(*[rng.choice((Worth.REFUSED, Worth.VERIFIED)) for _ in range(20)])
    station.check()
    assert station.kept(Worth.VERIFIED) == station.heard[Worth.VERIFIED]


def test_where_only_what_is_verified_is_left_the_log_grows_and_says_so_once(station):
    with capture_logs() as logs:
        for _ in range(80):
            station.hear(*[Worth.VERIFIED] * 30)
    assert station.kept(Worth.VERIFIED) == station.heard[Worth.VERIFIED]
    assert sum(station.sizes()) > BOUND and station.forgotten() == 0
    assert [entry["event"] for entry in logs].count("raw_log_over_bound") == 1
    for _ in range(20):
        station.hear(*[Worth.NOISE] * 100)
    assert station.kept(Worth.VERIFIED) == station.heard[Worth.VERIFIED]
    verified_bytes = sum(len(rawlog.pack(r)) for r in station.archive.receptions()
                       if r.raw in set(station.heard[Worth.VERIFIED]))
    assert sum(station.sizes()) < verified_bytes + 3 * 16_000, "noise has no place beside it"


def test_signed_frames_played_again_for_hours_do_not_fill_the_log(station):
    station.hear(*[Worth.VERIFIED] * 60)
    again = station.heard[Worth.VERIFIED]
    for turn in range(100):
        station.ground.receive_many([HeardBytes(frame, station.now_ms + turn) for frame in again])
    assert sum(station.sizes()) < BOUND + 2 * 16_000
    assert station.kept(Worth.VERIFIED) == again
    first = {r.raw: r.reception_id for r in reversed(list(station.archive.receptions()))}
    assert [first[frame] for frame in again] == list(range(1, 61)), "the first of each is kept"


def test_after_a_restart_in_the_middle_everything_goes_on(station):
    for turn in range(30):
        station.hear(*[Worth.NOISE] * 60, Worth.OTHERS, Worth.VERIFIED)
        if turn % 3 == 0:
            station.restart()
            station.check()
    assert station.kept(Worth.VERIFIED) == station.heard[Worth.VERIFIED]
    assert station.forgotten() > 500


def test_a_rebuild_and_a_lost_database_give_what_is_kept(station, tmp_path):
    station.ground.receive(station.far.tell(), station.now_ms)
    for i in range(40):
        station.far.push(Kind.MUSING, station.now_ms, {"text": f"thought {i} {'x' * i}"})
        frame = station.far.data(station.now_ms)
        if frame is not None:
            station.heard[Worth.VERIFIED].append(frame)
            station.ground.receive(frame, station.now_ms)
        station.hear(*[Worth.NOISE] * 60, Worth.VERIFIED)

    def shown():
        tables = ("reception", "record", "beacon", "sighting")
        return [[tuple(row) for row in station.archive.db.execute(f"SELECT * FROM {table}")]
                for table in tables]

    before = shown()
    assert len(before[1]) > 30 and station.forgotten() > 1_000
    station.archive.rebuild()
    station.restart()
    assert shown() == before
    station.archive.close()
    for name in ("flight.sqlite", "flight.sqlite-wal", "flight.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    station.open()
    assert [row[:7] for row in shown()[0]] == [row[:7] for row in before[0]]
    assert shown()[1:] == before[1:]


def test_a_segment_that_was_damaged_or_removed_is_made_again(station):
    for _ in range(12):
        station.hear(*[Worth.NOISE] * 60, Worth.VERIFIED)
    whole = list(station.archive.receptions())
    names = [file for _, _, file in rawlog.sealed(station.archive.raw_path)]
    assert len(names) > 3
    names[0].unlink()
    names[1].write_bytes(names[1].read_bytes()[:99])
    station.archive.raw_path.write_bytes(b"")
    with capture_logs() as logs:
        station.restart()
    assert [entry["event"] for entry in logs].count("raw_log_shortened") == 3
    assert list(station.archive.receptions()) == whole
    station.check()


@pytest.mark.parametrize("damage", ["level = 'x'", "bytes = -1", "last_id = 1.5", "number = -3"])
def test_a_table_of_segments_that_makes_no_sense_is_a_damaged_database(station, damage):
    for _ in range(12):
        station.hear(*[Worth.NOISE] * 20, Worth.VERIFIED)
    whole = list(station.archive.receptions())
    station.archive.db.execute(
        f"UPDATE segment SET {damage} WHERE number = (SELECT MIN(number) FROM segment)")
    with capture_logs() as logs:
        station.restart()
    assert logs[0]["event"] == "archive_damaged"
    assert list(station.archive.receptions()) == whole


def test_what_our_payload_signed_in_lives_of_long_ago_is_verified_still(station):
    """Its boots are too many for four bits, and its stores more than are tried for a frame."""
    old = FarEnd(KEY, SIGNED_MISSION, boot=3)
    station.ground.receive(old.tell(), START_MS)
    old.push(Kind.MUSING, START_MS, {"text": "long ago"})
    frame = old.data(START_MS + 5_000)
    assert station.ground.is_verified(frame)
    for number in range(INCARNATIONS_MAX + 4):
        later = FarEnd(KEY, SIGNED_MISSION, boot=40, incarnation=0x1000 + number)
        station.ground.receive(later.tell(), START_MS + 6_000)
    assert station.ground.is_verified(frame)
    same_store = FarEnd(KEY, SIGNED_MISSION, boot=40)
    station.ground.receive(same_store.tell(), START_MS + 7_000)
    assert station.ground.is_verified(frame)
    old.downlink_key = bytes(32)
    old.push(Kind.MUSING, START_MS, {"text": "forged"})
    forged = Reception(START_MS, old.data(START_MS + 10_000))
    assert station.ground.worth_of(forged) is Worth.POSSIBLE


def test_without_a_key_what_may_be_ours_goes_last_and_the_oldest_first(tmp_path):
    station = Station(tmp_path / "flight.sqlite", None, MISSION)
    for _ in range(20):
        station.hear(*[Worth.NOISE] * 60, *[Worth.VERIFIED] * 10)  # of which it cannot know
    assert station.kept(Worth.VERIFIED) == station.heard[Worth.VERIFIED]
    for _ in range(30):
        station.hear(*[Worth.VERIFIED] * 40)
    station.check()
    kept = station.kept(Worth.VERIFIED)
    assert kept == station.heard[Worth.VERIFIED][-len(kept) :] and len(kept) > 300
    station.archive.close()


def test_derived_rows_and_the_change_log_go_with_their_receptions(station, monkeypatch):
    monkeypatch.setattr(retention, "CHANGES_KEPT", 100)
    ours = [ukhas.encode(ukhas.Sentence("N0CALL", number, 45_000, 52.1, 13.2, 1200))
            for number in range(3_000)]
    for at in range(0, len(ours), 50):
        station.ground.receive_many(
            [HeardBytes(data, START_MS + at) for data in ours[at : at + 50]])
    db = station.archive.db
    kept = {row[0] for row in db.execute("SELECT id FROM reception")}
    assert {row[0] for row in db.execute("SELECT id FROM sighting")} == kept and len(kept) < 1_000
    assert db.execute("SELECT COUNT(*) FROM change").fetchone()[0] < 100 + 300


def test_a_disk_that_refuses_to_thin_costs_nothing_and_is_said_once(station, monkeypatch):
    def refuse(*arguments, **named):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(rawlog, "write_whole", refuse)
        for _ in range(20):
            station.hear(*[Worth.NOISE] * 60, Worth.VERIFIED)
    assert [entry["event"] for entry in logs].count("raw_log_not_thinned") == 1
    assert station.forgotten() == 0
    for _ in range(20):
        station.hear(*[Worth.NOISE] * 10, Worth.VERIFIED)
    station.check()
    assert station.kept(Worth.VERIFIED) == station.heard[Worth.VERIFIED]
    assert sum(station.sizes()) < BOUND + 2 * 16_000


def test_a_commit_that_fails_while_thinning_leaves_segment_and_table_as_they_were(
    station, monkeypatch
):
    """What was looked at once must not count as heard again the next time."""
    add = schema.add_to_meta

    def refuse(*arguments):
        raise schema.sqlite3.OperationalError("disk I/O error")

    for turn in range(40):
        with monkeypatch.context() as patch:
            patch.setattr(schema, "add_to_meta", refuse if turn % 2 else add)
            station.hear(*[Worth.NOISE] * 60, Worth.VERIFIED)
    station.check()
    assert station.kept(Worth.VERIFIED) == station.heard[Worth.VERIFIED]
    station.restart()
    station.check()
