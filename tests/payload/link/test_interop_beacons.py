"""Beacons for strangers: on time, readable by their decoders, and never at our own one's cost."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.link import downlink, interop_beacons
from payload.link.downlink import Downlink
from payload.link.interop_beacons import Place
from sim.fakes.card_disk import DeskStore
from tests.payload.fakes import FakeRadio
from tests.payload.test_flight import Bench as FlightBench
from tests.thorough import sampled
from wire import horus, mission, ukhas
from wire.airtime_budget import AirtimeBudget
from wire.beacon import Beacon, FaultBits, Phase, PowerMode
from wire.frames import BeaconFrame, DataFrame, decode_downlink
from wire.horus import Packet
from wire.mission import Mission
from wire.records import Kind, TimeQuality

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # asn1tools' own
MISSION = mission.load(Path(__file__).resolve().parents[3] / "mission.toml")
MUSING = "The cold is honest up here; the tape creaks, and I am counting."
HERE = Beacon(time_of_day_s=45_000, latitude_deg=52.1, longitude_deg=-3.2, altitude_m=9000)


def with_radio(**changes: object) -> Mission:
    return MISSION.model_copy(update={"radio": MISSION.radio.model_copy(update=changes)})


class TimedRadio(FakeRadio):
    """Takes as long as a real modem: head and tail, addresses, stuffed bits."""

    def __init__(self, rate_bps: int, mtu_bytes: int) -> None:
        super().__init__()
        self.mtu_bytes = mtu_bytes
        self._rate_bps = rate_bps

    def airtime_ms(self, data: bytes) -> int:
        return 400 + int((len(data) + 20) * 8 * 1.02 * 1000 / self._rate_bps)

    def offer(self, frame: bytes, now_ms: int) -> bool:
        assert 0 < len(frame) <= self.mtu_bytes
        self._airtime_ms = self.airtime_ms(frame)
        return super().offer(frame, now_ms)


class Bench:
    """A downlink that sends Horus packets, stepped as the flight does."""

    def __init__(self, path: Path, plan: Mission = MISSION, *, is_horus: bool = True) -> None:
        self.radio = TimedRadio(plan.radio.rate_bps, plan.radio.mtu_bytes)
        self.store = DeskStore(path / f"{is_horus}.sqlite", is_durable=False)
        self.downlink = Downlink(plan, self.radio, self.store)
        self.phase, self.power, self.altitude_m = Phase.ASCENT, PowerMode.NOMINAL, 9000.0
        self.now_ms = 0
        self._plan = plan
        self._is_horus = is_horus

    def run(self, seconds: int) -> None:
        end_ms = self.now_ms + seconds * 1000
        while self.now_ms < end_ms:
            due_ms = self.downlink.step(
                self.now_ms, self.phase, self.power, self.altitude_m, lambda: HERE,
                self._packet if self._is_horus else None,
            )
            self.store.commit(self.now_ms)
            assert due_ms > self.now_ms
            self.now_ms = min(due_ms, end_ms)

    def fill(self, count: int) -> None:
        for _ in range(count):
            self.store.append(Kind.TRACK, {"lat": 521_234_567}, 0, 0, TimeQuality.NONE)
        self.store.commit(0)

    def native(self) -> list[int]:
        sent = [(ms, decode_downlink(data)) for ms, data in self.radio.sent]
        return [ms for ms, frame in sent if isinstance(frame, BeaconFrame)]

    def horus(self) -> list[tuple[int, bytes]]:
        return [(ms, data) for ms, data in self.radio.sent if horus.is_frame(data)]

    def _packet(self, number: int) -> Packet:
        return interop_beacons.packet(self._plan, number, HERE, 1, 40.0, MUSING)


# -- cadence --------------------------------------------------------------------------------


@pytest.mark.parametrize(("phase", "power", "altitude_m", "native_s", "horus_s"), sampled([
    (Phase.GROUND, PowerMode.NOMINAL, 100.0, 30, 60),
    (Phase.ASCENT, PowerMode.NOMINAL, 9000.0, 10, 20),
    (Phase.FLOAT, PowerMode.ECO, 9000.0, 10, 20),
    (Phase.DESCENT, PowerMode.NOMINAL, 3000.0, 10, 20),
    (Phase.DESCENT, PowerMode.NOMINAL, 2999.0, 5, 10),
    (Phase.LANDED, PowerMode.NOMINAL, 100.0, 15, 30),
    (Phase.ASCENT, PowerMode.CRITICAL, 9000.0, 60, 120),
], quick=2))
@pytest.mark.parametrize("is_busy", sampled([True, False]))
def test_the_table_of_cadences(
    tmp_path: Path, phase, power, altitude_m, native_s, horus_s, is_busy
) -> None:
    bench = Bench(tmp_path)
    bench.phase, bench.power, bench.altitude_m = phase, power, altitude_m
    bench.fill(3000 * is_busy)
    bench.run(600)
    gaps = [after - before for before, after in pairwise(ms for ms, _ in bench.horus())]
    assert min(gaps) >= horus_s * 1000
    assert max(gaps) <= (horus_s + 2 * native_s) * 1000, "a window and a frame of words go before"
    assert len(bench.horus()) >= 0.8 * 600 / horus_s


def test_long_after_landing_they_go_one_to_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.phase = Phase.LANDED
    bench.downlink.note_phase(0)
    bench.run(7200)
    horus_s = [ms // 1000 for ms, _ in bench.horus()]
    native_s = [ms // 1000 for ms in bench.native()]
    for start, end, ratio in ((0, 900, 2), (960, 4500, 1), (4560, 7200, 1)):
        ours = sum(start <= t < end for t in native_s)
        theirs = sum(start <= t < end for t in horus_s)
        assert abs(ours / ratio - theirs) <= 2, (start, ours, theirs)


def test_a_new_phase_is_told_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.phase = Phase.LANDED
    bench.downlink.note_phase(0)
    bench.run(5000)
    before = len(bench.horus())
    bench.phase = Phase.ASCENT
    bench.downlink.note_phase(bench.now_ms)
    bench.run(15)
    assert len(bench.horus()) == before + 1


@pytest.mark.parametrize(("rate_bps", "duty_percent", "altitude_m"), sampled([
    (2400, 100, 9000.0), (2400, 10, 9000.0), (2400, 100, 500.0), (1200, 100, 9000.0),
    (9600, 100, 500.0), (2400, 3, 9000.0),
], quick=2))
@pytest.mark.parametrize("is_busy", sampled([True, False]))
def test_the_real_beacon_is_never_late_because_of_horus(
    tmp_path: Path, rate_bps, duty_percent, altitude_m, is_busy
) -> None:
    """No Horus packet is on the air at an instant at which a beacon is due."""
    plan = with_radio(rate_bps=rate_bps, duty_percent=duty_percent)
    budget = AirtimeBudget(plan)
    bench, without = Bench(tmp_path, plan), Bench(tmp_path, plan, is_horus=False)
    for each in (bench, without):
        each.phase, each.altitude_m = Phase.DESCENT, altitude_m
        each.fill(2000 * is_busy)
        each.run(900)
    cadence_ms = budget.beacon_every_ms(Phase.DESCENT, PowerMode.NOMINAL, altitude_m)
    due = {sent + cadence_ms for sent in bench.native()}
    for sent_ms, data in bench.horus():
        end_ms = sent_ms + bench.radio.airtime_ms(data)
        assert not [ms for ms in due if sent_ms < ms < end_ms]
    if not is_busy:
        assert bench.native() == without.native()
    for each in (bench, without):
        gaps = [after - before for before, after in pairwise(each.native())]
        assert max(gaps) <= cadence_ms + budget.words_ms + downlink.RETRY_MS
    if duty_percent == 100:
        assert len(bench.horus()) >= 0.4 * len(bench.native())


def test_where_the_duty_cycle_leaves_no_room_horus_waits(tmp_path: Path) -> None:
    plan = with_radio(duty_percent=1)
    bench, without = Bench(tmp_path, plan), Bench(tmp_path, plan, is_horus=False)
    for each in (bench, without):
        each.run(600)
    assert bench.horus() == [] and bench.native() == without.native() != []


@pytest.mark.thorough
def test_musings_keep_their_share_beside_horus(tmp_path: Path) -> None:
    """What Horus takes it takes from all classes: a few in a hundred frames at 2400 bit/s."""
    frames_sent = []
    for is_horus in (False, True):
        bench = Bench(tmp_path, is_horus=is_horus)
        bench.fill(4000)
        bench.run(1800)
        frames_sent.append(sum(
            isinstance(decode_downlink(data), DataFrame) for _, data in bench.radio.sent
        ))
    assert frames_sent[1] >= 0.94 * frames_sent[0]


# -- what they say --------------------------------------------------------------------------


@pytest.mark.parametrize("mtu_bytes", [64, 95, 96, 222, 255])
def test_every_third_has_the_musing_as_far_as_the_radio_takes_it(tmp_path: Path, mtu_bytes) -> None:
    bench = Bench(tmp_path, with_radio(mtu_bytes=mtu_bytes))
    bench.run(400)
    packets = [horus.decode(data) for _, data in bench.horus()]
    numbers = [packet.sequence for packet in packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for packet, (_, data) in zip(packets, bench.horus(), strict=True):
        assert packet.callsign == MISSION.payload.callsign
        assert bool(packet.musing) == (packet.sequence % 3 == 2)
        if packet.musing:
            words = packet.musing.removesuffix("...").rstrip(" -.")
            assert horus.sanitise(MUSING).startswith(words) and len(data) <= mtu_bytes
        else:
            assert len(data) == 48 and packet.boot == 1 and packet.humidity_percent == 40


def test_a_plan_without_musings_sends_none(tmp_path: Path) -> None:
    plan = MISSION.model_copy(
        update={"cadence": MISSION.cadence.model_copy(update={"horus_musing_every": 0})})
    bench = Bench(tmp_path, plan)
    bench.run(300)
    assert {horus.decode(data).musing for _, data in bench.horus()} == {""}


def test_numbers_go_on_from_boot_to_boot(tmp_path: Path) -> None:
    seen: list[int] = []
    for _ in range(3):
        bench = Bench(tmp_path)
        bench.run(120)
        seen += [horus.decode(data).sequence for _, data in bench.horus()]
        bench.store.close()
    assert seen == sorted(set(seen))


def test_horusdemodlib_reads_a_whole_flight(tmp_path: Path) -> None:
    """Their decoder on what the real flight core sent, musing and customData included."""
    decoder = pytest.importorskip("horusdemodlib.decoder", reason="horusdemodlib")
    bench = FlightBench(tmp_path)
    bench.run(900)
    sent = [data for _, data in bench.ports.radio.sent if horus.is_frame(data)]
    heard = [decoder.decode_packet(data) for data in sent]
    assert len(heard) >= 13
    last = heard[-1]
    assert last["callsign"] == "N0CALL" and last["latitude"] == pytest.approx(52, abs=2e-3)
    assert last["altitude"] == 100 and last["satellites"] == 9 and last["ext_humidity"] == 40
    assert last["ext_temperature"] == 11 and last["battery_voltage"] == 4.0
    assert last["ext_pressure"] == 1000
    state = [packet for packet in heard if "custom_data" in packet][-1]
    fields = bytes.fromhex(state["custom_data"])
    assert len(fields) == 11 and fields[0] == 1 and fields[1] >> 4 == Phase.GROUND
    assert fields[2] == 1 and fields[3] <= 1
    kept = [record.body["text"] for record in bench.stored(Kind.MUSING)]
    said = {packet["musing_0"] for packet in heard if "musing_0" in packet}
    assert said and said <= {horus.sanitise(text) for text in kept}


def test_only_a_musing_that_is_durable_is_told(tmp_path: Path) -> None:
    bench = FlightBench(tmp_path)
    bench.run(300)
    said = bench.stored(Kind.MUSING)[-1].body["text"]
    bench.store.commit(bench.now_ms)
    bench.kill()
    bench.boot()
    assert bench.flight._musing == said, "the line of before the power cut is told again"


def test_no_horus_packet_without_the_key(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(FlightBench, "mission", with_radio(horus=False))
    bench = FlightBench(tmp_path)
    bench.run(300)
    assert not [data for _, data in bench.ports.radio.sent if horus.is_frame(data)]


# -- the dumb fallback ----------------------------------------------------------------------


def sentences(radio: FakeRadio) -> list[tuple[int, ukhas.Sentence]]:
    return [(ms, ukhas.parse(data)) for ms, data in radio.sent if data.startswith(b"$$")]


def events(bench: FlightBench) -> list[str]:
    return [record.body["event"] for record in bench.stored(Kind.EVENT)]


def broken(*_: object) -> None:
    raise RuntimeError("a mistake of ours")


@pytest.mark.parametrize("where", ["state", "codec", "frame"])
def test_a_beacon_that_cannot_be_made_becomes_a_sentence(
    tmp_path: Path, monkeypatch, where: str
) -> None:
    bench = FlightBench(tmp_path)
    bench.run(100)
    before = len(bench.beacons())
    with monkeypatch.context() as broken_code:
        if where == "state":
            broken_code.setattr(bench.flight, "_beacon", broken)
        elif where == "codec":
            broken_code.setattr(downlink.beacon_codec, "encode", broken)
        else:
            real = downlink.encode_downlink
            broken_code.setattr(
                downlink, "encode_downlink",
                lambda frame, *k: broken() if isinstance(frame, BeaconFrame) else real(frame, *k),
            )
        bench.run(300)
        assert bench.flight.faults(bench.flight.situation(bench.now_ms)) & FaultBits.BEACON
    heard = sentences(bench.ports.radio)
    assert len(bench.beacons()) == before
    gaps = [after - start for (start, _), (after, _) in pairwise(heard)]
    assert len(heard) >= 9 and max(gaps) <= 32_000, "the cadence goes on"
    assert [s.sequence for _, s in heard] == list(range(len(heard)))
    last = heard[-1][1]
    assert last.callsign == "N0CALL" and last.altitude_m == 100
    assert (last.latitude_deg, last.longitude_deg) == pytest.approx((52.0, 4.0), abs=2e-3)
    assert last.time_of_day_s is not None
    bench.run(120)
    assert len(bench.beacons()) > before and sentences(bench.ports.radio) == heard
    assert not bench.flight.faults(bench.flight.situation(bench.now_ms)) & FaultBits.BEACON
    told = [name for name in events(bench) if name.startswith("beacon_")]
    assert told == ["beacon_failing", "beacon_returned"], "said once each"


@pytest.mark.parametrize("error", [AssertionError, RecursionError, MemoryError, OSError, KeyError])
def test_whatever_is_raised_the_sentence_goes(tmp_path: Path, error: type[Exception]) -> None:
    def fails() -> Beacon:
        raise error("x" * 1000)

    bench = Bench(tmp_path)
    bench.downlink.step(0, Phase.ASCENT, PowerMode.NOMINAL, 9000.0, fails)
    assert bench.radio.sent[0][1] == b"$$N0CALL,0,,,,*" + ukhas.crc(b"N0CALL,0,,,,") + b"\n"
    (note,) = bench.downlink.take_notes()
    assert len(note.body["fields"]["why"]) <= interop_beacons.WHY_CHARACTERS_MAX


def test_a_horus_packet_that_cannot_be_made_costs_only_itself(tmp_path: Path, monkeypatch) -> None:
    bench = FlightBench(tmp_path)
    monkeypatch.setattr(horus, "encode", broken)
    bench.run(300)
    assert len(bench.beacons()) >= 10 and sentences(bench.ports.radio) == []
    assert events(bench).count("horus_failing") == 1
    assert not bench.flight.faults(bench.flight.situation(bench.now_ms)) & FaultBits.BEACON


@pytest.mark.parametrize("part", ["situation", "_act", "_poll", "_update"])
def test_a_step_that_fails_says_where_it_was_before_it_is_started_anew(
    tmp_path: Path, monkeypatch, part: str
) -> None:
    bench = FlightBench(tmp_path)
    bench.run(60)
    bench.now_ms += 20_000  # whatever was on the air has ended
    monkeypatch.setattr(bench.flight, part, broken)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        bench.flight.step(bench.now_ms)
    ((_, last),) = sentences(bench.ports.radio)
    assert last.altitude_m == 100


def test_the_first_step_of_all_may_fail_without_a_radio_too(tmp_path: Path, monkeypatch) -> None:
    radio = FakeRadio()
    radio.is_dead = True
    for ports in (FlightPorts(), FlightPorts(radio=radio)):
        store = DeskStore(tmp_path / "s.sqlite", is_durable=False)
        flight = Flight(MISSION, ports, store, None, None, None, random.Random(1))
        monkeypatch.setattr(flight, "situation", broken)
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            flight.step(0)
        store.close()


def test_the_worked_example_of_the_protocol() -> None:
    line = interop_beacons.sentence("EDDA-1", 3012, Place(45_000, 52.12345, -3.23456, 18_240))
    protocol = Path(__file__).resolve().parents[3] / "docs" / "protocol.md"
    assert "\n" + line.decode() in protocol.read_text()


places = st.none() | st.floats() | st.integers(-10**9, 10**9)


@given(st.text(max_size=40), st.integers(0, 1 << 40),
       st.builds(Place, st.none() | st.integers(-10**6, 10**6), places, places, places))
def test_any_place_makes_a_sentence_that_fits_the_smallest_mtu(
    callsign: str, number: int, place: Place
) -> None:
    line = interop_beacons.sentence(callsign, number, place)
    assert len(line) <= 64 and ukhas.parse(line) is not None
