"""Tiles: what of a picture becomes records, in which order, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from payload.camera.camera import CameraManager
from payload.camera.tiles import CHECK_EVERY_MS, centre_out
from payload.ports import Picture
from sim.fakes.card_disk import DeskStore
from wire.records import (
    BODY_BYTES_MAX,
    TILE_BYTES_MAX,
    TILES_ASIDE_MAX,
    Kind,
    Priority,
    Record,
    TimeQuality,
    pack_body,
)

EVERY_S = 60


def webp(size: int, fill: int = 0) -> bytes:
    return b"RIFF" + (size - 8).to_bytes(4, "little") + b"WEBP" + bytes([fill]) * (size - 12)


THUMBNAIL = webp(900)


def tiles(count: int = 12, size: int = 400) -> tuple[bytes, ...]:
    return tuple(webp(size, fill) for fill in range(count))


class Camera:
    """Gives ``next`` at once; the tests change it between pictures."""

    def __init__(self) -> None:
        self.next = Picture(0, THUMBNAIL, "horizon", tiles(), 4, 3)

    def start(self, now_ms: int) -> bool:
        return True

    def poll(self, now_ms: int) -> Picture:
        return self.next

    def cancel(self, now_ms: int) -> None:
        raise AssertionError("nothing hangs here")


class Bench:
    """A camera manager and its store, a second at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = DeskStore(path, is_durable=False)
        self.camera = Camera()
        self.manager = CameraManager(self.camera, EVERY_S, self.store)
        self.now_ms = 0
        self.records: list[Record] = []

    def run(self, seconds: int) -> list[Record]:
        new: list[Record] = []
        for _ in range(seconds):
            self.now_ms += 1000
            new += [
                self.store.append(note.kind, note.body, 0, 0, TimeQuality.NONE)
                for note in self.manager.update(self.now_ms, True, 9000.0)
            ]
            assert self.store.commit(self.now_ms)
        self.records += new
        return new

    def picture(self, scene: str, made_of: tuple[bytes, ...] | None = None) -> list[Record]:
        """Until the next picture was taken; what was recorded."""
        self.camera.next = Picture(0, THUMBNAIL, scene, made_of or tiles(), 4, 3)
        number = len(self.of(Kind.THUMBNAIL, self.records))
        new: list[Record] = []
        while len(self.of(Kind.THUMBNAIL, self.records)) == number:
            new += self.run(1)
        return new

    def send(self, count: int) -> list[Record]:
        """The radio takes this many bulk records."""
        taken = []
        for _ in range(count):
            taken += self.store.queued(Priority.BULK, 1)
            self.store.mark_in_flight([taken[-1].record_id])
        return taken

    def reboot(self) -> None:
        self.store.close()
        self.store = DeskStore(self.path, is_durable=False)
        self.manager = CameraManager(self.camera, EVERY_S, self.store)

    @staticmethod
    def of(kind: Kind, records: list[Record]) -> list[Record]:
        return [record for record in records if record.kind is kind]

    def events(self) -> list[str]:
        return [record.body["event"] for record in self.of(Kind.EVENT, self.records)]

    def tiled(self) -> list[int]:
        """Numbers of the pictures that have tiles, in the order in which they got them."""
        numbers = [record.body["picture"] for record in self.of(Kind.TILE, self.records)]
        return list(dict.fromkeys(numbers))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "s.sqlite")
    yield made
    made.store.close()


def test_the_thumbnail_then_its_tiles_the_middle_first(bench: Bench) -> None:
    new = bench.picture("horizon")
    assert [record.kind for record in new] == [Kind.THUMBNAIL] + [Kind.TILE] * 12
    assert new[0].body == {
        "image": THUMBNAIL, "picture": 1, "scene": "horizon", "alt": 9000, "cols": 4, "rows": 3,
    }
    on_air = [record.body for record in bench.send(12)]
    assert [body["index"] for body in on_air] == [5, 6, 1, 2, 9, 10, 4, 7, 0, 3, 8, 11]
    for body in on_air:
        assert body["image"] == tiles()[body["index"]]
        assert (body["picture"], body["cols"], body["rows"]) == (1, 4, 3)


