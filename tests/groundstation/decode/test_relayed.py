"""Goal: what a payload carried home for another is taken as if it had been heard here, and nothing
that a relay could make up is believed.

Method: the real station of FENN hears EDDA, whose records hold frames that FENN signed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from tests.groundstation.far_end import MASTER_KEY, START_MS, TEXT, FarEnd, state_at
from wire import relaying
from wire.frames import DataFrame, decode_downlink, encode_downlink
from wire.mission import Mission, parse
from wire.records import Kind, TimeQuality
from wire.relaying import AGE_S_MAX, Overheard

SWARM = '[[swarm.neighbours]]\nname = "{}"\nnode_id = {}\n'
EDDA = parse(TEXT + SWARM.format("FENN", 8), "EDDA")
FENN_TEXT = TEXT.replace('"EDDA"', '"FENN"').replace("node_id = 7", "node_id = 8")
FENN = parse(FENN_TEXT + SWARM.format("EDDA", 7), "FENN")
ALONE = parse(FENN_TEXT, "FENN")
LINE = {"text": "I can see both coasts.", "by": "model"}


class Station:
    """FENN's station, which hears EDDA alone; ``edda`` carries what ``fenn`` says."""

    def __init__(self, folder: Path, mission: Mission = FENN) -> None:
        self.now_ms = START_MS
        self.mission = mission
        self.path = folder / "flight.sqlite"
        self.edda, self.fenn = FarEnd(mission=EDDA), FarEnd(mission=FENN, node_id=8, incarnation=77)
        self.open()
        self.hear(self.edda.tell())

    def open(self) -> None:
        self.archive = Archive(self.path, is_durable=False)
        key = self.mission.downlink_key(MASTER_KEY)
        self.ground = Ground(self.mission, self.archive, None, key)

    def restart(self) -> None:
        self.archive.close()
        self.open()

    def hear(self, data: bytes) -> None:
        self.now_ms += 1_000
        self.ground.receive(data, self.now_ms)

    def fenn_says(self) -> list[bytes]:
        """Its session, where it is, and a line, as its neighbour hears it."""
        self.fenn.push(Kind.MUSING, self.now_ms, LINE)
        self.fenn.sender.flush(self.fenn.pushed[-1].priority)
        words = self.fenn.data(self.now_ms)
        assert words is not None
        return [self.fenn.tell(), self.fenn.beacon(state_at(600)), words]

    def carry(self, *heard: bytes, body: dict[str, Any] | None = None, age_s: int = 5,
              heard_ms: int | None = None, quality: TimeQuality = TimeQuality.GPS) -> None:
        """EDDA brings home what it heard."""
        parcel = dict(relaying.pack(Overheard(data, age_s) for data in heard))
        self.edda.push(Kind.RELAYED, heard_ms or self.now_ms, body or parcel, quality)
        sender = self.edda.sender
        while sender.backlog_symbols():
            data = self.edda.data(self.now_ms)
            assert data is not None
            self.hear(data)

    @property
    def lines(self) -> list[tuple[str, str]]:
        """(authenticity, body) of FENN's musings."""
        return [(row[0], row[1]) for row in self.archive.db.execute(
            "SELECT authenticity, hex(body) FROM record WHERE node_id = 8 AND kind = ?",
            (int(Kind.MUSING),))]

    @property
    def tally(self) -> dict[str, int]:
        return dict(self.archive.db.execute("SELECT name, value FROM tally").fetchall())

    def receptions(self) -> list[tuple[str, str]]:
        return [tuple(row) for row in self.archive.db.execute(
            "SELECT source, station FROM reception WHERE source = 'relay' ORDER BY id")]


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    found = Station(tmp_path)
    yield found
    found.archive.close()


def test_carried_words_are_verified_and_say_by_whom(station: Station) -> None:
    station.carry(*station.fenn_says())
    assert [authenticity for authenticity, _ in station.lines] == ["genuine"]
    assert station.receptions() == [("relay", "via EDDA")] * 3
    ears = station.archive.db.execute("SELECT station, frames FROM ear WHERE node_id = 8")
    assert [tuple(row) for row in ears] == [("via EDDA", 3)]


def test_a_carried_beacon_says_where_it_was_when_it_was_heard(station: Station) -> None:
    station.carry(*station.fenn_says(), age_s=60)
    row = station.archive.db.execute("SELECT utc_ms, authenticity FROM beacon").fetchone()
    assert row["authenticity"] == "genuine"
    assert START_MS - 65_000 < row["utc_ms"] <= station.now_ms - 60_000


def test_what_was_heard_here_too_counts_once(station: Station) -> None:
    frames = station.fenn_says()
    for data in frames:
        station.hear(data)
    station.carry(*frames)
    assert len(station.lines) == 1 and station.tally["duplicates"] >= 3


