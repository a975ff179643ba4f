"""The camera process: one picture or one reason, and a worker that hangs is killed."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from payload import camera_worker
from payload.camera.camera import picture_flaw
from payload.camera_worker import (
    COLUMNS,
    FIELD_DEG,
    ROWS,
    scene_word,
    sight_in,
    thumbnail,
    tiles,
)
from payload.drivers.camera import THUMBNAIL_BYTES_MAX, CameraProcess, wired_camera
from payload.ports import DeviceAbsent, DeviceGarbage, Picture, PortError
from payload.sight import SightValues, line_of
from tests.payload.drivers.worker_outcome import WAIT_S, outcome
from tests.sim.flights import mission
from wire.mission_eyes import EyesSection
from wire.records import TILE_BYTES_MAX

JPEG = b"\xff\xd8\xff" + b"x" * 100 + b"\xff\xd9"


def camera(folder: Path, script: str) -> CameraProcess:
    """A camera whose worker is a shell script; "$2" is the file that it should write."""
    return CameraProcess(folder, ["sh", "-c", script, "sh"])


def shoot(folder: Path, script: str, data: bytes = JPEG) -> Picture | PortError:
    (folder / "source").write_bytes(data)
    process = camera(folder, script)
    assert process.start(0)
    return outcome(process)


def test_a_picture(tmp_path: Path) -> None:
    """Goal: the file's bytes and the scene word; a word we do not know is None."""
    copy = f"cp {tmp_path}/source $2; "
    said = f"0 0 {len(JPEG)}"
    assert shoot(tmp_path, copy + f"echo horizon {said}") == Picture(1234, JPEG, "horizon")
    assert shoot(tmp_path, copy + f"echo lunch {said}") == Picture(1234, JPEG, None)
    webp = b"RIFF" + (12).to_bytes(4, "little") + b"WEBPVP8 data"
    assert shoot(tmp_path, copy + f"echo sun 0 0 {len(webp)}", webp) == Picture(1234, webp, "sun")


def test_a_picture_with_tiles(tmp_path: Path) -> None:
    """Goal: the file is cut where the worker says; a file cut off costs the tiles behind only."""
    copy = f"cp {tmp_path}/source $2; echo sun 2 2 {len(JPEG)} 3 4 0 5"
    whole = shoot(tmp_path, copy, JPEG + b"aaabbbbddddd")
    assert whole == Picture(1234, JPEG, "sun", (b"aaa", b"bbbb", b"", b"ddddd"), 2, 2)
    short = shoot(tmp_path, copy, JPEG + b"aaab")
    assert short == Picture(1234, JPEG, "sun", (b"aaa", b"b", b"", b""), 2, 2)


@pytest.mark.parametrize(
    "data", [b"", JPEG[:-1], b"GIF89a", JPEG[:-2] + bytes(THUMBNAIL_BYTES_MAX) + JPEG[-2:]]
)
def test_what_is_no_picture(tmp_path: Path, data: bytes) -> None:
    """Goal: empty, cut off, foreign and oversized files are garbage."""
    said = f"cp {tmp_path}/source $2; echo sun 0 0 {len(data)}"
    assert isinstance(shoot(tmp_path, said, data), DeviceGarbage)


@pytest.mark.parametrize("said", [
    "", "sun", "sun 0 0", "sun 0 0 x", "sun -1 0 105", "sun 0 0 105.0", "1 2 3", "sun 0 0 ²",
    "sun 0 0 0", "\\033[2J",
])
def test_a_worker_that_does_not_say_what_it_wrote(tmp_path: Path, said: str) -> None:
    """Goal: no line, half a line or another one is garbage, whatever the file holds."""
    outcome = shoot(tmp_path, f"cp {tmp_path}/source $2; printf '%s\\n' '{said}'")
    assert isinstance(outcome, DeviceGarbage)


def test_reasons(tmp_path: Path) -> None:
    """Goal: no file, a crash and a refusal are told apart; the last words are kept."""
    assert isinstance(shoot(tmp_path, "true"), DeviceGarbage)
    assert isinstance(shoot(tmp_path, "kill -SEGV $$"), DeviceGarbage)
    refused = shoot(tmp_path, "echo noise >&2; echo The camera is gone. >&2; exit 1")
    assert isinstance(refused, DeviceAbsent)
    assert str(refused) == "The camera is gone."
    assert not CameraProcess(tmp_path, ["/does/not/exist"]).start(0)


