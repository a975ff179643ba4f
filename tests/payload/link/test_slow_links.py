"""A slow or duty-cycled link: the beacon is rarer, words go home, the callsign is in time."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest

from payload.link import interop_beacons
from payload.link.downlink import RETRY_MS, Downlink
from payload.link.settings import FlightSettings
from payload.ports import DeviceAbsent
from sim.fakes.card_disk import DeskStore
from tests.payload.fakes import FakeRadio
from tests.thorough import sampled
from wire import horus, mission
from wire.airtime import Airtime
from wire.airtime_budget import CADENCE_KEYS, IDENT_EVERY_MS, AirtimeBudget
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import BeaconFrame, DataFrame, IdentFrame, decode_downlink
from wire.incoming import Receiver
from wire.mission import CadenceSection, Mission
from wire.mission_radio import RadioSection
from wire.records import Kind, TimeQuality

EXAMPLE = mission.load(Path(__file__).resolve().parents[3] / "mission.toml")
NOISE = random.Random(1).randbytes(8000)
HOUR_S = 3600


def plan(rate_bps: int, duty_percent: int, **changes: object) -> Mission:
    """The example on this link; cadence and listening are left to it."""
    radio = {"kind": "kiss-tcp", "rate_bps": rate_bps, "duty_percent": duty_percent, **changes}
    found = EXAMPLE.model_copy(
        update={"radio": RadioSection.model_validate(radio), "cadence": CadenceSection()})
    assert AirtimeBudget(found).flaw() is None
    return found


class Modem(FakeRadio):
    """Sends as long as a modem of the mission does."""

    def __init__(self, found: Mission) -> None:
        super().__init__()
        self.mtu_bytes = found.radio.mtu_bytes
        self._airtime = Airtime.of(found.radio)

    def offer(self, frame: bytes, now_ms: int) -> bool:
        self._airtime_ms = self._airtime.on_air_ms(len(frame))
        return super().offer(frame, now_ms)


class Bench:
    """A downlink stepped as the flight does, with words every ``every_s``, or with none."""

    def __init__(self, path: Path, found: Mission, every_s: float | None = 20) -> None:
        self.radio = Modem(found)
        self.budget = AirtimeBudget(found)
        self.store = DeskStore(path / "s.sqlite", is_durable=False)
        self.downlink = Downlink(found, self.radio, self.store, found.downlink_key(bytes(32)))
        self.phase, self.altitude_m, self.now_ms = Phase.ASCENT, 9000.0, 0
        self._plan, self._due_ms = found, 0
        self._every_ms = None if every_s is None else round(1000 * every_s)

    def run(self, seconds: float) -> None:
        end_ms = self.now_ms + round(1000 * seconds)
        while self.now_ms < end_ms:
            if self._every_ms is not None and self.now_ms >= self._due_ms:
                self._due_ms += self._every_ms
                text = f"{self.now_ms} {NOISE.hex()[:120]}"
                self.store.append(
                    Kind.MUSING, {"text": text}, self.now_ms, self.now_ms, TimeQuality.NONE)
                self.store.commit(self.now_ms)
            due_ms = self.downlink.step(
                self.now_ms, self.phase, PowerMode.NOMINAL, self.altitude_m, Beacon, self._packet)
            assert due_ms > self.now_ms
            self.now_ms = min(due_ms, end_ms, self.now_ms + 1000)

    def sent(self, kind: type) -> list[int]:
        return [ms for ms, data in self.radio.sent if isinstance(decode_downlink(data), kind)]

    def words(self) -> int:
        """Musings that a receiver has who loses nothing."""
        receiver, heard = Receiver(self._plan.symbol_mtu_bytes), []
        for _, data in self.radio.sent:
            frame = decode_downlink(data)
            if isinstance(frame, DataFrame):
                heard += receiver.on_data(frame)
        return len(heard)

    def longest_gap_ms(self) -> int:
        times = self.sent(BeaconFrame)
        return max(after - before for before, after in pairwise(times))

    def _packet(self, number: int) -> horus.Packet:
        return interop_beacons.packet(self._plan, number, Beacon(), 1, None, "")


LINKS = [(2400, 1), (300, 10), (293, 1), (1200, 10), (300, 100), (100, 100), (100, 10)]


@pytest.mark.parametrize(("rate_bps", "duty_percent"), LINKS)
def test_every_link_brings_words_home(tmp_path: Path, rate_bps: int, duty_percent: int) -> None:
    """At 2400 bit/s and 1 % there were 66 beacons in an hour, and nothing else at all."""
    bench = Bench(tmp_path, plan(rate_bps, duty_percent, horus=True))
    bench.run(2 * HOUR_S)
    beacons_sent, words_sent = len(bench.sent(BeaconFrame)), len(bench.sent(DataFrame))
    assert words_sent >= beacons_sent - 2
    assert bench.words() >= min(words_sent, 2 * HOUR_S // 20 - 2)
    assert bench.longest_gap_ms() <= 2 * bench.budget.least_ms + RETRY_MS


@pytest.mark.parametrize(("rate_bps", "duty_percent"), [*LINKS, (100, 1)])
def test_the_pause_of_the_duty_cycle_is_kept(
    tmp_path: Path, rate_bps: int, duty_percent: int
) -> None:
    bench = Bench(tmp_path, plan(rate_bps, duty_percent))
    bench.run(2 * HOUR_S)
    for (start_ms, data), (next_ms, _) in pairwise(bench.radio.sent):
        assert next_ms - start_ms >= bench.budget.airtime.occupied_ms(len(data))


@pytest.mark.parametrize(("rate_bps", "duty_percent", "mtu_bytes"), [
    (2400, 100, 222), (300, 100, 222), (2400, 1, 222), (300, 10, 222), (293, 1, 80),
    (1200, 10, 255),
])
@pytest.mark.parametrize("every_s", sampled([5, 400]))
def test_where_no_packet_has_it_the_callsign_goes_within_every_ten_minutes(
    tmp_path: Path, rate_bps: int, duty_percent: int, mtu_bytes: int, every_s: int
) -> None:
    bench = Bench(
        tmp_path, plan(rate_bps, duty_percent, mtu_bytes=mtu_bytes, framing="plain"), every_s)
    bench.run(1.5 * HOUR_S)
    times = [0, *bench.sent(IdentFrame), bench.now_ms]
    assert max(after - before for before, after in pairwise(times)) <= IDENT_EVERY_MS
    beacons_sent, made = len(bench.sent(BeaconFrame)), 1.5 * HOUR_S // every_s
    assert len(bench.sent(DataFrame)) >= min(beacons_sent, made) - 3
    assert bench.longest_gap_ms() <= 2 * max(10_000, bench.budget.least_ms) + RETRY_MS


def test_a_payload_with_nothing_to_say_tells_its_callsign_all_the_same(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan(2400, 100, mtu_bytes=222, framing="plain"), every_s=None)
    bench.run(3 * HOUR_S)
    times = [0, *bench.sent(IdentFrame), bench.now_ms]
    assert max(after - before for before, after in pairwise(times)) <= IDENT_EVERY_MS
    assert bench.sent(DataFrame) == []


def test_where_each_packet_has_it_no_slow_link_spends_time_on_the_callsign(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan(300, 1))
    bench.run(2 * HOUR_S)
    assert bench.sent(IdentFrame) == []


def test_horus_packets_yield_where_beacons_and_words_take_the_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan(2400, 10, horus=True))
    bench.run(1800)
    assert not [data for _, data in bench.radio.sent if horus.is_frame(data)]
    bench.phase = Phase.LANDED
    bench.downlink.note_phase(bench.now_ms)
    bench.run(2 * HOUR_S)
    landed = [data for _, data in bench.radio.sent if horus.is_frame(data)]
    assert len(landed) > 40, "long after landing there is time for everybody"


def test_the_window_is_as_long_as_the_pause_and_as_a_command_needs(tmp_path: Path) -> None:
    for rate_bps, duty_percent, window_ms in (
        (2400, 100, 3000), (100, 100, 7696), (300, 10, 17_712),
    ):
        (tmp_path / str(rate_bps)).mkdir()
        bench = Bench(tmp_path / str(rate_bps), plan(rate_bps, duty_percent))
        assert bench.budget.window_ms == window_ms
        bench.run(1800)
        beacon_ms = bench.budget.silence_ms - window_ms
        sent = [(ms, decode_downlink(data)) for ms, data in bench.radio.sent]
        silences = [
            after - ms - beacon_ms for (ms, frame), (after, _) in pairwise(sent)
            if isinstance(frame, BeaconFrame) and frame.is_listening
        ]
        assert len(silences) > 10 and window_ms <= min(silences) <= window_ms + RETRY_MS


@pytest.mark.parametrize("draw", sampled(range(40), quick=5))
def test_no_mission_that_is_accepted_has_a_gap_above_twice_its_cadence(
    tmp_path: Path, draw: int
) -> None:
    """Cadences written as short as they may be, whatever the radio and the listening window."""
    rng = random.Random(draw)
    radio = {
        "mtu_bytes": rng.randint(64, 255), "framing": rng.choice(("ax25", "plain")),
        "listen_s": rng.randint(1, 30), "listen_every_s": rng.choice((5, 20, 120)),
        "horus": rng.random() < 0.5, "tx_delay_ms": rng.choice((0, 150, 400, 1000)),
    }
    base = EXAMPLE.model_copy(update={"cadence": CadenceSection(), "radio": RadioSection(
        kind="kiss-tcp", rate_bps=rng.choice((100, 300, 1200, 2400, 9600)),
        duty_percent=rng.choice((1, 10, 50, 100)), **radio)})  # type: ignore[arg-type]
    least_s = max(5, -(-AirtimeBudget(base).least_ms // 1000))
    written = CadenceSection(**dict.fromkeys(CADENCE_KEYS, least_s))
    found = base.model_copy(update={"cadence": written})
    if AirtimeBudget(found).flaw() is not None:
        return  # its window or its callsign: tests/wire/test_airtime.py
    bench = Bench(tmp_path, found, rng.choice((3, 60)))
    bench.run(max(900, 12 * least_s))
    assert bench.longest_gap_ms() <= 2000 * least_s + RETRY_MS
    assert bench.words() >= 5


def test_words_go_first_and_a_picture_waits_until_it_has_earned_its_bytes(tmp_path: Path) -> None:
    """Track, pictures and words all wait: pictures had every fifth frame, and words a quarter."""
    bench = Bench(tmp_path, plan(2400, 1), 60)
    for _ in range(300):
        bench.store.append(Kind.TRACK, {"lat": 521_234_567, "alt": 9000}, 0, 0, TimeQuality.NONE)
    for _ in range(8):
        bench.store.append(Kind.THUMBNAIL, {"image": NOISE[:2500]}, 0, 0, TimeQuality.NONE)
    bench.store.commit(0)
    bench.run(3 * HOUR_S)
    frames = [decode_downlink(data) for _, data in bench.radio.sent]
    lanes = [frame.priority for frame in frames if isinstance(frame, DataFrame)]
    assert len(lanes) > 50 and lanes.count(0) >= 0.7 * len(lanes)
    assert lanes.count(1) >= 3 and lanes.count(2) == 0


def test_beacon_now_is_the_next_frame_though_words_are_owed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan(300, 10))
    while not bench.sent(DataFrame):
        bench.run(1)
    sent = len(bench.sent(BeaconFrame))
    bench.downlink.beacon_now(bench.now_ms)
    bench.run(bench.budget.words_ms / 1000)
    assert len(bench.sent(BeaconFrame)) == sent + 1


@pytest.mark.parametrize("is_absent", sampled([False, True]))
def test_a_modem_that_takes_no_words_holds_up_no_beacon(tmp_path: Path, is_absent: bool) -> None:
    """The frame of words that is owed has its turn once, whether the radio takes it or not."""
    bench = Bench(tmp_path, plan(2400, 100))
    take = bench.radio.offer

    def refuse(frame: bytes, now_ms: int) -> bool:
        if not isinstance(decode_downlink(frame), DataFrame):
            return take(frame, now_ms)
        if is_absent:
            raise DeviceAbsent("radio")
        return False

    bench.radio.offer = refuse  # type: ignore[method-assign]
    bench.run(60)
    assert bench.longest_gap_ms() <= 11_000 and not bench.sent(DataFrame)


# -- the setting command --------------------------------------------------------------------


def test_a_setting_is_refused_for_what_the_file_is_refused_for() -> None:
    settings = FlightSettings(EXAMPLE, None)
    assert settings.change(11, 30) == AirtimeBudget(EXAMPLE.model_copy(
        update={"radio": EXAMPLE.radio.model_copy(update={"listen_s": 30})})).flaw()
    assert settings.mission.radio.listen_s == 3 and settings.saved() == {}
    slow = FlightSettings(plan(1200, 10), None)
    reason = slow.change(2, 10)
    assert reason is not None and reason.startswith("cadence.beacon_flight_s = 10: too short for")
    assert slow.change(2, 29) is None and slow.mission.cadence.beacon_flight_s == 29
    assert slow.change(5, 5) is None, "what has nothing to do with the radio"


def test_a_beacon_may_be_set_to_what_the_link_carries_and_no_slower() -> None:
    settings = FlightSettings(plan(2400, 1), None)
    assert settings.change(2, 184) is not None
    assert settings.change(2, 186) == "cadence.beacon_flight_s is 5..185"
    assert settings.change(2, 185) is None
    assert FlightSettings(plan(2400, 1), settings.saved()).mission == settings.mission


def test_a_saved_setting_that_a_new_mission_file_cannot_keep_is_forgotten() -> None:
    settings = FlightSettings(EXAMPLE, None)
    assert settings.change(2, 12) is None
    assert FlightSettings(plan(300, 10), settings.saved()).saved() == {}


@pytest.mark.parametrize(("rate_bps", "duty_percent"), [(2400, 100), *LINKS])
@pytest.mark.parametrize("framing", ["ax25", "plain"])
def test_a_forged_neighbour_that_always_listens_makes_nothing_late(
    tmp_path: Path, rate_bps: int, duty_percent: int, framing: str
) -> None:
    """Its beacon is anybody's to forge, and who says it listens is let listen: at 100 bit/s and
    10 % one such frame in ten seconds stopped every beacon and every word."""
    bench = Bench(tmp_path, plan(rate_bps, duty_percent, framing=framing, mtu_bytes=80))
    while bench.now_ms < HOUR_S * 1000:
        bench.run(10)
        bench.downlink.keep_quiet(bench.now_ms)
    cadence_ms = bench.budget.beacon_every_ms(Phase.ASCENT, PowerMode.NOMINAL, 9000.0)
    assert bench.longest_gap_ms() <= 2 * cadence_ms + RETRY_MS
    if framing == "plain":
        times = [0, *bench.sent(IdentFrame), bench.now_ms]
        assert max(after - before for before, after in pairwise(times)) <= IDENT_EVERY_MS
    assert len(bench.sent(DataFrame)) >= min(len(bench.sent(BeaconFrame)), HOUR_S // 20) / 2
