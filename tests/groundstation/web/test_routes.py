"""The page's interface: hostile words are inert, the stream resumes, the outbox is honest."""

from __future__ import annotations

import base64
import json
import math
import re
import sqlite3
from xml.etree import ElementTree

import msgpack
import pytest
from starlette.testclient import TestClient

from groundstation import vendor
from groundstation.archive import record_table
from groundstation.archive.archive import Archive
from groundstation.archive.track import Point, in_order, place_at, thinned
from groundstation.decode.pictures import media_type
from groundstation.export.export import write_all
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from groundstation.sanitise import clean_text, to_json
from groundstation.web import routes
from groundstation.web.routes import create_app
from groundstation.web.stream import CHANGES_MAX, PageFeed
from tests.groundstation.far_end import MASTER_KEY, MISSION, START_MS, FarEnd, state_at
from tests.groundstation.web import diary
from tests.groundstation.web.browser import need_vendor
from wire import records
from wire.auth import Authenticity, Direction, derive_key
from wire.records import Kind, Record, TimeQuality

HOST = "http://127.0.0.1:8080"
KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)
HOSTILE = [
    "<script>alert(1)</script>", '<img src=x onerror="alert(1)">', "</script><svg onload=x>",
    "\u202egnp.exe\u2066", "\x1b[2J\x1b]52;c;aGk=\x07", "a\x00b\rc\nd", "z" + "\u0301" * 300,
    "{{7*7}} ${x} ![](http://evil)", "\u2028\u2029", "\U000e0041tag", "=cmd|' /C calc'!A0",
]


