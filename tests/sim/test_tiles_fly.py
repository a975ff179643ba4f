"""Pictures through the air: what the camera saw, what the payload stored, what the ground has."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from groundstation.reading.reader import FlightReader
from payload.camera_worker import COLUMNS, ROWS
from payload.ports import Picture
from sim.fakes.card_disk import DeskStore
from sim.world import World
from tests.sim.flights import hop_world, mission
from wire.commands import Opcode
from wire.records import Kind, Priority


def watched(world: World) -> list[Picture]:
    """Every picture that the camera hands over from now on."""
    taken: list[Picture] = []
    poll = world.camera.poll

    def look(now_ms: int) -> object:
        result = poll(now_ms)
        if isinstance(result, Picture):
            taken.append(result)
        return result

    world.camera.poll = look  # type: ignore[method-assign, assignment]
    return taken


def test_every_byte_of_a_picture_arrives_in_its_place(tmp_path: Path) -> None:
    """Half an hour at a third of the frames lost, one power cut: each tile on the ground is the
    camera's own, in its place, and most pictures are whole."""
    world = hop_world(tmp_path)
    taken = watched(world)
    world.run_until(620)
    world.reboot()
    world.run_until(world.end_s)
    world.close()
    with closing(FlightReader(world.archive_path, mission())) as reader:
        mosaics = reader.mosaics()
        assert len(mosaics) >= 3
        by_thumbnail = {picture.thumbnail: picture for picture in taken}
        for mosaic in mosaics:
            assert mosaic.thumbnail_key is not None
            found = reader.picture(mosaic.thumbnail_key)
            assert found is not None
            picture = by_thumbnail[found[0]]
            for place, record_id in mosaic.tiles.items():
                piece = reader.picture(record_id)
                assert piece == (picture.tiles[place], "image/webp")
                assert Image.open(io.BytesIO(piece[0])).size == (160, 160)
        whole = [m for m in mosaics if len(m.tiles) == COLUMNS * ROWS == 12]
        assert len(whole) >= 2
        entry = next(e for e in reader.entries(None, 200) if e["id"] == whole[0].thumbnail_key)
        assert (entry["columns"], entry["rows"], len(entry["tiles"])) == (4, 3, 12)


def test_a_picture_that_the_ground_asks_for_comes_whole(tmp_path: Path) -> None:
    """PICTURE_NOW over the air, while the tiles of the picture before wait on a slow radio."""
    slow = mission().radio.model_copy(update={"rate_bps": 600})
    world = hop_world(tmp_path, flown=mission().model_copy(update={"radio": slow}))
    world.run_until(60)
    assert world.archive is not None and world.store is not None
    assert world.store.has_queued(Priority.BULK, 0)
    world.archive.queue(Opcode.PICTURE_NOW, "", world.clock.utc_ms)
    world.run_until(400)
    world.close()
    with closing(DeskStore(world.payload_path, is_durable=False)) as store:
        waiting = store.queued(Priority.BULK, 100)
    numbers = {record.body["picture"] for record in waiting}
    assert all(record.kind is Kind.TILE for record in waiting)
    assert numbers == {1, 2}, "both wait; the third picture, in time, would be a thumbnail only"


@pytest.mark.thorough
def test_on_a_slow_radio_pictures_are_skipped_and_lines_are_not(tmp_path: Path) -> None:
    slow = mission().radio.model_copy(update={"rate_bps": 1200})
    cadence = mission().cadence.model_copy(update={"picture_s": 90})
    flown = mission().model_copy(update={"radio": slow, "cadence": cadence})
    world = hop_world(tmp_path, flown=flown)
    world.run_until(world.end_s)
    assert world.flight is not None
    skipped = world.flight.camera.whole.skipped_pictures
    world.close()
    with closing(FlightReader(world.archive_path, mission())) as reader:
        counts = reader.flight()["counts"]
        tiled = [mosaic for mosaic in reader.mosaics() if mosaic.tiles]
    assert skipped >= 5 and counts["thumbnail"] >= 15
    assert 1 <= len(tiled) <= 6
    assert counts["musing"] >= 10
