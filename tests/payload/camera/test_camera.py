"""The camera manager: a scripted camera; strikes, deadline and rest by the second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from payload.camera.camera import (
    DEADLINE_MS,
    FIRST_PICTURE_MS,
    THUMBNAIL_BYTES_MAX,
    CameraManager,
    picture_flaw,
)
from payload.eyes import STALE_MS
from payload.ports import DeviceAbsent, Picture, PortError
from payload.sight import SightValues
from payload.takes import OFF_MS, RETRY_MS
from sim.fakes.card_disk import DeskStore
from tests.payload.slow_device import SlowDevice
from wire.records import BODY_BYTES_MAX, Kind, pack_body


def jpeg(size: int) -> bytes:
    return b"\xff\xd8\xff\xe0".ljust(size - 2, b"x") + b"\xff\xd9"


JPEG = jpeg(506)
WEBP = b"RIFF" + (504).to_bytes(4, "little") + b"WEBP" + b"x" * 500


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DeskStore]:
    opened = DeskStore(tmp_path / "store.sqlite", is_durable=False)
    yield opened
    opened.close()


class FakeCamera(SlowDevice[bytes]):
    """Takes two seconds for a picture."""

    def __init__(self, result: bytes | PortError | None = JPEG) -> None:
        super().__init__(result, 2_000)
        self.scene: str | None = "cloud"
        self.sight: SightValues | None = None

    def poll(self, now_ms: int) -> Picture | PortError | None:
        image = self.ended(now_ms)
        if not isinstance(image, bytes):
            return image
        return Picture(now_ms, image, self.scene, sight=self.sight)


def run(manager: CameraManager, seconds: int, start_s: int = 0, is_allowed: bool = True) -> list:
    return [note for second in range(start_s, start_s + seconds)
            for note in manager.update(second * 1000, is_allowed, 1234.6)]


@pytest.mark.parametrize(
    ("data", "flaw"),
    [(JPEG, None), (WEBP, None), (b"", "empty"), (JPEG[:63], "empty"), (JPEG[:-20], "truncated"),
     (WEBP[:-1], "truncated"), (b"GIF89a" + b"x" * 90, "not_a_picture"),
     (b"\x00" * 900, "not_a_picture"), (jpeg(THUMBNAIL_BYTES_MAX), None),
     (jpeg(THUMBNAIL_BYTES_MAX + 1), "too_long")])
def test_what_is_a_picture(data: bytes, flaw: str | None) -> None:
    """Goal: fault 59. Method: pictures and near pictures."""
    assert picture_flaw(data) == flaw


def test_pictures_come_in_time_with_scene_and_altitude(store: DeskStore) -> None:
    """Goal: the record and the interval. Method: half an hour at one in eight minutes."""
    camera = FakeCamera()
    manager = CameraManager(camera, 480, store)
    notes = run(manager, 1800)
    assert camera.starts == [FIRST_PICTURE_MS + 480_000 * n for n in range(4)]
    assert notes[0].kind is Kind.THUMBNAIL
    assert notes[0].body == {"image": JPEG, "picture": 1, "scene": "cloud", "alt": 1235}
    assert (manager.last_scene, manager.last_picture_ms) == ("cloud", camera.starts[-1] + 2000)


def test_the_longest_picture_fits_a_record(store: DeskStore) -> None:
    """Goal: the relation between the bounds. Method: pack it."""
    camera = FakeCamera(jpeg(THUMBNAIL_BYTES_MAX))
    (note,) = run(CameraManager(camera, 480, store), 40)
    assert len(pack_body(note.body)) <= BODY_BYTES_MAX


def test_an_unknown_scene_and_altitude_are_left_out(store: DeskStore) -> None:
    """Goal: unknown is not written. Method: a scene nobody knows, no altitude."""
    camera = FakeCamera()
    camera.scene = "ufo"
    manager = CameraManager(camera, 480, store)
    notes = [n for s in range(40) for n in manager.update(s * 1000, True)]
    assert notes[0].body == {"image": JPEG, "picture": 1}
    assert manager.last_scene is None


def test_a_hanging_camera_is_cancelled_and_left_alone_after_three(store: DeskStore) -> None:
    """Goal: fault 58. Method: hang for an hour; one event, a try every ten minutes."""
    camera = FakeCamera(None)
    manager = CameraManager(camera, 480, store)
    notes = run(manager, 3600)
    assert [n.body["event"] for n in notes] == ["camera_lost"]
    assert notes[0].body["fields"]["reason"] == "timeout"
    assert [c - s for c, s in zip(camera.cancelled, camera.starts, strict=True)] == (
        [DEADLINE_MS] * len(camera.starts))
    assert camera.starts[1] - camera.cancelled[0] == RETRY_MS
    assert camera.starts[3] - camera.cancelled[2] == OFF_MS
    assert manager.is_failing
    camera.result = JPEG
    back = run(manager, 700, 3600)
    assert [n.body.get("event") for n in back] == ["camera_returned", None]
    assert not manager.is_failing


def test_why_it_was_lost_ends_with_a_whole_word(store: DeskStore) -> None:
    """Goal: the event goes over the air in few letters, and nobody reads "no camera detecte"."""
    camera = FakeCamera(DeviceAbsent("IndexError: no camera was detected by libcamera, check it"))
    (lost,) = run(CameraManager(camera, 480, store), 120)
    assert lost.body["fields"]["reason"] == "IndexError: no camera was detected by …"


@pytest.mark.parametrize("result", [DeviceAbsent("unplugged"), b"", b"junk" * 50])
def test_two_strikes_are_forgiven(result: bytes | PortError, store: DeskStore) -> None:
    """Goal: only three in a row count. Method: two failures, a picture, two failures."""
    camera = FakeCamera(result)
    manager = CameraManager(camera, 60, store)
    notes = run(manager, 90)
    assert len(camera.starts) == 2
    camera.result = JPEG
    notes += run(manager, 60, 90)
    camera.result = result
    notes += run(manager, 60, 150)
    assert [n.kind for n in notes] == [Kind.THUMBNAIL]


def test_asked_for_now_but_not_during_a_rest_or_without_leave(store: DeskStore) -> None:
    """Goal: take_now is one picture, and bounded. Method: ask twice; ask while off."""
    camera = FakeCamera()
    manager = CameraManager(camera, 480, store)
    manager.update(0, True)
    manager.take_now()
    manager.take_now()
    assert run(manager, 5, 1, is_allowed=False) == []
    run(manager, 10, 6)
    assert camera.starts == [6000]
    camera.takes = False
    manager.take_now()
    run(manager, 20, 16)
    camera.takes = True
    run(manager, 25, 36)
    assert camera.starts[1:] == [46_000]


def test_no_camera_is_quiet(store: DeskStore) -> None:
    """Goal: absence from the start. Method: an hour without."""
    manager = CameraManager(None, 480, store)
    manager.take_now()
    assert run(manager, 3600) == []
    assert not manager.is_failing


def test_a_sight_is_kept_as_far_as_it_can_be_believed_and_until_it_is_stale(
    store: DeskStore,
) -> None:
    """Goal: record and situation have it; stale, and without eyes, it is unknown. Method: a black
    sky claimed at 1.2 km by day, then a picture without a sight."""
    camera = FakeCamera()
    camera.sight = SightValues(12.0, 0.4, traits={"sun": 0.9, "tilted": 0.95, "black": 0.9})
    manager = CameraManager(camera, 480, store)
    notes = [note for second in range(40)
             for note in manager.update(second * 1000, True, 1234.6, lambda: "high")]
    assert notes[0].body == {
        "image": JPEG, "picture": 1, "scene": "cloud", "alt": 1235, "sees": "sun tilted",
        "tilt": 120, "tilt_err": 4, "sun": 90, "tilted": 95}
    taken_ms = manager.last_picture_ms
    assert taken_ms is not None
    sight = manager.known_sight(taken_ms + STALE_MS)
    assert sight is not None and sight.seen == ("sun", "tilted")
    assert manager.known_sight(taken_ms + STALE_MS + 1) is None
    camera.sight = None
    manager.take_now()
    assert "sees" not in run(manager, 20, 40)[0].body
    assert manager.known_sight(60_000) is None
