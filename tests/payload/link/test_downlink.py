"""What goes out, in which order, how often, and when the radio falls silent."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from payload.link.downlink import Downlink
from payload.link.record_queue import BULK_OUT_MAX, SHARES
from sim.fakes.card_disk import DeskStore
from tests.payload import aboard
from tests.payload.fakes import FakeRadio
from wire import frames, mission, records
from wire.airtime_budget import IDENT_EVERY_MS
from wire.auth import Authenticity
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import (
    BeaconFrame,
    DataFrame,
    FeedbackFrame,
    IdentFrame,
    IncarnationFrame,
)
from wire.incoming import Receiver
from wire.records import Kind, Priority, TimeQuality

MISSION = mission.load(Path(__file__).resolve().parents[3] / "mission.toml")
NOISE = random.Random(1).randbytes(8000)  # as a picture is: nothing deflates it


class Bench:
    """A downlink with a store and a radio, stepped as the flight does."""

    def __init__(self, path: Path) -> None:
        self.radio = FakeRadio()
        self.store = DeskStore(path / "s.sqlite")
        self.downlink = Downlink(MISSION, self.radio, self.store)
        self.phase, self.power, self.altitude_m = Phase.ASCENT, PowerMode.NOMINAL, 9000.0
        self.now_ms = 0

    def run(self, seconds: int) -> None:
        end_ms = self.now_ms + seconds * 1000
        while self.now_ms < end_ms:
            due_ms = self.downlink.step(
                self.now_ms, self.phase, self.power, self.altitude_m, Beacon
            )
            self.store.commit(self.now_ms)
            self.now_ms = min(due_ms, end_ms)

    def add(self, kind: Kind, count: int, body: dict) -> None:
        for _ in range(count):
            self.store.append(kind, body, 0, 0, TimeQuality.NONE)
        self.store.commit(0)

    def sent(self, kind: type) -> list[tuple[int, object]]:
        decoded = [(ms, frames.decode_downlink(data)) for ms, data in self.radio.sent]
        return [(ms, frame) for ms, frame in decoded if isinstance(frame, kind)]


@pytest.mark.parametrize(
    ("phase", "power", "altitude_m", "cadence_s"),
    [
        (Phase.GROUND, PowerMode.NOMINAL, 100.0, 30),
        (Phase.ASCENT, PowerMode.NOMINAL, 100.0, 10),
        (Phase.DESCENT, PowerMode.NOMINAL, 3000.0, 10),
        (Phase.DESCENT, PowerMode.NOMINAL, 2999.0, 5),
        (Phase.DESCENT, PowerMode.NOMINAL, None, 10),
        (Phase.INFLIGHT_UNKNOWN, PowerMode.UNKNOWN, None, 10),
        (Phase.ASCENT, PowerMode.CRITICAL, 9000.0, 60),
        (Phase.LANDED, PowerMode.NOMINAL, 100.0, 15),
    ],
)
def test_cadence(tmp_path: Path, phase, power, altitude_m, cadence_s) -> None:
    bench = Bench(tmp_path)
    bench.phase, bench.power, bench.altitude_m = phase, power, altitude_m
    bench.add(Kind.TRACK, 300, {"lat": 1})  # traffic must not delay it
    bench.run(240)
    times = [ms for ms, _ in bench.sent(BeaconFrame)]
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) <= cadence_s * 1000 + 5000 and min(gaps) >= cadence_s * 1000


def test_landed_beacons_grow_rare(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.phase = Phase.LANDED
    bench.downlink.note_phase(0)
    bench.run(7200)
    times = [ms // 1000 for ms, _ in bench.sent(BeaconFrame)]
    assert sum(t < 900 for t in times) >= 50
    assert 50 <= sum(900 <= t < 4500 for t in times) <= 62
    assert 7 <= sum(t >= 4500 for t in times) <= 11


def test_it_falls_silent_after_a_listening_beacon(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.add(Kind.TRACK, 300, {"lat": 1})
    bench.run(200)
    times = [ms for ms, _ in bench.radio.sent]
    windows = [ms for ms, frame in bench.sent(BeaconFrame) if frame.is_listening]
    assert len(windows) >= 8
    for start_ms in windows:
        following = [ms for ms in times if ms > start_ms]
        assert not following or following[0] - start_ms >= MISSION.radio.listen_s * 1000


def test_the_callsign_every_ten_minutes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(3 * IDENT_EVERY_MS // 1000 + 30)
    texts = [frame.text for _, frame in bench.sent(IdentFrame)]
    assert len(texts) == 4 and "N0CALL" in texts[0]


def test_events_first_and_the_classes_share_the_bytes(tmp_path: Path) -> None:
    """All queues full: the event goes first, then each class has its share of what is sent.

    Found by a flight with more to say than the channel carries: shares were counted in records,
    so that pictures of 3 kB took nearly all.
    """
    bench = Bench(tmp_path)
    bench.add(Kind.THUMBNAIL, 60, {"image": NOISE[:2048]})
    bench.add(Kind.TRACK, 2500, {"lat": 521234567, "lon": 41234567, "alt": 9000})
    bench.add(Kind.MUSING, 2000, {"text": NOISE.hex()[:250]})
    bench.add(Kind.API_CALL, 1500, {"api": "weather", "outcome": "timeout", "ms": 8000})
    bench.add(Kind.EVENT, 1, {"event": "burst", "severity": "info"})
    receiver, heard = Receiver(MISSION.symbol_mtu_bytes), []
    counter = 0
    while len(heard) < 1500:
        before = len(bench.radio.sent)
        bench.run(30)
        for _, data in bench.radio.sent[before:]:
            frame = frames.decode_downlink(data)
            if isinstance(frame, DataFrame):
                heard += receiver.on_data(frame)
                last = frame.counter
        counter += 16
        report = FeedbackFrame(
            MISSION.payload.node_id, 0, counter, 0, last, *receiver.report(),
            bench.downlink.session)
        bench.downlink.on_report(report, bench.now_ms)
    assert heard[0].kind is Kind.EVENT
    sizes = Counter[Priority]()
    for record in heard:
        sizes[record.priority] += len(records.pack(record).data)
    asking = (Priority.TRACK, Priority.MUSING, Priority.API, Priority.IMAGE)
    for priority in asking:
        share = SHARES[priority] / sum(SHARES[p] for p in asking)
        assert sizes[priority] / sizes.total() == pytest.approx(share, rel=0.3), priority


@pytest.mark.thorough
def test_what_was_given_up_goes_again_when_nothing_else_waits(tmp_path: Path) -> None:
    """Nobody answers. Records whose blocks made room never go before new ones."""
    bench = Bench(tmp_path)
    for _ in range(5):
        bench.add(Kind.TRACK, 1500, {"b": NOISE[:150]})
    while not bench.downlink.queue.given_up:
        assert bench.store.queued(Priority.TRACK, 1)
        bench.run(60)
    given_up = set(bench.downlink.queue.given_up)
    for _ in range(5):
        bench.run(60)
        queued = {record.record_id for record in bench.store.queued(Priority.TRACK, 10_000)}
        assert queued and not given_up & queued, "new rows still wait"
    bench.store.mark_confirmed(
        aboard.records(bench.store).keys() - set(bench.downlink.queue.given_up))
    for _ in range(100):
        bench.run(60)
    assert given_up - set(bench.downlink.queue.given_up), "with time to spare they go again"


def test_a_record_too_large_for_a_block_is_set_aside_and_counted(tmp_path: Path) -> None:
    """No mission file may have such small frames; yet nothing would wait behind it for ever."""
    small = MISSION.model_copy(update={"radio": MISSION.radio.model_copy(update={"mtu_bytes": 40})})
    bench = Bench(tmp_path)
    bench.downlink = Downlink(small, bench.radio, bench.store)
    bench.add(Kind.THUMBNAIL, 1, {"image": NOISE})
    bench.add(Kind.MUSING, 1, {"text": "after it"})
    bench.run(60)
    assert bench.downlink.queue.unsendable_records == 1 and bench.sent(DataFrame)


def test_with_a_key_everything_is_signed_and_fits(tmp_path: Path) -> None:
    bench, key = Bench(tmp_path), MISSION.downlink_key(bytes(32))
    assert key is not None
    bench.downlink = Downlink(MISSION, bench.radio, bench.store, key)
    bench.add(Kind.THUMBNAIL, 3, {"image": bytes(range(1, 256)) * 8})
    bench.run(120)
    keys, kinds = {MISSION.payload.node_id: key}, set()
    for _, data in bench.radio.sent:
        frame = frames.decode_downlink(data, keys, lambda node, bits: [bench.downlink.session])
        assert frame is not None and frame.authenticity is Authenticity.GENUINE
        kinds.add(type(frame))
    assert kinds == {BeaconFrame, DataFrame, IdentFrame, IncarnationFrame}
    assert max(len(data) for _, data in bench.radio.sent) == MISSION.radio.mtu_bytes


def test_a_key_for_a_mission_that_does_not_sign_is_a_mistake(tmp_path: Path) -> None:
    keys = MISSION.keys.model_copy(update={"downlink_mac": False})
    with pytest.raises(AssertionError, match="MTU"):
        Downlink(MISSION.model_copy(update={"keys": keys}), None, Bench(tmp_path).store, bytes(32))


def test_lines_of_text_and_a_later_thumbnail_overtake_tiles(tmp_path: Path) -> None:
    """Tiles are under way; what is thought and seen meanwhile is on the air at once, whichever
    symbol of a tile it meets."""
    bench, added_ms = Bench(tmp_path), []
    bench.add(Kind.TILE, 24, {"image": NOISE[:3584]})
    for _ in range(30):
        bench.run(13)
        added_ms.append(bench.now_ms)
        bench.add(Kind.MUSING, 1, {"text": "The cold is honest up here. " * 6})
    bench.add(Kind.THUMBNAIL, 1, {"image": NOISE[:2048]})
    bench.run(900)
    receiver, when = Receiver(MISSION.symbol_mtu_bytes), {}
    for ms, frame in bench.sent(DataFrame):
        for record in receiver.on_data(frame):
            when.setdefault(record.kind, []).append(ms)
    waits_ms = [sent - added for sent, added in zip(when[Kind.MUSING], added_ms, strict=True)]
    assert max(waits_ms) < 12_000, "its beacon, the listening, a half-filled symbol's patience"
    assert when[Kind.THUMBNAIL][0] - added_ms[-1] < 40_000
    assert len(when[Kind.TILE]) >= 5, "they go on, with nobody reporting"


def test_tiles_come_one_after_the_other_and_not_all_half(tmp_path: Path) -> None:
    """With nobody reporting, a tile has got its repairs before the third one after it is begun."""
    bench = Bench(tmp_path)
    bench.add(Kind.TILE, 12, {"image": NOISE[:3584]})
    bench.run(400)
    sent = [frame for _, frame in bench.sent(DataFrame)]
    frames_of = Counter(frame.block for frame in sent)
    begun = list(dict.fromkeys(frame.block for frame in sent))
    assert 5 <= len(begun) < 12
    for block in begun[:-BULK_OUT_MAX]:
        assert frames_of[block] >= 1.5 * sent[0].block_symbols


def test_a_modem_that_never_finishes_is_lost_once_and_returns_once(tmp_path: Path) -> None:
    """Goal: TxDone that never comes is seen. Method: not idle for half a minute, then idle."""
    bench = Bench(tmp_path)
    bench.run(20)
    bench.downlink.take_notes()
    stuck_until_ms = bench.now_ms + 30_000
    bench.radio.is_idle = lambda now_ms: now_ms >= stuck_until_ms  # type: ignore[method-assign]
    bench.run(8)
    assert not bench.downlink.transmitter.is_lost, "a pause of the duty cycle is no loss"
    bench.run(15)
    assert bench.downlink.transmitter.is_lost
    bench.run(20)
    assert not bench.downlink.transmitter.is_lost
    names = [note.body["event"] for note in bench.downlink.take_notes()]
    assert names == ["radio_lost", "radio_returned"]
