"""The parts of the bench rig, each against a fake of what is around it."""

from __future__ import annotations

import heapq
import signal
import stat
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from sim.clock import SimClock
from sim.faults import catalogue
from sim.rig import faults, folder
from sim.rig.bench import HOP_M, PAD_S, RigSettings, hop
from sim.rig.folder import Ports
from sim.rig.journal import Journal
from sim.rig.live import Loop
from sim.rig.plan import plan_of
from sim.rig.screen import style_of
from sim.rig.transmissions import SentFrames
from sim.rig.unit import Unit
from tests.sim.flights import ROOT, mission
from tests.sim.module_flights import over
from wire import beacon, bodies, frames, records
from wire import mission as mission_file
from wire.beacon import Beacon, Phase, PowerMode
from wire.bodies import NO_MODELS, Models
from wire.frames import BeaconFrame, FrameCounter, IncarnationFrame
from wire.records import Kind, Record, TimeQuality
from wire.session import Session
from wire.text_codec import TextModel
from wire.transfer import Sender

WAIT_MS = 60_000  # a bound for a hung test, never the measure of a passing one
KEY = bytes(range(32))


class Heap:
    """The loop with a clock that is moved by the test."""

    def __init__(self) -> None:
        self.clock = SimClock(1_800_000_000_000)
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._planned = 0

    at, after, every = Loop.at, Loop.after, Loop.every

    def run_to(self, seconds: float) -> None:
        end_ms = round(seconds * 1000)
        while self._heap and self._heap[0][0] <= end_ms:
            self.clock.now_ms, _, action = heapq.heappop(self._heap)
            action()
        self.clock.now_ms = end_ms


# -- the plan ---------------------------------------------------------------------------------


def test_a_name_means_what_it_means_in_a_simulated_flight() -> None:
    shared = set(faults.ALL) & set(catalogue.ALL)
    assert {"cut.once", "core.stall", "core.hog", "core.second_instance", "journal.full"} <= shared
    for name in shared:
        assert faults.ALL[name].number == catalogue.ALL[name].number, name


@pytest.mark.parametrize(("line", "sentence"), [
    ("00:00:10 gnss.melt", "unknown bench fault 'gnss.melt'; available: cut.once, .*core.kill, "
                           ".*storage.full"),
    ("00:00:10 link.flipped", "unknown bench fault 'link.flipped'"),
    ("00:10:00 core.kill", "00:10:00 core.kill: the bench flight ends after 600 s"),
    ("soon core.kill", "must be hh:mm:ss name"),
])
def test_a_fault_that_cannot_be_played_is_one_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("cut.once, .*", ".*")):
        plan_of([line], 0, 600.0)


def test_kills_come_at_drawn_instants_and_the_last_fifth_is_quiet() -> None:
    plan = plan_of(["00:00:30 gnss.vanish 5s"], 10, 3600.0, seed=1)
    assert Counter(fault.name for fault in plan) == {
        "gnss.vanish": 1, "core.kill": 5, "core.kill_sending": 5, "mind.kill": 5, "ground.kill": 5}
    assert plan == sorted(plan) and plan == plan_of(["00:00:30 gnss.vanish 5s"], 10, 3600.0, seed=1)
    daemon = [fault.at_s for fault in plan if fault.name.startswith("core.kill")]
    pauses = {round(late - early) for early, late in pairwise(daemon)}
    assert min(pauses) >= 10 and len(pauses) > 5, "drawn, and not spread evenly"
    assert min(daemon) >= 108 and max(daemon) <= 2880
    assert daemon != [f.at_s for f in plan_of([], 10, 3600.0, seed=2) if "core" in f.name]


def test_without_a_mind_only_the_station_is_killed_beside_the_daemon() -> None:
    names = Counter(fault.name for fault in plan_of([], 2, 600.0, has_mind=False))
    assert names == {"core.kill": 1, "core.kill_sending": 1, "ground.kill": 2}


def test_more_kills_than_there_is_time_for_are_one_sentence() -> None:
    assert len(plan_of([], 24, 300.0)) == 48
    with pytest.raises(ValueError, match="25 kills do not fit into 300 s: reduce --kills"):
        plan_of([], 25, 300.0)


