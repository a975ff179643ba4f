"""The link room and the packets: signal, airtime by class, and what became of each reception."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundstation.archive import schema
from groundstation.reading import link_figures, link_room, packets, receiving_stations
from groundstation.reading.link_room import class_of
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, state_at
from tests.groundstation.lied_to import FLOWN, Station
from tests.groundstation.peers.stations import (
    Clock,
    MemoryBroker,
    MemoryLine,
    mission_of,
    settle,
)
from tests.groundstation.peers.stations import Station as Peer
from tests.groundstation.peers.stations import flight as peer_flight
from wire import frames
from wire.airtime_budget import AirtimeBudget


def test_airtime_is_told_by_class_and_is_what_the_frames_take(station: Station) -> None:
    db = schema.connect_reader(station.archive.path)
    station.hear(b"\x00noise", 601)
    airtime = {row["name"]: row for row in link_room.now(db, SIGNED_MISSION)["airtime"]}
    on_air_ms = AirtimeBudget(SIGNED_MISSION).airtime.on_air_ms
    count, size = len(FLOWN), frames.BEACON_BYTES + 4
    assert airtime["beacons"] == {"name": "beacons", "frames": count, "bytes": count * size,
                                  "ms": count * on_air_ms(size)}
    assert airtime["identification"]["frames"] == 1
    assert airtime["other formats and noise"]["bytes"] == 6
    db.close()


def test_a_modem_that_tells_no_signal_gives_none_and_no_zero(station: Station) -> None:
    db = schema.connect_reader(station.archive.path)
    assert link_room.now(db, SIGNED_MISSION)["signal"] == []
    station.ground.receive(station.far.beacon(state_at(700)), START_MS + 700_000, -97.0, None)
    [[minute, rssi, snr]] = link_room.now(db, SIGNED_MISSION)["signal"]
    assert minute % 60_000 == 0 and rssi == -97.0 and snr is None
    db.close()


def test_an_empty_archive_has_a_link_room(tmp_path: Path) -> None:
    from groundstation.archive.archive import Archive

    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    found = link_room.now(archive.db, SIGNED_MISSION)
    assert found["newest_ms"] is None and found["airtime"] == [] and found["loss"] == []
    archive.close()


@pytest.mark.parametrize(("head", "words"), [
    (b"", "other formats and noise"), (b"\x44", "other formats and noise"),
    (b"\x44\x07", "beacons"), (b"\x64\x07", "beacons"), (b"\x48\x07", "texts and events"),
    (b"\x5b\x07", "picture tiles"), (b"\x44\x08", "other payloads or noise"),
    (b"\x50\x07", "uplink overheard"), (b"\x7c\x07", "identification"),
    (b"\xff\xff", "other formats and noise"),
])
def test_a_class_is_told_by_two_bytes(head: bytes, words: str) -> None:
    assert class_of(head, 7) == words


def test_packets_are_paged_and_each_says_what_became_of_it(station: Station) -> None:
    db = schema.connect_reader(station.archive.path)
    unsigned = frames.encode_downlink(frames.BeaconFrame(
        7, frames.FrameCounter(0, 1), bytes(24), False))
    station.hear(unsigned, 610)
    station.hear(b"<script>alert(1)</script>", 611)
    newest = packets.page(db, None, 10)
    assert [line["kind"] for line in newest[:3]] == ["noise", "beacon", "beacon"]
    assert newest[0]["id"] > newest[1]["id"] and len(newest) == 10
    rest = packets.page(db, newest[-1]["id"], 1000)
    assert rest[0]["id"] == newest[-1]["id"] - 1 and len(rest) + 10 == len(FLOWN) + 3
    noise, liar, verified = (packets.one(db, line["id"]) for line in newest[:3])
    assert noise and liar and verified
    assert bytes.fromhex(noise["hex"]) == b"<script>alert(1)</script>"
    assert noise["fate"] == "counted"
    assert liar["fate"].startswith("not shown:") and not liar["is_signed"]
    assert verified["fate"] == "shown as a beacon; signed by the payload, verified"
    assert packets.one(db, 10**9) is None
    db.close()


def test_what_several_stations_received_was_on_the_air_once(tmp_path: Path) -> None:
    clock, broker = Clock(), MemoryBroker()
    hill, car = (Peer(tmp_path, name, clock, MemoryLine(broker, name)) for name in ("hill", "car"))
    for at_ms, frame in peer_flight(30):
        clock.utc_ms = at_ms
        for station, rssi_dbm in ((hill, -90.0), (car, -120.0)):
            station.ground.receive(frame, at_ms, rssi_dbm, 5.0)
    settle(clock, [hill, car], 3)
    db = hill.ground.archive.db
    room = link_room.now(db, mission_of("hill"))
    assert sum(row["frames"] for row in room["airtime"]) == 30
    assert {level for _, level, _ in room["signal"]} == {-90.0}, "this station's, not the other's"
    assert link_figures.now(db, 7)["rssi_dbm"] == -90.0
    assert [(ear["station"], ear["frames"]) for ear in receiving_stations.stations(db, 7)] == [
        ("car", 30), ("hill", 30)]
    assert [ear["station"] for ear in packets.one(db, 3)["heard_by"]] == ["hill", "car"]
