"""The user's own map: what is served of an MBTiles file, and what is none."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from groundstation.errors import StationError
from groundstation.web.map_tiles import MapTiles
from groundstation.web.routes import create_app
from tests.groundstation.far_end import MISSION


def png(colour: str = "white") -> bytes:
    out = BytesIO()
    Image.new("RGB", (256, 256), colour).save(out, "PNG")
    return out.getvalue()


def mbtiles(path: Path, tiles: dict[tuple[int, int, int], bytes], **metadata: str) -> Path:
    """``tiles``: image by zoom, column and row from the south, as the file has them."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE metadata(name TEXT, value TEXT)")
        db.execute("CREATE TABLE tiles(zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER,"
                   " tile_data BLOB)")
        db.executemany("INSERT INTO metadata VALUES (?, ?)", metadata.items())
        db.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)",
                       [(*place, image) for place, image in tiles.items()])
    return path


def serves_two_tiles(tiles: MapTiles, folder: Path, north: bytes, south: bytes) -> None:
    """``tiles`` of zoom 1, one above the other: rows of a page count from the north."""
    assert tiles.as_json() == {"min_zoom": 1, "max_zoom": 1, "attribution": "© the mappers"}
    assert tiles.tile(1, 0, 0) == (north, "image/png")
    assert tiles.tile(1, 0, 1) == (south, "image/png")
    assert [tiles.tile(*place) for place in ((1, 1, 0), (1, 2, 0), (2, 0, 0), (99, 0, 0))] == [
        None] * 4
    app = create_app(folder / "none.sqlite", MISSION, tiles=tiles)
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        answer = client.get("/api/tiles/1/0/0")
        assert (answer.content, answer.headers["content-type"]) == (north, "image/png")
        for wrong in ("1/1/0", "1/1/1", "1/0/2", "1/-1/0", "x/0/0", "1/0/" + "9" * 30):
            assert client.get(f"/api/tiles/{wrong}").status_code == 404


def test_a_tile_is_found_where_the_page_looks_for_it(tmp_path):
    north, south = png("white"), png("black")
    path = mbtiles(tmp_path / "a.mbtiles", {(1, 0, 1): north, (1, 0, 0): south},
                   attribution="© the mappers\n")
    serves_two_tiles(MapTiles(path), tmp_path, north, south)


def test_without_a_file_there_is_no_tile(tmp_path):
    app = create_app(tmp_path / "none.sqlite", MISSION)
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        assert client.get("/api/tiles/1/0/0").status_code == 404


@pytest.mark.parametrize(("tiles", "why"), [
    ({}, "contains no tiles"),
    ({(30, 0, 0): png()}, "contains no tiles of zoom 0 to 22"),
    ({(1, 0, 0): png(), ("x", 0, 0): png()}, "contains no tiles of zoom 0 to 22"),
    ({(1, 0, 0): b"\x1f\x8b\x08vector"}, "vector tiles are not supported"),
    ({(1, 0, 0): b"<svg onload=alert(1)>"}, "no PNG, JPEG or WebP"),
])
def test_a_file_without_raster_tiles_is_refused_in_one_sentence(tmp_path, tiles, why):
    with pytest.raises(StationError, match=why):
        MapTiles(mbtiles(tmp_path / "a.mbtiles", tiles))


def test_what_is_no_mbtiles_file_is_refused(tmp_path):
    (tmp_path / "text").write_text("not a database, and longer than its header would have been")
    with closing(sqlite3.connect(tmp_path / "other")) as db:
        db.execute("CREATE TABLE unrelated(x)")
    for name in ("text", "other"):
        with pytest.raises(StationError, match=f"{name} is neither an MBTiles nor a PMTiles file"):
            MapTiles(tmp_path / name)


def test_a_map_that_is_not_there_is_not_told_by_its_format(tmp_path):
    """It "is not an MBTiles file: unable to open database file"."""
    for name, why in (("absent", "No such file or directory"), ("", "Is a directory")):
        with pytest.raises(StationError, match=rf"the map cannot be read \({why}\)$"):
            MapTiles(tmp_path / name)
    assert not (tmp_path / "absent").exists()
