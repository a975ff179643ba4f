"""Commands from the frame on the air to what the flight does, over fakes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from payload.camera.camera import FIRST_PICTURE_MS
from payload.navigation.profile import BALLOON
from payload.ports import DeviceAbsent
from payload.safe_mode import PROVEN_MS
from tests.payload import test_flight
from wire import auth, commands
from wire.beacon import PowerMode
from wire.beacon import decode as decode_beacon
from wire.commands import Command, Opcode
from wire.records import EPOCH_2025_MS, Kind, TimeQuality


class Bench(test_flight.Bench):
    """The flight's bench, with commands by name."""

    def boot(self) -> None:
        self.ports.radio._busy_until_ms, self.ports.gnss._last_ms = 0, -1000
        self.ports.gnss._utc_ms += self.now_ms
        self.ports.mind._due_ms = None
        self.ports.radio.sent.clear()
        self.now_ms = 0  # a flight counts from its boot
        super().boot()
        self.counter = self.flight.gate.last_counter

    def next_counter(self) -> int:
        """What station 0 draws now."""
        now_s = (self.ports.gnss._utc_ms + self.now_ms - EPOCH_2025_MS) // 1000
        return auth.next_counter(0, max(self.counter + 1, now_s))

    def send(self, opcode: Opcode, *arguments: int | str) -> None:
        self.counter = self.next_counter()
        self.uplink(commands.encode(Command(opcode, arguments)), self.counter)

    def command(self, opcode: Opcode, *arguments: int | str) -> str:
        """Send, run two seconds, and say what came of it: ok, or why not."""
        self.send(opcode, *arguments)
        self.run(2)
        body = self.stored(Kind.COMMAND_RESULT)[-1].body
        assert body["counter"] == self.counter
        return str(body.get("why", body["result"]))

    def restart(self) -> None:
        self.kill()
        self.boot()

    def events(self) -> list[str]:
        return [record.body["event"] for record in self.stored(Kind.EVENT)]

    def fields(self, name: str) -> dict[str, object]:
        found = [r.body["fields"] for r in self.stored(Kind.EVENT) if r.body["event"] == name]
        return dict(found[-1])

    @property
    def sent_count(self) -> int:
        return len(self.ports.radio.sent)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.run(5)
    return made


def test_a_status_tells_the_modes(bench: Bench) -> None:
    bench.command(Opcode.SETTING_SET, 5, 30)
    assert bench.command(Opcode.STATUS) == "ok"
    fields = bench.fields("status")
    assert fields["boot"] == 1 and fields["phase"] == "ground" and fields["safe"] is False
    assert fields["changed"] == [5] and fields["cutdown"] == "safe"


def test_a_setting_holds_at_once_and_after_a_reboot(bench: Bench) -> None:
    bench.run(15)  # past the restored fix
    assert bench.command(Opcode.SETTING_GET, 1) == "ok"
    assert bench.fields("setting") == {
        "number": 1, "setting": "cadence.beacon_ground_s", "value": 30}
    assert bench.command(Opcode.SETTING_SET, 1, 10) == "ok"
    for _ in range(2):
        bench.run(60)
        del bench.ports.radio.sent[:]
        begin_ms = bench.now_ms
        bench.run(120)
        times = [ms for ms, _ in bench.beacons() if ms >= begin_ms]
        assert 10 <= len(times) <= 13, "every ten seconds, not every thirty"
        bench.restart()
    assert bench.flight.mind.section.every_s == test_flight.MISSION.mind.every_s


def test_every_part_follows_its_setting(bench: Bench) -> None:
    for number, value in ((7, 33), (8, 44), (9, 55), (10, 66), (5, 7)):
        assert bench.command(Opcode.SETTING_SET, number, value) == "ok"
    assert bench.flight.camera._takes.every_ms == 33_000
    assert bench.flight.api._every_ms == 44_000
    assert bench.flight.mind.section.every_s == 55
    assert bench.flight.downlink._mission.radio.listen_every_s == 66
    before = len(bench.stored(Kind.TRACK))
    bench.run(70)
    assert 9 <= len(bench.stored(Kind.TRACK)) - before <= 11


