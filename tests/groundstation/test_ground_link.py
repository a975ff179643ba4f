"""Two real ends with a lossy channel both ways."""

from __future__ import annotations

from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception
from groundstation.ground import Ground
from tests.groundstation.far_end import (
    MASTER_KEY,
    MISSION,
    SIGNED_MISSION,
    START_MS,
    Channel,
    FarEnd,
    state_at,
)
from wire.auth import Direction, derive_key
from wire.frames import CommandFrame, FeedbackFrame, decode_uplink
from wire.records import Kind

KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)
DOWNLINK_KEY = SIGNED_MISSION.downlink_key(MASTER_KEY)


def proving(archive):
    """A station with both keys, and a payload that signs."""
    return Ground(SIGNED_MISSION, archive, KEY, DOWNLINK_KEY), FarEnd(KEY, SIGNED_MISSION)


def fly(far, ground, channel, steps, start_ms=START_MS, on_step=None):
    """One second a step: a beacon every 10, listening every 20, now and then which session this
    is, data in between."""
    now = start_ms
    for i in range(steps):
        now = start_ms + i * 1000
        if on_step:
            on_step(i, now)
        if i % 10 == 0:
            data = far.beacon(state_at(i), is_listening=i % 20 == 0)
        elif i % 20 in (1, 2):
            uplink = ground.next_uplink(now)
            if uplink is not None and channel.carries():
                far.hear(uplink, now)
            continue
        else:
            data = far.tell() if i % 60 == 3 else far.data(now)
        if data is not None and channel.carries():
            ground.receive(data, now, snr_db=4.0)
    return now


