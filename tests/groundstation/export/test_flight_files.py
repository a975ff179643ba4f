"""The files of a flight: book, tracks for maps, Markdown, pictures; hostile words stay words."""

from __future__ import annotations

import html.parser
import io
import json
import re
import zipfile
from contextlib import closing
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from groundstation.archive.archive import Archive
from groundstation.archive.track import Point
from groundstation.export import ccsds, export
from groundstation.export.flight_data import gather
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import (
    MISSION,
    START_MS,
    FarEnd,
    state_at,
)
from tests.groundstation.lied_to import FLOWN, Station
from tests.groundstation.web import diary
from wire.records import Kind

HOSTILE = ("<img src=x onerror=alert(1)>", "</p></style><script>owned=1</script>", "]]>--><b>",
           "[a](javascript:alert(1)) ![](http://evil.example/x.png)", "'\"{{7*7}}`x`",
           "# no heading\n* no list", "&lt;b&gt; \u2028 \u202ebackwards")
GPX = "{http://www.topografix.com/GPX/1/1}"
KML = "{http://www.opengis.net/kml/2.2}"
MARKUP = {"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "figure",
          "figcaption", "section", "table", "tr", "th", "td", "svg", "path", "circle", "text",
          "article", "blockquote", "image", "code", "div", "rect", "defs", "pattern"}