@pytest.mark.parametrize(("minutes", "low_m", "high_m"), [
    (1, HOP_M[0], HOP_M[0]), (20, 1_500.0, 6_000.0), (60, 9_000.0, 20_000.0),
    (600, HOP_M[1], HOP_M[1])])
def test_the_hop_fits_the_time(minutes: float, low_m: float, high_m: float) -> None:
    settings = RigSettings(minutes * 60)
    balloon = hop(settings, 1_800_000_000_000)
    height_m = balloon.burst_altitude_m - balloon.site.elevation_m
    assert low_m <= height_m <= high_m
    assert balloon.launch_s == PAD_S
    if height_m > HOP_M[0]:
        assert balloon.landing_s <= 0.8 * settings.seconds
    if HOP_M[0] < height_m < HOP_M[1]:
        assert balloon.landing_s > 0.7 * settings.seconds


# -- the folder -------------------------------------------------------------------------------


def test_both_machines_get_the_same_mission_but_for_their_modem(tmp_path: Path) -> None:
    layout, flown = folder.lay_out(
        tmp_path, mission(), ROOT / "mission.toml", KEY, Ports(2001, 2002, 2003, 2004))
    station = mission_file.load(layout.station / "mission.toml")
    assert (flown.radio.port, station.radio.port) == (2001, 2002)
    radio = flown.radio.model_copy(update={"port": 2002})
    assert flown.model_copy(update={"radio": radio}) == station
    assert {api.url for api in flown.api} >= {"http://127.0.0.1:2003/weather"}
    assert (flown.ground.web_port, flown.mind.threads) == (2004, 1)
    assert Path(flown.mind.bundle).is_dir(), "found from another folder too"
    assert flown.cadence == mission().cadence and flown.power == mission().power
    for machine in (layout.payload, layout.station):
        key = machine / "mission.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert bytes.fromhex(key.read_text()) == KEY


def test_a_mission_over_a_lora_module_flies_on_the_bench_over_its_modem(tmp_path: Path) -> None:
    """Its table was written as no TOML has it."""
    layout, flown = folder.lay_out(
        tmp_path, over("E22"), ROOT / "mission.toml", KEY, Ports(2001, 2002, 2003, 2004))
    assert (flown.radio.kind, flown.radio.framing, flown.radio.ebyte) == ("kiss-tcp", "plain", None)
    assert mission_file.load(layout.station / "mission.toml").radio.port == 2002


# -- systemd ----------------------------------------------------------------------------------


class Child:
    """A process that does as it is told, except when it is ``deaf`` to SIGTERM."""

    def __init__(self, on_exit: Callable[[int], None], is_deaf: bool = False) -> None:
        self.is_running, self._on_exit, self._is_deaf = True, on_exit, is_deaf

    def end(self, status: int) -> None:
        self.is_running = False
        self._on_exit(status)

    def signal(self, number: signal.Signals) -> None:
        if self.is_running and number is signal.SIGKILL:
            self.end(-signal.SIGKILL)
        elif self.is_running and number is signal.SIGTERM and not self._is_deaf:
            self.end(0)


class Service:
    """A unit with such children."""

    def __init__(self, has_watchdog: bool = True, is_deaf: bool = False) -> None:
        self.heap, self.breaches = Heap(), list[str]()
        self.lives: list[Child] = []

        def spawn(on_exit: Callable[[int], None]) -> Child:
            self.lives.append(Child(on_exit, is_deaf))
            return self.lives[-1]

        self.unit = Unit(
            self.heap, "daemon", spawn, lambda words: None,  # type: ignore[arg-type]
            on_crash=self.breaches.append, has_watchdog=has_watchdog)
        self.unit.start()

    def pet_until(self, seconds: int) -> None:
        while self.heap.clock.now_s < seconds:
            self.heap.run_to(self.heap.clock.now_s + 1)
            self.unit.notify("READY=1\nWATCHDOG=1")


