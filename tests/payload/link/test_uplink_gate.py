"""Which uplink frames are believed: one rising counter for each station, durable before acting,
and commands that are meant for now."""

from pathlib import Path

import pytest

from payload.link.uplink_gate import REFUSAL_REPORTED_EVERY_MS, REMEMBERED_AHEAD_MAX, UplinkGate
from payload.navigation.clock import MissionClock
from sim.fakes.card_disk import DeskStore
from tests.payload.flights import fix_at
from wire import auth, commands, frames
from wire.commands import HAZARDOUS, Command, Opcode
from wire.frames import CommandFrame, FeedbackFrame, FrameCounter, Uplink
from wire.records import EPOCH_2025_MS
from wire.session import Session

NODE = 7
KEY = bytes(range(32))
BOOT_MS = 1_790_000_000_000  # 2026-09-21T14:13:20Z
BOOT_S = (BOOT_MS - EPOCH_2025_MS) // 1000
BODIES = {
    Opcode.PING: b"\x01\x90",
    Opcode.TX_OFF: commands.encode(Command(Opcode.TX_OFF, (30,))),
    Opcode.CUTDOWN_ARM: b"\x11\x90", Opcode.CUTDOWN_FIRE: b"\x12\x90",
    Opcode.CUTDOWN_ABORT: b"\x13\x90", Opcode.REBOOT: b"\x0e\x90",
}

SESSION, OTHER = Session(0x3FA0C1D2, 9), Session(0x3FA0C1D2, 8)


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

    def accept(self, data: bytes, now_ms: int = 0) -> Uplink | None:
        """The frame in ``data`` if it is acted on."""
        frame = self.gate.genuine(data, SESSION)
        return frame if frame is not None and self.gate.accept(frame, now_ms) else None

    def hear(
        self, station: int, counter: int, opcode: Opcode = Opcode.PING, now_ms: int = 0
    ) -> Uplink | None:
        frame = CommandFrame(NODE, station, counter, BODIES[opcode])
        heard = self.accept(frames.encode_uplink(frame, KEY), now_ms)
        self.store.commit(now_ms)
        assert self.store.kept_version == self.store.version, "what was taken may be done"
        return heard

    def dated(self, counter: int, opcode: Opcode, now_ms: int = 10_000) -> bool:
        """Is a command of this second taken, by the station whose counter it is?"""
        return self.hear(counter % 16, counter, opcode, now_ms) is not None

    def fix_time(self, boot_ms: int = BOOT_MS) -> None:
        """Ten seconds of fixes: GNSS has told the time of the boot."""
        for second in range(10):
            self.clock.observe(
                fix_at(second * 1000, utc_ms=boot_ms + second * 1000), second * 1000)

    def restart(self) -> None:
        """As after a step, with its commit."""
        self.store.commit(0)
        self.cut()

    def lose_disk(self) -> None:
        """The file vanishes, or the card is swapped: the next start is a first one."""
        self.store.close()
        for path in self._path.parent.iterdir():
            path.unlink()
        self.boot()

    def told(self, now_ms: int) -> list[str]:
        """The reasons of the refusals that are told now."""
        return [note.body["fields"]["why"] for note in self.gate.update(now_ms)]


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
    assert desk.accept(frames.encode_uplink(frame, bytes(32))) is None
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
    recorded = auth.next_counter(3, BOOT_S - 400)
    assert desk.hear(3, recorded) is not None and desk.hear(3, recorded) is None
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
    new = auth.next_counter(3, BOOT_S + 60)
    assert desk.hear(3, recorded) is None and desk.hear(3, new) is None, "nobody knows the time"
    assert desk.hear(3, new, Opcode.CUTDOWN_ABORT) is not None, "which can do no harm"
    new = auth.next_counter(3, new + 1)
    desk.fix_time()
    assert desk.hear(3, recorded) is None
    assert desk.hear(3, new) is not None and desk.hear(3, new) is None


def reported(desk: Desk, counter: int, session: Session | None = SESSION) -> bool:
    """Is a report with this counter, made in ``session``, believed?"""
    report = FeedbackFrame(
        NODE, counter % 16, counter, 0, FrameCounter(1, 77), 0, 1, (), session)
    heard = desk.accept(frames.encode_uplink(report, KEY))
    assert heard in (None, report)
    return heard is not None


def test_a_report_of_another_session_is_none_of_this_one(desk: Desk) -> None:
    """A wiped store begins its blocks anew: what was confirmed in another life is not theirs."""
    assert not reported(desk, 163, OTHER) and not reported(desk, 163, None)
    assert desk.gate.bad_frames == 2
    assert reported(desk, 163)


