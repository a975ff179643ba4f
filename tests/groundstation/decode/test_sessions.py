"""A store that vanishes, a reboot, frames of long ago: each in its own session, none confirmed for
another."""

from __future__ import annotations

import csv
import random

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from groundstation.archive import record_table
from groundstation.archive.archive import Archive
from groundstation.decode.node_receiver import SESSIONS_MAX
from groundstation.decode.placing import HELD_MAX
from groundstation.decode.sessions import INCARNATIONS_MAX, Sessions
from groundstation.export.export import write_all
from groundstation.reading.reader import FlightReader
from groundstation.web.routes import create_app
from tests.groundstation.decode.session_air import (
    OTHER,
    UPLINK_KEY,
    Air,
    derived,
    known,
    payload,
    proving,
    tally,
    texts,
)
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, state_at
from wire import frames
from wire.frames import DataFrame, FeedbackFrame
from wire.records import Kind, TimeQuality
from wire.session import Session

# -- a store that vanishes ----------------------------------------------------------------------


@pytest.mark.parametrize("boot", [1, 2, 9])
@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("has_incarnation_heard", [False, True])
def test_a_store_that_vanishes_confirms_nothing_that_is_not_home(
    archive, boot, is_restarted, has_incarnation_heard
):
    """Blocks and record ids began at the same numbers: 60 of 60 records were called confirmed, and
    none was on the ground; with other boot numbers 13 arrived, as contradictions."""
    air, before = Air(proving(archive)), payload(boot=1)
    air.send(before.tell())
    air.muse(before, 20, "before")
    before.hear(air.report(before), air.now_ms)
    assert len(before.confirmed) == 20
    if is_restarted:
        air.ground = proving(archive)
        air.now_ms += 3 * 3600_000
    after = payload(boot=boot, incarnation=OTHER)
    after.next_record = before.next_record - 20  # the worst that can be drawn
    if has_incarnation_heard:
        air.send(after.tell())
    air.muse(after, 20, "after")
    said = air.report(after)
    if said is not None:
        heard = frames.decode_uplink(said, UPLINK_KEY, after.session)
        if heard is not None:
            after.hear(said, air.now_ms)
    home = texts(archive)
    assert sum(text.startswith("before") for text in home) == 20
    assert {r.record_id for r in after.pushed if r.body["text"] in home} >= after.confirmed
    if not has_incarnation_heard:
        assert after.confirmed == set() and tally(archive, "unplaced") > 0
        air.send(after.tell())
        said = air.report(after)
        after.hear(said, air.now_ms)
    assert len(after.confirmed) == 20 and len(texts(archive)) == 40
    assert tally(archive, "conflicts") == tally(archive, "unplaced") == 0
    assert texts(archive, "record_conflict") == []
    assert known(archive) == [(0, before.session.incarnation, 1), (1, OTHER, boot)]


def test_a_new_incarnation_is_told_once(archive):
    air = Air(proving(archive))
    with capture_logs() as logs:
        for incarnation in (payload().session.incarnation, OTHER, OTHER):
            air.send(payload(incarnation=incarnation).tell())
            air.send(payload(incarnation=incarnation, boot=2).tell())
    told = [entry for entry in logs if entry["event"] == "incarnation_new"]
    assert [(e["incarnation"], e["boot"]) for e in told] == [("77777770", 1)]
    changes = archive.db.execute("SELECT COUNT(*) FROM change WHERE what = 'incarnation'")
    assert changes.fetchone()[0] == 2


# -- reboots, and frames of other times ---------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 15, 16])
def test_a_reboot_on_the_same_store_need_not_be_told(archive, step):
    air, far = Air(proving(archive)), payload(boot=3)
    air.send(far.tell())
    air.muse(far, 3)
    again = payload(boot=3 + step)
    again.next_record = far.next_record
    air.muse(again, 3)
    assert len(texts(archive)) == 6 and tally(archive, "unplaced") == 0
    again.hear(air.report(again), air.now_ms)
    assert len(again.confirmed) == 3
    assert known(archive) == [(0, far.session.incarnation, 3 + step)]


