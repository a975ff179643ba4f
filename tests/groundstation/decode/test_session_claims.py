"""Where nothing is verified sessions are claims: everything is read, nothing is confirmed, and old
frames displace nothing."""

from __future__ import annotations

import pytest

from groundstation.decode.sessions import CLAIMS_MAX, UNKNOWN
from groundstation.ground import Ground
from tests.groundstation.decode.session_air import (
    OTHER,
    UPLINK_KEY,
    Air,
    known,
    listening,
    payload,
    tally,
    texts,
)
from tests.groundstation.far_end import MISSION, SIGNED_MISSION, START_MS, FarEnd
from wire import frames
from wire.frames import IncarnationFrame
from wire.records import Kind
from wire.session import Session


def test_a_public_listener_reads_everything_and_says_nothing(archive):
    """What is heard before the session is told is of the same life as what comes after."""
    air, far = Air(listening(archive)), payload()
    air.muse(far, 3)
    assert known(archive) == [(0, UNKNOWN, 1)]
    far.push(Kind.THUMBNAIL, air.now_ms, {"image": bytes(range(256)) * 8})
    data = [far.data(air.now_ms) for _ in range(10)]
    for half in data[:5]:
        air.send(half)
    air.send(far.tell())
    for half in data[5:]:
        air.send(half)
    assert known(archive) == [(0, far.session.incarnation, 1)]
    assert archive.db.execute("SELECT COUNT(*) FROM record").fetchone()[0] == 4
    other = payload(incarnation=OTHER, boot=4)
    air.send(other.tell())
    air.muse(other, 2)
    assert known(archive)[1:] == [(1, OTHER, 4)]
    lives = archive.db.execute("SELECT life, COUNT(*) FROM record GROUP BY 1").fetchall()
    assert [tuple(row) for row in lives] == [(0, 4), (1, 2)]


@pytest.mark.parametrize("mission", [MISSION, SIGNED_MISSION])
def test_a_station_that_cannot_verify_never_sends_feedback(archive, mission):
    """Ten forged blocks made a station sign a report that confirmed ten records it never had."""
    ground = Ground(mission, archive, UPLINK_KEY, None)
    air, far = Air(ground), FarEnd(UPLINK_KEY, mission)
    air.send(far.tell())
    air.muse(far, 5)
    assert len(texts(archive)) == 5
    for _ in range(5):
        assert air.report(far) is None
    ground.ask("Still there?", air.now_ms)
    assert air.report(far) is not None, "commands it sends: the payload verifies them"


def test_claims_are_bounded(archive):
    ground, liar = listening(archive), FarEnd(None, MISSION)
    for number in range(CLAIMS_MAX + 30):
        session = Session(5000 + number, 1)
        frame = IncarnationFrame(7, frames.FrameCounter(session.boot_bits, number), session)
        ground.receive(frames.encode_downlink(frame), START_MS + number * 1000)
    assert len(known(archive)) == CLAIMS_MAX and tally(archive, "claims_refused") == 30
    air = Air(ground, START_MS + 600_000)
    air.muse(liar, 2)
    assert len(texts(archive)) == 2, "what comes is read all the same"


def test_old_frames_do_not_make_a_public_listener_forget(archive):
    """Of the same four bits: another session, or long ago in this one. A minute without anything
    new, and what lies elsewhere is believed."""
    ground, far, old = listening(archive), payload(boot=17), payload(boot=1)
    air = Air(ground)
    far.sender.next_block, old.sender.next_block = 600, 5_000
    for each in (far, old):
        each.push(Kind.THUMBNAIL, air.now_ms, {"image": bytes(range(256)) * 8})
    data, replays = ([each.data(air.now_ms) for _ in range(10)] for each in (far, old))
    for half in data[:5]:
        air.send(half)
    for replay in replays:
        air.send(replay)
    for half in data[5:]:
        air.send(half)
    assert archive.db.execute("SELECT record_id FROM record").fetchone()[0] == 170_001
    air.now_ms += 70_000
    air.frames(old, 12)
    assert archive.db.execute("SELECT COUNT(*) FROM record").fetchone()[0] == 2
