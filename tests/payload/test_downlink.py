"""What goes out, in which order, how often, and when the radio falls silent."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from payload.downlink import BULK_OUT_MAX, IDENT_EVERY_MS, Downlink
from payload.store import Store
from tests.payload.fakes import FakeRadio
from wire import frames, mission
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import BeaconFrame, DataFrame, IdentFrame
from wire.records import Kind, TimeQuality
from wire.transfer import Receiver

MISSION = mission.load(Path(__file__).resolve().parents[2] / "mission.toml")


class Bench:
    """A downlink with a store and a radio, stepped as the flight does."""

    def __init__(self, path: Path) -> None:
        self.radio = FakeRadio()
        self.store = Store(path / "s.sqlite")
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


def test_events_first_and_nobody_starves(tmp_path: Path) -> None:
    """A full queue of pictures and tracks; the event goes first, and musings get their share."""
    bench = Bench(tmp_path)
    bench.add(Kind.THUMBNAIL, 40, {"image": bytes(range(256)) * 8})
    bench.add(Kind.TRACK, 2000, {"lat": 521234567, "lon": 41234567, "alt": 9000})
    bench.add(Kind.MUSING, 20, {"text": "The cold is honest up here. " * 4})
    bench.add(Kind.EVENT, 1, {"event": "burst", "severity": "info"})
    bench.run(600)
    receiver, order = Receiver(MISSION.radio.mtu_bytes), []
    for _, frame in bench.sent(DataFrame):
        order += [record.kind for record in receiver.on_data(frame)]
    assert order[0] is Kind.EVENT
    early = order[:100]
    assert early.count(Kind.MUSING) >= 15 and order.count(Kind.THUMBNAIL) >= 5


def test_block_numbers_go_on_after_a_reboot(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.add(Kind.THUMBNAIL, 10, {"image": b"x" * 1000})
    bench.run(120)
    used = {frame.block for _, frame in bench.sent(DataFrame)}
    bench.store.close()
    again = Bench(tmp_path)
    again.run(60)
    assert not used & {frame.block for _, frame in again.sent(DataFrame)}


def test_a_record_too_large_for_a_block_is_set_aside_and_counted(tmp_path: Path) -> None:
    small = MISSION.model_copy(update={"radio": MISSION.radio.model_copy(update={"mtu_bytes": 64})})
    bench = Bench(tmp_path)
    bench.downlink = Downlink(small, bench.radio, bench.store)
    bench.add(Kind.THUMBNAIL, 1, {"image": bytes(range(1, 256)) * 20})
    bench.add(Kind.MUSING, 1, {"text": "after it"})
    bench.run(60)
    assert bench.downlink.unsendable_records == 1 and bench.sent(DataFrame)


def test_lines_of_text_and_a_later_thumbnail_overtake_tiles(tmp_path: Path) -> None:
    """Tiles are under way; what is thought and seen meanwhile is on the air at once, whichever
    symbol of a tile it meets."""
    bench, added_ms = Bench(tmp_path), []
    bench.add(Kind.TILE, 24, {"image": bytes(range(256)) * 14})
    for _ in range(30):
        bench.run(13)
        added_ms.append(bench.now_ms)
        bench.add(Kind.MUSING, 1, {"text": "The cold is honest up here. " * 6})
    bench.add(Kind.THUMBNAIL, 1, {"image": bytes(range(256)) * 8})
    bench.run(400)
    receiver, when = Receiver(MISSION.radio.mtu_bytes), {}
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
    bench.add(Kind.TILE, 12, {"image": bytes(range(256)) * 14})
    bench.run(400)
    sent = [frame for _, frame in bench.sent(DataFrame)]
    frames_of = Counter(frame.block for frame in sent)
    begun = list(dict.fromkeys(frame.block for frame in sent))
    assert 5 <= len(begun) < 12
    for block in begun[:-BULK_OUT_MAX]:
        assert frames_of[block] >= 1.5 * sent[0].block_symbols
