"""What SondeHub is told and what its answers mean; and how far it was told outlives the station."""

from __future__ import annotations

import gzip
import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundstation.archive import schema
from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from groundstation.share import sondehub, upload_queue
from groundstation.share.sondehub import Unanswered, UploadAnswer, UploadOutcome
from groundstation.share.upload_queue import Batch, UploadQueue
from tests.groundstation.far_end import (
    MASTER_KEY,
    MISSION,
    SIGNED_MISSION,
    START_MS,
    FarEnd,
    state_at,
)
from wire import beacon
from wire.beacon import Beacon
from wire.mission import Mission
from wire.records import Kind

DAY_MS = 86_400_000


def told(mission: Mission = MISSION, mode: str = "on", **more: Any) -> Mission:
    ground = mission.ground.model_copy(
        update={"sondehub": mode, "sondehub_callsign": "D0TEST", **more})
    return mission.model_copy(update={"ground": ground})


class Station:
    """An archive, what it hears, and the queue of its uploader."""

    def __init__(self, folder: Path, mission: Mission) -> None:
        self.mission = mission
        self.path = folder / "archive.sqlite"
        self.archive = Archive(self.path)
        self.ground = Ground(
            mission, self.archive, None, mission.downlink_key(MASTER_KEY))
        self.far = FarEnd(mission=mission)
        self.queue = UploadQueue(self.path, mission)

    def hear(self, t_s: float, source: str = "radio", **state: Any) -> None:
        data = self.far.beacon(replace(state_at(t_s), **state))
        self.ground.receive(data, START_MS + round(t_s * 1000), -98.4, 11.0, source)

    def think(self, t_s: float, text: str) -> None:
        at_ms = START_MS + round(t_s * 1000)
        self.far.push(Kind.MUSING, at_ms, {"text": text, "by": "model"})
        self.far.sender.flush(self.far.pushed[-1].priority)
        data = self.far.data(at_ms)
        assert data is not None
        self.ground.receive(data, at_ms)

    def batch(self, now_s: float = 60.0) -> Batch:
        batch = self.queue.next_batch(START_MS + round(now_s * 1000))
        assert batch is not None
        return batch

    def settle(self, taken: int, refused: int = 0) -> None:
        self.queue.settle(self.batch(), UploadOutcome(taken, refused), START_MS + 60_000)

    def restart(self) -> None:
        """The uploader begins again, as after a kill."""
        self.queue.close()
        self.queue = UploadQueue(self.path, self.mission)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path, told())


# -- an entry ---------------------------------------------------------------------------------


def test_a_beacon_is_told_in_the_fields_of_the_amateur_format(tmp_path: Path) -> None:
    place = {"sondehub_position": (52.2, 13.4, 41.5), "sondehub_antenna": "a whip"}
    station = Station(tmp_path, told(**place))
    station.think(40.0, "The field is already a stamp.")
    station.hear(50.0, outside_c=0.0, battery_mv=4080.0, heading_deg=66.0)
    (entry,) = station.batch().entries
    assert entry.pop("software_version")
    assert entry == {
        "software_name": "spacepi", "uploader_callsign": "D0TEST", "payload_callsign": "N0CALL",
        "datetime": "2026-09-21T14:14:10.000000Z", "time_received": "2026-09-21T14:14:10.000000Z",
        "lat": entry["lat"], "lon": entry["lon"], "alt": 300.0, "frame": (1 << 12) + 2,
        "temp": 0.0, "batt": 4.08, "vel_v": 5.0, "vel_h": 14, "heading": 66, "sats": 11,
        "pressure": entry["pressure"], "inside_temp": 21.0, "rssi": -98.4, "snr": 11.0,
        "phase": "ascent", "faults": 0, "musing": "The field is already a stamp.",
        "modulation": "AX.25", "uploader_position": [52.2, 13.4, 41.5],
        "uploader_antenna": "a whip",
    }
    assert entry["lat"] == pytest.approx(52.1038, abs=1e-4)


