"""What others heard of our payload, fetched from a server on this machine: when, how, and as what.
"""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from groundstation import http_call
from groundstation.inputs import sondehub_poll
from groundstation.inputs.sondehub_poll import EVERY_S, QUIET_MS, SondehubPoll
from groundstation.reading import packets
from tests import bad_server
from tests.groundstation.decode.test_sondehub_telemetry import CALL, answer, entry
from tests.groundstation.far_end import SIGNED_MISSION, START_MS
from tests.groundstation.inputs.test_udp_command import end, start
from tests.groundstation.lied_to import FLOWN, Station

LAST_S = FLOWN[-1]
server = pytest.fixture(bad_server.serving)


class Ears:
    """A poll of ``station`` at ``url`` of the server; ``now_s`` since the start of the flight."""

    def __init__(self, station: Station, url: str, **ground: Any) -> None:
        given = {"sondehub_url": url, "sondehub_callsign": "MYCALL", **ground}
        mission = SIGNED_MISSION.model_copy(
            update={"ground": SIGNED_MISSION.ground.model_copy(update=given)})
        assert mission.payload.callsign == CALL
        self.poll = SondehubPoll(
            station.archive.path, mission,
            lambda address: http_call.call("GET", address, 0.3, 100_000), station.ground)

    def turn(self, now_s: float) -> None:
        self.poll.turn(START_MS + round(now_s * 1000))
        self.poll.poll()


def serve(server: bad_server.BadServer, *entries: dict[str, Any]) -> None:
    server.ways["/amateur/telemetry"] = lambda peer: peer.sendall(
        bad_server.whole("200 OK", answer(*entries)))


def test_what_others_heard_is_an_unverified_sighting_and_moves_nothing_verified(station, server):
    before, way = station.reader.flight(), station.reader.tracks().verified
    serve(server, entry(LAST_S + 100, lat=52.11, uploader_callsign="<b>"), entry(LAST_S + 140))
    ears = Ears(station, server.url)
    ears.turn(LAST_S + 150)
    flight, tracks = station.reader.flight(), station.reader.tracks()
    assert flight["beacon"] == before["beacon"] and tracks.verified == way
    assert [(p.utc_ms, p.lat_deg) for p in tracks.unverified] == [
        (START_MS + (LAST_S + 100) * 1000, 52.11), (START_MS + (LAST_S + 140) * 1000, 52.1)]
    seen = flight["sighting"]
    assert (seen["via"], seen["authenticity"]) == ("sondehub", "unsigned")
    assert flight["link"]["sightings_sondehub"] == 2
    line = packets.page(station.archive.db, None, 1)[0]
    assert (line["kind"], line["source"], line["is_signed"]) == ("sondehub", "sondehub", False)
    assert station.summaries.take() == [], "it is not told on"


def test_it_asks_only_while_the_station_hears_nothing_verified(station, server):
    serve(server)
    ears = Ears(station, server.url)
    ears.turn(LAST_S + QUIET_MS / 1000)
    assert server.asked == []
    station.lie()
    ears.turn(LAST_S + QUIET_MS / 1000 + 1)
    assert len(server.asked) == 1, "what is not verified does not count"


def test_it_asks_for_the_time_since_the_last_answer(station, server):
    serve(server)
    ears = Ears(station, server.url)
    times = (100, 160, 161 + EVERY_S, 900, 5_000, 50_000)
    for at_s in times:
        ears.turn(LAST_S + at_s)
    asked = [parse_qs(urlsplit(path).query) for path in server.asked]
    assert [query["duration"][0] for query in asked] == ["3h", "1m", "30m", "30m", "3h", "3h"]
    assert {query["payload_callsign"][0] for query in asked} == {CALL}


def test_nothing_comes_twice_also_after_a_restart(station, server):
    serve(server, entry(LAST_S + 70), entry(LAST_S + 75, uploader_callsign="MYCALL"))
    ears = Ears(station, server.url)
    ears.turn(LAST_S + 90)
    ears.turn(LAST_S + 91)
    Ears(station, server.url).turn(LAST_S + 92)
    count = "SELECT COUNT(*) FROM reception WHERE source = 'sondehub'"
    assert station.archive.db.execute(count).fetchone()[0] == 1 and len(server.asked) == 3
    serve(server, entry(LAST_S + 70), entry(LAST_S + 95))
    ears.turn(LAST_S + 100)
    assert station.archive.db.execute(count).fetchone()[0] == 2


@pytest.mark.parametrize("path", [
    "/404", "/500", "/429", "/slow-head", "/slow-body", "/truncated", "/html", "/noise",
    "/nothing", "/loop", "/huge",
])
def test_a_server_in_trouble_is_logged_once_lost_and_once_back(station, server, path):
    server.ways["/amateur/telemetry"] = server.ways[path]
    ears = Ears(station, server.url)
    with capture_logs() as logs:
        ears.turn(LAST_S + 100)
        ears.turn(LAST_S + 160)
        serve(server, entry(LAST_S + 170))
        ears.turn(LAST_S + 220)
    assert [line["event"] for line in logs] == ["sondehub_unheard", "sondehub_heard_again"]
    assert station.reader.flight()["link"]["sightings_sondehub"] == 1


def test_it_is_off_unless_the_mission_wants_it(station):
    assert sondehub_poll.start(station.ground, SIGNED_MISSION, lambda: 0, threading.Event()) is None


def test_the_real_command_hears_by_sondehub_without_a_radio(mission, server):
    serve(server, {**entry(), "datetime": "2026-01-01T10:00:00Z"})
    text = mission.read_text()
    assert "[ground]" in text
    mission.write_text(text.replace(
        "[ground]", f'[ground]\nsondehub_receive = true\nsondehub_url = "{server.url}"'))
    process = start(mission)
    path = mission.parent / "archive" / "archive.raw"
    while not path.exists() or b"horusdemodlib" not in path.read_bytes():
        assert process.poll() is None
    end(process)
    assert server.asked[0].startswith("/amateur/telemetry?duration=3h")