@pytest.mark.parametrize("columns", range(1, TILES_ASIDE_MAX + 1))
@pytest.mark.parametrize("rows", [1, 2, 3, TILES_ASIDE_MAX])
def test_centre_out_is_every_place_once_and_grows_outwards(columns: int, rows: int) -> None:
    order = centre_out(columns, rows)
    assert sorted(order) == list(range(columns * rows))
    assert order[-1] in (0, columns - 1, columns * (rows - 1), columns * rows - 1)
    assert abs(order[0] % columns - (columns - 1) / 2) <= 0.5


def test_a_flawed_tile_is_left_out_and_never_the_thumbnail(bench: Bench) -> None:
    """Empty, cut off, no picture, one byte too long; said once, and once when it is over."""
    good, flawed = webp(TILE_BYTES_MAX), (b"", webp(300)[:-1], b"<svg>" * 40, webp(4097))
    made_of = (good, *flawed, *tiles(7))
    new = bench.picture("horizon", made_of)
    assert [r.body["index"] for r in bench.of(Kind.TILE, new)] == [
        i for i in reversed([5, 6, 1, 2, 9, 10, 4, 7, 0, 3, 8, 11]) if i not in (1, 2, 3, 4)]
    assert len(bench.of(Kind.THUMBNAIL, new)) == 1 and bench.manager.flawed_tiles == 4
    bench.send(8)
    bench.picture("horizon", made_of)
    bench.send(8)
    bench.picture("horizon")
    assert bench.events() == ["tiles_flawed", "tiles_sound"]
    first = bench.of(Kind.EVENT, bench.records)[0].body
    assert first["severity"] == "warning" and first["fields"] == {"tiles": 4, "reason": "empty"}
    assert bench.manager.flawed_tiles == 8


@pytest.mark.parametrize(("columns", "rows", "count"), [
    (4, 3, 11), (4, 3, 13), (0, 3, 0), (0, 0, 12), (-4, -3, 12), (9, 1, 9), (1, 9, 9),
    (1000, 1000, 3), (40, 30, 1200),
])
def test_a_grid_that_is_none_costs_the_tiles_only(
    bench: Bench, columns: int, rows: int, count: int
) -> None:
    made_of = tuple(webp(70) for _ in range(count))
    bench.camera.next = Picture(0, THUMBNAIL, "sun", made_of, columns, rows)
    new = bench.run(40)
    assert bench.of(Kind.TILE, new) == [] and "cols" not in bench.of(Kind.THUMBNAIL, new)[0].body
    assert bench.manager.flawed_tiles == count
    assert bench.events() == (["tiles_flawed"] if count else [])


def test_the_largest_grid_of_the_largest_tiles_fits_its_records(bench: Bench) -> None:
    made_of = (webp(TILE_BYTES_MAX),) * TILES_ASIDE_MAX**2
    bench.camera.next = Picture(0, THUMBNAIL, "sun", made_of, TILES_ASIDE_MAX, TILES_ASIDE_MAX)
    new = bench.of(Kind.TILE, bench.run(40))
    assert len(new) == TILES_ASIDE_MAX**2
    assert max(len(pack_body(record.body)) for record in new) <= BODY_BYTES_MAX


