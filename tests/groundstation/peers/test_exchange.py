"""Stations that share what they hear have the flight of one that heard everything."""

from __future__ import annotations

import random
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from groundstation.archive import connections
from groundstation.peers import incoming, messages, outgoing
from groundstation.peers.broker import Published
from groundstation.peers.messages import MESSAGE_BYTES_MAX, AskMessage, HeardMessage
from tests.groundstation.far_end import START_MS, Channel
from tests.groundstation.peers.stations import (
    ROOT,
    Clock,
    MemoryBroker,
    MemoryLine,
    Station,
    flight,
    settle,
)

LOG = b"\x01" * 8


def two(folder: Path, broker: MemoryBroker, clock: Clock) -> list[Station]:
    return [Station(folder, name, clock, MemoryLine(broker, name)) for name in ("hill", "car")]


def fly(
    frames: list[tuple[int, bytes]], stations: list[Station], clock: Clock, union: Station,
    seed: int = 4,
) -> None:
    """Each station hears half of the frames, some both, some none; the union what any heard."""
    ears = [Channel(0.5, seed + number) for number in range(len(stations))]
    for at_ms, frame in frames:
        clock.utc_ms = at_ms
        hearers = [s for s, ear in zip(stations, ears, strict=True) if ear.carries()]
        for station in hearers:
            station.hear(frame)
        if hearers:
            union.hear(frame)
        for station in stations:
            station.poll()


def test_two_stations_with_half_the_frames_each_have_what_the_union_heard(tmp_path: Path) -> None:
    clock = Clock()
    stations, union = two(tmp_path, MemoryBroker(), clock), Station(tmp_path, "all", clock, None)
    fly(flight(400), stations, clock, union)
    settle(clock, stations, 3)
    assert union.flight()["records"] and union.flight()["beacons"]
    assert [s.flight() for s in stations] == [union.flight()] * 2
    assert stations[0].receptions() == stations[1].receptions()


def test_what_a_broker_acknowledged_and_lost_is_asked_for(tmp_path: Path) -> None:
    clock, dice = Clock(), random.Random(5)
    broker = MemoryBroker(lambda: dice.random() < 0.6)
    stations, union = two(tmp_path, broker, clock), Station(tmp_path, "all", clock, None)
    fly(flight(300), stations, clock, union)
    broker.carries = lambda: True
    settle(clock, stations)
    assert stations[0].receptions() == stations[1].receptions()
    assert [s.flight()["records"] for s in stations] == [union.flight()["records"]] * 2
    assert [s.flight()["beacons"] for s in stations] == [union.flight()["beacons"]] * 2