def test_a_hanging_worker_is_killed(tmp_path: Path) -> None:
    """Goal: under SIGSTOP nothing comes, ``cancel`` kills, and only then the next one starts."""
    process = CameraProcess(tmp_path, ["sh", "-c", "kill -STOP $$"])
    assert process.start(0)
    child = process._worker.child
    assert child is not None
    assert not process.start(0)
    assert process.poll(0) is None
    process.cancel(0)
    assert child.wait(WAIT_S) == -signal.SIGKILL
    assert process.poll(0) is None
    assert process.start(1)
    process.cancel(1)
    assert process._worker.child is not None
    process._worker.child.wait(WAIT_S)


def test_the_real_worker_without_a_camera(tmp_path: Path) -> None:
    """Goal: status 1 and one sentence, no traceback, where there is no picamera2 or camera."""
    ended = subprocess.run(
        [sys.executable, "-m", "payload.camera_worker", "--out", os.fspath(tmp_path / "x.jpg")],
        capture_output=True, text=True, timeout=WAIT_S, check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.endswith(".\n")


def test_thumbnails_fit_whatever_is_in_them() -> None:
    """Goal: at most 4096 bytes and a readable JPEG. Method: noise, the worst there is."""
    noise = Image.frombytes("RGB", (820, 616), random.Random(1).randbytes(820 * 616 * 3))
    for image in (noise, noise.convert("L"), Image.new("RGB", (1640, 1232), (90, 120, 200))):
        data = thumbnail(image, (320, 240))
        assert data[:3] == b"\xff\xd8\xff"
        assert data[-2:] == b"\xff\xd9"
        assert len(data) <= THUMBNAIL_BYTES_MAX


def test_tiles_fit_whatever_is_in_them_and_fit_together() -> None:
    """Goal: each a whole WebP of at most 4096 bytes, that together are the picture. Method: noise,
    a flat colour, a drawing; a square sensor too."""
    noise = Image.frombytes("RGB", (820, 616), random.Random(1).randbytes(820 * 616 * 3))
    drawing = Image.new("RGB", (1640, 1232), (90, 120, 200))
    ImageDraw.Draw(drawing).rectangle((0, 700, 1640, 1232), fill=(40, 90, 30))
    for image in (noise, noise.convert("L"), drawing, drawing.resize((900, 900))):
        made = tiles(image)
        assert len(made) == COLUMNS * ROWS
        assert [picture_flaw(tile, TILE_BYTES_MAX) for tile in made] == [None] * len(made)
        pieces = [Image.open(io.BytesIO(tile)).convert("RGB") for tile in made]
        width, height = pieces[0].size
        assert {piece.size for piece in pieces} == {(width, height)}
        assert abs(width * COLUMNS / (height * ROWS) - image.width / image.height) < 0.01
    middle = [Image.open(io.BytesIO(tiles(drawing)[at])).convert("RGB") for at in (1, 9)]
    assert middle[0].getpixel((80, 80))[2] > 150 > middle[1].getpixel((80, 80))[2]


def _no_webp(image: Image.Image) -> tuple[bytes, ...]:
    raise KeyError("WEBP")


@pytest.mark.parametrize("has_webp", [True, False])
def test_the_worker_says_what_it_wrote(tmp_path: Path, monkeypatch, capsys, has_webp) -> None:
    """Goal: what the worker writes, the driver reads; without WebP, the thumbnail. Method: the
    real worker with a drawn capture, its file and its line handed to the real driver."""
    drawing = Image.new("RGB", (1640, 1232), (90, 120, 200))
    ImageDraw.Draw(drawing).rectangle((0, 700, 1640, 1232), fill=(10, 20, 10))
    monkeypatch.setattr(camera_worker, "capture", lambda size: drawing)
    monkeypatch.setattr(sys, "argv", ["camera_worker", "--out", str(tmp_path / "made")])
    monkeypatch.setattr(Path, "write_text", lambda self, text: len(text))  # of /proc/self
    if not has_webp:
        monkeypatch.setattr(camera_worker, "tiles", _no_webp)
    camera_worker.main()
    monkeypatch.undo()
    line = capsys.readouterr().out.strip()
    read = shoot(tmp_path, f"cp {tmp_path}/made $2; echo {line}")
    small = thumbnail(drawing, (320, 240))
    expected = Picture(1234, small, "horizon", tiles(drawing), COLUMNS, ROWS)
    assert read == (expected if has_webp else Picture(1234, small, "horizon"))


def test_scene_words() -> None:
    """Goal: the four scenes. Method: drawings of each."""
    even = Image.new("RGB", (640, 480), (150, 150, 150))
    horizon = Image.new("RGB", (640, 480), (20, 20, 60))
    ImageDraw.Draw(horizon).rectangle((0, 240, 640, 480), fill=(180, 200, 230))
    sun = Image.new("RGB", (640, 480), (60, 80, 120))
    ImageDraw.Draw(sun).ellipse((280, 80, 400, 200), fill=(255, 255, 255))
    words = [scene_word(image) for image in (Image.new("L", (64, 48), 4), even, horizon, sun)]
    assert words == ["dark", "cloud", "horizon", "sun"]
    assert scene_word(Image.new("L", (64, 48), 255)) == "cloud"  # all white is fog, not the sun


def test_a_picture_with_a_sight(tmp_path: Path) -> None:
    """Goal: what the eyes say is read; another line is unknown, and the picture stays."""
    said = f"cp {tmp_path}/source $2; echo horizon 0 0 {len(JPEG)}"
    sight = SightValues(8.0, 0.25, traits={"tilted": 0.9})
    seen = shoot(tmp_path, f"{said} sees {line_of(sight)}")
    assert seen == Picture(1234, JPEG, "horizon", sight=sight)
    assert shoot(tmp_path, f"{said} sees 1 2") == Picture(1234, JPEG, "horizon")
    assert isinstance(shoot(tmp_path, f"{said} sees"), DeviceGarbage)


def test_eyes_are_wired_where_the_mission_has_them(tmp_path: Path) -> None:
    plan = mission()
    blind, seeing = (wired_camera(plan.model_copy(update={"eyes": eyes}), tmp_path)
                     for eyes in (None, EyesSection(field_deg=66)))
    assert blind is not None and seeing is not None
    assert not any(word.startswith("--eyes") for word in blind._worker.command)
    assert "--eyes=66.0" in seeing._worker.command
    sensors = plan.sensors.model_copy(update={"camera": False})
    assert wired_camera(plan.model_copy(update={"sensors": sensors}), tmp_path) is None


def _photograph() -> bytes:
    optics = pytest.importorskip("sim.optics", reason="numpy")
    shot = optics.Shot(25_000, tilt_deg=15, cover=0.3, sun_aside_deg=150)
    data = io.BytesIO()
    optics.photograph(shot, random.Random(1), (320, 240)).save(data, "JPEG", quality=85)
    return data.getvalue()


def test_a_file_is_looked_at_and_a_hostile_one_is_unknown(tmp_path: Path) -> None:
    """Goal: nothing raises: cut at every 97th byte, another format, a bomb, noise."""
    whole = _photograph()
    sight = sight_in(whole, FIELD_DEG)
    assert sight is not None and sight.tilt_deg == pytest.approx(15, abs=1)
    assert "tilted" in sight.seen
    assert all(sight_in(whole[:cut], FIELD_DEG) is None for cut in range(0, len(whole) - 2, 97))
    assert sight_in(b"GIF89a" + bytes(90), FIELD_DEG) is None
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    assert sight_in(bomb.getvalue(), FIELD_DEG) is None
    rng = random.Random(2)
    for _ in range(20):
        at = rng.randrange(2, len(whole))
        sight_in(whole[:at] + rng.randbytes(40) + whole[at + 40 :], FIELD_DEG)


@pytest.mark.parametrize(("note", "turn"), [
    (1, None), (3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90),
    (8, Image.Transpose.ROTATE_270), (5, Image.Transpose.TRANSPOSE), (0, None), (9, None)])
def test_a_picture_of_a_telephone_is_looked_at_as_it_is_shown(
    note: int, turn: Image.Transpose | None
) -> None:
    """Its note was not read: a telephone held upright had a horizon that stood upright."""
    whole = Image.open(io.BytesIO(_photograph()))
    kept = whole if turn is None else whole.transpose(turn)
    exif, data = Image.Exif(), io.BytesIO()
    exif[0x112] = note
    kept.save(data, "JPEG", quality=95, exif=exif)
    sight = sight_in(data.getvalue(), FIELD_DEG)
    assert sight is not None and sight.tilt_deg == pytest.approx(15, abs=1)
    at = data.getvalue().index(b"Exif")
    for damaged in range(at, at + 40) if note == 6 else ():
        hostile = bytearray(data.getvalue())
        hostile[damaged] ^= 0xFF
        sight_in(bytes(hostile), FIELD_DEG)


def test_a_file_without_end_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it was read."""
    monkeypatch.setattr(camera_worker, "LOOK_BYTES_MAX", 1_000)
    with pytest.raises(SystemExit, match="/dev/zero: not a whole JPEG"):
        camera_worker._look_at(Path("/dev/zero"), FIELD_DEG)


def test_a_fit_that_does_not_converge_costs_the_sight_and_not_the_picture(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    features = pytest.importorskip("payload.sight_features", reason="numpy")
    numpy = pytest.importorskip("numpy", reason="numpy")

    def diverge(image: Image.Image, field_deg: float) -> None:
        raise numpy.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(features, "look", diverge)
    assert camera_worker.sight(Image.new("RGB", (64, 64)), FIELD_DEG) is None
