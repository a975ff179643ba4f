"""What another station tells is of the flight, and never of the present where it comes late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import BY_MQTT
from groundstation.decode import receiving_stations
from groundstation.ground import Ground, HeardBytes
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, START_MS, FarEnd
from tests.groundstation.peers.stations import state_at_noon
from wire import horus
from wire.auth import Direction, derive_key
from wire.horus import Packet
from wire.records import Kind

UPLINK_KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)


class Desk:
    """A station that can transmit, with a payload and what others tell."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder / "desk.sqlite", is_durable=False)
        self.ground = Ground(SIGNED_MISSION, self.archive, UPLINK_KEY,
                             SIGNED_MISSION.downlink_key(MASTER_KEY))
        self.far = FarEnd(None, SIGNED_MISSION)
        self.reader = FlightReader(self.archive.path, SIGNED_MISSION)

    def beacon(self, at_s: int, *, is_listening: bool = False) -> bytes:
        return self.far.beacon(state_at_noon(START_MS + 1000 * at_s), is_listening=is_listening)

    def hear(self, data: bytes, at_s: float, by: str | None = None) -> None:
        source = {"source": BY_MQTT, "station": by} if by else {}
        self.ground.receive_many([HeardBytes(data, START_MS + int(1000 * at_s), **source)])

    def tally(self) -> dict[str, Any]:
        return dict(tuple(row) for row in self.archive.db.execute("SELECT * FROM tally"))

    def beacons(self) -> list[int]:
        """Seconds of all beacons, in their order."""
        return [(beacon["utc_ms"] - START_MS) // 1000 for beacon in self.reader.beacons()]


@pytest.fixture
def desk(tmp_path: Path):
    made = Desk(tmp_path)
    yield made
    made.reader.close()
    made.archive.close()


def test_a_window_opens_by_the_clock_of_this_station_alone(desk: Desk) -> None:
    desk.ground.ask("Hello?", START_MS)
    first = desk.beacon(10, is_listening=True)
    desk.hear(first, 40, by="car")  # whose clock is half a minute ahead
    assert desk.ground.next_uplink(START_MS + 40_000) is None
    second = desk.beacon(60, is_listening=True)
    desk.hear(second, 60.0, by="car")  # the network was faster than the modem
    desk.hear(second, 60.2)
    assert desk.ground.next_uplink(START_MS + 60_300) is not None
    assert desk.tally()["duplicates"] == 1


def test_a_beacon_told_late_is_history_and_not_the_present(desk: Desk) -> None:
    late, now = desk.beacon(30), desk.beacon(300)
    desk.hear(now, 300)
    desk.hear(late, 30, by="car")
    latest = desk.reader.latest_beacon()
    assert latest is not None and latest["utc_ms"] == START_MS + 300_000
    assert desk.beacons() == [30, 300] and len(desk.reader.tracks().verified) == 2
    desk.hear(late, 31, by="hill")
    assert desk.beacons() == [30, 300], "once, whoever tells it"


def test_a_beacon_told_with_another_time_than_its_own_is_not_believed(desk: Desk) -> None:
    late, now = desk.beacon(30), desk.beacon(300)
    desk.hear(now, 300)
    desk.hear(late, 200, by="car")
    assert desk.beacons() == [300] and desk.tally()["old_beacons"] == 1


def test_a_told_backlog_of_yesterday_does_not_reset_what_is_news(desk: Desk) -> None:
    old, now = desk.beacon(-20 * 3600), desk.beacon(300)
    desk.hear(now, 300)
    desk.hear(old, -20 * 3600, by="car")
    desk.hear(old, 310)  # and now it is replayed on the air
    latest = desk.reader.latest_beacon()
    assert latest is not None and latest["utc_ms"] == START_MS + 300_000


def test_frames_told_late_are_not_lost_any_more(desk: Desk) -> None:
    frames = [desk.far.tell()]
    for number in range(1, 10):
        at_ms = START_MS + 10_000 * number
        desk.far.push(Kind.THUMBNAIL, at_ms, {"image": bytes(range(256)), "picture": number})
        data = desk.far.data(at_ms) if number % 2 else desk.beacon(10 * number)
        assert data is not None
        frames.append(data)
    for number in (0, 9):
        desk.hear(frames[number], 10 * number)
    link = "SELECT SUM(heard), SUM(lost) FROM link_minute"
    assert tuple(desk.archive.db.execute(link).fetchone()) == (2, 8)
    for number in range(1, 9):
        desk.hear(frames[number], 10 * number, by="car")
    assert tuple(desk.archive.db.execute(link).fetchone()) == (10, 0)
    assert desk.ground.loss() == 0


def test_another_format_heard_by_two_is_one_sighting(desk: Desk) -> None:
    packet = horus.encode(Packet("N0CALL", 3, state_at_noon(START_MS)), 64)
    desk.hear(packet, 1)
    desk.hear(packet, 1.2, by="car")
    assert desk.archive.db.execute("SELECT COUNT(*) FROM sighting").fetchone()[0] == 1
    assert desk.tally() == {"sightings_horus": 1, "duplicates": 1}


def test_what_is_remembered_of_frames_is_bounded(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr(receiving_stations, "SAME_MAX", 4)
    for number in range(20):
        desk.hear(b"noise %d" % number, number)
    assert len(desk.ground._decoder._ears._first) == 4
