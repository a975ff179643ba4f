"""The user's own map in a PMTiles file: what is served of it, and every file that is none."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from groundstation.errors import StationError
from groundstation.web.map_tiles import MapTiles
from tests.groundstation.web.test_map_tiles import png, serves_two_tiles


def pm_tiles(
    path: Path, tiles: dict[tuple[int, int, int], bytes], kind: TileType = TileType.PNG,
    **metadata: Any,
) -> Path:
    """``tiles``: image by zoom, column and row from the north, written by the kept library."""
    with path.open("wb") as file:
        writer = Writer(file)
        by_id = {zxy_to_tileid(*place): image for place, image in tiles.items()}
        for tile_id in sorted(by_id):
            writer.write_tile(tile_id, by_id[tile_id])
        writer.finalize({
            "tile_type": kind, "tile_compression": Compression.NONE,
            "min_zoom": min(place[0] for place in tiles),
            "max_zoom": max(place[0] for place in tiles),
            "min_lon_e7": 0, "min_lat_e7": 0, "max_lon_e7": 0, "max_lat_e7": 0,
            "center_zoom": 0, "center_lon_e7": 0, "center_lat_e7": 0}, metadata)
    return path


def test_a_tile_is_found_where_the_page_looks_for_it(tmp_path):
    north, south = png("white"), png("black")
    path = pm_tiles(tmp_path / "a.pmtiles", {(1, 0, 0): north, (1, 0, 1): south},
                    attribution="© the mappers\n")
    serves_two_tiles(MapTiles(path), tmp_path, north, south)


def test_a_large_file_has_directories_of_directories(tmp_path):
    images = [png(colour) for colour in ("red", "green", "blue")]
    places = [(8, column, row) for column in range(200) for row in range(100)]
    tiles = MapTiles(pm_tiles(tmp_path / "a.pmtiles", {
        place: images[sum(place) % 3] + b"%d" % at for at, place in enumerate(places)}))
    for at in (0, 1, 777, 19_999):
        assert tiles.tile(*places[at]) == (images[sum(places[at]) % 3] + b"%d" % at, "image/png")
    assert tiles.tile(8, 200, 0) is None
    (tmp_path / "a.pmtiles").unlink()
    assert tiles.tile(8, 0, 0) is None, "gone"


@pytest.mark.parametrize(("kind", "image", "why"), [
    (TileType.MVT, gzip.compress(b"vector", mtime=0), "vector tiles are not supported"),
    (TileType.PNG, b"<svg onload=alert(1)>", "no PNG, JPEG or WebP"),
])
def test_a_file_without_raster_tiles_is_refused_in_one_sentence(tmp_path, kind, image, why):
    with pytest.raises(StationError, match=why):
        MapTiles(pm_tiles(tmp_path / "a.pmtiles", {(0, 0, 0): image}, kind))


def test_a_file_that_unpacks_without_end_is_refused(tmp_path):
    path = pm_tiles(tmp_path / "a.pmtiles", {(0, 0, 0): png()})
    data, bomb = bytearray(path.read_bytes()), gzip.compress(bytes(30_000_000))
    data[8:24] = len(data).to_bytes(8, "little") + len(bomb).to_bytes(8, "little")
    path.write_bytes(data + bomb)
    with pytest.raises(StationError, match="unpacks to more than"):
        MapTiles(path)


def test_a_file_cut_or_damaged_anywhere_is_a_sentence_or_no_tile(tmp_path):
    path = pm_tiles(tmp_path / "a.pmtiles", {(1, 0, 0): png(), (1, 1, 1): png("black")})
    whole = path.read_bytes()
    for at in range(0, len(whole), 5):
        flipped = bytearray(whole)
        flipped[at] ^= 0xFF
        for data in (whole[:at], bytes(flipped)):
            path.write_bytes(data)
            try:
                tiles = MapTiles(path)
            except StationError as error:
                assert str(path) in str(error) and "\n" not in str(error)
            else:
                tiles.tile(1, 0, 0)
                tiles.tile(1, 1, 1)