def test_the_last_word_before_a_broker_died_is_said_again(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill, car = two(tmp_path, broker, clock)
    for at_ms, frame in flight(9):
        clock.utc_ms = at_ms
        broker.carries = lambda at_ms=at_ms: at_ms < START_MS + 14_000  # the last two are lost
        hill.hear(frame)
        settle(clock, [hill, car], 2)
    assert len(car.receptions()) == 7 and hill.receptions() != car.receptions()
    broker.kept.clear()
    broker.carries = lambda: True
    for station in (hill, car):
        station.line.cut()
        station.line.restore()
    settle(clock, [hill, car])
    assert hill.receptions() == car.receptions()


def test_a_network_that_is_gone_for_minutes_costs_nothing(tmp_path: Path) -> None:
    clock = Clock()
    stations, union = two(tmp_path, MemoryBroker(), clock), Station(tmp_path, "all", clock, None)
    frames = flight(300)
    fly(frames[:100], stations, clock, union)
    stations[1].line.cut()
    fly(frames[100:200], stations, clock, union, seed=14)
    assert stations[0].receptions() != stations[1].receptions()
    stations[1].restart()  # what it has not told is in its archive
    stations[1].line.restore()
    fly(frames[200:], stations, clock, union, seed=24)
    settle(clock, stations)
    assert stations[0].receptions() == stations[1].receptions()
    for name in ("records", "beacons"):
        assert [s.flight()[name] for s in stations] == [union.flight()[name]] * 2, name


def test_a_station_that_joins_at_the_end_has_the_whole_flight(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill = Station(tmp_path, "hill", clock, MemoryLine(broker, "hill"))
    for at_ms, frame in flight(200):
        clock.utc_ms = at_ms
        hill.hear(frame)
        hill.poll()
    late = Station(tmp_path, "late", clock, MemoryLine(broker, "late"))
    settle(clock, [hill, late])
    assert late.flight() == hill.flight()
    assert late.receptions() == hill.receptions()


def test_a_rebuild_of_what_was_shared_gives_the_same_flight(tmp_path: Path) -> None:
    clock = Clock()
    stations, union = two(tmp_path, MemoryBroker(), clock), Station(tmp_path, "all", clock, None)
    fly(flight(200), stations, clock, union)
    settle(clock, stations, 3)
    before = stations[0].flight()
    stations[0].ground.archive.rebuild()
    stations[0].restart()
    assert stations[0].flight() == before == union.flight()


def test_who_heard_what_is_counted(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    stations = two(tmp_path, broker, clock)
    for number, (at_ms, frame) in enumerate(flight(60)):
        clock.utc_ms = at_ms
        for station in stations[: 1 + number % 2]:  # the car hears every second one
            station.hear(frame)
        for station in stations:
            station.poll()
    settle(clock, stations, 1)
    ears = stations[0].rows("SELECT station, frames, firsts FROM ear ORDER BY station")
    assert ears == [("car", 30, 0), ("hill", 60, 60)]
    assert stations[0].rows("SELECT frames FROM node") == [(60,)]
    assert stations[0].rows("SELECT value FROM tally WHERE name = 'duplicates'") == [(30,)]


def test_nothing_is_told_twice_and_nothing_told_is_told_on(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill, car = two(tmp_path, broker, clock)
    hill.hear(flight(1)[0][1])
    settle(clock, [hill, car], 60)
    assert hill.receptions() == car.receptions() and len(car.receptions()) == 1
    assert list(broker.kept) == [f"{ROOT}/hill/heard"]


def test_a_backlog_is_told_at_a_bounded_rate(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(outgoing, "PER_SECOND_MAX", 20)
    clock, broker = Clock(), MemoryBroker()
    hill = Station(tmp_path, "hill", clock, MemoryLine(broker, "hill"))
    for number in range(50):
        hill.hear(b"noise %d" % number)
    line = MemoryLine(broker, "car")
    for expected in (20, 40, 51):  # the last settled one comes first, and there is none before
        hill.poll()
        hill.poll()
        assert len(line.messages) in (expected, 50)
        clock.utc_ms += 1000
    assert [messages.parse_reception(m.data).number for m in line.messages] == [*range(1, 51)]


# -- what strangers publish ---------------------------------------------------------------------


def told(number: int, raw: bytes = b"noise", **changes: object) -> bytes:
    message = HeardMessage(LOG, number, number - 1, START_MS, raw, None, None)
    return messages.pack(message._replace(**changes))


def packed(value: object) -> bytes:
    try:
        return msgpack.packb(value)
    except (OverflowError, ValueError):
        return b""


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.integers() | st.floats() | st.binary(max_size=20) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=8)).map(packed))
def test_any_bytes_are_a_message_or_none(data: bytes) -> None:
    for read in (messages.parse_reception, messages.parse_request):
        found = read(data)
        assert found is None or read(messages.pack(found)) == found


def test_the_limits_of_a_message() -> None:
    longest = HeardMessage(LOG, (1 << 53) - 1, 0, 1, b"x" * 4096, -127.5, 12.25)
    assert messages.parse_reception(messages.pack(longest)) == longest
    assert len(messages.pack(longest)) <= MESSAGE_BYTES_MAX
    for wrong in (
        {"log": b"short"}, {"number": 1 << 53}, {"number": 5, "before": 5}, {"before": -1},
        {"number": True}, {"utc_ms": -1}, {"utc_ms": 1 << 47}, {"utc_ms": 1.5}, {"raw": b""},
        {"raw": "text"}, {"raw": b"x" * 4097}, {"rssi_dbm": float("nan")}, {"snr_db": "loud"},
    ):
        assert messages.parse_reception(messages.pack(longest._replace(**wrong))) is None, wrong
    assert messages.parse_request(messages.pack(AskMessage(LOG, 0))) == AskMessage(LOG, 0)
    assert messages.parse_request(messages.pack(AskMessage(LOG, -1))) is None


def test_hostile_messages_are_counted_and_nothing_else(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill = Station(tmp_path, "hill", clock, MemoryLine(broker, "hill"))
    for data in (b"", b"\xc1", b"\x00" * 100_000, b"<script>", msgpack.packb({}), told(1)[:-3]):
        for kind in ("heard", "ask", "else", "heard/deeper"):
            hill.line.messages.append(Published(f"{ROOT}/evil/{kind}", data))
    hill.line.messages += [
        Published("another/topic", told(1)), Published(f"{ROOT}/ages/heard", told(1, utc_ms=0)),
        Published(f"{ROOT}/hill/heard", told(1)),
    ]
    with capture_logs() as logs:
        hill.poll()
    assert hill.receptions() == []
    assert hill.exchange._incoming.notices.counts == {"unreadable": 25, "too_old": 1}
    assert [log["event"] for log in logs].count("station_name_taken") == 1


def test_a_forged_frame_in_a_station_s_name_is_noise(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill, car = two(tmp_path, broker, clock)
    frames = flight(20)
    forged = bytearray(frames[5][1])
    forged[9] ^= 0x40
    broker.publish(None, f"{ROOT}/car/heard", told(1 << 52, bytes(forged)), is_kept=False)
    hill.poll()
    for at_ms, frame in frames:
        clock.utc_ms = at_ms
        car.hear(frame)
        car.poll()
        hill.poll()
    settle(clock, [hill, car])
    assert hill.flight()["records"] == car.flight()["records"]
    assert hill.rows("SELECT value FROM tally WHERE name = 'noise'") == [(1,)]


def test_stations_too_many_are_not_heard(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill = Station(tmp_path, "hill", clock, MemoryLine(broker, "hill"))
    for number in range(incoming.STATIONS_MAX + 9):
        broker.publish(None, f"{ROOT}/s{number}/heard", told(1), is_kept=False)
    hill.poll()
    assert len(hill.receptions()) == incoming.STATIONS_MAX
    assert hill.exchange._incoming.notices.counts == {"of_other_stations": 9}


@pytest.mark.parametrize("name", ["s" * 60_000, "\u202ecar", "car park", "", "c\n"])
def test_a_station_of_another_name_than_a_mission_gives_is_not_heard(
    tmp_path: Path, name: str
) -> None:
    """A bug: a level of a topic may have 64 kB; such a name was stored with every reception, and no
    rebuild read the entry again, which was longer than any of the raw log."""
    clock, broker = Clock(), MemoryBroker()
    hill = Station(tmp_path, "hill", clock, MemoryLine(broker, "hill"))
    broker.publish(None, f"{ROOT}/{name}/heard", told(1), is_kept=False)
    hill.poll()
    assert hill.receptions() == []
    assert hill.exchange._incoming.notices.counts == {"of_other_stations": 1}


def test_a_reception_of_the_future_was_received_now(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill = Station(tmp_path, "hill", clock, MemoryLine(broker, "hill"))
    broker.publish(None, f"{ROOT}/car/heard", told(1, utc_ms=START_MS + 10**9), is_kept=False)
    hill.poll()
    assert hill.receptions() == [("car", START_MS, b"noise")]


def test_asking_again_and_again_does_not_make_a_station_talk(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill = Station(tmp_path, "hill", clock, MemoryLine(broker, "hill"))
    for number in range(30):
        hill.hear(b"noise %d" % number)
    car = MemoryLine(broker, "car")
    hill.poll()
    log = messages.parse_reception(car.messages[0].data).log
    for _ in range(20):
        broker.publish(None, f"{ROOT}/hill/ask", messages.pack(AskMessage(log, 0)), is_kept=False)
        hill.poll()
    assert len(car.messages) == 60, "once, and no more within REWIND_EVERY_MS"


@pytest.mark.parametrize("why", ["the connection was lost", "it refuses: Not authorized"])
def test_the_page_is_told_of_the_broker(tmp_path: Path, why: str) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill = Station(tmp_path, "hill", clock, MemoryLine(broker, "hill"))
    hill.poll()
    state = connections.read(hill.ground.archive.db, connections.BROKER)
    assert state == {"name": "memory:1883", "since_ms": START_MS, "is_connected": True, "why": ""}
    clock.utc_ms += 5000
    hill.line.cut()
    hill.line.why = why
    hill.poll()
    state = connections.read(hill.ground.archive.db, connections.BROKER)
    assert state is not None and not state["is_connected"] and state["why"] == why
    assert state["since_ms"] == START_MS + 5000
