"""Pictures in pieces on the ground: what fits is put in place, what does not is counted."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from PIL import Image

from groundstation.archive.archive import Archive
from groundstation.decode import mosaic
from groundstation.decode.mosaic import Mosaic
from groundstation.decode.pictures import TILE_SIDE_MAX
from groundstation.export.export import FORMATS, write_all
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from groundstation.web.stream import PageFeed
from tests.groundstation.far_end import MISSION, START_MS, FarEnd
from wire.records import Kind, Record

HOSTILE = (None, -1, 0, 2**32, 2**63, 1.0, True, "1", b"1", [1], {"a": 1}, "<svg onload=x>",
           float("nan"), msgpack.ExtType(3, b"x"))


def webp(shade: int, size: tuple[int, int] = (16, 16)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (shade, 90, 140)).save(out, "WEBP")
    return out.getvalue()


class Station:
    """A ground station that hears every frame of a far end."""

    def __init__(self, path: Path) -> None:
        self.archive = Archive(path, is_durable=False)
        self.ground = Ground(MISSION, self.archive, None)
        self.far = FarEnd()
        self.reader = FlightReader(path, MISSION)
        self.now_ms = START_MS

    def hear(self, kind: Kind, body: dict[str, Any]) -> Record:
        record = self.far.push(kind, self.now_ms, body)
        for _ in range(8):
            self.now_ms += 5000
            data = self.far.data(self.now_ms)
            if data:
                self.ground.receive(data, self.now_ms)
        known = self.archive.db.execute(
            "SELECT COUNT(*) FROM record WHERE record_id = ?", (record.record_id,)).fetchone()
        assert known[0] == 1, "whatever it says, it is a record"
        return record

    def thumbnail(self, number: Any = 1, **more: Any) -> int:
        body = {"image": webp(1), "scene": "horizon", "alt": 900, "picture": number, **more}
        return self.hear(Kind.THUMBNAIL, body).record_id

    def tile(self, index: Any, number: Any = 1, cols: Any = 4, rows: Any = 3, **more: Any) -> int:
        body = {"picture": number, "index": index, "cols": cols, "rows": rows, "image": webp(50)}
        return self.hear(Kind.TILE, {**body, **more}).record_id

    def tally(self, name: str) -> int:
        return self.reader.flight()["link"].get(name, 0)

    def entry(self, record_id: int) -> dict[str, Any]:
        return next(e for e in self.reader.entries(None, 200) if e["id"] == record_id)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path / "flight.sqlite")
    yield made
    made.reader.close()
    made.archive.close()


@pytest.mark.parametrize("nth", [1, 2])
def test_a_first_tile_that_comes_while_a_page_reads_brings_its_grid(
    station: Station, nth: int
) -> None:
    """No reader sees tiles of a picture without columns: what is drawn divides by them."""
    thumbnail = station.thumbnail()
    begun: list[str] = []

    def hear(statement: str) -> None:
        begun.append(statement)
        if len(begun) == nth:
            station.tile(5)

    station.reader.db.set_trace_callback(hear)
    found = station.reader.mosaic_of(thumbnail)
    assert not found.tiles or (found.columns, found.rows) == (4, 3)


def test_pieces_come_in_any_order_and_find_their_places(station: Station) -> None:
    early = station.tile(5)
    assert station.reader.entries(None, 9) == []
    assert station.reader.mosaics() == [Mosaic(None, 4, 3, {5: early})]
    first = station.thumbnail(cols=4, rows=3)
    late = station.tile(0, image=webp(77))
    assert station.reader.mosaics() == [Mosaic(first, 4, 3, {0: late, 5: early})]
    entry = station.entry(first)
    assert entry["is_shown"] and entry["tiles"] == [(0, late), (5, early)]
    assert (entry["columns"], entry["rows"], entry["kind"]) == (4, 3, "thumbnail")
    assert station.reader.picture(late) == (webp(77), "image/webp")
    json.dumps(entry)


def test_a_picture_without_tiles_is_a_thumbnail_as_before(station: Station) -> None:
    plain = station.hear(Kind.THUMBNAIL, {"image": webp(3), "scene": "sun"}).record_id
    numbered = station.thumbnail()
    for record_id in (plain, numbered):
        entry = station.entry(record_id)
        assert (entry["columns"], entry["rows"], entry["tiles"]) == (0, 0, [])
    assert [m.thumbnail_key for m in station.reader.mosaics()] == [plain, numbered]


def test_a_grid_that_comes_with_the_first_tile(station: Station) -> None:
    """Tiles of a picture that had to wait: its thumbnail did not promise any."""
    first = station.thumbnail()
    station.tile(2, cols=2, rows=2)
    assert (station.entry(first)["columns"], station.entry(first)["rows"]) == (2, 2)


@pytest.mark.parametrize(("what", "body"), [
    ("index above", {"index": 12}), ("index far above", {"index": 2**31}),
    ("cols 0", {"cols": 0}), ("cols 1000", {"cols": 1000}), ("cols 9", {"cols": 9}),
    ("rows 0", {"rows": 0}), ("rows 9", {"rows": 9}), ("no image", {"image": b""}),
    ("html", {"image": b"<svg onload=alert(1)>" * 9}), ("gif", {"image": b"GIF89a<script>"}),
    ("huge claim", {"image": webp(1, (TILE_SIDE_MAX + 1, 8))}), ("text", {"image": "x" * 99}),
])
def test_a_tile_that_cannot_be_is_counted_and_shown_nowhere(
    station: Station, what: str, body: dict[str, Any]
) -> None:
    first = station.thumbnail(cols=4, rows=3)
    station.tile(**{"index": 1, **body})
    assert station.tally("tiles_rejected") == 1, what
    assert station.entry(first)["tiles"] == [] and station.entry(first)["columns"] == 4


def test_hostile_values_in_every_field_of_a_tile(station: Station) -> None:
    first = station.thumbnail(cols=4, rows=3)
    good = {"picture": 1, "index": 1, "cols": 4, "rows": 3, "image": webp(50)}
    is_fine = [("index", 0)]
    count = 0
    for key, value in itertools.product(good, HOSTILE):
        if (key, value) in is_fine and type(value) is int:
            continue
        station.hear(Kind.TILE, {**good, key: value})
        count += 1
    for key in good:
        station.hear(Kind.TILE, {name: value for name, value in good.items() if name != key})
        count += 1
    station.hear(Kind.TILE, {})
    assert station.tally("tiles_rejected") == count + 1
    assert station.entry(first)["tiles"] == []
    assert station.tile(1) and len(station.entry(first)["tiles"]) == 1


@pytest.mark.parametrize("value", [v for v in HOSTILE if v is not None])
def test_hostile_values_in_a_thumbnail_cost_it_its_pieces_only(
    station: Station, value: object
) -> None:
    numbered = station.thumbnail(value)
    assert station.tally("pictures_rejected") == 1
    promised = station.thumbnail(2, cols=value, rows=3)
    assert station.tally("pictures_rejected") == 2
    for record_id in (numbered, promised):
        entry = station.entry(record_id)
        assert entry["is_shown"] and (entry["columns"], entry["tiles"]) == (0, [])
    station.tile(4, 2)
    assert station.entry(promised)["columns"] == 4


def test_what_came_first_holds(station: Station) -> None:
    """Another grid, the same place again, a second thumbnail of the same number: counted."""
    first = station.thumbnail(cols=4, rows=3)
    kept = station.tile(1)
    station.tile(1, image=webp(99))
    station.tile(2, cols=3, rows=4)
    second = station.thumbnail(cols=2, rows=2)
    assert station.tally("tiles_repeated") == 1
    assert station.tally("tiles_conflicting") == 1
    assert station.tally("pictures_conflicting") == 1
    assert station.entry(first)["tiles"] == [(1, kept)]
    assert station.reader.picture(kept) == (webp(50), "image/webp")
    assert station.entry(second)["is_shown"] and station.entry(second)["tiles"] == []


def test_a_thumbnail_that_contradicts_its_tiles_is_shown_with_their_grid(station: Station) -> None:
    early = station.tile(1)
    first = station.thumbnail(cols=8, rows=8)
    assert station.tally("pictures_conflicting") == 1
    entry = station.entry(first)
    assert (entry["columns"], entry["rows"], entry["tiles"]) == (4, 3, [(1, early)])


def test_another_payloads_tiles_are_not_ours(station: Station) -> None:
    first = station.thumbnail(cols=4, rows=3)
    station.far, ours = FarEnd(node_id=9, boot=3), station.far
    station.tile(1)
    station.far = ours
    assert station.entry(first)["tiles"] == [] and station.tally("tiles_rejected") == 0


def test_the_archive_made_again_has_the_same_pictures(station: Station) -> None:
    for number in (1, 2):
        station.thumbnail(number, cols=4, rows=3)
        for index in range(number, 6):
            station.tile(index, number)
    station.tile(3)
    before, tally = station.reader.mosaics(), station.tally("tiles_repeated")
    station.archive.rebuild()
    assert station.reader.mosaics() == []
    Ground(MISSION, station.archive, None)
    assert station.reader.mosaics() == before and len(before[0].tiles) == 5
    assert station.tally("tiles_repeated") == tally == 1


def test_the_stream_sends_the_picture_with_each_piece_of_it(station: Station) -> None:
    feed = PageFeed(station.reader, lambda: START_MS)
    station.tile(11)
    at, _ = feed.step(None)
    first = station.thumbnail(cols=4, rows=3)
    for have in (1, 2, 3):
        if have > 1:
            station.tile(have)
        at, message = feed.step(at)
        assert message is not None
        entries = json.loads(message.split("data: ")[1])["entries"]
        assert [entry["id"] for entry in entries] == [first]
        assert len(entries[0]["tiles"]) == have
    station.tile(1, 5)
    at, message = feed.step(at)
    assert message is not None and json.loads(message.split("data: ")[1])["entries"] == []


def test_the_export_has_each_picture_as_far_as_it_got(station: Station, tmp_path: Path) -> None:
    """A whole one, half a one, one that lost its thumbnail, and one that is no image at all."""
    station.thumbnail(1, cols=2, rows=1, scene="<script>alert(1)</script>")
    for index in (0, 1):
        station.tile(index, 1, 2, 1, image=webp(100 + index))
    station.thumbnail(2, cols=4, rows=3)
    station.tile(11, 2)
    station.hear(Kind.THUMBNAIL, {"image": b"<svg onload=alert(1)>", "picture": 3})
    station.tile(0, 4)
    written = write_all(station.reader, tmp_path / "out")
    folder = tmp_path / "out" / "pictures"
    assert sorted(path for path in written if path.parent == folder) == sorted(folder.iterdir())
    assert sorted(path.name for path in folder.iterdir()) == [
        "0001-row1-column1.webp", "0001-row1-column2.webp", "0001.svg", "0001.webp",
        "0002-row3-column4.webp", "0002.svg", "0002.webp", "0003-row1-column1.webp", "0003.svg"]
    assert (folder / "0001-row1-column2.webp").read_bytes() == webp(101)
    page = (tmp_path / "out" / "book.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page and "1 of 12 tiles" in page
    whole = (folder / "0001.svg").read_text()
    found = re.findall(r'href="data:image/webp;base64,([^"]+)"', whole)
    assert [base64.b64decode(data) for data in found] == [
        (folder / f"0001{name}.webp").read_bytes()
        for name in ("", "-row1-column1", "-row1-column2")]
    assert "hatch" in (folder / "0003.svg").read_text(), "what never came is hatched"


def test_an_export_without_pictures_has_no_folder_for_them(
    station: Station, tmp_path: Path
) -> None:
    assert len(write_all(station.reader, tmp_path / "out")) == len(FORMATS)
    assert not (tmp_path / "out" / "pictures").exists()


def test_only_pictures_are_served_as_pictures(station: Station) -> None:
    line = station.hear(Kind.MUSING, {"text": "cold", "image": webp(1)}).record_id
    assert station.reader.picture(line) is None
    assert mosaic.image(station.archive.db, 9, station.tile(1)) is None
