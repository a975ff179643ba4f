"""The process that takes one picture: ``python -m payload.camera_worker --out FILE``.

The only importer of picamera2. It captures once, and makes a JPEG of that, small enough for the
radio, and larger tiles. The tiles are WebP: at equal quality they had about half the bytes of JPEG
(measured on drawn skies and land, 41 dB). FILE holds them end to end; one line on standard output
says

    SCENE COLUMNS ROWS LENGTH LENGTH...

with the scene in one word (dark, cloud, horizon, sun) and the bytes of the thumbnail and of each
tile, row by row from the top left. With ``--eyes`` the line ends in ``sees`` and the numbers of
``payload.sight.line_of``; where the picture cannot be measured it goes without. ``--look FILE``
takes no picture and says what the eyes see in that one.

Without a camera it ends with status 1 and one sentence on standard error. It may hang or crash in
the camera's driver: whoever started it holds the deadline and kills it.

Exposure, white balance and focus are the camera's own choice except that focus is at infinity.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from payload.sight import SightValues, line_of
from wire.records import TILE_BYTES_MAX

if TYPE_CHECKING:
    from PIL.Image import Image

THUMBNAIL_BYTES_MAX = 4096  # what payload.ports.Picture allows
CAPTURE_SIZE = (1640, 1232)  # the 2x2 binned mode of a Camera 2; any sensor scales to it
CAPTURE_S_MAX = 15  # the core's deadline is 20 s; this leaves time to print the error
QUALITIES = range(80, 4, -5)
SCALE_STEP = 0.8  # when even the lowest quality is too large: noise, or a detailed coast
SIDE_PIXELS_MIN = 32
LOOK_PIXELS_MAX, LOOK_BYTES_MAX = 50_000_000, 100_000_000  # of a file that is looked at
FIELD_DEG = 62.2  # across, of a camera module 2
COLUMNS, ROWS = 4, 3
TILE_WIDTH = 160  # pixels; the tiles of a 4:3 sensor are square
TILE_QUALITIES = (80, 60, 45, 30, 15, 5, 0)
# Luminance 0..255 of a 16 x 16 miniature.
_DARK_MEAN_MAX = 30.0
_SUN_LEVEL, _SUN_SHARE_RANGE = 235, (1 / 256, 0.5)
_HORIZON_STEP_MIN = 40.0
_MINIATURE = 16


class NoCamera(Exception):
    """There is no camera, or it gave no picture; the text is one sentence."""


def scene_word(image: Image) -> str:
    """dark | sun | horizon | cloud, from the brightness of a 16 x 16 miniature alone.

    dark: hardly any light. sun: a burnt-out spot in a picture that is not burnt out. horizon: the
    rows split into a bright and a dark part, either way up. cloud: everything else, an even grey.
    """
    small = image.convert("L").resize((_MINIATURE, _MINIATURE))
    levels = list(small.tobytes())
    rows = [
        sum(levels[at : at + _MINIATURE]) / _MINIATURE
        for at in range(0, len(levels), _MINIATURE)
    ]
    if sum(rows) / len(rows) <= _DARK_MEAN_MAX:
        return "dark"
    burnt = sum(level >= _SUN_LEVEL for level in levels) / len(levels)
    if _SUN_SHARE_RANGE[0] <= burnt <= _SUN_SHARE_RANGE[1]:
        return "sun"
    steps = (
        abs(sum(rows[:cut]) / cut - sum(rows[cut:]) / (len(rows) - cut))
        for cut in range(3, len(rows) - 2)  # at least three rows of each
    )
    return "horizon" if max(steps) >= _HORIZON_STEP_MIN else "cloud"


def thumbnail(image: Image, size: tuple[int, int]) -> bytes:
    """A JPEG within ``size`` pixels and 4,096 bytes, as good as fits.

    Raises NoCamera when no picture at all fits, which only a broken encoder can cause.
    """
    width, height = size
    small = image.convert("RGB")
    while min(width, height) >= SIDE_PIXELS_MIN:
        small.thumbnail((width, height))
        for quality in QUALITIES:
            data = io.BytesIO()
            small.save(data, "JPEG", quality=quality, optimize=True, progressive=True)
            if data.tell() <= THUMBNAIL_BYTES_MAX:
                return data.getvalue()
        width, height = int(width * SCALE_STEP), int(height * SCALE_STEP)
    raise NoCamera("The picture does not fit into 4096 bytes.")


def tiles(image: Image) -> tuple[bytes, ...]:
    """The picture 640 pixels wide in COLUMNS x ROWS tiles of at most 4,096 bytes: WebP, row by row.

    All have the best quality at which every one fits, so that no seam shows between them; a tile
    that fits at none is b"". Raises KeyError or OSError where Pillow cannot write WebP, ValueError
    for a picture that is too long for it.
    """
    height = max(1, round(TILE_WIDTH * COLUMNS * image.height / image.width / ROWS))
    large = image.convert("RGB").resize((TILE_WIDTH * COLUMNS, height * ROWS))
    pieces = [
        large.crop((left, top, left + TILE_WIDTH, top + height))
        for top in range(0, height * ROWS, height)
        for left in range(0, TILE_WIDTH * COLUMNS, TILE_WIDTH)
    ]
    encoded: list[bytes] = []
    for quality in TILE_QUALITIES:
        encoded = [_webp(piece, quality) for piece in pieces]
        if max(map(len, encoded)) <= TILE_BYTES_MAX:
            break
    return tuple(data if len(data) <= TILE_BYTES_MAX else b"" for data in encoded)


def _webp(image: Image, quality: int) -> bytes:
    data = io.BytesIO()
    image.save(data, "WEBP", quality=quality, method=2)  # 4: twice the time for 4 % fewer bytes
    return data.getvalue()


def sight(image: Image, field_deg: float) -> SightValues | None:
    """What it shows; None without numpy, and for what is no picture."""
    try:
        from payload.sight_features import NoSight, look
    except ImportError:
        return None
    try:
        return look(image, field_deg)
    except (NoSight, ValueError):  # the latter of a fit that does not converge: LinAlgError
        return None


def sight_in(data: bytes, field_deg: float) -> SightValues | None:
    """What a JPEG, PNG or WebP shows; None where it is none, or cut off."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > LOOK_PIXELS_MAX:
                return None
            image.load()
            return sight(_upright(image), field_deg)
    except (OSError, SyntaxError, ValueError, EOFError, UnidentifiedImageError,
            Image.DecompressionBombError):
        return None