def test_what_ends_by_itself_is_a_breach_and_starts_again() -> None:
    service = Service()
    service.lives[0].end(1)
    assert service.breaches == ["daemon ended by itself with status 1"]
    service.heap.run_to(1.9)
    assert len(service.lives) == 1
    service.heap.run_to(2.1)
    assert len(service.lives) == 2 and service.unit.counts["crashes"] == 1


def test_what_is_killed_is_no_breach_and_starts_again() -> None:
    service = Service()
    service.unit.kill(off_s=20.0)
    service.unit.kill()  # it is off: nothing to kill
    service.heap.run_to(19.9)
    assert len(service.lives) == 1
    service.heap.run_to(20.1)
    assert len(service.lives) == 2 and service.breaches == []
    assert (service.unit.counts["kills"], service.unit.counts["crashes"]) == (1, 0)


def test_the_watchdog_waits_thirty_seconds_and_a_minute_for_the_start() -> None:
    service = Service()
    service.heap.run_to(60)
    assert service.unit.counts["watchdog"] == 0
    service.heap.run_to(64)
    assert service.unit.counts["watchdog"] == 1 and len(service.lives) == 2
    service.pet_until(100)
    service.heap.run_to(130)
    assert service.unit.counts["watchdog"] == 1
    service.heap.run_to(134)
    assert service.unit.counts["watchdog"] == 2 and len(service.lives) == 3
    assert service.breaches == []


def test_without_a_watchdog_silence_is_no_fault() -> None:
    service = Service(has_watchdog=False)
    service.heap.run_to(500)
    assert len(service.lives) == 1


def test_stopped_it_stays_stopped_and_one_that_does_not_is_a_breach() -> None:
    service = Service()
    service.unit.stop()
    service.heap.run_to(100)
    assert len(service.lives) == 1 and service.breaches == []
    deaf = Service(is_deaf=True)
    deaf.unit.stop()
    deaf.heap.run_to(100)
    assert deaf.breaches == ["daemon did not end within 15 s of SIGTERM"]
    assert not deaf.unit.is_running


# -- the radio port ---------------------------------------------------------------------------


class Port:
    """A payload's radio, as ``SentFrames`` sees it."""

    def __init__(self, key: bytes | None = None, models: Models = NO_MODELS) -> None:
        self.mission = mission()
        self.heap = Heap()
        self.sent = SentFrames(self.heap.clock, self.mission, key, models)
        self.sent.on_start()
        self._key = key
        self._number = 0

    def beacon(self, at_s: float, phase: Phase = Phase.ASCENT, height_m: float = 9_000.0) -> None:
        self.heap.clock.now_ms = round(at_s * 1000)
        self._number += 1
        state = Beacon(phase=phase, power_mode=PowerMode.ECO, altitude_m=height_m)
        frame = BeaconFrame(7, FrameCounter(1, self._number), beacon.encode(state), False)
        self.sent.on_frame(frames.encode_downlink(frame, self._key))

    def look(self, at_s: float) -> list[str]:
        self.heap.clock.now_ms = round(at_s * 1000)
        self.sent.look()
        return self.sent.late

    def send(self, *sent: Record, model: TextModel | None = None) -> None:
        boot = sent[0].boot
        session = Session(16, boot)
        sender = Sender(7, self.mission.symbol_mtu_bytes, session)
        told = IncarnationFrame(7, FrameCounter(session.boot_bits, 0), session)
        self.sent.on_frame(frames.encode_downlink(told, self._key))
        for record in sent:
            sender.push(record, 0, records.pack(record, model))
        for number in range(20):
            frame = sender.next_frame(FrameCounter(boot, number), number, 10_000)
            if frame is not None:
                self.sent.on_frame(frames.encode_downlink(frame, self._key))


@pytest.mark.parametrize(("phase", "height_m", "in_time_s", "late_s"), [
    (Phase.ASCENT, 9_000.0, 24.0, 24.5), (Phase.GROUND, 0.0, 64.0, 64.5),
    (Phase.DESCENT, 2_900.0, 14.0, 14.5), (Phase.DESCENT, 9_000.0, 24.0, 24.5),
    (Phase.LANDED, 100.0, 34.0, 34.5),
])
def test_a_beacon_is_late_after_twice_its_cadence(
    phase: Phase, height_m: float, in_time_s: float, late_s: float
) -> None:
    port = Port()
    port.beacon(2.0, phase, height_m)
    assert port.look(2.0 + in_time_s) == []
    assert len(port.look(2.0 + late_s)) == 1
    assert len(port.look(3.0 + late_s)) == 1, "said once"
    assert port.sent.longest_start_s == 2.0
    assert list(port.sent.longest_gaps_s.values()) == [late_s]


