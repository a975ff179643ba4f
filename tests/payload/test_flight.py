"""The whole flight core over fakes: the beacon never stops and no committed record is lost."""

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.prompt import PersonaText, exchange
from sim.fakes.card_disk import CardStore, DeskStore
from tests.payload import aboard
from tests.payload.fakes import (
    FIRST_FIX_MS,
    CountingWatchdog,
    FakeGnss,
    FakeMind,
    FakeRadio,
    FakeSensor,
    SilentHttp,
)
from wire import auth, commands, frames, mission
from wire.auth import Direction
from wire.beacon import Phase
from wire.beacon import decode as decode_beacon
from wire.commands import Command, Opcode
from wire.frames import BeaconFrame, CommandFrame, DataFrame, FeedbackFrame, FrameCounter
from wire.incoming import Receiver
from wire.records import EPOCH_2025_MS, Kind, Record
from wire.session import Session

MISSION = mission.load(Path(__file__).resolve().parents[2] / "mission.toml")
KEY = auth.derive_key(bytes(32), MISSION.payload.node_id, Direction.UPLINK)
PERSONA = PersonaText("Edda", "You are Edda.", ("say what is so",))
NODE = MISSION.payload.node_id
# Of station 0, drawn at the first fix of the bench; counters are the seconds at which they go out.
FIRST_COUNTER = auth.next_counter(0, (FIRST_FIX_MS - EPOCH_2025_MS) // 1000)


def chips() -> dict[str, FakeSensor]:
    return {
        "outside": FakeSensor("bme280", {
            "temperature_c": 11.0, "pressure_hpa": 1000.0, "humidity_pct": 40.0}),
        "power": FakeSensor("ina219", {"battery_mv": 4000.0, "current_ma": 300.0}),
    }


class Bench:
    """A Flight on fakes that can be stepped, killed and started again on the same disk."""

    mission = MISSION

    def __init__(self, path: Path, **other: Any) -> None:
        self.path = path
        self.ports = replace(
            FlightPorts(
                gnss=FakeGnss(), radio=FakeRadio(), mind=FakeMind(), http=SilentHttp(),
                sensors=chips(), watchdog=CountingWatchdog(),
            ),
            **other,
        )
        self.now_ms = 0
        self.boot()

    def boot(self) -> None:
        self.store = self.open_store()
        self.flight = Flight(
            self.mission, self.ports, self.store, PERSONA, None, KEY, random.Random(1)
        )
        self.due_ms = self.now_ms
        self.offset_ms = self.now_ms

    def open_store(self) -> CardStore:
        return DeskStore(self.path / "s.sqlite")

    def kill(self) -> None:
        """As a power cut would: nothing is flushed or closed in order."""
        self.store.writer.close()

    def run(self, seconds: int) -> None:
        end_ms = self.now_ms + seconds * 1000
        while self.due_ms <= end_ms:
            self.now_ms = self.due_ms
            self.due_ms = self.flight.step(self.now_ms)
            assert self.due_ms > self.now_ms
        self.now_ms = end_ms

    def beacons(self) -> list[tuple[int, BeaconFrame]]:
        decoded = [(ms, frames.decode_downlink(data)) for ms, data in self.ports.radio.sent]
        return [(ms, frame) for ms, frame in decoded if isinstance(frame, BeaconFrame)]

    def uplink(self, body: bytes, counter: int) -> None:
        frame = CommandFrame(NODE, counter % auth.STATIONS_MAX, counter, body)
        self.ports.radio.heard.append(frames.encode_uplink(frame, KEY))

    def stored(self, kind: Kind) -> list[Record]:
        self.store.commit(self.now_ms)
        return [record for _, record in sorted(aboard.records(self.store).items())
                if record.kind is kind]


def longest_gap_s(beacons: list[tuple[int, BeaconFrame]]) -> float:
    times = [ms for ms, _ in beacons]
    return max(after - before for before, after in pairwise(times)) / 1000


def test_a_beacon_says_what_was_measured_in_the_units_of_its_fields(tmp_path: Path) -> None:
    """A speed in km/h passed every test: nobody compared the beacon with what the receiver said."""
    bench = Bench(tmp_path)
    bench.ports.gnss.climb_mps = 5.0
    bench.run(300)
    at_ms, frame = bench.beacons()[-1]
    said, measured = decode_beacon(frame.state), bench.ports.gnss
    assert said.fix_age_s is not None and said.altitude_m == pytest.approx(
        measured.altitude_m - 5 * (bench.now_ms - at_ms) / 1000, abs=6)
    assert (said.latitude_deg, said.longitude_deg) == pytest.approx((52.0, 4.0), abs=1e-3)
    assert (said.speed_mps, said.heading_deg, said.satellites) == (2, 90, 9)
    assert said.climb_mps == pytest.approx(5.0, abs=0.5)
    assert said.time_of_day_s == (1_780_000_000_000 + at_ms) // 1000 % 86_400
    assert (said.battery_mv, said.outside_c) == (4000, 11)
    assert said.pressure_hpa == pytest.approx(1000, abs=0.6)


def test_the_first_beacon_leaves_at_once_with_nothing_fitted(tmp_path: Path) -> None:
    radio = FakeRadio()
    store = DeskStore(tmp_path / "s.sqlite")
    flight = Flight(MISSION, FlightPorts(radio=radio), store, None, None, None, random.Random(1))
    flight.step(0)
    frame = frames.decode_downlink(radio.sent[0][1])
    assert isinstance(frame, BeaconFrame)
    beacon = decode_beacon(frame.state)
    assert beacon.altitude_m is None and beacon.battery_mv is None and beacon.faults


@pytest.mark.parametrize(
    "missing", ["gnss", "outside", "power", "mind", "camera", "http", "watchdog", "board"]
)
def test_the_beacon_keeps_its_cadence_without_any_one_port(tmp_path: Path, missing: str) -> None:
    left = {role: chip for role, chip in chips().items() if role != missing}
    bench = Bench(tmp_path, **({"sensors": left} if missing in chips() else {missing: None}))
    bench.run(600)
    assert longest_gap_s(bench.beacons()) <= 2 * MISSION.cadence.beacon_ground_s


def test_the_beacon_keeps_its_cadence_while_everything_breaks(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(60)
    bench.ports.mind.is_hung = True
    for sensor in bench.ports.sensors.values():
        sensor.is_absent = True
    bench.ports.gnss.is_silent = True
    bench.run(900)
    assert longest_gap_s(bench.beacons()) <= 2 * MISSION.cadence.beacon_ground_s
    assert bench.ports.mind.cancels >= 1


def test_a_dead_radio_that_returns_is_used_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(60)
    bench.ports.radio.is_dead = True
    bench.run(60)
    assert bench.flight.downlink.transmitter.is_lost
    bench.ports.radio.is_dead = False
    bench.run(60)
    assert not bench.flight.downlink.transmitter.is_lost and bench.beacons()[-1][0] > 120_000


def test_records_reach_a_real_receiver_and_are_confirmed_only_then(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    receiver, heard, counter = Receiver(MISSION.symbol_mtu_bytes), set(), 0
    for _ in range(20):
        before = len(bench.ports.radio.sent)
        bench.run(30)
        last = FrameCounter(1, 0)
        for _, data in bench.ports.radio.sent[before:]:
            frame = frames.decode_downlink(data)
            if isinstance(frame, DataFrame):
                heard |= {r.record_id for r in receiver.on_data(frame)}
                last = frame.counter
        counter += auth.STATIONS_MAX
        session = bench.flight.downlink.session
        report = FeedbackFrame(NODE, 0, counter, 0, last, *receiver.report(), session)
        bench.ports.radio.heard.append(frames.encode_uplink(report, KEY))
        confirmed = aboard.records(bench.store, "state=2").keys()
        assert confirmed <= heard
    assert len(heard) > 60 and len(confirmed) > 40


def test_killed_at_forty_instants_it_loses_no_committed_record(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    rng = random.Random(3)
    for _ in range(40):
        bench.run(rng.randrange(3, 40))
        committed = aboard.records(bench.store).keys()
        session = bench.flight.downlink.session
        bench.kill()
        bench.boot()
        assert aboard.records(bench.store).keys() >= committed
        assert bench.flight.downlink.session == Session(session.incarnation, session.boot + 1)


@pytest.mark.thorough
def test_musings_are_kept_and_never_the_same(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(3600)
    texts = [r.body["text"] for r in bench.stored(Kind.MUSING)]
    assert len(texts) >= 10 and len(set(texts)) == len(texts)


def test_a_flight_goes_through_its_phases(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    gnss = bench.ports.gnss
    bench.run(120)
    assert bench.flight.phase.phase is Phase.GROUND
    gnss.climb_mps = 5.0
    bench.run(600)
    assert bench.flight.phase.phase is Phase.ASCENT
    gnss.climb_mps = -12.0
    bench.run(180)
    assert bench.flight.phase.phase is Phase.DESCENT
    events = [r.body["event"] for r in bench.stored(Kind.EVENT)]
    assert "boot" in events


def test_a_question_is_answered_and_asked_twice_is_answered_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(10)
    body = commands.encode(Command(Opcode.ASK, (77, "Are you cold?")))
    bench.uplink(body, FIRST_COUNTER + 5)
    bench.run(30)
    bench.uplink(body, FIRST_COUNTER + 6)
    bench.run(60)
    replies = bench.stored(Kind.REPLY)
    assert [r.body["question_id"] for r in replies] == [77]
    assert "asked: Are you cold?" in bench.ports.mind.requests[0].suffix
    results = [(r.body["counter"], r.body["result"]) for r in bench.stored(Kind.COMMAND_RESULT)]
    assert results == [(FIRST_COUNTER + 5, "ok"), (FIRST_COUNTER + 6, "ok")]
    assert len(bench.stored(Kind.QUESTION)) == 1
    begun = [r.body["fields"] for r in bench.stored(Kind.EVENT)
             if r.body["event"] == "question_begun"]
    assert begun == [{"question_id": 77}]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_follow_up_is_asked_in_its_conversation(tmp_path: Path, is_killed: bool) -> None:
    """Goal: the exchange before it stands in the prompt as turns, over a reboot too. Method: three
    questions of one person, one of another between them."""
    bench = Bench(tmp_path)
    bench.run(10)
    asked = [
        Command(Opcode.ASK, (77, "Are you cold?")),
        Command(Opcode.ASK, (78, "Who are you?")),
        Command(Opcode.FOLLOW_UP, (79, 77, "How cold?")),
        Command(Opcode.FOLLOW_UP, (80, 79, "And lonely?")),
        Command(Opcode.FOLLOW_UP, (81, 4711, "Do you know me?")),
    ]
    for number, command in enumerate(asked):
        bench.uplink(commands.encode(command), FIRST_COUNTER + 5 + 16 * number)
        bench.run(40)
        if is_killed and number == 2:
            bench.kill()
            bench.boot()
            bench.run(10)
    said = {r.body["question_id"]: r.body["text"] for r in bench.stored(Kind.REPLY)}
    requests = [r for r in bench.ports.mind.requests if "asked: " in r.suffix]
    first, second = exchange("Are you cold?", said[77]), exchange("How cold?", said[79])
    assert [request.earlier for request in requests] == [[], [], [first], [first, second], []]
    assert "\nasked: How cold?\nabout: question" in requests[2].suffix


@pytest.mark.parametrize("seconds", [1, 2, 3, 5, 40])
def test_a_question_survives_a_kill_and_is_answered_once(tmp_path: Path, seconds: int) -> None:
    """Found on the bench: the station had been told that it was taken, and waited for ever."""
    bench = Bench(tmp_path)
    bench.run(10)
    body = commands.encode(Command(Opcode.ASK, (77, "Are you cold?")))
    bench.uplink(body, FIRST_COUNTER + 5)
    bench.run(seconds)
    bench.kill()
    bench.ports.mind.cancel(bench.now_ms)
    bench.boot()
    bench.run(120)
    bench.uplink(body, FIRST_COUNTER + 21)
    bench.run(30)
    assert [r.body["question_id"] for r in bench.stored(Kind.REPLY)] == [77]
    assert bench.stored(Kind.COMMAND_RESULT)[-1].body["result"] == "ok"


def test_replayed_forged_and_foreign_frames_change_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(5)
    body, counter = commands.encode(Command(Opcode.MUSE_NOW)), FIRST_COUNTER + 4
    good = frames.encode_uplink(CommandFrame(NODE, 4, counter, body), KEY)
    forged = frames.encode_uplink(CommandFrame(NODE, 4, counter + 16, body), bytes(32))
    foreign = frames.encode_uplink(CommandFrame(NODE + 1, 4, counter + 32, body), KEY)
    bench.ports.radio.heard += [good, good, forged, foreign, good[:-1], b"", b"\0" * 300]
    bench.run(5)
    assert bench.flight.gate.last_counter == counter
    assert bench.flight.gate.replayed_frames == 1 and bench.flight.gate.bad_frames == 2
    assert len(bench.stored(Kind.COMMAND_RESULT)) == 1


def test_the_counter_is_durable_before_the_command_is_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(5)
    bench.uplink(commands.encode(Command(Opcode.PING)), FIRST_COUNTER + 2)
    bench.flight._poll(bench.now_ms)  # the command was done, nothing else of the step happened
    bench.kill()
    bench.boot()
    assert bench.flight.gate.last_counter == FIRST_COUNTER + 2


def test_the_watchdog_is_petted_only_with_progress(tmp_path: Path, monkeypatch) -> None:
    bench = Bench(tmp_path)
    bench.run(20)
    pets = bench.ports.watchdog.pets
    assert pets > 0
    mark = bench.flight.health.mark
    monkeypatch.setattr(
        bench.flight.health, "mark", lambda part, now: part == "act" or mark(part, now)
    )
    bench.run(11)
    pets = bench.ports.watchdog.pets
    bench.run(60)
    assert bench.ports.watchdog.pets == pets
    assert bench.flight.health.hung_parts(bench.now_ms) == ["act"]