@pytest.fixture
def station(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    yield archive
    archive.close()


def client_of(archive, now_ms=START_MS, **options):
    app = create_app(archive.path, MISSION, **{"now": lambda: now_ms} | options)
    return TestClient(
        app, base_url=HOST, raise_server_exceptions=False, client=("127.0.0.1", 5000))


def keep(archive, record_id, kind, body, time_ms=START_MS, quality=TimeQuality.GPS):
    record = Record(record_id, kind, 1, time_ms, quality, body)
    with archive.batch():
        record_table.add(archive, 7, [record], START_MS, Authenticity.UNSIGNED)


# -- hostile words --------------------------------------------------------------------------


def test_hostile_text_stays_text_in_every_answer(station):
    for i, text in enumerate(HOSTILE):
        keep(station, i, Kind.MUSING, {"text": text, "senses": text, "about": text, "by": text})
        keep(station, 100 + i, Kind.API_CALL, {"api": text, "outcome": text})
        keep(station, 200 + i, Kind.EVENT, {"event": text, "severity": "error"})
    client = client_of(station)
    answer = client.get("/api/musings?limit=200")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for entry in answer.json()["entries"]:
        for value in entry.values():
            if isinstance(value, str):
                assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", value)
                assert "\u0301\u0301\u0301" not in value
    texts = [e["text"] for e in answer.json()["entries"] if e["kind"] == "musing"]
    assert "<script>alert(1)</script>" in texts, "shown as it was said, as text"


@pytest.mark.parametrize("value", [
    math.nan, math.inf, -math.inf, 1e308, 2**63, -(2**60), True, "12", b"x", None, [1], {"a": 1},
])
def test_numbers_that_are_none_never_reach_the_page(station, value):
    keep(station, 1, Kind.MUSING, {"text": "hello", "alt": value, "lat": value, "lon": value})
    keep(station, 2, Kind.TRACK, {"lat": value, "lon": value, "alt": value})
    keep(station, 3, Kind.HOUSEKEEPING, {"mv": value, "out": value, "in": value})
    keep(station, 4, Kind.REPLY, {"text": "yes", "question_id": value, "question": value})
    keep(station, 5, Kind.THUMBNAIL, {"image": value, "alt": value})
    keep(station, 6, Kind.SOUND, {"heard": "wind", "spl": value, "alt": value})
    client = client_of(station)
    for path in ("/api/musings", "/api/history", "/api/flight"):
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        json.loads(answer.text, parse_constant=pytest.fail)
    assert client.get("/api/picture/5").status_code == 404


@pytest.mark.parametrize("fields", [{"sensor": "bme280"}, {"sensor": 7}, ["sensor"], None])
def test_a_lost_sensor_is_named(station, fields):
    keep(station, 1, Kind.EVENT, {"event": "sensor_lost", "severity": "error", "fields": fields})
    [entry] = client_of(station).get("/api/musings").json()["entries"]
    name = ": bme280" if fields == {"sensor": "bme280"} else ""
    assert entry["event"] == "sensor lost" + name


def test_what_it_heard_is_an_entry_and_what_has_no_name_is_none(station):
    """Goal: names and a level as plain values. Method: sounds as ours sends them, and not."""
    bodies = [
        {"heard": "wind flutter", "level": -257, "spl": 943}, {"heard": "quiet", "level": -900},
        {"heard": "", "level": -500}, {"level": -500}, {"heard": 7, "spl": "loud"},
        {"heard": "<b>owl</b>", "spl": 1e308},
    ]
    for number, body in enumerate(bodies):
        keep(station, number, Kind.SOUND, {**body, "alt": 9000})
    entries = client_of(station).get("/api/musings").json()["entries"]
    assert {e["kind"] for e in entries} == {"sound"}
    assert [(e["heard"], e["spl_db"], e["alt_m"]) for e in entries[::-1]] == [
        (["wind", "flutter"], 94.3, 9000), (["quiet"], None, 9000), (["<b>owl</b>"], None, 9000)]


def test_what_a_picture_shows_is_with_it(station):
    """Goal: names as plain values, none where there are no eyes. Method: as ours, and not."""
    image = b"\xff\xd8\xff" + bytes(80) + b"\xff\xd9"
    for number, more in enumerate(({"sees": "sun tilted"}, {"sees": ""}, {}, {"sees": 7},
                                   {"sees": "<b>owl</b>"})):
        keep(station, number, Kind.THUMBNAIL, {"image": image, "scene": "horizon", **more})
    entries = client_of(station).get("/api/musings").json()["entries"]
    assert [e["sees"] for e in entries[::-1]] == [["sun", "tilted"], [], [], [], ["<b>owl</b>"]]


def test_a_hostile_frame_never_stops_the_station(station):
    ground, far = Ground(MISSION, station, KEY), FarEnd(KEY)
    bodies = [
        {"question_id": 2**63, "text": "x"}, {"counter": -1, "result": "ok"},
        {"question_id": "1", "text": 5}, {"image": 7}, {"text": msgpack.ExtType(3, b"x")},
        {"text": [1.5] * 100},
    ]
    kinds = (Kind.REPLY, Kind.COMMAND_RESULT, Kind.QUESTION, Kind.THUMBNAIL, Kind.MUSING)
    now = START_MS
    for kind in kinds:
        for body in bodies:
            far.push(kind, now, body)
    for i in range(200):
        now = START_MS + i * 5000
        data = far.data(now)
        if data:
            ground.receive(data, now)
    count = station.db.execute("SELECT COUNT(*) FROM record").fetchone()[0]
    assert count == len(kinds) * len(bodies)
    client = client_of(station)
    assert client.get("/api/musings").status_code == 200
    assert records.unpack_body(station.db.execute("SELECT body FROM record").fetchone()[0])


def test_no_script_of_ours_can_turn_text_into_markup():
    banned = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|srcdoc|eval\(|"
        r"createContextualFragment|DOMParser|new Function|bindPopup\(\s*[`\"']|html:\s*[`\"']"
    )
    scripts = sorted(routes.STATIC.glob("*.js"))
    assert len(scripts) >= 8
    for script in scripts:
        assert not banned.search(script.read_text()), script.name
    html = (routes.STATIC / "index.html").read_text()
    assert not re.search(r"\son\w+=|style=|<script(?![^>]*src=)", html)
    for file in [*scripts, routes.STATIC / "index.html", *routes.STATIC.glob("*.css")]:
        assert not re.search(r"(src|href|url|import|fetch)\W{1,3}https?://", file.read_text())


def test_to_json_refuses_nan():
    with pytest.raises(ValueError):
        to_json({"x": math.nan})
    assert clean_text("a" * 5000, 10) == "a" * 9 + "…"


# -- doors ----------------------------------------------------------------------------------


def test_every_answer_carries_the_security_headers(station):
    client = client_of(station)
    for path in ("/", "/static/page.js", "/api/flight", "/api/nothing", "/static/../routes.py"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert client.get("/api/flight").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("host", "status"), [
    ("127.0.0.1:8080", 200), ("localhost:8080", 200), ("192.168.7.2", 200), ("[::1]:8080", 200),
    ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421), ("[", 421),
])
def test_the_station_answers_only_to_its_own_names(station, host, status):
    assert client_of(station).get("/api/flight", headers={"host": host}).status_code == status