def test_nothing_is_expected_of_a_dead_daemon_or_a_dead_radio() -> None:
    port = Port()
    port.beacon(1.0)
    port.sent.excuse()
    assert port.look(100.0) == []
    port.sent.unexcuse()
    assert port.look(200.0) == [], "counted from the first beacon after it"
    port.beacon(200.0)
    port.sent.on_end()
    assert port.look(300.0) == []
    port.sent.on_start()
    port.beacon(307.0)
    assert port.sent.longest_start_s == 7.0
    assert len(port.look(400.0)) == 1


def test_what_was_sent_under_one_number_is_one_thing() -> None:
    def record(number: int, boot: int, word: str) -> Record:
        body = {"event": word, "severity": "info"}
        return Record(number, Kind.EVENT, boot, 0, TimeQuality.NONE, body)

    port = Port()
    port.send(record(1, 1, "boot"), record(2, 1, "phase"))
    port.send(record(1, 1, "boot"))
    assert sorted(port.sent.records) == [1, 2] and port.sent.two_meanings == []
    port.send(record(2, 2, "boot"))
    assert port.sent.two_meanings == [2]


def test_a_text_that_was_packed_with_the_models_of_the_persona_is_read() -> None:
    """Found by the bench: sealed texts were taken for other words than those in the store."""
    model = TextModel.load(ROOT / "host_training/examples/edda-tiny.bundle/text.codec")
    body = {"text": "The wind turns, and I turn with it.", "about": "wind", "by": "model"}
    record = Record(1, Kind.MUSING, 1, 0, TimeQuality.NONE, body)
    knowing, ignorant = Port(models=bodies.by_id([model])), Port()
    for port in (knowing, ignorant):
        port.send(record, model=model)
    assert knowing.sent.records[1].body == body
    assert bodies.SEALED in ignorant.sent.records[1].body


def test_a_frame_that_is_not_signed_is_noticed() -> None:
    port = Port(mission().downlink_key(KEY))
    port.beacon(1.0)
    assert port.sent.counts["unsigned"] == 0
    port._key = None
    port.beacon(2.0)
    assert port.sent.counts["unsigned"] == 1


# -- the journal ------------------------------------------------------------------------------


def test_the_journal_counts_what_was_promised(tmp_path: Path) -> None:
    shown: list[str] = []
    clock = SimClock(0)
    journal = Journal(clock, tmp_path, shown.append)
    clock.now_ms = 3_725_300
    for line in (
        "timestamp=2026-01-01T00:00:00Z level=info event=flying boot=3 mission=m.toml",
        'timestamp=2026-01-01T00:00:00Z level=warning event=gnss_lost reason="no such thing"',
        "timestamp=2026-01-01T00:00:00Z level=info event=musing text=Hm.",
        '{"model": "edda", "event": "model_loaded", "level": "info"}',
        "Traceback (most recent call last):",
    ):
        journal.on_payload(line)
    assert journal.logged == {3: {"gnss_lost": 1}}
    assert journal.tracebacks == ["payload"]
    assert shown[1] == '01:02:05.3  payload  warning gnss_lost reason="no such thing"'
    assert shown[2] == "01:02:05.3  musing   “Hm.”"
    assert shown[3] == "01:02:05.3  mind     model_loaded model=edda"
    styles = [style_of(line) for line in shown[:4]]
    assert styles == [None, "yellow", "italic bright_cyan", "magenta"]
    journal.on_payload("level=error event=store_failing dropped_records=0")
    assert journal.distrusted == {3}
    journal.on_payload("level=error event=store_returned dropped_records=0")
    assert journal.distrusted == set()
    assert (tmp_path / "rig.log").read_text().splitlines() == shown
    assert len((tmp_path / "payload.log").read_text().splitlines()) == 7