def test_what_is_not_known_is_left_out_and_zero_is_told(station: Station) -> None:
    station.hear(10.0, outside_c=None, battery_mv=None, climb_mps=0.0, speed_mps=0.0)
    (entry,) = station.batch().entries
    assert not {"temp", "batt", "musing", "uploader_position", "dev"} & entry.keys()
    assert (entry["vel_v"], entry["vel_h"]) == (0.0, 0.0)


def test_the_time_is_the_payloads_own_and_the_date_the_one_that_fits(station: Station) -> None:
    midnight_s = (START_MS // DAY_MS + 1) * 86_400 - START_MS // 1000
    station.hear(midnight_s + 3, time_of_day_s=86_399)
    station.hear(midnight_s + 5, time_of_day_s=None)
    first, second = station.batch(midnight_s + 9).entries
    assert first["datetime"] == "2026-09-21T23:59:59.000000Z"
    assert first["time_received"] == "2026-09-22T00:00:03.000000Z"
    assert second["datetime"] == second["time_received"] == "2026-09-22T00:00:05.000000Z"


@pytest.mark.parametrize("state", [
    {"latitude_deg": None}, {"longitude_deg": None}, {"altitude_m": None}, {"fix_age_s": 21.0},
])
def test_a_beacon_without_a_fresh_place_is_passed_over(station: Station, state: Any) -> None:
    station.hear(10.0, **state)
    station.hear(20.0, fix_age_s=20.0)
    batch = station.batch()
    assert len(batch.entries) == 1 and batch.passed_over == 1


def test_a_replay_and_what_is_a_day_old_are_passed_over(station: Station) -> None:
    station.hear(10.0, source="replay")
    station.hear(20.0)
    station.hear(21.0)
    assert len(station.batch(20.0 + 86_400).entries) == 2, "a day old to the second"
    batch = station.batch(20.5 + 86_400)
    assert len(batch.entries) == 1 and batch.passed_over == 2


def test_where_the_mission_signs_only_what_was_verified_is_told(tmp_path: Path) -> None:
    knowing = Station(tmp_path, told(SIGNED_MISSION))
    knowing.hear(10.0)
    assert len(knowing.batch().entries) == 1
    (tmp_path / "other").mkdir()
    ignorant = Station(tmp_path / "other", told(SIGNED_MISSION))
    ignorant.ground = Ground(told(SIGNED_MISSION), ignorant.archive, None, None)
    ignorant.hear(10.0)
    assert ignorant.batch().entries == () and ignorant.batch().passed_over == 1


def test_a_stranger_and_another_node_are_not_told(station: Station) -> None:
    other = FarEnd(node_id=9)
    station.ground.receive(other.beacon(state_at(5.0)), START_MS)
    station.ground.receive(b"$$N0CALL,1,12:00:00,52.1,13.2,900*1A2B\n", START_MS)
    assert station.queue.next_batch(START_MS) is None


def test_a_rehearsal_marks_every_entry(tmp_path: Path) -> None:
    station = Station(tmp_path, told(mode="dev"))
    station.hear(10.0)
    assert station.batch().entries[0]["dev"] is True


def test_a_batch_is_gzipped_json_and_the_same_batch_the_same_bytes(station: Station) -> None:
    station.hear(10.0)
    put = sondehub.put_telemetry(station.batch().entries, START_MS)
    assert put.path == "/amateur/telemetry"
    assert json.loads(gzip.decompress(put.body)) == list(station.batch().entries)
    assert put.headers["Content-Encoding"] == "gzip"
    assert put.headers["Content-Type"] == "application/json"
    assert put.headers["Date"] == "Mon, 21 Sep 2026 14:13:20 GMT"
    assert put.headers["User-Agent"].startswith("spacepi-")
    assert sondehub.put_telemetry(station.batch().entries, START_MS) == put


def test_the_station_is_told_only_where_its_owner_gave_a_place() -> None:
    assert sondehub.put_listener(told(), 0) is None
    place = {"sondehub_position": (52.2, 13.4, 41.5)}
    assert sondehub.put_listener(told(mode="dev", **place), 0) is None
    put = sondehub.put_listener(told(**place), 0)
    assert put is not None and put.path == "/amateur/listeners"
    entry = json.loads(put.body)
    assert entry["uploader_position"] == [52.2, 13.4, 41.5] and entry["mobile"] is False
    assert entry["uploader_callsign"] == "D0TEST" and entry["software_name"] == "spacepi"


# -- an answer --------------------------------------------------------------------------------

PORTAL = b"  <!DOCTYPE html><title>Log in</title>"


@pytest.mark.parametrize(("answer", "outcome"), [
    (UploadAnswer(200, b"^v^ telm logged"), UploadOutcome(3, 0)),
    (UploadAnswer(202, b'{"errors": [], "warnings": [{"warning_message": "hidden"}]}'),
     UploadOutcome(3, 0)),
    (UploadAnswer(202, b'{"errors": [{"error_message": "Missing alt field"}]}'),
     UploadOutcome(2, 1, "Missing alt field")),
    (UploadAnswer(202, b'{"errors": [{}, 7, {"error_message": "b"}, {}, {}]}'),
     UploadOutcome(0, 3, "no reason given")),
    (UploadAnswer(202, b'{"errors": [{"error_message": "All checks passed however payload '
                  b'contained dev flag"}]}'), UploadOutcome(3, 0)),
    (UploadAnswer(202, b'{"errors": [{"error_'), UploadOutcome(3, 0)),
    (UploadAnswer(202, b"[]"), UploadOutcome(3, 0)),
    (UploadAnswer(202, b"[" * 40_000), UploadOutcome(3, 0)),
    (UploadAnswer(400, b"Not valid json"), UploadOutcome(0, 3, "status 400: Not valid json")),
    (UploadAnswer(403, PORTAL),
     UploadOutcome(0, 3, "status 403: <!DOCTYPE html><title>Log in</title>")),
    (UploadAnswer(413, b"\x00\xff" * 900), UploadOutcome(0, 3, "status 413: " + "�" * 148)),
])
def test_an_answer_settles_every_entry(answer: UploadAnswer, outcome: UploadOutcome) -> None:
    assert sondehub.judge(answer, 3) == outcome


@pytest.mark.parametrize(("answer", "words"), [
    (UploadAnswer(500, b"{}"), "status 500"), (UploadAnswer(503, b"", 120.0), "status 503"),
    (UploadAnswer(429, b"Too Many Requests", 60.0), "status 429"),
    (UploadAnswer(408, b""), "status 408"),
    (UploadAnswer(200, PORTAL), "web page"), (UploadAnswer(202, PORTAL), "web page"),
    (UploadAnswer(302, b""), "web page"), (UploadAnswer(100, b""), "status 100"),
])
def test_what_is_no_answer_settles_nothing(answer: UploadAnswer, words: str) -> None:
    with pytest.raises(Unanswered, match=words) as caught:
        sondehub.judge(answer, 3)
    assert caught.value.wait_s == (None if answer.status < 400 else answer.wait_s)


# -- the place in the archive -----------------------------------------------------------------


def test_what_was_settled_is_not_told_again_and_the_rest_is(station: Station) -> None:
    for t_s in (1.0, 2.0, 3.0):
        station.hear(t_s)
    first = station.batch()
    assert len(first.entries) == 3
    station.restart()
    assert station.batch() == first, "nobody answered: the same again"
    station.settle(2, 1)
    station.restart()
    assert station.queue.next_batch(START_MS) is None
    station.hear(4.0)
    assert [entry["frame"] & 0xFFF for entry in station.batch().entries] == [4]
    progress = station.queue.progress
    assert (progress.taken, progress.refused, progress.taken_ms) == (2, 1, START_MS + 60_000)


def test_a_backlog_goes_in_batches_and_in_order(station: Station) -> None:
    for number in range(9):
        station.hear(number)
    frames = []
    while (batch := station.queue.next_batch(START_MS, 4)) is not None:
        assert len(batch.entries) <= 4
        frames += [entry["frame"] & 0xFFF for entry in batch.entries]
        station.queue.settle(batch, UploadOutcome(len(batch.entries), 0), START_MS)
    assert frames == list(range(1, 10))


def test_a_round_looks_at_so_many_rows_and_no_more(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_queue, "LOOKED_AT_MAX", 3)
    for number in range(4):
        station.hear(number, latitude_deg=None)
    station.hear(9.0)
    batch = station.batch()
    assert batch.entries == () and batch.passed_over == 3
    station.settle(0)
    assert len(station.batch().entries) == 1 and station.batch().passed_over == 1


def test_a_full_disk_never_makes_it_tell_twice(station: Station) -> None:
    """What was answered is known at once, and written down when the disk takes it."""
    station.hear(1.0)
    station.queue._db.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError):
        station.settle(1)
    with pytest.raises(sqlite3.OperationalError):
        station.queue.next_batch(START_MS)
    station.queue._db.execute("PRAGMA query_only = OFF")
    assert station.queue.next_batch(START_MS) is None
    station.restart()
    assert station.queue.progress.taken == 1 and station.queue.next_batch(START_MS) is None