def test_everything_arrives_and_is_confirmed_over_a_link_that_loses_forty_percent(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    (ground, far), channel = proving(archive), Channel(0.4, 11)
    asked = []

    def on_step(i, now):
        if i < 900 and i % 15 == 0:
            far.push(Kind.MUSING, now, {"text": f"thought {i}", "alt": i, "by": "model"})
        if i == 100:
            asked.append(ground.ask("Is it cold up there?", now))

    now = fly(far, ground, channel, 1800, on_step=on_step)
    heard = archive.db.execute("SELECT record_id FROM record").fetchall()
    assert {row[0] for row in heard} == {record.record_id for record in far.pushed}
    assert far.questions == {asked[0]: "Is it cold up there?"}
    row = archive.db.execute("SELECT state, attempts FROM outbox").fetchone()
    assert row["state"] == "answered" and row["attempts"] >= far.commands_heard >= 1
    assert len(far.confirmed) >= len(far.pushed) - 3, "the ground's reports reach the sender"
    assert 0.3 < ground.loss() < 0.5
    assert now > START_MS
    archive.close()


def test_a_question_is_repeated_until_the_beacon_shows_its_counter(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, KEY), FarEnd(KEY)
    ground.ask("Hello?", START_MS)

    def window(i):
        now = START_MS + i * 20_000
        ground.receive(far.beacon(state_at(i * 20), is_listening=True), now)
        return ground.next_uplink(now + 500), now

    first, _ = window(0)
    assert ground.next_uplink(START_MS + 800) is None, "one frame a window"
    second, now = window(1)
    assert first is not None and second is not None and first != second
    row = archive.db.execute("SELECT state, attempts FROM outbox").fetchone()
    assert tuple(row) == ("sent", 2)
    far.hear(second, now)
    window(2)
    row = archive.db.execute("SELECT state, confirmed_ms FROM outbox").fetchone()
    assert tuple(row) == ("confirmed", START_MS + 40_000)
    counters = [r[0] for r in archive.db.execute("SELECT counter FROM uplink ORDER BY rowid")]
    assert counters == sorted(set(counters))


def test_after_thirty_tries_a_question_has_failed_and_the_next_one_goes_out(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, KEY), FarEnd(KEY)
    ground.ask("First?", START_MS)
    ground.ask("Second?", START_MS)
    for i in range(33):
        now = START_MS + i * 20_000
        ground.receive(far.beacon(state_at(i), is_listening=True), now)
        assert ground.next_uplink(now + 100) is not None
    rows = archive.db.execute("SELECT state, attempts, why FROM outbox ORDER BY id").fetchall()
    assert tuple(rows[0]) == ("failed", 30, "not confirmed after 30 tries")
    assert tuple(rows[1]) == ("sent", 3, None)


def test_nothing_is_sent_without_a_key_or_outside_the_window(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    far = FarEnd(KEY)
    deaf = Ground(MISSION, archive, None)
    deaf.ask("Hello?", START_MS)
    deaf.receive(far.beacon(state_at(0), is_listening=True), START_MS)
    assert deaf.next_uplink(START_MS + 10) is None
    assert archive.meta("can_transmit") == 0
    ground = Ground(MISSION, archive, KEY)
    assert ground.next_uplink(START_MS + 10) is None, "no beacon heard by this one yet"
    ground.receive(far.beacon(state_at(1)), START_MS + 10_000)
    assert ground.next_uplink(START_MS + 10_100) is None, "that beacon does not listen"
    ground.receive(far.beacon(state_at(2), is_listening=True), START_MS + 20_000)
    assert ground.next_uplink(START_MS + 23_000) is None, "too late: it talks again"
    assert ground.next_uplink(START_MS + 20_100) is not None


def test_counters_are_never_used_twice_across_restarts(tmp_path):
    path = tmp_path / "flight.sqlite"
    seen = []
    for boot in range(4):
        archive = Archive(path, is_durable=False)
        seen += [archive.take_counter(START_MS + boot, "feedback") for _ in range(3)]
        archive.close()
    assert seen == sorted(set(seen)) and len(seen) == 12


def test_a_restart_in_the_middle_of_a_block_loses_no_record(tmp_path):
    path = tmp_path / "flight.sqlite"
    far, channel = FarEnd(KEY), Channel(0.3, 5)

    def muse(i, now):
        if i % 20 == 0:
            far.push(Kind.MUSING, now, {"text": "x" * (i + 1), "by": "model"})

    for leg in range(6):
        archive = Archive(path, is_durable=False)
        ground = Ground(MISSION, archive, KEY)
        start = START_MS + leg * 300_000
        fly(far, ground, channel, 300, start, muse if leg < 4 else None)
        archive.close()
    archive = Archive(path)
    heard = {row[0] for row in archive.db.execute("SELECT record_id FROM record")}
    assert heard == {record.record_id for record in far.pushed}
    archive.close()


def test_foreign_payloads_are_kept_and_never_mixed(tmp_path):
    from groundstation.reading.reader import FlightReader

    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground = Ground(MISSION, archive, KEY)
    ours, other = FarEnd(KEY), FarEnd(KEY, node_id=9)
    other.push(Kind.MUSING, START_MS, {"text": "I am not Edda", "by": "model"})
    ground.receive(other.beacon(state_at(60), is_listening=True), START_MS)
    ground.receive(other.data(START_MS + 9000), START_MS + 9000)
    assert ground.next_uplink(START_MS + 9100) is None, "not our payload's window"
    ground.receive(ours.beacon(state_at(0)), START_MS + 10_000)
    reader = FlightReader(archive.path, MISSION)
    state = reader.flight()
    assert [node["node_id"] for node in state["foreign"]] == [9]
    assert state["counts"] == {} and reader.entries(None, 10) == []
    assert state["beacon"]["node_id"] == 7
    assert archive.db.execute("SELECT COUNT(*) FROM record WHERE node_id = 9").fetchone()[0] == 1


def test_noise_is_counted_and_archived(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground = Ground(MISSION, archive, KEY)
    for noise in (b"", b"\0", b"hello", bytes(255), b"\x44\x07" + bytes(30)):
        ground.receive(noise, START_MS)
    assert archive.db.execute("SELECT value FROM tally WHERE name = 'noise'").fetchone()[0] == 5
    assert [r.raw for r in archive.receptions()][2] == b"hello"
    assert all(isinstance(r, Reception) for r in archive.receptions())


def frames_of_windows(ground, far, starts_ms):
    """What the station says in a listening window at each of these instants."""
    said = []
    for number, now_ms in enumerate(starts_ms):
        far.push(Kind.MUSING, now_ms - 5_000, {"text": f"thought {number}", "by": "model"})
        ground.receive(far.data(now_ms), now_ms)
        ground.receive(far.beacon(state_at(number), is_listening=True), now_ms)
        uplink = ground.next_uplink(now_ms)
        said.append(None if uplink is None else decode_uplink(uplink, KEY, far.session))
    return said


def test_a_clock_that_was_set_back_does_not_silence_the_reports(tmp_path):
    """Soak seed 37: after an hour ten years ahead the station would have reported again in 2036."""
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground, far = proving(archive)
    ground.receive(far.tell(), START_MS - 10_000)
    ahead_ms = START_MS + 10 * 365 * 86_400_000
    said = frames_of_windows(ground, far, (START_MS, ahead_ms, START_MS + 60_000))
    assert [type(frame) for frame in said] == [FeedbackFrame] * 3
    archive.close()


def test_commands_that_nobody_takes_leave_every_fourth_window_to_a_report(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground, far = proving(archive)
    ground.receive(far.tell(), START_MS - 10_000)
    for number in range(3):
        ground.ask(f"Question {number}?", START_MS)
    said = frames_of_windows(ground, far, range(START_MS, START_MS + 12 * 60_000, 60_000))
    kinds = [type(frame) for frame in said]
    assert kinds == ([CommandFrame] * 3 + [FeedbackFrame]) * 3
    archive.close()