class Tags(html.parser.HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def flight(tmp_path_factory):
    archive = diary.build(tmp_path_factory.mktemp("flight") / "flight.sqlite")
    with closing(FlightReader(archive.path, MISSION)) as reader:
        yield gather(reader)
    archive.close()


@pytest.fixture
def hostile(tmp_path):
    archive = Archive(tmp_path / "hostile.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    for text in HOSTILE:
        far.push(Kind.MUSING, START_MS, {"text": text, "senses": text, "alt": 5,
                                         "lat": 521_000_000, "lon": 130_000_000})
        far.push(Kind.REPLY, START_MS, {"text": text, "question": text, "question_id": 1})
        far.push(Kind.API_CALL, START_MS, {"api": text, "outcome": text, "summary": text})
        far.push(Kind.THUMBNAIL, START_MS, {"image": diary.picture(5, 1), "scene": text})
    for at_s in range(0, 200, 5):
        ground.receive(far.beacon(state_at(at_s)), START_MS + at_s * 1000)
        data = far.data(START_MS + at_s * 1000)
        if data:
            ground.receive(data, START_MS + at_s * 1000)
    with closing(FlightReader(archive.path, MISSION)) as reader:
        yield gather(reader)
    archive.close()


def made(flight, name):
    return export.EVERY[name].of(flight).decode()


def test_the_book_holds_the_flight_and_needs_nothing_else(flight):
    page = made(flight, "book.html")
    tags = Tags(page)
    for line in diary.LINES:
        assert line in tags.text
    for words in ("EDDA", "21 September 2026", "The burst", "29\u202f628\u00a0m", "The landing",
                  "What does it look like from there?", "a canned line, not the model’s",
                  "no signal for", "AI persona", flight.receptions_sha256):
        assert words in tags.text, words
    assert tags.tags <= MARKUP
    links = {value for name, value in tags.attributes if name in ("src", "href")}
    assert links and all(link.startswith("data:image/") for link in links)
    policy = next(value for name, value in tags.attributes if "default-src" in value)
    assert policy.startswith("default-src 'none'; img-src data:")
    ids = [value for name, value in tags.attributes if name == "id"]
    assert len(ids) == len(set(ids)) == len(flight.lines)


@pytest.mark.thorough
def test_the_same_archive_gives_the_same_bytes(flight, tmp_path):
    archive = diary.build(tmp_path / "again.sqlite")
    with closing(FlightReader(archive.path, MISSION)) as reader:
        again = gather(reader)
    archive.close()
    for name, form in export.EVERY.items():
        assert form.of(flight) == form.of(again), name


def test_hostile_words_stay_words_in_every_file(hostile):
    page = Tags(made(hostile, "book.html"))
    assert page.tags <= MARKUP
    assert {name for name, _ in page.attributes} & {"onerror", "onload", "onclick"} == set()
    said = [line["text"] for line in hostile.lines if line["kind"] == "musing"]
    assert len(said) == len(HOSTILE) and all(text in page.text for text in said)
    waypoints = ElementTree.fromstring(made(hostile, "track.gpx")).iter(f"{GPX}wpt")
    assert [w.findtext(f"{GPX}desc") for w in waypoints] == said
    packed = zipfile.ZipFile(io.BytesIO(export.EVERY["track.kmz"].of(hostile)))
    places = ElementTree.fromstring(packed.read("doc.kml")).iter(f"{KML}description")
    shown = [Tags(place.text or "") for place in places]
    assert [each.text for each in shown] == said, "a description of KML is HTML"
    assert all(each.tags == set() for each in shown)
    assert {f["properties"].get("text") for f in json.loads(
        made(hostile, "track.geojson"))["features"][1:]} == set(said)
    unescaped = re.sub(r"\\.", "", made(hostile, "diary.md").split("\n\n", 2)[2])
    assert not re.search(r"[<\[\]]|://|^# |^\* ", unescaped, re.MULTILINE)


def test_what_is_verified_and_what_is_not_are_two_tracks_in_every_file(tmp_path):
    station = Station(tmp_path)
    station.lie()
    flight = gather(station.reader)
    station.close()
    trackpoints = [
        (trk.findtext(f"{GPX}name"), len(list(trk.iter(f"{GPX}trkpt"))))
        for trk in ElementTree.fromstring(made(flight, "track.gpx")).iter(f"{GPX}trk")]
    assert trackpoints == [("EDDA, verified", len(FLOWN)), ("EDDA, not verified", 4)]
    packed = zipfile.ZipFile(io.BytesIO(export.EVERY["track.kmz"].of(flight)))
    styles = [node.text for node in ElementTree.fromstring(packed.read("doc.kml")).iter(
        f"{KML}styleUrl")]
    kinds = [f["properties"]["authenticity"] for f in json.loads(
        made(flight, "track.geojson"))["features"]]
    assert kinds == ["genuine", "unverified"] and styles == ["#genuine", "#unverified"]
    book = Tags(made(flight, "book.html"))
    assert "verified every frame" in book.text
    assert ("stroke-dasharray", "6 5") not in book.attributes, "no claim is in the book"


def test_a_track_over_the_date_line_is_drawn_in_two_parts(flight):
    way = [Point(1_790_000_000_000 + i * 60_000, 51.0, lon, 500_000.0)
           for i, lon in enumerate((173.0, 179.0, -175.0, -169.0))]
    orbit = replace(flight, way=way, claims=[])
    lines = [f["geometry"]["coordinates"] for f in json.loads(
        made(orbit, "track.geojson"))["features"] if f["geometry"]["type"] == "LineString"]
    assert lines == [[[lon, 51.0, 500_000.0] for lon in part]
                     for part in ((173.0, 179.0), (-175.0, -169.0))]
    segments = ElementTree.fromstring(made(orbit, "track.gpx")).iter(f"{GPX}trkseg")
    assert [len(list(each)) for each in segments] == [2, 2]
    packed = zipfile.ZipFile(io.BytesIO(export.EVERY["track.kmz"].of(orbit)))
    assert len(list(ElementTree.fromstring(packed.read("doc.kml")).iter(f"{KML}LineString"))) == 2
    whole = 'd="M34.0 160.0L158.0 160.0L282.0 160.0L406.0 160.0"'
    assert made(orbit, "book.html").count(whole) == 1, "where no map is, in one"


def test_everything_is_in_one_file_under_names_of_our_own(hostile):
    packed = zipfile.ZipFile(io.BytesIO(export.EVERY["flight.zip"].of(hostile)))
    names = packed.namelist()
    assert set(export.FORMATS) <= set(names)
    assert all(name.replace("pictures/", "").replace(".", "").isalnum() for name in names)
    assert "pictures/0001.jpg" in names


def test_the_records_are_space_packets_and_the_readings_a_typed_table(flight):
    packets = ccsds.unpack(export.EVERY["records.ccsds"].of(flight))
    assert packets == flight.records and len(packets) > len(flight.lines)
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(export.EVERY["telemetry.parquet"].of(flight)))
    header, first = made(flight, "telemetry.csv").splitlines()[:2]
    assert table.column_names == header.split(",") and table.num_rows == len(flight.beacons)
    assert str(table.schema.field("time").type) == "timestamp[ms, tz=UTC]"
    assert table["time"][0].as_py().isoformat() == first.split(",")[0]
    assert table["altitude_m"][0].as_py() == flight.beacons[0]["altitude_m"]


def test_an_archive_of_nothing_makes_a_book_of_nothing(tmp_path):
    archive = Archive(tmp_path / "empty.sqlite", is_durable=False)
    with closing(FlightReader(archive.path, MISSION)) as reader:
        flight = gather(reader)
    archive.close()
    for name, form in export.EVERY.items():
        form.of(flight)
        assert name