def test_it_outlives_a_rebuild_and_a_damaged_archive(tmp_path: Path) -> None:
    station = Station(tmp_path, told())
    station.hear(1.0)
    station.settle(1)
    station.hear(2.0)
    station.archive.rebuild()
    station.archive.close()
    station.queue.close()
    again = Station(tmp_path, told())
    assert len(again.batch().entries) == 1, "decoded again, and not told again"
    again.archive.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    again.archive.close()
    again.queue.close()
    with sqlite3.connect(again.path) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = sql || ' ' WHERE name = 'beacon'")
    salvaged = Station(tmp_path, told())
    assert (tmp_path / "archive.sqlite.damaged-1").exists()
    assert salvaged.queue.progress.taken == 1
    assert [entry["frame"] & 0xFFF for entry in salvaged.batch().entries] == [2]


@pytest.mark.parametrize("value", [
    None, "", "7", "[]", "{}", '{"upto": "x"}', b"\xff", 5, "[" * 20_000,
    '{"upto": 1e999, "taken": 0, "refused": 0, "passed_over": 0, "set_aside": 0,'
    ' "taken_ms": 0, "listener_ms": 0, "trouble": ""}',
])
def test_a_place_that_makes_no_sense_is_the_beginning(station: Station, value: Any) -> None:
    station.hear(1.0)
    station.archive.set_meta(schema.SONDEHUB_KEY, value)
    station.restart()
    assert len(station.batch().entries) == 1