def _upright(image: Image) -> Image:
    """As a viewer shows it: a telephone keeps its pictures as the sensor lies, with a note."""
    from PIL import ExifTags
    from PIL.Image import Transpose

    try:
        note = image.getexif().get(ExifTags.Base.Orientation)
    except (KeyError, OSError, SyntaxError, TypeError, ValueError, struct.error):
        return image
    turns = (Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM,
             Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)
    return image.transpose(turns[note - 2]) if isinstance(note, int) and 2 <= note <= 8 else image


def capture(size: tuple[int, int]) -> Image:
    """One picture from the first camera. Raises NoCamera."""
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise NoCamera(f"picamera2 is not installed ({error.name} is missing).") from error
    with _named_errors():
        camera = Picamera2()
    with contextlib.closing(camera), _named_errors():
        # One buffer, no raw stream: on a 512 MB Zero more does not fit beside the model.
        camera.configure(
            camera.create_still_configuration(
                main={"size": size, "format": "RGB888"}, raw=None, buffer_count=1, queue=False
            )
        )
        if "LensPosition" in camera.camera_controls:
            camera.set_controls({"AfMode": 0, "LensPosition": 0.0})
        camera.start()
        image: Image = camera.capture_image("main", wait=CAPTURE_S_MAX)
        camera.stop()
    return image


@contextlib.contextmanager
def _named_errors() -> Iterator[None]:
    """What picamera2 raises for no camera (IndexError), a busy or a stuck one."""
    try:
        yield
    except (IndexError, OSError, RuntimeError, TimeoutError, ValueError) as error:
        words = str(error) or type(error).__name__
        raise NoCamera(f"The camera delivered no picture: {words}.") from error


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="payload.camera_worker", description=__doc__)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--out", type=Path, help="output file")
    wanted.add_argument("--look", type=Path, help="measure this picture instead of taking one")
    parser.add_argument("--eyes", type=float, help="field of view, degrees: measure the picture")
    parser.add_argument("--size", type=_size, default=(320, 240), help="thumbnail, WIDTHxHEIGHT")
    parser.add_argument("--capture-size", type=_size, default=CAPTURE_SIZE, help="WIDTHxHEIGHT")
    arguments = parser.parse_args()
    # A child inherits the flight core's protection from the OOM killer: be the first victim
    # instead.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")
    if arguments.look is not None:
        _look_at(arguments.look, arguments.eyes or FIELD_DEG)
        return
    try:
        image = capture(arguments.capture_size)
        data, scene = thumbnail(image, arguments.size), scene_word(image)
    except NoCamera as error:
        sys.exit(str(error))
    pieces: tuple[bytes, ...] = ()
    # The thumbnail goes even where WebP does not.
    with contextlib.suppress(KeyError, OSError, ValueError):
        pieces = tiles(image)
    half = arguments.out.with_name(arguments.out.name + ".half")
    half.write_bytes(b"".join((data, *pieces)))
    os.replace(half, arguments.out)
    grid = (COLUMNS, ROWS) if pieces else (0, 0)
    line = " ".join(map(str, (scene, *grid, len(data), *map(len, pieces))))
    seen = None if arguments.eyes is None else sight(image, arguments.eyes)
    sys.stdout.write(line + ("" if seen is None else " sees " + line_of(seen)) + "\n")


def _look_at(path: Path, field_deg: float) -> None:
    """Say what is seen in the file, in words and numbers."""
    try:
        with path.open("rb") as file:
            seen = sight_in(file.read(LOOK_BYTES_MAX), field_deg)
    except OSError as error:
        sys.exit(f"{path}: cannot be read ({error.strerror}).")
    if seen is None:
        sys.exit(f"{path}: not a whole JPEG, PNG or WebP of at least 64 pixels a side.")
    sys.stdout.write(f"{' '.join(seen.seen) or 'nothing it can name'}: {line_of(seen)}\n")


if __name__ == "__main__":
    main()