@pytest.mark.parametrize(("number", "value"), [(2, 4), (2, 61), (10, 121), (99, 5), (12, 1)])
def test_a_setting_out_of_its_range_changes_nothing(
    bench: Bench, number: int, value: int
) -> None:
    why = bench.command(Opcode.SETTING_SET, number, value)
    assert why != "ok" and len(why) < 60
    assert bench.flight.settings.mission == test_flight.MISSION


@pytest.mark.thorough
def test_a_radio_setting_that_nobody_answers_goes_back_also_after_a_reboot(bench: Bench) -> None:
    bench.command(Opcode.SETTING_SET, 10, 120)
    bench.restart()
    bench.ports.gnss.climb_mps = 5.0
    bench.run(BALLOON.command_loss_ms // 1000 - 5)
    assert bench.flight.settings.mission.radio.listen_every_s == 120
    bench.run(10)
    assert bench.flight.settings.mission == test_flight.MISSION
    assert bench.flight.downlink._mission == test_flight.MISSION
    assert "command_loss" in bench.events()
    bench.restart()
    assert bench.flight.settings.mission == test_flight.MISSION


def test_the_mind_is_switched_off_and_stays_so_over_a_reboot(bench: Bench) -> None:
    assert bench.command(Opcode.MUSE_ENABLE, 0) == "ok"
    assert bench.command(Opcode.MUSE_NOW) == "the mind is switched off"
    bench.restart()
    bench.run(400)
    assert bench.ports.mind.requests == []
    assert bench.command(Opcode.MUSE_ENABLE, 1) == "ok"
    bench.run(100)
    assert bench.ports.mind.requests


def test_the_camera_is_switched_off_and_on(tmp_path: Path) -> None:
    starts: list[int] = []

    class Camera:
        def start(self, now_ms: int) -> bool:
            starts.append(now_ms)
            return True

        def poll(self, now_ms: int) -> None:
            return None

        def cancel(self, now_ms: int) -> None:
            return None

    bench = Bench(tmp_path)
    bench.ports = replace(bench.ports, camera=Camera())
    bench.restart()
    bench.run(2)
    assert bench.command(Opcode.CAMERA_ENABLE, 0) == "ok"
    assert bench.command(Opcode.PICTURE_NOW) == "the camera is switched off"
    bench.run(FIRST_PICTURE_MS // 1000 + 60)
    assert starts == []
    assert bench.command(Opcode.CAMERA_ENABLE, 1) == "ok"
    assert len(starts) == 1


def test_the_ground_sets_the_clock_only_while_no_satellite_has(bench: Bench) -> None:
    bench.run(10)
    assert bench.command(Opcode.TIME_SET, 60_000_000) == "the clock is set by GNSS"
    bench.ports.gnss.is_silent = True
    bench.restart()
    assert bench.flight.clock.quality is TimeQuality.RESTORED
    assert bench.command(Opcode.TIME_SET, 1) == "before the latest time that is known"
    assert bench.command(Opcode.TIME_SET, 600_000_000) == "not a date of 2025 to 2040"
    assert bench.command(Opcode.TIME_SET, 60_000_000) == "ok"
    assert bench.flight.clock.quality is TimeQuality.COMMAND
    told_ms = bench.flight.clock.utc_ms(bench.now_ms)
    assert told_ms is not None
    assert 0 <= told_ms - EPOCH_2025_MS - 60_000_000_000 <= 2_000
    assert bench.command(Opcode.TIME_SET, 50_000_000) == "ok", "a wrong one can be put right"
    bench.ports.gnss.is_silent = False
    bench.run(10)
    assert bench.flight.clock.quality is TimeQuality.GPS


def test_nothing_is_sent_while_it_is_off_and_everything_comes_back(bench: Bench) -> None:
    assert bench.command(Opcode.TX_OFF, 2) == "ok"
    count, began_ms = bench.sent_count, bench.now_ms
    bench.command(Opcode.BEACON_NOW)
    bench.flight.downlink.last_words(bench.now_ms)
    bench.run(115)
    assert bench.sent_count == count, "not even a beacon"
    bench.run(5)
    assert bench.beacons()[-1][0] - began_ms <= 122_000
    assert {"tx_off", "tx_on"} <= set(bench.events())


def test_a_reboot_ends_the_silence(bench: Bench) -> None:
    bench.command(Opcode.TX_OFF, 30)
    bench.restart()
    bench.run(5)
    assert bench.sent_count > 0


def test_a_reboot_by_command_is_orderly_and_is_answered_first(bench: Bench) -> None:
    assert bench.command(Opcode.REBOOT) == "ok"
    assert bench.flight.commands.is_ending
    bench.flight.end(bench.now_ms)
    bench.restart()
    assert bench.flight.starts.unproven == 1, "no crash"
    assert not bench.flight.commands.is_ending
    bench.run(5)
    assert not bench.flight.commands.is_ending, "the command does not run again"


def test_a_repeated_command_is_answered_again_and_not_run_again(bench: Bench) -> None:
    assert bench.command(Opcode.SETTING_SET, 5, 30) == "ok"
    frame = commands.encode(Command(Opcode.SETTING_SET, (5, 60)))  # same counter, other words
    answer = bench.stored(Kind.COMMAND_RESULT)[-1]

    def state() -> int:
        bench.store.commit(bench.now_ms)
        rows = bench.store.writer.db.execute(
            "SELECT state FROM record WHERE id=?", (answer.record_id,)).fetchall()
        return int(rows[0][0])

    bench.run(10)
    bench.store.mark_confirmed([answer.record_id])
    assert state() == 2
    bench.uplink(frame, bench.counter)
    bench.flight._poll(bench.now_ms)
    assert state() == 0, "queued again"
    assert bench.flight.settings.mission.cadence.track_s == 30
    assert len(bench.stored(Kind.COMMAND_RESULT)) == 1
    bench.store.mark_confirmed([answer.record_id])
    bench.uplink(frame, bench.counter)
    bench.flight._poll(bench.now_ms + 29_999)
    assert state() == 2, "a flood of replays gets nothing"
    bench.uplink(frame, bench.counter)
    bench.flight._poll(bench.now_ms + 30_000)
    assert state() == 0
    bench.uplink(frame, bench.counter - 16)
    bench.store.mark_confirmed([answer.record_id])
    bench.flight._poll(bench.now_ms + 60_000)
    assert state() == 2, "an older command is a replay and no more"


def test_after_three_starts_that_did_not_last_only_the_core_flies(bench: Bench) -> None:
    for _ in range(2):
        bench.restart()  # killed after a few seconds, as by its own mind
    assert bench.flight.starts.is_safe
    bench.run(60)
    beacon = decode_beacon(bench.beacons()[-1][1].state)
    assert beacon.power_mode is PowerMode.SAFE and beacon.faults & 512
    assert bench.command(Opcode.REBOOT) == "in SAFE: it leaves by itself"
    bench.send(Opcode.MUSE_NOW)
    bench.run(PROVEN_MS // 1000 - 100)
    assert bench.ports.mind.requests == []
    bench.run(200)
    assert not bench.flight.starts.is_safe and bench.ports.mind.requests
    assert "safe_left" in bench.events()


def test_a_start_that_crashes_in_its_first_step_counts(bench: Bench) -> None:
    for _ in range(2):
        bench.kill()
        bench.boot()  # and not one step
    assert bench.flight.starts.is_safe


def test_safe_is_entered_and_left_by_command(bench: Bench) -> None:
    assert bench.command(Opcode.SAFE_EXIT) == "not in SAFE"
    assert bench.command(Opcode.SAFE_ENTER) == "ok"
    assert bench.command(Opcode.SAFE_ENTER) == "in SAFE already"
    bench.run(300)
    assert bench.ports.mind.requests == []
    assert bench.command(Opcode.SAFE_EXIT) == "ok"
    bench.run(5)
    assert bench.ports.mind.requests


class Pin:
    """Remembers its level."""

    def __init__(self) -> None:
        self.is_high = False

    def drive(self, is_high: bool) -> None:
        self.is_high = is_high


class Aloft(Bench):
    """Climbing, with a pin fitted."""

    def boot(self) -> None:
        self.ports = replace(self.ports, cutdown=Pin())
        super().boot()


@pytest.fixture
def aloft(tmp_path: Path) -> Aloft:
    made = Aloft(tmp_path)
    made.run(30)
    made.ports.gnss.climb_mps = 5.0
    made.run(300)
    return made


def test_arm_and_fire_heat_the_wire_for_as_long_as_the_mission_says(aloft: Aloft) -> None:
    assert aloft.command(Opcode.CUTDOWN_ARM) == "ok"
    assert aloft.flight._beacon(aloft.flight.situation(aloft.now_ms)).is_cutdown_armed
    assert aloft.command(Opcode.REBOOT) == "the cutdown is armed"
    assert aloft.command(Opcode.CUTDOWN_FIRE) == "ok"
    assert aloft.ports.cutdown.is_high
    aloft.run(test_flight.MISSION.flight.burn_s)
    assert not aloft.ports.cutdown.is_high
    assert aloft.events()[-3:] == ["cutdown_armed", "cutdown_firing", "cutdown_fired"]


def test_fire_alone_late_or_after_an_abort_or_a_reboot_does_nothing(aloft: Aloft) -> None:
    assert aloft.command(Opcode.CUTDOWN_FIRE) == "not armed"
    aloft.command(Opcode.CUTDOWN_ARM)
    aloft.run(61)
    assert aloft.command(Opcode.CUTDOWN_FIRE) == "not armed"
    aloft.command(Opcode.CUTDOWN_ARM)
    assert aloft.command(Opcode.CUTDOWN_ABORT) == "ok"
    assert aloft.command(Opcode.CUTDOWN_FIRE) == "not armed"
    aloft.command(Opcode.CUTDOWN_ARM)
    aloft.restart()
    aloft.run(5)
    assert aloft.command(Opcode.CUTDOWN_FIRE) == "not armed"
    assert not aloft.ports.cutdown.is_high


def test_on_the_ground_or_without_a_pin_it_cannot_be_armed(tmp_path: Path) -> None:
    bench = Aloft(tmp_path)
    bench.run(60)
    assert bench.command(Opcode.CUTDOWN_ARM) == "not in phase ground"
    bench.ports = replace(bench.ports, cutdown=None)
    bench.kill()
    Bench.boot(bench)
    bench.run(5)
    assert bench.command(Opcode.CUTDOWN_ARM) == "no cutdown is fitted"


def test_an_orderly_end_lets_go_of_the_wire(aloft: Aloft) -> None:
    aloft.command(Opcode.CUTDOWN_ARM)
    aloft.command(Opcode.CUTDOWN_FIRE)
    assert aloft.ports.cutdown.is_high
    aloft.flight.end(aloft.now_ms)
    assert not aloft.ports.cutdown.is_high


def test_a_pin_that_fails_is_told_and_is_no_crash(aloft: Aloft) -> None:
    def fail(is_high: bool) -> None:
        raise DeviceAbsent("cutdown pin")

    aloft.command(Opcode.CUTDOWN_ARM)
    aloft.ports.cutdown.drive = fail
    aloft.command(Opcode.CUTDOWN_FIRE)
    assert "cutdown_pin_failed" in aloft.events()


def test_an_answer_goes_again_at_most_every_thirty_seconds(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody plays the last command back once a second for five minutes."""
    assert bench.command(Opcode.PING) == "ok"
    again_ms: list[int] = []
    send_again = bench.store.send_again

    def note(record_ids: list[int]) -> None:
        again_ms.append(bench.now_ms)
        send_again(record_ids)

    monkeypatch.setattr(bench.store, "send_again", note)
    for _ in range(300):
        bench.uplink(commands.encode(Command(Opcode.PING)), bench.counter)
        bench.run(1)
    assert len(again_ms) == 10
    assert all(after - before >= 30_000 for before, after in pairwise(again_ms))
