"""Receptions in one go and while the disk refuses: every drop is counted, and none is needless."""

from __future__ import annotations

from structlog.testing import capture_logs

from groundstation.archive import held_receptions
from groundstation.archive.held_receptions import BATCH_MAX, HELD_MAX, HeldReceptions
from groundstation.archive.rawlog import Reception
from groundstation.archive.retention import Worth
from groundstation.decode import reception_decoder
from groundstation.decode.reception_decoder import ReceptionDecoder
from groundstation.ground import Ground, HeardBytes
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, START_MS, FarEnd, state_at


def noise(count, first=0):
    return (HeardBytes(b"A%d" % number, START_MS) for number in range(first, first + count))


def refuse(*arguments):
    raise OSError(28, "No space left on device")


def test_twenty_five_thousand_receptions_in_one_go_are_all_kept(archive):
    """5,000 of them were dropped without a word: the memory for a refusing disk holds 20,000."""
    ground = Ground(SIGNED_MISSION, archive, None)
    assert ground.receive_many(noise(25_000))
    assert archive.last_reception_id() == 25_000
    link = FlightReader(archive.path, SIGNED_MISSION).flight()["link"]
    assert (link["noise"], link["dropped"]) == (25_000, 0)


def test_commits_are_small_however_much_comes_together(archive, monkeypatch):
    sizes, add = [], archive.add_receptions

    def counted(receptions, dropped):
        sizes.append(len(receptions))
        return add(receptions, dropped)

    monkeypatch.setattr(archive, "add_receptions", counted)
    assert Ground(SIGNED_MISSION, archive, None).receive_many(noise(2 * BATCH_MAX + 1))
    assert sizes == [BATCH_MAX, BATCH_MAX, 1]


def test_while_the_disk_refuses_every_drop_is_counted_and_said(archive, monkeypatch):
    """Method: 12,500 receptions come while it refuses, every tenth from EDDA; then it is back."""
    monkeypatch.setattr(held_receptions, "HELD_MAX", 2_000)
    monkeypatch.setattr(held_receptions, "ROOM", 100)
    key = SIGNED_MISSION.downlink_key(MASTER_KEY)
    ground, far = Ground(SIGNED_MISSION, archive, None, key), FarEnd(None, SIGNED_MISSION)
    ours = [far.beacon(state_at(at)) for at in range(1_250)]
    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            patch.setattr(archive, "_insert_receptions", refuse)
            for at, frame in enumerate(ours):
                now_ms = START_MS + at * 1000
                heard = [HeardBytes(frame, now_ms), *noise(9, 9 * at)]
                assert not ground.receive_many(heard)
        assert ground.receive_many([])
    receptions = list(archive.receptions())
    kept = {reception.raw for reception in receptions}
    assert set(ours) <= kept, "what is worth least goes first"
    dropped = FlightReader(archive.path, SIGNED_MISSION).flight()["link"]["dropped"]
    assert len(receptions) + dropped == 12_500 and dropped > 0
    said = [entry["event"] for entry in logs]
    assert said.count("archive_refuses") == said.count("receptions_dropped") == 1
    returned = next(entry for entry in logs if entry["event"] == "archive_returned")
    assert returned["dropped"] == dropped


def test_a_start_after_a_flood_reads_it_a_page_at_a_time(archive, monkeypatch):
    """All of it at once would be gigabytes."""
    Ground(SIGNED_MISSION, archive, None).receive_many(noise(3_000))
    archive.rebuild()
    monkeypatch.setattr(reception_decoder, "CATCH_UP_MAX", 700)
    counts, decode = [], ReceptionDecoder._decode_all

    def counted(self, receptions):
        counts.append(len(receptions))
        decode(self, receptions)

    monkeypatch.setattr(ReceptionDecoder, "_decode_all", counted)
    Ground(SIGNED_MISSION, archive, None)
    assert counts == [700, 700, 700, 700, 200]
    assert [r.reception_id for r in archive.receptions(2_999)] == [3_000]
    assert len(list(archive.receptions(2_999, START_MS))) == 3_000


def test_the_oldest_of_the_same_worth_go_first_and_never_what_is_being_written():
    waiting = HeldReceptions(lambda reception: Worth.NOISE)
    waiting.add(Reception(number, b"") for number in range(HELD_MAX + 1))
    first = [reception.utc_ms for reception in waiting.first()]
    assert first == list(range(BATCH_MAX)), "the raw log may have them already"
    waiting.release(BATCH_MAX)
    assert waiting.first()[0].utc_ms == BATCH_MAX + held_receptions.ROOM
    assert len(waiting) + waiting.dropped + BATCH_MAX == HELD_MAX + 1