def test_one_picture_at_a_time_and_the_best_of_those_that_wait(bench: Bench) -> None:
    """1 goes; while it waits unsent come cloud, sun, night and a plainer horizon: the sun stays."""
    bench.picture("horizon")
    for scene, size in (("cloud", 400), ("sun", 400), ("dark", 3000), ("horizon", 300)):
        new = bench.picture(scene, tiles(size=size))
        assert [r.kind for r in new if r.kind is not Kind.EVENT] == [Kind.THUMBNAIL]
        assert "cols" not in bench.of(Kind.THUMBNAIL, new)[0].body
    assert bench.manager.whole.skipped_pictures == 3
    assert bench.events() == ["tiles_skipped"]
    bench.send(11)
    bench.run(30)
    assert bench.tiled() == [1]
    bench.send(1)
    bench.run(CHECK_EVERY_MS // 1000 + 1)
    assert bench.tiled() == [1, 3]
    assert bench.events() == ["tiles_skipped", "tiles_resumed"]
    resumed = bench.of(Kind.EVENT, bench.records)[-1].body
    assert resumed["fields"] == {"skipped_pictures": 3}
    assert [r.body["picture"] for r in bench.send(12)] == [3] * 12


def test_of_two_that_are_worth_the_same_the_one_with_more_detail_waits(bench: Bench) -> None:
    bench.picture("horizon")
    for size in (500, 900, 700):
        bench.picture("horizon", tiles(size=size))
    bench.send(12)
    bench.run(10)
    assert bench.tiled() == [1, 3]


def test_a_picture_that_was_asked_for_goes_whole_and_first(bench: Bench) -> None:
    """PICTURE_NOW never waits, not even for a picture that was asked for before."""
    bench.picture("horizon")
    bench.send(2)
    for _ in range(2):
        bench.manager.take_now()
        new = bench.picture("dark")
        assert len(bench.of(Kind.TILE, new)) == 12
        assert bench.of(Kind.THUMBNAIL, new)[0].body["cols"] == 4
    assert [r.body["picture"] for r in bench.send(34)] == [3] * 12 + [2] * 12 + [1] * 10
    assert bench.manager.whole.skipped_pictures == 0


def test_what_was_asked_for_does_not_let_the_next_one_overtake_what_waits(bench: Bench) -> None:
    bench.picture("horizon")
    bench.manager.take_now()
    bench.picture("dark")
    bench.send(12)
    bench.picture("horizon")
    assert bench.tiled() == [1, 2]
    bench.send(12)
    bench.run(10)
    assert bench.tiled() == [1, 2, 3]


def test_numbers_go_on_after_a_reboot_and_old_tiles_hold_up_no_new_ones(bench: Bench) -> None:
    """What was in flight waits again after a power cut, and goes after what is new."""
    bench.picture("horizon")
    bench.send(9)
    bench.reboot()
    new = bench.picture("cloud")
    assert bench.of(Kind.THUMBNAIL, new)[0].body["picture"] == 2
    assert [r.body["picture"] for r in bench.send(24)] == [2] * 12 + [1] * 12


def test_tiles_whose_block_made_room_hold_up_no_new_ones(bench: Bench) -> None:
    """With nobody listening, old blocks make room for new ones for ever."""
    bench.picture("horizon")
    old = bench.send(12)
    bench.picture("horizon")
    bench.send(12)
    bench.store.mark_queued([record.record_id for record in old])
    bench.picture("sun")
    assert bench.tiled() == [1, 2, 3]
    assert [r.body["picture"] for r in bench.send(24)] == [3] * 12 + [1] * 12


def test_while_the_disk_fails_a_tile_in_memory_still_waits(tmp_path: Path) -> None:
    store = DeskStore(tmp_path / "no" / "s.sqlite", is_durable=False)
    (tmp_path / "blocked").write_text("")
    broken = DeskStore(tmp_path / "blocked" / "s.sqlite", is_durable=False)
    for each in (store, broken):
        record = each.append(Kind.TILE, {"image": b"x"}, 0, 0, TimeQuality.NONE)
        each.commit(0)
        assert each.has_queued(Priority.BULK, 0)
        assert not each.has_queued(Priority.BULK, record.record_id)
        assert not each.has_queued(Priority.IMAGE, 0)
        each.mark_in_flight([record.record_id])
        assert not each.has_queued(Priority.BULK, 0)
    assert broken.is_failing and not store.is_failing
    store.close()
