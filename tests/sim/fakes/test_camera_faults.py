"""A camera that fails, as the real camera manager sees it."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from PIL import Image

from payload.camera.camera import CameraManager, picture_flaw
from payload.ports import DeviceAbsent, DeviceGarbage, Picture, PortError
from sim.clock import SimClock, part_rng
from sim.fakes.camera import SyntheticCamera
from sim.fakes.camera_faults import HUGE_BYTES, CameraFault, FaultyCamera
from sim.fakes.card_disk import DeskStore
from sim.sky import Sky
from tests.sim.desks import START_UTC_MS, Track
from tests.thorough import sampled
from wire.mission_eyes import EyesSection
from wire.records import Kind


class Desk:
    """A camera on a track under the real manager, every two minutes."""

    def __init__(self, eyes: EyesSection | None = None) -> None:
        self.clock = SimClock(START_UTC_MS)
        self.track = Track()
        inner = SyntheticCamera(
            self.clock, lambda: self.track.state(self.clock.now_s), Sky(part_rng(1, "sky")),
            part_rng(1, "camera"), eyes,
        )
        self.camera = FaultyCamera(inner)
        self._folder = TemporaryDirectory()
        store = DeskStore(Path(self._folder.name) / "s.sqlite", is_durable=False)
        self.manager = CameraManager(self.camera, 120, store)
        self.events: list[str] = []

    def run(self, seconds: int) -> list[bytes]:
        """Pictures that were kept."""
        kept = []
        for _ in range(seconds):
            self.clock.now_ms += 1_000
            for note in self.manager.update(self.clock.now_ms, True):
                if note.kind is Kind.THUMBNAIL:
                    kept.append(note.body["image"])
                elif note.kind is Kind.EVENT:
                    self.events.append(str(note.body.get("fields", {}).get("reason")))
        return kept

    def shoot(self) -> Picture | PortError | None:
        assert self.camera.start(0)
        assert self.camera.is_capturing
        self.clock.now_ms += 5_000
        return self.camera.poll(0)


@pytest.mark.parametrize(("fault", "reason"), sampled([
    (CameraFault.HANGS, "timeout"), (CameraFault.DIES, "camera worker died of signal 11"),
    (CameraFault.TRUNCATED, "truncated"), (CameraFault.CANNOT_BE_KILLED, "refused"),
    (CameraFault.EMPTY, "empty"), (CameraFault.HUGE, "too_long"),
    (CameraFault.NOT_A_PICTURE, "not_a_picture"),
], quick=3))
def test_a_failure_is_named_and_pictures_return(fault: CameraFault, reason: str) -> None:
    """Three strikes, ten minutes off; healed, it delivers again."""
    desk = Desk()
    assert len(desk.run(300)) >= 2
    desk.camera.fault = fault
    assert desk.run(600) == []
    assert desk.events == [reason]
    desk.camera.fault = None
    assert len(desk.run(1_500)) >= 2


@pytest.mark.parametrize(("fault", "shade"), [(CameraFault.BLACK, 0), (CameraFault.WHITE, 255)])
def test_black_and_white_sheets_are_pictures(fault: CameraFault, shade: int) -> None:
    desk = Desk()
    desk.camera.fault = fault
    picture = desk.shoot()
    assert isinstance(picture, Picture)
    assert picture_flaw(picture.thumbnail) is None
    image = Image.open(io.BytesIO(picture.thumbnail)).convert("L")
    low, high = image.getextrema()
    assert (low + high) / 2 == pytest.approx(shade, abs=3)


def test_absent_and_dead_are_values() -> None:
    desk = Desk()
    desk.camera.is_unplugged = True
    assert isinstance(desk.shoot(), DeviceAbsent)
    desk.camera.is_unplugged, desk.camera.fault = False, CameraFault.DIES
    assert isinstance(desk.shoot(), DeviceGarbage)
    assert not desk.camera.is_capturing
    desk.camera.fault = CameraFault.HUGE
    picture = desk.shoot()
    assert isinstance(picture, Picture)
    assert len(picture.thumbnail) > HUGE_BYTES


def test_a_worker_that_cannot_be_killed_blocks_the_next_one() -> None:
    desk = Desk()
    desk.camera.fault = CameraFault.CANNOT_BE_KILLED
    assert desk.shoot() is None
    desk.camera.cancel(0)
    assert not desk.camera.start(0)
    desk.camera.fault = None
    assert isinstance(desk.shoot(), Picture)


@pytest.mark.thorough
def test_the_sun_whitens_only_what_it_is_in() -> None:
    """Day pictures with and without the sun in them; with it the sheet is white."""
    desk = Desk()
    desk.camera.whites_out_in_sun = True
    desk.clock.now_ms = round(7.5 * 3_600_000)  # late afternoon
    seen = set()
    for _ in range(60):
        picture = desk.shoot()
        assert isinstance(picture, Picture)
        low, _ = Image.open(io.BytesIO(picture.thumbnail)).convert("L").getextrema()
        seen.add((picture.scene, low > 250))
    assert seen >= {("sun", True), ("horizon", False)}
    assert not {("sun", False), ("horizon", True)} & seen


def test_at_night_it_sees_nothing() -> None:
    """The same place half a day later: dark by the sun's own height."""
    desk = Desk()
    desk.clock.now_ms = 14 * 3_600_000
    picture = desk.shoot()
    assert isinstance(picture, Picture)
    assert picture.scene == "dark"
    image = Image.open(io.BytesIO(picture.thumbnail)).convert("L")
    assert sum(image.tobytes()) / (image.width * image.height) < 12


@pytest.mark.parametrize("fault", [CameraFault.BLACK, CameraFault.WHITE, CameraFault.FROSTED])
def test_eyes_see_what_the_fault_leaves(fault: CameraFault) -> None:
    """With eyes a sound picture has a sight; black, white and frosted ones tell nothing."""
    pytest.importorskip("numpy", reason="numpy")
    desk = Desk(EyesSection())
    whole = desk.shoot()
    assert isinstance(whole, Picture) and whole.sight is not None
    desk.camera.fault = fault
    spoilt = desk.shoot()
    assert isinstance(spoilt, Picture) and spoilt.sight is not None
    assert picture_flaw(spoilt.thumbnail) is None
    assert spoilt.sight.seen == ()


def test_without_eyes_there_is_no_sight() -> None:
    desk = Desk()
    picture = desk.shoot()
    assert isinstance(picture, Picture) and picture.sight is None
