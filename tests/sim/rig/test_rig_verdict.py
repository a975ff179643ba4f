"""The verdict of the bench rig: whole flights pass, and each planted loss is found by name."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundstation.archive import record_table
from groundstation.archive.archive import Archive
from payload.storage import ids
from sim.clock import SimClock
from sim.fakes.card_disk import DeskStore
from sim.rig import ledger, verdict
from sim.rig.journal import Journal
from sim.rig.ledger import Records
from sim.rig.transmissions import SentFrames
from sim.rig.verdict import OutboxRow, RigFinding
from tests.sim.flights import mission
from wire.auth import Authenticity
from wire.records import Kind, Record, TimeQuality

NOW_MS = 1_800_000_000_000


class Flown:
    """Two lives of a payload: six records aboard, five at home, four of these confirmed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store_path = folder / "payload.sqlite"
        self.archive_path = folder / "archive.sqlite"
        self.records: list[Record] = []
        for words in (("boot", "sensor_lost", "phase"), ("boot", "phase", "gnss_lost")):
            store = DeskStore(self.store_path)
            for number, word in enumerate(words):
                body = {"event": word, "severity": "info", "fields": {"number": number}}
                self.records.append(
                    store.append(Kind.EVENT, body, number, number, TimeQuality.NONE))
            store.mark_confirmed(range(1, 5))
            store.close()
        self.home = self.records[:5]
        self.journal = Journal(SimClock(0), folder, lambda line: None)
        for boot, words in ((1, ("boot", "phase")), (2, ("boot", "gnss_lost"))):
            self.log(f"event=flying boot={boot}")
            for word in words:
                self.log(f"event={word} number=1")
        self.sent = SentFrames(SimClock(0), mission(), None)
        self.sent.records = {record.record_id: record for record in self.records}

    def log(self, words: str) -> None:
        self.journal.on_payload(f"timestamp=2026-01-01T00:00:00Z level=info {words}")

    def edit(self, sql: str, *values: Any) -> None:
        with sqlite3.connect(self.store_path) as db:
            db.execute(sql, values)

    def judge(self, may_prune: bool = False) -> list[RigFinding]:
        archive = Archive(self.archive_path)
        with archive.batch():
            record_table.add(archive, 7, self.home, NOW_MS, Authenticity.GENUINE)
        archive.close()
        copies = self.folder / "judged"
        aboard = verdict.read_store(verdict.copy_of(self.store_path, copies))
        home, _, tallies = verdict.read_archive(verdict.copy_of(self.archive_path, copies), 7)
        gone = set(home) - set(aboard) if may_prune else set()
        return [
            *verdict.on_store(aboard, home, may_prune), *verdict.on_sent(aboard, self.sent, gone),
            *verdict.on_archive(aboard, home, tallies, gone),
            *verdict.on_log(aboard, self.journal),
        ]


@pytest.fixture
def flown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flown:
    monkeypatch.setattr(ids, "FIRST_IDS", 1)  # its records are numbered from 1
    return Flown(tmp_path)


def broken(findings: list[RigFinding]) -> list[str]:
    return [finding.sentence for finding in findings if not finding.is_good]


def test_a_flight_that_lost_nothing_is_good(flown: Flown) -> None:
    findings = flown.judge()
    assert broken(findings) == []
    words = "\n".join(map(str, findings))
    assert "6 records of 2 lives, numbered 1 to 6 without a gap" in words
    assert "the ground confirmed 4 of them" in words
    assert "5 records are on the ground (83%" in words
    assert "4 events in its log" in words


def test_a_missing_number_is_found(flown: Flown) -> None:
    flown.edit("DELETE FROM record WHERE id = 3")
    assert any("missing: 3" in sentence for sentence in broken(flown.judge()))


def test_what_made_room_on_a_full_disk_must_be_on_the_ground(flown: Flown) -> None:
    flown.edit("DELETE FROM record WHERE id = 3")
    flown.sent.records.pop(3)
    flown.log("event=flying boot=9")  # its log of boot 1 cannot be held against it any more
    flown.journal.logged[1].clear()
    assert broken(flown.judge(may_prune=True)) == []
    flown.edit("DELETE FROM record WHERE id = 6")
    flown.edit("UPDATE record SET id = 7 WHERE id = 5")
    assert any("missing: 5, 6" in sentence or "missing: 6" in sentence
               for sentence in broken(flown.judge(may_prune=True)))


@pytest.mark.parametrize("column", ["body", "time_ms", "boot", "crc32"])
def test_a_row_that_changed_is_found(flown: Flown, column: str) -> None:
    value = {"body": b"\x81\xa5event\xa4bood"}.get(column, 5)
    flown.edit(f"UPDATE record SET {column} = ? WHERE id = 2", value)
    assert any(sentence == "every checksum is right, except: 2"
               for sentence in broken(flown.judge()))


def test_what_was_confirmed_and_did_not_arrive_is_found(flown: Flown) -> None:
    flown.home.pop(0)
    assert broken(flown.judge()) == [
        "the ground confirmed 4 of them; each is in the store and in the archive, except: 1"]