def test_the_counters_of_reports_rise_within_the_session_and_leave_no_trace(desk: Desk) -> None:
    """They need neither the time nor the disk, and the beacon shows the last command alone."""
    assert reported(desk, 163) and not reported(desk, 163) and not reported(desk, 147)
    assert desk.gate.replayed_frames == 2
    assert reported(desk, 179) and reported(desk, 37), "each station has its own"
    assert desk.gate.last_counter == 0
    assert desk.hear(3, 163) is not None, "nor do they use up a counter of commands"
    desk.cut()
    assert reported(desk, 19), "the MAC keeps the reports of earlier lives away"


def test_a_life_that_has_forgotten_its_counters_believes_reports_on_itself(tmp_path: Path) -> None:
    """Soak seed 19, an orbit: without the sky's time its backlog would never be confirmed."""
    (tmp_path / "s.sqlite").mkdir()
    desk = Desk(tmp_path / "s.sqlite")
    assert reported(desk, 163) and not reported(desk, 179, OTHER)
    assert desk.hear(3, 179) is None, "that report says nothing of commands"


def test_arm_and_fire_recorded_before_the_store_vanished_are_not_taken_again(desk: Desk) -> None:
    """Found in a review: dated six hours before, with GNSS time, a first life took them both."""
    recorded = [(auth.next_counter(0, BOOT_S - 6 * 3600 + 30), Opcode.CUTDOWN_ARM),
                (auth.next_counter(0, BOOT_S - 6 * 3600 + 50), Opcode.CUTDOWN_FIRE)]
    desk.fix_time(BOOT_MS - 6 * 3600 * 1000)
    assert all(desk.dated(*order) for order in recorded)
    desk.restart()
    assert not any(desk.dated(*order) for order in recorded), "remembered"
    desk.lose_disk()
    assert desk.store.boot == 1
    assert not any(desk.dated(*order, now_ms=0) for order in recorded), "nobody knows the time"
    desk.fix_time()
    assert not any(desk.dated(*order, now_ms=20_000) for order in recorded)


@pytest.mark.parametrize("opcode", BODIES)
def test_a_first_life_takes_nothing_that_was_sent_before_its_boot(
    desk: Desk, opcode: Opcode
) -> None:
    """An earlier one may have taken it, and its file may be gone."""
    desk.fix_time()
    assert not desk.dated(BOOT_S - 20, opcode) and not desk.dated(BOOT_S, opcode)
    assert desk.gate.replayed_frames == 2
    assert desk.dated(BOOT_S + 5, opcode)


@pytest.mark.parametrize("opcode", BODIES)
def test_before_the_time_is_known_a_first_life_takes_no_hazardous_command(
    desk: Desk, opcode: Opcode
) -> None:
    assert desk.dated(BOOT_S, opcode) is (opcode not in HAZARDOUS)
    assert desk.gate.untimely_commands == (opcode in HAZARDOUS)
    desk.restart()
    desk.restart()
    assert desk.dated(BOOT_S + 20, opcode) is (opcode not in HAZARDOUS), "nor the lives after it"
    desk.fix_time()
    assert desk.dated(BOOT_S + 36, opcode, 40_000)


@pytest.mark.parametrize("opcode", BODIES)
def test_a_life_that_remembers_takes_every_command_before_the_time_is_known(
    desk: Desk, opcode: Opcode
) -> None:
    """A receiver that never has a fix again must not take the cutdown with it."""
    desk.fix_time()
    assert desk.dated(BOOT_S + 5, Opcode.PING)
    desk.restart()
    assert not desk.dated(BOOT_S - 3600, opcode), "older than what is remembered"
    assert not desk.dated(BOOT_S + 5, opcode), "the same again"
    assert desk.dated(BOOT_S + 21, opcode)


@pytest.mark.parametrize("opcode", BODIES)
def test_a_command_is_taken_only_while_it_is_for_now(desk: Desk, opcode: Opcode) -> None:
    """15 minutes old at most, hazardous ones 3; and 3 minutes ahead. ABORT has no age."""
    desk.fix_time()
    oldest_s = 180 if opcode in HAZARDOUS else 900
    now_ms = 3_600_000
    now_s = BOOT_S + 3600
    is_abort = opcode is Opcode.CUTDOWN_ABORT
    assert desk.dated(now_s - oldest_s - 1, opcode, now_ms) is is_abort
    assert desk.dated(now_s - oldest_s, opcode, now_ms)
    assert desk.dated(now_s + 180, opcode, now_ms)
    assert desk.dated(now_s + 181, opcode, now_ms) is is_abort
    assert desk.dated(now_s + 10 * 365 * 86_400, opcode, now_ms) is is_abort
    assert desk.gate.untimely_commands == (0 if is_abort else 3)


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_ABORT])
def test_a_station_whose_clock_was_two_hours_ahead_is_not_locked_out(
    desk: Desk, opcode: Opcode
) -> None:
    """Nor is what was heard of it then, taken or not, any news when its hour has come."""
    desk.fix_time()
    station = 4
    first = auth.next_counter(station, BOOT_S + 7200)
    ahead = [first + 16 * number for number in range(REMEMBERED_AHEAD_MAX)]
    for counter in ahead:
        is_taken = desk.hear(station, counter, opcode) is not None
        assert is_taken is (opcode is Opcode.CUTDOWN_ABORT)
    assert desk.hear(station, auth.next_counter(station, BOOT_S + 60), opcode) is not None
    desk.restart()
    desk.fix_time()
    assert [desk.hear(station, counter, opcode, 7_300_000) for counter in ahead] == [None] * 16
    assert desk.gate.replayed_frames == 16
    assert desk.hear(5, ahead[0] + 17, opcode, 7_300_000) is not None, "and who sends now is heard"