def test_more_reboots_than_four_bits_tell_wait_for_the_word(archive):
    air, far, later = Air(proving(archive)), payload(boot=3), payload(boot=40)
    air.send(far.tell())
    air.muse(later, 3)
    assert texts(archive) == [] and tally(archive, "unplaced") > 0
    air.send(later.tell())
    assert len(texts(archive)) == 3 and tally(archive, "unplaced") == 0


def test_what_waits_for_its_session_survives_a_restart_and_a_rebuild(archive):
    air, far = Air(proving(archive)), payload()
    air.muse(far, 3)
    assert texts(archive) == []
    air.ground = proving(archive)
    air.now_ms += 3 * 3600_000  # longer than frames are fed again
    air.ground = proving(archive)
    air.send(far.tell())
    assert len(texts(archive)) == 3 and tally(archive, "unplaced") == 0
    first = archive.db.execute("SELECT MIN(heard_utc_ms) FROM record").fetchone()[0]
    assert first < START_MS + 60_000, "as they were heard, not as they were understood"
    before = derived(archive)
    archive.rebuild()
    proving(archive)
    assert derived(archive) == before


@pytest.mark.thorough
def test_frames_of_two_lives_mixed_and_restarted_are_the_same_archive(tmp_path):
    """Half-heard blocks of both, told late, with restarts in between: as if there had been none."""
    found = []
    for restarts in (0, 7):
        archive = Archive(tmp_path / f"{restarts}.sqlite", is_durable=False)
        rng, ground = random.Random(5), proving(archive)
        lives = [payload(boot=1), payload(boot=2), payload(boot=1, incarnation=OTHER)]
        lives[1].next_record = 50_000
        for step in range(700):
            far = lives[min(2, step // 200)]
            if step % 10 == 0:
                far.push(Kind.MUSING, START_MS + step * 500, {"text": f"line {step}" * 9})
            data = far.tell() if step in (90, 500) else far.data(START_MS + step * 500)
            if data is not None and rng.random() < 0.7:
                ground.receive(data, START_MS + step * 500)
            if restarts and step % (700 // restarts) == 0:
                ground = proving(archive)
        found.append(derived(archive))
        assert len(texts(archive)) > 50 and len(known(archive)) == 2
        archive.rebuild()
        proving(archive)
        assert derived(archive) == found[-1]
        archive.close()
    assert found[0] == found[1]


def test_an_old_session_played_again_is_never_reported_on(archive):
    """Genuine frames of the boot before, some of which nobody had heard then."""
    air, before = Air(proving(archive)), payload(boot=1)
    air.send(before.tell())
    air.muse(before, 3)
    unheard = []
    for number in range(3):
        before.push(Kind.MUSING, air.now_ms, {"text": f"unheard {number}"})
        unheard += [before.data(air.now_ms + 5_000) for _ in range(2)]
    now = payload(boot=2)
    now.next_record = 50_000
    air.muse(now, 3)
    assert len(unheard) == 6 and None not in unheard
    lost = archive.db.execute("SELECT SUM(heard), SUM(lost) FROM link_minute").fetchone()[:]
    air.now_ms += 30_000
    air.send(now.beacon(state_at(900), is_listening=True))
    for data in [before.tell(), *unheard]:
        air.ground.receive(data, air.now_ms + 5)
    said = air.ground.next_uplink(air.now_ms + 10)
    assert frames.decode_uplink(said, UPLINK_KEY, now.session) is not None
    after = archive.db.execute("SELECT SUM(heard), SUM(lost) FROM link_minute").fetchone()[:]
    assert after == (lost[0] + 1, lost[1]), "nor do they enter the statistics"
    assert sum(text.startswith("unheard") for text in texts(archive)) == 3, "they are its records"


def test_sessions_of_long_ago_displace_nothing(archive):
    """More of them than there is room for, one frame of each, between two frames of a block."""
    air, far = Air(proving(archive)), payload(boot=30)
    air.send(far.tell())
    far.push(Kind.THUMBNAIL, air.now_ms, {"image": bytes(range(256)) * 8})
    data = [far.data(air.now_ms) for _ in range(10)]
    for half in data[:5]:
        air.send(half)
    for boot in range(29, 29 - 2 * SESSIONS_MAX, -1):
        old = payload(boot=boot)
        old.push(Kind.MUSING, air.now_ms, {"text": f"boot {boot}"})
        air.send(old.data(air.now_ms + 5_000))
    for half in data[5:]:
        air.send(half)
    kinds = archive.db.execute("SELECT COUNT(*) FROM record WHERE kind = ?", (int(Kind.THUMBNAIL),))
    assert kinds.fetchone()[0] == 1
    assert tally(archive, "old_data") >= SESSIONS_MAX


@pytest.mark.thorough
def test_forged_frames_in_a_session_are_held_and_bounded(archive):
    """Signed with another key they may be of a session to come: kept, counted, never decoded."""
    ground, liar, far = proving(archive), payload(), payload()
    liar.downlink_key = bytes(32)
    for number in range(HELD_MAX + 200):
        frame = DataFrame(7, liar._counter(), 0, number % 1000, 3, 0, b"\xff%d" % number, False,
                          session=liar.session)
        ground.receive(frames.encode_downlink(frame, liar.downlink_key), START_MS + number)
    held = archive.db.execute("SELECT COUNT(*) FROM unplaced").fetchone()[0]
    assert held == HELD_MAX and tally(archive, "unplaced") == HELD_MAX + 200
    ground.receive(far.tell(), START_MS + 60_000)
    assert archive.db.execute("SELECT COUNT(*) FROM unplaced").fetchone()[0] == HELD_MAX
    assert texts(archive) == [] and ground.loss() == 0


@pytest.mark.usefixtures("survival")
def test_a_waiting_frame_that_makes_a_decoder_raise_costs_itself_and_not_the_session(
    archive, monkeypatch
):
    """It undid the INCARNATION frame that released it, each time that came."""
    air, far = Air(proving(archive)), payload()
    air.muse(far, 3)
    waiting = tally(archive, "unplaced")
    assert waiting >= 3
    add, raised = record_table.add, []

    def raising(archive, node_id, records, *rest):
        if not raised:
            raised.append(records)
            raise RecursionError
        return add(archive, node_id, records, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(record_table, "add", raising)
        air.send(far.tell())
    assert known(archive) == [(0, far.session.incarnation, 1)]
    assert len(texts(archive)) == 2 and tally(archive, "unplaced") == 0
    assert tally(archive, "undecodable") == 1
    archive.rebuild()
    air.ground = proving(archive)
    assert len(texts(archive)) == 3 and tally(archive, "undecodable") == 0


@pytest.mark.usefixtures("survival")
def test_a_reception_that_is_undone_leaves_no_session_in_memory(archive, monkeypatch):
    """Else what comes next is of a life that has no row, for good."""
    air, far = Air(proving(archive)), payload()

    def raising(*_):
        raise RecursionError

    with monkeypatch.context() as patch:
        patch.setattr("groundstation.decode.link.NodeLink.on_counter", raising)
        air.send(far.tell())
    assert known(archive) == [] and tally(archive, "undecodable") == 1
    air.muse(far, 2)
    assert texts(archive) == []
    air.send(far.tell())
    assert known(archive) == [(0, far.session.incarnation, 1)] and len(texts(archive)) == 2


def test_only_the_latest_incarnations_are_tried_and_an_old_one_may_be_told_again(archive):
    sessions = Sessions(archive.db, 7, is_verified=True)
    told = [Session(1000 + 16 * n, 5) for n in range(INCARNATIONS_MAX + 4)]
    for session in told:
        assert sessions.note(session, START_MS)
    fitting = sessions.fitting(told[0].boot_bits)
    assert {s.incarnation for s in fitting} == {s.incarnation for s in told[4:]}
    assert fitting[0] == told[-1], "the one that was told last is the likeliest"
    assert sessions.note(told[0], START_MS) and sessions.life(told[0]) == 0
    assert told[0] in sessions.fitting(told[0].boot_bits)
    again = Sessions(archive.db, 7, is_verified=True)
    assert INCARNATIONS_MAX <= len(again.fitting(0)) <= 2 * INCARNATIONS_MAX


# -- which record is which ------------------------------------------------------------------------


def test_the_same_record_in_another_life_is_the_same_record(archive):
    """It went out without a disk, which came back; then it is sent again in another session."""
    air, diskless, again = Air(proving(archive)), payload(boot=0), payload(incarnation=OTHER)
    for far in (diskless, again):
        air.send(far.tell())
        far.boot, far.next_record = 0, 1 << 31
        far.push(Kind.MUSING, START_MS, {"text": "Twice."})
        far.push(Kind.MUSING, START_MS, {"text": f"Once, {far.session.boot}."})
        air.frames(far, 12)
    assert texts(archive) == ["Twice.", "Once, 0.", "Once, 1."]
    assert tally(archive, "conflicts") == 0


def test_records_of_different_lives_stand_in_the_order_of_the_lives(archive):
    """The ids of a new store begin anywhere."""
    air, first, second = Air(proving(archive)), payload(), payload(incarnation=OTHER)
    first.next_record, second.next_record = 900_000, 50
    for far in (first, second):
        air.send(far.tell())
        air.muse(far, 3, "line")
    reader = FlightReader(archive.path, SIGNED_MISSION)
    shown = reader.entries(None, 10)
    assert [entry["text"] for entry in shown] == texts(archive)[::-1]
    ids = [entry["id"] for entry in shown]
    assert ids == sorted(ids, reverse=True) and ids[-1] == 900_001
    assert [e["text"] for e in reader.entries(ids[2], 2)] == [e["text"] for e in shown[3:5]]
    reader.close()


def test_boots_of_different_lives_have_clocks_of_their_own(archive):
    """Boot 1 of a wiped store is not boot 1 of the one before."""
    air = Air(proving(archive))
    for incarnation, at_ms in ((payload().session.incarnation, 5_000), (OTHER, 700_000)):
        far = payload(incarnation=incarnation)
        far.next_record = at_ms
        air.now_ms = START_MS + at_ms + 3_000
        air.send(far.tell())
        far.push(Kind.EVENT, 3_000, {"event": "boot", "severity": "warning"}, TimeQuality.NONE)
        air.frames(far, 12)
    reader = FlightReader(archive.path, SIGNED_MISSION)
    when = [entry["when_ms"] - START_MS for entry in reader.entries(None, 9)]
    assert 700_000 <= when[0] < 720_000 and 5_000 <= when[1] < 20_000
    reader.close()


def test_contradictions_and_other_stores_are_shown_and_exported(archive, tmp_path):
    """13 records stood in ``record_conflict``, which neither page nor export showed."""
    air, first, liar = Air(proving(archive)), payload(), payload()
    for far, text in ((first, "=As it was."), (liar, "As it was not.")):
        far.sender.next_block = 10 * len(text)
        air.send(far.tell())
        far.push(Kind.MUSING, START_MS, {"text": text})
        air.frames(far, 12)
    air.send(payload(incarnation=OTHER).tell())
    reader = FlightReader(archive.path, SIGNED_MISSION)
    state = reader.flight()
    assert state["link"]["conflicts"] == 1
    assert [(life["life"], life["incarnation"]) for life in state["lives"]] == [
        (0, "3fa0c1d0"), (1, "77777770")]
    (conflict,) = reader.conflicts()
    assert (conflict["record_id"], conflict["incarnation"]) == (10_001, "3fa0c1d0")
    assert (conflict["kept"], conflict["other"]) == (
        "musing: text: =As it was.", "musing: text: As it was not.")
    client = TestClient(create_app(archive.path, SIGNED_MISSION), base_url="http://localhost",
                        client=("127.0.0.1", 5))
    assert client.get("/api/conflicts").json() == {"conflicts": [conflict]}
    written = write_all(reader, tmp_path / "out")
    assert "conflicts.csv" in {path.name for path in written}
    (row,) = csv.DictReader((tmp_path / "out" / "conflicts.csv").open())
    assert row["other"] == "musing: text: As it was not." and row["authenticity"] == "genuine"
    (row,) = csv.DictReader((tmp_path / "out" / "diary.csv").open())
    assert row["incarnation"] == "3fa0c1d0"
    reader.close()


def test_a_report_is_signed_in_its_session(archive):
    air, far = Air(proving(archive)), payload()
    air.send(far.tell())
    air.muse(far, 1)
    said = air.report(far)
    report = frames.decode_uplink(said, UPLINK_KEY, far.session)
    assert isinstance(report, FeedbackFrame) and report.reports == ()
    assert frames.decode_uplink(said, UPLINK_KEY) is None
    assert frames.decode_uplink(said, UPLINK_KEY, Session(OTHER, 1)) is None