def test_nothing_outside_static_is_served(station):
    client = client_of(station)
    for path in ("/static/%2e%2e/routes.py", "/static/../../mission.toml", "/static//etc/passwd"):
        assert client.get(path).status_code == 404


def test_without_an_archive_the_page_says_so(tmp_path):
    app = create_app(tmp_path / "none.sqlite", MISSION)
    client = TestClient(
        app, base_url=HOST, raise_server_exceptions=False, client=("127.0.0.1", 5000))
    assert client.get("/").status_code == 200
    answer = client.get("/api/flight")
    assert answer.status_code == 503 and "archive" in answer.json()["error"]
    Archive(tmp_path / "none.sqlite").close()
    assert client.get("/api/flight").status_code == 200, "it appears when the station starts"


# -- the stream -----------------------------------------------------------------------------


def messages(feed, after):
    newest, message = feed.step(after)
    if message is None:
        return newest, None, None
    fields = dict(line.split(": ", 1) for line in message.strip().split("\n"))
    assert int(fields["id"]) == newest
    return newest, fields["event"], json.loads(fields["data"])


def test_the_stream_resumes_where_it_was_cut(station):
    ground, far = Ground(MISSION, station, KEY), FarEnd(KEY)
    feed = PageFeed(FlightReader(station.path, MISSION), lambda: START_MS)
    at, event, _ = messages(feed, None)
    assert event is None
    ground.receive(far.beacon(state_at(100)), START_MS)
    keep(station, 1, Kind.MUSING, {"text": "one"})
    first, event, update = messages(feed, at)
    assert event == "update" and [e["text"] for e in update["entries"]] == ["one"]
    assert update["flight"]["beacon"]["altitude_m"] == 560 and len(update["unverified"]) == 1
    keep(station, 2, Kind.MUSING, {"text": "two"})
    keep(station, 3, Kind.MUSING, {"text": "three"})
    _, _, again = messages(feed, at)
    assert [e["text"] for e in again["entries"]] == ["one", "two", "three"]
    last, _, rest = messages(feed, first)
    assert [e["text"] for e in rest["entries"]] == ["two", "three"]
    assert messages(feed, last) == (last, None, None)


def test_who_is_too_far_behind_or_from_another_archive_is_told_to_start_again(station):
    feed = PageFeed(FlightReader(station.path, MISSION), lambda: START_MS)
    with station.batch():
        for _ in range(CHANGES_MAX + 5):
            with station.batch():
                station.note_change("silence", None)
    newest, event, _ = messages(feed, 0)
    assert event == "resync" and newest == CHANGES_MAX + 5
    newest, event, _ = messages(feed, 10**9)
    assert event == "resync" and newest == CHANGES_MAX + 5


# -- the numbers ----------------------------------------------------------------------------


def test_a_long_flight_is_thinned_and_its_gaps_stay_gaps(tmp_path):
    archive = diary.build(tmp_path / "a.sqlite", with_pictures=False)
    history = client_of(archive).get("/api/history").json()
    assert 200 < len(history["unverified"]["t"]) <= 1500 and len(history["state"]["t"]) <= 1500
    assert max(history["unverified"]["alt"]) > 29_000, "the peak survives"
    assert None in history["state"]["mv"], "a silence is a gap"
    assert all(len(c) == len(history["link"]["t"]) for c in history["link"].values())
    assert any(b - a > 200_000 for a, b in history["silences"])
    state = client_of(archive).get("/api/flight").json()
    assert [p["phase"] for p in state["phases"]] == ["GROUND", "ASCENT", "DESCENT", "LANDED"]
    assert 0.1 < state["link"]["loss_recent"] < 0.4
    archive.close()


def test_the_track_doubts_teleports_and_believes_them_when_they_agree():
    def at(second, lat, lon):
        return Point(START_MS + second * 1000, lat, lon, 1000.0)

    way = [at(i * 10, 52 + i * 0.001, 13.0) for i in range(5)]
    wild = at(25, 57.0, 13.0)
    assert in_order([*way, wild, at(12, 0.0, 0.0)]) == way
    moved = [at(100 + i * 10, 57 + i * 0.001, 13.0) for i in range(3)]
    assert in_order([*way, *moved]) == [*way, *moved]
    many = [Point(i, 1.0, 1.0, float(i == 501)) for i in range(3001)]
    few = thinned(many, 100)
    assert len(few) <= 100 and many[501] in few and many[-1] in few