def test_no_more_commands_dated_ahead_are_remembered_than_the_bound(desk: Desk) -> None:
    desk.fix_time()
    for number in range(3 * REMEMBERED_AHEAD_MAX):
        desk.dated(BOOT_S + 90_000 - number, Opcode.CUTDOWN_ABORT)
    kept = desk.store.get("uplink_counters")["ahead"]
    nearest = BOOT_S + 90_000 - 3 * REMEMBERED_AHEAD_MAX + 1
    assert sorted(kept) == list(range(nearest, nearest + REMEMBERED_AHEAD_MAX))


def test_the_memory_of_counters_begins_with_the_first_boot_whose_time_was_known(
    desk: Desk,
) -> None:
    """A later boot in the air does not shut out a station whose clock is ten minutes slow."""
    desk.restart()  # and nobody told the time in the life before
    desk.fix_time()
    assert desk.dated(BOOT_S + 3000, Opcode.PING, 3_600_000), "ten minutes slow"
    desk.restart()
    desk.fix_time(BOOT_MS + 3_700_000)
    assert desk.dated(BOOT_S + 3120, Opcode.PING)


def test_a_clock_that_was_wrong_leaves_no_memory_that_begins_in_the_future(desk: Desk) -> None:
    """Ten years ahead for one life: the next one knows better."""
    desk.fix_time(BOOT_MS + 10 * 365 * 86_400_000)
    assert not desk.dated(BOOT_S + 5, Opcode.PING)
    desk.restart()
    desk.fix_time()
    assert not desk.dated(BOOT_S - 100, Opcode.PING)
    assert desk.dated(BOOT_S + 5, Opcode.PING)


def test_untimely_commands_are_counted_and_told_once_in_ten_minutes(desk: Desk) -> None:
    desk.fix_time()
    now_ms = 3_600_000
    for attempt in range(5):
        assert not desk.dated(BOOT_S + 16 + 16 * attempt, Opcode.PING, now_ms)
    assert desk.told(now_ms) == ["3520 s old by GNSS time, 900 s are allowed"]
    assert not desk.dated(BOOT_S + 3600 + 200, Opcode.CUTDOWN_FIRE, now_ms)
    assert desk.told(now_ms + REFUSAL_REPORTED_EVERY_MS - 1) == []
    assert desk.told(now_ms + REFUSAL_REPORTED_EVERY_MS) == [
        "dated 200 s ahead of GNSS time, 180 s are allowed"]
    assert desk.told(now_ms + 2 * REFUSAL_REPORTED_EVERY_MS) == []
    assert desk.gate.untimely_commands == 6


@pytest.mark.parametrize("ppm", [-50, 50])
@pytest.mark.parametrize("day", [30, 365])
def test_a_payload_whose_gnss_has_died_takes_commands_for_years(
    desk: Desk, ppm: int, day: int
) -> None:
    """A bug: its crystal runs away from the station's clock, and after months all was refused."""
    desk.fix_time()
    true_ms = day * 86_400_000
    now_ms, true_s = true_ms + true_ms * ppm // 1_000_000, BOOT_S + true_ms // 1000
    for later_s, opcode in enumerate((Opcode.PING, Opcode.REBOOT, Opcode.TX_OFF)):
        assert desk.dated(true_s + later_s, opcode, now_ms)
    allowed_s = 180 + desk.clock.drift_ms(now_ms) // 1000
    time_s = (desk.clock.stamp(now_ms)[0] - EPOCH_2025_MS) // 1000
    assert not desk.dated(time_s + allowed_s + 1, Opcode.PING, now_ms)
    assert not desk.dated(time_s - allowed_s - 1, Opcode.REBOOT, now_ms)


def test_a_clock_that_a_command_corrected_takes_no_old_commands(desk: Desk) -> None:
    """After a day without GNSS; one that was recorded and never heard must not count as new."""
    desk.fix_time()
    now_ms = 3 * 86_400_000
    true_s = BOOT_S + now_ms // 1000
    assert desk.clock.set_by_command(BOOT_MS + now_ms + 20_000, now_ms) is None
    for opcode in (Opcode.PING, Opcode.CUTDOWN_ARM):
        assert not desk.dated(true_s - 3_600, opcode, now_ms)
    assert desk.dated(true_s, Opcode.CUTDOWN_ARM, now_ms)
