"""The camera as a process per picture: started, polled, and killed at the core's deadline.

Implements ``payload.ports.Camera``. A wedged camera driver hangs in ways that Python cannot catch
(picamera2#1295).
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from payload.drivers.worker_process import WorkerProcess
from payload.ports import DeviceGarbage, Picture, PortError
from payload.sight import sight_of
from wire.mission import Mission
from wire.records import TILE_BYTES_MAX, TILES_ASIDE_MAX

THUMBNAIL_BYTES_MAX = 4096
FILE_BYTES_MAX = THUMBNAIL_BYTES_MAX + TILES_ASIDE_MAX**2 * TILE_BYTES_MAX
SCENES = ("dark", "cloud", "horizon", "sun")
_LINE_BYTES_MAX = 800  # a scene, two sides, 65 lengths and a sight
_SEES = " sees "  # before the numbers of a sight


class CameraProcess:
    """One capture per ``start``."""

    def __init__(self, directory: Path, command: list[str] | None = None) -> None:
        """``directory`` (in memory: /run) takes the picture; ``command`` is the worker's, to which
        ``--out FILE`` is added. Default: ``payload.camera_worker`` with this interpreter.
        """
        self._out = directory / "capture.images"
        command = command or [sys.executable, "-m", "payload.camera_worker"]
        self._worker = WorkerProcess(
            "camera", [*command, "--out", os.fspath(self._out)], _LINE_BYTES_MAX)

    def start(self, now_ms: int) -> bool:
        """True when a capture began; False while one runs or a killed one has not died yet."""
        if self._worker.is_free:
            with contextlib.suppress(OSError):
                self._out.unlink(missing_ok=True)
        return self._worker.start()

    def poll(self, now_ms: int) -> Picture | PortError | None:
        """The picture or why there is none, once; None while the worker runs."""
        ended = self._worker.ended()
        if ended is None:
            return None
        return self._worker.failure(ended.status) or self._picture(now_ms, ended.line)

    def cancel(self, now_ms: int) -> None:
        """SIGKILL the worker; the picture is no longer needed."""
        self._worker.cancel()

    def _picture(self, now_ms: int, line: str) -> Picture | PortError:
        """The file cut into images by what the worker said: scene, columns, rows, lengths, and a
        sight where it has eyes."""
        images_of, _, sees = line.partition(_SEES)
        words = images_of.split()
        numbers = [int(word) for word in words[1:] if word.isascii() and word.isdigit()]
        if len(numbers) < 3 or len(numbers) != len(words) - 1:
            return DeviceGarbage("the camera worker did not report its output")
        columns, rows, *lengths = numbers
        try:
            with open(self._out, "rb") as file:
                data = file.read(FILE_BYTES_MAX)
        except OSError as error:
            return DeviceGarbage(f"no picture: {error}")
        images, at = [], 0
        for length in lengths:
            images.append(data[at : at + length])
            at += length
        thumbnail = images[0]
        is_jpeg = thumbnail.startswith(b"\xff\xd8\xff") and thumbnail.endswith(b"\xff\xd9")
        is_webp = thumbnail[:4] == b"RIFF" and thumbnail[8:12] == b"WEBP" and (
            int.from_bytes(thumbnail[4:8], "little") + 8 == len(thumbnail)
        )
        if len(thumbnail) > THUMBNAIL_BYTES_MAX or not (is_jpeg or is_webp):
            return DeviceGarbage("the picture is too large, truncated or not a picture")
        scene = words[0] if words[0] in SCENES else None
        return Picture(now_ms, thumbnail, scene, tuple(images[1:]), columns, rows, sight_of(sees))


def wired_camera(mission: Mission, directory: Path) -> CameraProcess | None:
    """The camera of ``mission``, with eyes where it has them; None where it has no camera."""
    if not mission.sensors.camera:
        return None
    command = [sys.executable, "-m", "payload.camera_worker"]
    if mission.eyes is not None:
        command.append(f"--eyes={mission.eyes.field_deg}")
    return CameraProcess(directory, command)
