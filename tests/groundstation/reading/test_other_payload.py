"""Another payload is read as ours is, and has nothing of what the station does for ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from groundstation.decode.nodes import FOREIGN_NODES_MAX
from groundstation.export.export import files
from groundstation.export.flight_data import gather
from groundstation.reading.other_payload import UnknownPayload, reader_of
from groundstation.reading.payloads import NAME_CHARACTERS_MAX
from groundstation.reading.reader import FlightReader
from tests.groundstation.decode.test_mosaic import webp
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, FarEnd, state_at
from tests.groundstation.two_payloads import LAST_S, NORTH_DEG, OTHER, OTHER_SAID, OURS_SAID, Pair
from wire import ukhas
from wire.commands import Opcode
from wire.mission_swarm import Neighbour, SwarmSection
from wire.records import Kind
from wire.ukhas import Sentence


@pytest.fixture
def ours(pair: Pair) -> Iterator[FlightReader]:
    with closing(FlightReader(pair.archive.path, SIGNED_MISSION)) as reader:
        yield reader


def texts(reader: FlightReader) -> list[str]:
    return [entry["text"] for entry in reader.entries(None, 9) if entry["kind"] == "musing"]


def test_a_station_that_heard_one_payload_knows_of_one(pair: Pair, ours: FlightReader) -> None:
    pair.fly(with_other=False)
    assert ours.flight()["payloads"] == [
        {"node_id": 7, "name": "EDDA", "claims": "", "is_ours": True}]
    assert reader_of(ours, None) is ours and reader_of(ours, 7) is ours
    for unknown in (OTHER, 0, 255, 10**14):
        with pytest.raises(UnknownPayload):
            reader_of(ours, unknown)


def test_each_of_two_has_its_own_lines_way_and_state(pair: Pair, ours: FlightReader) -> None:
    pair.fly()
    other = reader_of(ours, OTHER)
    assert (texts(ours), texts(other)) == ([OURS_SAID], [OTHER_SAID])
    state, own = other.flight(), ours.flight()
    assert [each["node_id"] for each in state["payloads"]] == [7, OTHER]
    assert state["payloads"] == own["payloads"]
    assert (own["name"], own["is_ours"]) == ("EDDA", True)
    assert (state["name"], state["node_id"], state["is_ours"]) == ("LUMEN", OTHER, False)
    assert state["beacon"] is not None and state["beacon"]["battery_mv"] == 3700
    way, own_way = other.tracks(), ours.tracks()
    assert len(way.unverified) == len(own_way.verified) == LAST_S // 10
    assert way.verified == own_way.unverified == []
    assert way.unverified[0].lat_deg - own_way.verified[0].lat_deg == pytest.approx(
        NORTH_DEG, abs=1e-4)
    assert other.history()["unverified"]["t"] != ours.history()["verified"]["t"]
    assert "AI persona" in own["disclosure"] and "AI persona" not in state["disclosure"]


def test_nothing_that_is_of_ours_is_shown_of_another(pair: Pair, ours: FlightReader) -> None:
    """Sightings carry our callsign, commands our key, and who forges, forges our name."""
    pair.fly()
    pair.archive.queue(Opcode.ASK, "Is it cold?", START_MS)
    for i in range(3):
        pair.hear(ukhas.encode(Sentence(
            "N0CALL", i, int(START_MS / 1000 + 3000 + i) % 86_400, 52.5, 13.0, 120)), 3000 + i)
    pair.hear(FarEnd().beacon(state_at(0)), 3001)  # in our name, without a signature
    own, state = ours.flight(), reader_of(ours, OTHER).flight()
    assert own["sighting"] and own["waiting"]["count"] == 1 and own["can_transmit"]
    assert own["link"]["impostor"] == 1
    assert state["sighting"] is None and not state["can_transmit"] and not state["is_verifying"]
    assert state["waiting"] == {"count": 0, "letters": []} and state["outbox"] == []
    assert "impostor" not in state["link"] and state["sondehub"]["mode"] == "off"
    assert not any(point.alt_m == 120 for point in reader_of(ours, OTHER).tracks().unverified)
    landing = reader_of(ours, OTHER).landing()
    assert landing["station"] is None and ours.landing()["station"] is not None


def test_its_files_are_its_own(pair: Pair, ours: FlightReader) -> None:
    pair.fly()
    made = dict(files(gather(reader_of(ours, OTHER))))
    assert made["musings.txt"].decode() == f"{OTHER_SAID}\n"
    assert b"LUMEN" in made["book.html"] and OURS_SAID.encode() not in made["book.html"]
    assert dict(files(gather(ours)))["musings.txt"].decode() == f"{OURS_SAID}\n"


def test_its_pictures_are_put_together(pair: Pair, ours: FlightReader) -> None:
    """Tiles of another payload were records, and no picture."""
    pair.fly()
    for kind, more in ((Kind.THUMBNAIL, {}), (Kind.TILE, {"index": 0})):
        pair.other.push(kind, START_MS, {
            "picture": 1, "cols": 1, "rows": 1, "image": webp(50), "scene": "horizon", **more})
    for _ in range(16):
        if (data := pair.other.data(START_MS)) is not None:
            pair.hear(data, LAST_S + 1)
    other = reader_of(ours, OTHER)
    picture = next(entry for entry in other.entries(None, 9) if entry["kind"] == "thumbnail")
    assert len(picture["tiles"]) == 1 and other.picture(picture["id"]) is not None
    assert ours.picture(picture["id"]) is None


@pytest.mark.parametrize(("ident", "name"), [
    ("DE N0CALL-9 LUMEN", "LUMEN"), ("DE N0CALL-9", "Node 9"), ("", "Node 9"),
    ("<img src=x onerror=alert(1)>", "Node 9"), ("DE X \u202e\u200f", "Node 9"),
    ("DE N0CALL-9 " + "L" * 40, "L" * (NAME_CHARACTERS_MAX - 1) + "…"),
    ("DE N0CALL-9 <b>EDDA</b>", "<b>EDDA</b>"),
])
def test_a_name_is_a_claim_and_short(
    pair: Pair, ours: FlightReader, ident: str, name: str
) -> None:
    pair.identify("DE N0CALL-9")
    with pair.archive.batch():
        pair.archive.set_ident(OTHER, ident)  # whatever a frame may carry
    assert ours.flight()["payloads"][1]["name"] == name


def test_of_many_the_chooser_has_few_and_in_one_order(pair: Pair, ours: FlightReader) -> None:
    """The list would be as long as a flood wants it to be, and jump with every frame."""
    for node_id in (30, 20, 10):
        pair.identify("DE N0CALL", node_id)
    pair.hear(FarEnd(node_id=30).beacon(state_at(0)), 1)
    assert [each["node_id"] for each in ours.flight()["payloads"]] == [7, 10, 20, 30]
    for node_id in range(100, 200):
        pair.identify("DE N0CALL", node_id)
    found = [each["node_id"] for each in ours.flight()["payloads"]]
    assert len(found) == 1 + FOREIGN_NODES_MAX and 30 in found, "those with most frames"


def test_a_flood_of_strangers_hides_no_neighbour(pair: Pair, ours: FlightReader) -> None:
    for node_id in range(100, 120):
        pair.identify("DE N0CALL", node_id)
        pair.hear(FarEnd(node_id=node_id).beacon(state_at(0)), 1)
    pair.identify("DE N0CALL", OTHER)
    assert OTHER not in [each["node_id"] for each in ours.flight()["payloads"]]
    swarm = SwarmSection(neighbours=(Neighbour(name="FENN", node_id=OTHER),))
    listed = FlightReader(ours.path, ours.mission.model_copy(update={"swarm": swarm}))
    assert OTHER in [each["node_id"] for each in listed.flight()["payloads"]]
    listed.close()