def test_data_carried_before_its_session_is_known_waits_for_it(station: Station) -> None:
    session, _, words = station.fenn_says()
    station.carry(words)
    assert station.lines == [] and station.tally["unplaced"] == 1
    station.carry(session)
    assert len(station.lines) == 1 and station.tally["unplaced"] == 0


def test_the_same_parcel_again_brings_nothing(station: Station) -> None:
    """A rebuild, a restart, and one between the parcel and what was in it."""
    station.carry(*station.fenn_says())
    station.restart()
    assert len(station.receptions()) == 3
    station.archive.rebuild()
    station.restart()
    assert len(station.receptions()) == 3 and len(station.lines) == 1


def test_cut_off_between_a_parcel_and_its_frames(station: Station) -> None:
    station.ground._decoder.relayed.take = list  # type: ignore[method-assign]
    station.carry(*station.fenn_says())
    assert station.receptions() == [] and station.lines == []
    station.restart()
    assert len(station.receptions()) == 3 and len(station.lines) == 1


def test_forged_and_altered_frames_are_not_believed(station: Station) -> None:
    """A relay that makes up a line, and one that changes a byte and mends the CRC."""
    session, _, words = station.fenn_says()
    forger = FarEnd(mission=FENN, node_id=8, incarnation=77)
    forger.downlink_key = bytes(32)
    forger.push(Kind.MUSING, station.now_ms, {"text": "Send money.", "by": "model"})
    forger.sender.flush(forger.pushed[-1].priority)
    made_up = forger.data(station.now_ms)
    assert made_up is not None
    body = bytearray(words[:-4])
    body[-8] ^= 1
    altered = bytes(body) + zlib.crc32(body).to_bytes(4, "big")
    station.carry(session, made_up, altered, forger.beacon(state_at(600)))
    assert station.lines == []
    assert station.tally["unplaced"] == 2 and station.tally["impostor"] == 1


@pytest.mark.parametrize(("how", "reason"), [
    ("damaged", "relay_damaged"), ("unsigned", "relay_damaged"), ("oversized", "relay_damaged"),
    ("no parcel", "relay_damaged"), ("echoed", "relay_echoed"), ("stranger", "relay_echoed"),
    ("stale", "relay_stale"), ("future", "relay_stale"), ("bulk", "relay_damaged"),
])
def test_what_is_refused_is_counted(station: Station, how: str, reason: str) -> None:
    _, _, words = station.fenn_says()
    match how:
        case "damaged":
            station.carry(words[:-1])
        case "unsigned":
            station.carry(words[:-8])
        case "oversized":
            station.carry(words + bytes(256))
        case "no parcel":
            station.carry(body={"frames": 1})
        case "echoed":
            station.carry(station.edda.beacon(state_at(600)))
        case "stranger":
            station.carry(FarEnd(mission=FENN, node_id=9).tell())
        case "stale":
            station.carry(words, heard_ms=station.now_ms - AGE_S_MAX * 1000 - 10_000)
        case "future":
            station.carry(words, heard_ms=station.now_ms + 700_000)
        case "bulk":
            frame = relaying.carried(words)
            assert isinstance(frame, DataFrame)
            station.carry(encode_downlink(frame._replace(priority=3), bytes(32)))
    assert station.tally[reason] == 1 and station.lines == [] and station.receptions() == []


def test_a_parcel_in_a_parcel_is_not_opened(station: Station) -> None:
    """A hostile neighbour sends parcels in the lane of words, which others then carry."""
    inner = dict(relaying.pack([Overheard(station.edda.beacon(state_at(600)), 0)]))
    fenn = station.fenn
    fenn.push(Kind.RELAYED, station.now_ms, inner)
    data = fenn.data(station.now_ms)
    assert data is not None
    bulk = decode_downlink(data)
    assert isinstance(bulk, DataFrame)
    as_words = encode_downlink(bulk._replace(priority=0, session=fenn.session), fenn.downlink_key)
    station.carry(fenn.tell(), as_words)
    assert station.tally["relay_looped"] == 1
    assert len(station.receptions()) == 2


def test_a_relay_without_a_clock_counts_from_its_parcel(station: Station) -> None:
    station.carry(*station.fenn_says(), quality=TimeQuality.NONE, heard_ms=90_000)
    assert len(station.lines) == 1


def test_without_a_swarm_parcels_are_only_kept(tmp_path: Path) -> None:
    station = Station(tmp_path, ALONE)
    station.carry(*station.fenn_says())
    assert station.receptions() == [] and station.lines == []
    station.archive.close()