def test_the_track_of_an_orbit_is_kept_whole_and_crosses_the_date_line():
    """Once every point but the first was doubted: 7.3 km/s is no balloon's speed."""
    def at(minute, lon):
        return Point(START_MS + minute * 60_000, 51.0, lon, 500_000.0)

    way = [at(i, lon) for i, lon in enumerate((167.0, 173.0, 179.0, -175.0, -169.0))]
    assert in_order(way) == way
    assert place_at(way, START_MS + 150_000) == (51.0, -178.0)
    low = [point._replace(alt_m=30_000.0) for point in way]
    assert in_order(low) == low[:1]


def test_pictures_are_served_as_what_they_are_and_nothing_else(station):
    from PIL import Image
    image = diary.picture(9000, 1)
    keep(station, 1, Kind.THUMBNAIL, {"image": image, "scene": "horizon"})
    keep(station, 2, Kind.THUMBNAIL, {"image": b"<svg onload=alert(1)>"})
    keep(station, 3, Kind.THUMBNAIL, {"image": b"GIF89a<script>"})
    client = client_of(station)
    answer = client.get("/api/picture/1")
    assert answer.headers["content-type"] == "image/svg+xml"
    drawn = list(ElementTree.fromstring(answer.content).iter("{http://www.w3.org/2000/svg}image"))
    kind, _, data = drawn[0].attrib["href"].partition(";base64,")
    assert len(drawn) == 1 and kind == "data:image/jpeg" and base64.b64decode(data) == image
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; img-src data:")
    for record_id in (2, 3, 4, 2**70):
        assert client.get(f"/api/picture/{record_id}").status_code == 404
    for kind in ("WEBP", "PNG"):
        import io

        out = io.BytesIO()
        Image.new("RGB", (64, 48)).save(out, kind)
        assert media_type(out.getvalue()) == f"image/{kind.lower()}"
    start = image.index(b"\xff\xc0")
    huge = image[: start + 5] + b"\xff\xff\xff\xff" + image[start + 9 :]
    assert media_type(huge) is None


def test_exports_are_plain_and_harmless(station, tmp_path):
    keep(station, 1, Kind.MUSING, {"text": "=SUM(A1)", "lat": 521_000_000, "lon": 130_000_000})
    keep(station, 2, Kind.MUSING, {"text": "two\nlines", "alt": -5})
    with station.batch():
        far = FarEnd()
        Ground(MISSION, station, None)
    Ground(MISSION, station, None).receive(far.beacon(state_at(60)), START_MS)
    write_all(FlightReader(station.path, MISSION), tmp_path / "out")
    assert (tmp_path / "out/musings.txt").read_text() == "=SUM(A1)\ntwo lines\n"
    assert "'=SUM(A1)" in (tmp_path / "out/diary.csv").read_text()
    places = json.loads((tmp_path / "out/track.geojson").read_text())["features"]
    assert places[-1]["geometry"]["coordinates"] == [13.0, 52.1], "behind the track"
    assert "-5" in (tmp_path / "out/diary.csv").read_text()
    assert len((tmp_path / "out/telemetry.csv").read_text().splitlines()) == 2


# -- weight ---------------------------------------------------------------------------------


def test_the_first_load_is_light(station):
    need_vendor()
    client = client_of(station)
    total = 0
    files = ["/", "/static/style.css", "/static/read.css"]
    files += [f"/static/{path.name}" for path in routes.STATIC.glob("*.js")]
    files += [f"/static/vendor/{name}" for name in routes.VENDOR_FILES]
    for path in files:
        with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
            assert answer.status_code == 200, path
            total += sum(len(chunk) for chunk in answer.iter_raw())
    assert total <= 150_000, total


def test_the_lock_file_names_no_download_address():
    text = (vendor.ROOM / "package-lock.json").read_text()
    assert "resolved" not in text and "http" not in text
    assert json.loads(text)["packages"]["node_modules/leaflet"]["version"] == "1.9.4"


def test_reading_cannot_write(station):
    reader = FlightReader(station.path, MISSION)
    with pytest.raises(sqlite3.OperationalError):
        reader.db.execute("DELETE FROM reception")