def test_what_was_sent_and_is_not_stored_is_found(flown: Flown) -> None:
    flown.sent.records[7] = replace(flown.records[0], record_id=7)
    assert any("in the store, except: 7" in sentence for sentence in broken(flown.judge()))


def test_what_was_sent_with_other_words_is_found(flown: Flown) -> None:
    flown.sent.records[2] = replace(flown.records[1], body={"event": "other"})
    assert any("in the store, except: 2" in sentence for sentence in broken(flown.judge()))


def test_one_number_that_was_sent_with_two_meanings_is_found(flown: Flown) -> None:
    flown.sent.two_meanings.append(4)
    assert broken(flown.judge()) == ["every repeated number had the same content, except: 4"]


def test_what_came_home_with_other_words_is_found(flown: Flown) -> None:
    flown.home[4] = replace(flown.home[4], body={"event": "other"})
    assert any("except: 5" in sentence for sentence in broken(flown.judge()))


def test_one_number_with_two_meanings_on_the_ground_is_found(flown: Flown) -> None:
    flown.home.append(replace(flown.home[0], body={"event": "other"}))
    assert broken(flown.judge()) == ["conflicts 1, impostors 0"]


def test_an_event_that_was_told_and_not_kept_is_found(flown: Flown) -> None:
    flown.log("event=burst peak_m=3")
    assert any("except: burst of boot 2" in sentence for sentence in broken(flown.judge()))
    flown.log("event=store_failing dropped_records=0")
    assert broken(flown.judge()) == [], "without a disk nothing is promised"


def test_a_traceback_is_found(flown: Flown) -> None:
    flown.journal.on_station("Traceback (most recent call last):")
    assert broken(flown.judge()) == ["no traceback in any log, but from: station"]


def test_an_unsigned_frame_is_found(flown: Flown) -> None:
    flown.sent.counts["unsigned"] = 2
    assert any("but 2" in sentence for sentence in broken(flown.judge()))


def test_a_payload_that_said_nothing_is_no_good_one(flown: Flown) -> None:
    flown.sent.records.clear()
    flown.home.clear()
    flown.edit("DELETE FROM record")
    assert len(broken(flown.judge())) >= 3


@pytest.mark.parametrize(("entries", "was_cut_off", "is_good"), [
    ([], False, True),
    ([("answered", 0, None), ("queued", 700_000, None)], False, True),
    ([("sent", 0, None)], False, False),
    ([("sent", 0, None)], True, True),
    ([("failed", 0, "not confirmed after 30 tries")], True, False),
])
def test_a_command_must_be_answered_in_time(entries, was_cut_off: bool, is_good: bool) -> None:
    found = [OutboxRow(16 * n, state, NOW_MS + ms, why)
             for n, (state, ms, why) in enumerate(entries)]
    _, finding = verdict.on_commands(found, [], NOW_MS + 1_000_000, was_cut_off)
    assert finding.is_good is is_good, finding


def test_a_command_that_the_station_took_and_did_not_keep_is_found() -> None:
    kept = [OutboxRow(16, "answered", NOW_MS, None)]
    assert verdict.on_commands(kept, [16], NOW_MS, False)[0].is_good
    assert not verdict.on_commands(kept, [16, 32], NOW_MS, False)[0].is_good


def test_the_numbers_at_the_end_tell_what_was_lost(flown: Flown) -> None:
    flown.edit("DELETE FROM record WHERE id IN (2, 6)")  # 2 is on the ground, 6 is nowhere
    flown.judge()
    copies = flown.folder / "judged"
    aboard = verdict.read_store(copies / "payload.sqlite")
    home, _, _ = verdict.read_archive(copies / "archive.sqlite", 7)
    flown.sent.longest_gaps_s = {30: 31.24, 10: 12.0}
    flown.sent.counts["BeaconFrame"] = 9
    entries = [OutboxRow(16, "answered", 0, None), OutboxRow(32, "sent", 0, None),
               OutboxRow(48, "confirmed", 0, None), OutboxRow(64, "failed", 0, "refused")]
    numbers = ledger.lines(Records.of(aboard, home, flown.sent), flown.sent, 8, entries,
                           {"daemon": 10, "mind": 4}, {"daemon": 11})
    assert numbers == [
        "records   promised 6   delivered 5   waiting 0   lost 1",
        "beacons   sent 9   heard 8   late 0   "
        "longest gap at cadence every 10 s: 12.0 s; every 30 s: 31.2 s",
        "commands  sent 4   answered 1   accepted, not answered yet 1   waiting 1   failed 1",
        "kills     daemon 10   mind 4",
        "starts    daemon 11",
    ]


def test_late_beacons_and_none_at_all_are_found() -> None:
    sent = SentFrames(SimClock(0), mission(), None)
    assert not verdict.on_beacons(sent, 0)[0].is_good
    sent.counts = Counter(BeaconFrame=3)
    assert verdict.on_beacons(sent, 2)[0].is_good
    sent.late.append("none for 99.0 s where one is due every 10 s")
    assert "too late: none for 99.0 s" in str(verdict.on_beacons(sent, 2)[0])


def test_reading_changes_nothing(flown: Flown) -> None:
    before = flown.store_path.read_bytes()
    flown.judge()
    assert flown.store_path.read_bytes() == before