def test_a_place_beyond_the_archive_is_its_end(station: Station) -> None:
    station.hear(1.0)
    station.settle(1)
    station.queue.progress.upto = 900
    station.queue.note_trouble("so that it is written down")
    station.restart()
    station.hear(2.0)
    assert len(station.batch().entries) == 1


def test_the_page_is_told(station: Station) -> None:
    reader = FlightReader(station.path, station.mission)
    assert reader.flight()["sondehub"] == {
        "mode": "on", "taken": 0, "refused": 0, "set_aside": 0, "taken_ms": None, "trouble": ""}
    station.hear(1.0)
    station.settle(1, 0)
    station.queue.note_trouble("status 503")
    assert reader.flight()["sondehub"] == {
        "mode": "on", "taken": 1, "refused": 0, "set_aside": 0, "taken_ms": START_MS + 60_000,
        "trouble": "status 503"}
    assert "sondehub" in [what for _, what, _ in reader.changes(0, 99)]


def test_any_state_of_a_beacon_can_be_told(station: Station) -> None:
    """Every field may be unknown, and what a beacon can hold is strict JSON."""
    for number in range(60):
        state = bytes((number * 31 + place * (number % 7 + 1)) % 256 for place in range(24))
        station.hear(number, **{name: getattr(beacon.decode(state), name)
                                for name in Beacon.__dataclass_fields__})
    batch = station.queue.next_batch(START_MS + 60_000)
    assert batch is not None
    put = sondehub.put_telemetry(batch.entries, START_MS)
    assert isinstance(json.loads(gzip.decompress(put.body)), list)
