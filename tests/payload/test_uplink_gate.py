"""Which uplink frames are believed: one rising counter for each station, durable before acting."""

from pathlib import Path

import pytest

from payload.clock import MissionClock
from payload.commands import UplinkGate
from sim.card_disk import DeskStore
from tests.payload.flights import fix_at
from wire import auth, frames
from wire.frames import CommandFrame, FeedbackFrame, FrameCounter, Uplink
from wire.records import EPOCH_2025_MS

NODE = 7
KEY = bytes(range(32))


LAST_SENT = FrameCounter(1, 77)


def is_recent(counter: FrameCounter) -> bool:
    return counter == LAST_SENT


class Desk:
    """A gate on a store whose power can be cut."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.boot()

    def boot(self) -> None:
        self.store = DeskStore(self._path, is_durable=False)
        self.clock = MissionClock(None)
        self.gate = UplinkGate(KEY, NODE, self.store, self.clock)
        self.store.commit(0)

    def cut(self) -> None:
        self.store.writer.close()
        self.boot()

    def hear(self, station: int, counter: int) -> Uplink | None:
        frame = CommandFrame(NODE, station, counter, b"\x01\x90")
        heard = self.gate.accept(frames.encode_uplink(frame, KEY), 0, is_recent)
        self.store.commit(0)
        assert self.store.kept_version == self.store.version, "what was taken may be done"
        return heard


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "s.sqlite")


def test_each_station_has_a_counter_of_its_own(desk: Desk) -> None:
    assert desk.hear(3, 163) is not None
    assert desk.hear(5, 21) is not None, "behind the other's, ahead of its own"
    assert desk.gate.last_counter == 21, "the last accepted, for the beacon to show"
    assert desk.hear(3, 163) is None and desk.hear(5, 21) is None
    assert desk.hear(3, 147) is None
    assert desk.gate.replayed_frames == 3 and desk.gate.last_counter == 21
    assert desk.hear(3, 179) is not None and desk.gate.last_counter == 179


@pytest.mark.parametrize(
    ("station", "counter"), [(3, 162), (3, 164), (0, 3), (15, 16), (16, 16), (255, 15), (16, 0)]
)
def test_a_counter_of_another_class_is_refused_and_counted(
    desk: Desk, station: int, counter: int
) -> None:
    assert desk.hear(station, counter) is None
    assert desk.gate.misnumbered_frames == 1 and desk.gate.replayed_frames == 0
    assert desk.gate.last_counter == 0
    assert desk.hear(3, 163) is not None, "and nothing is spoiled by it"


def test_all_counters_survive_a_power_cut_right_after_they_were_taken(desk: Desk) -> None:
    for station in range(16):
        assert desk.hear(station, 1600 + station) is not None
        desk.cut()
    for station in range(16):
        assert desk.hear(station, 1600 + station) is None
        assert desk.hear(station, 1616 + station) is not None
    assert desk.gate.last_counter == 1631


def test_a_forgery_uses_nothing_up(desk: Desk) -> None:
    frame = CommandFrame(NODE, 3, 163, b"\x01\x90")
    assert desk.gate.accept(frames.encode_uplink(frame, bytes(32)), 0, is_recent) is None
    assert desk.gate.bad_frames == 1 and desk.hear(3, 163) is not None


def test_a_wild_counter_locks_its_own_station_out_no_further_than_the_bound(desk: Desk) -> None:
    assert desk.hear(2, auth.next_counter(2, auth.COUNTER_AHEAD_MAX + 1)) is None
    assert desk.gate.replayed_frames == 1
    assert desk.hear(2, 18) is not None and desk.hear(9, 25) is not None


@pytest.mark.parametrize("how", ["no disk", "an emptied file", "a counter that is no longer whole"])
def test_a_life_that_has_forgotten_its_counters_takes_nothing_from_before_it(
    desk: Desk, tmp_path: Path, how: str
) -> None:
    """Recorded commands of an earlier life are genuine, and nothing on the disk says that they
    are old: only the sky's time does."""
    boot_ms = 1_790_000_000_000
    seconds = (boot_ms - EPOCH_2025_MS) // 1000
    recorded = auth.next_counter(3, seconds - 400)
    assert desk.hear(3, recorded) is not None
    path = tmp_path / "s.sqlite"
    if how == "a counter that is no longer whole":
        desk.store.writer.db.execute("UPDATE small SET crc32=0 WHERE key='uplink_counters'")
        desk.store.writer.db.commit()
    desk.store.close()
    if how == "an emptied file":
        path.write_bytes(b"")
    elif how == "no disk":
        path.unlink()
        path.mkdir()
    desk.boot()
    new = auth.next_counter(3, seconds + 60)
    assert desk.hear(3, recorded) is None and desk.hear(3, new) is None, "nobody knows the time"
    for second in range(10):
        desk.clock.observe(fix_at(second * 1000, utc_ms=boot_ms + second * 1000), second * 1000)
    assert desk.hear(3, recorded) is None
    assert desk.hear(3, new) is not None and desk.hear(3, new) is None


@pytest.mark.parametrize(("named", "is_believed"), [
    (LAST_SENT, True), (FrameCounter(1, 76), False), (FrameCounter(2, 77), False),
])
def test_a_life_that_has_forgotten_its_counters_believes_a_report_on_its_last_frames(
    tmp_path: Path, named: FrameCounter, is_believed: bool
) -> None:
    """Soak seed 19, an orbit: without the sky's time its backlog would never be confirmed."""
    (tmp_path / "s.sqlite").mkdir()
    desk = Desk(tmp_path / "s.sqlite")
    report = FeedbackFrame(NODE, 3, 163, 0, named, 0, 1, ())
    heard = desk.gate.accept(frames.encode_uplink(report, KEY), 0, is_recent)
    assert heard == (report if is_believed else None)
    assert desk.hear(3, 179) is None, "that report says nothing of commands"
