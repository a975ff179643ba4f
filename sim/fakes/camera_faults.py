"""Faults of a camera: a wrapper around any ``ports.Camera`` of the simulation.

It delivers the picture of the camera inside it, or fails in the ways that real ones do
(raspberrypi/picamera2#1295): it hangs, dies, cuts off, or says that it is not there.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from PIL import Image, ImageFilter

from payload.camera_worker import FIELD_DEG, sight_in
from payload.ports import Camera, DeviceAbsent, DeviceGarbage, Picture, PortError

HUGE_BYTES = 40 << 20
WHITE_SIZE = (192, 144)
FROST, FROST_PX = 0.7, 9
_NOT_A_PICTURE = b"<html><body>502 Bad Gateway</body></html>" * 4


class CameraFault(StrEnum):
    """One kind of failure; it holds for every capture while it is set."""

    HANGS = "hangs"  # never returns; a cancel ends it
    CANNOT_BE_KILLED = "cannot be killed"  # the same, and after the cancel nothing starts any more
    DIES = "dies"  # the process is killed by a signal each time
    EMPTY = "empty"  # a file of 0 bytes
    TRUNCATED = "truncated"  # the first half of a picture
    HUGE = "huge"  # 40 MB
    NOT_A_PICTURE = "not a picture"
    BLACK = "black"  # the shutter or the lens cap
    WHITE = "white"  # overexposed
    FROSTED = "frosted"  # ice on the lens: a glow without edges


class FaultyCamera:
    """``ports.Camera``.

    Faults, all off at first: ``fault``; ``is_unplugged`` (it says so itself); ``whites_out_in_sun``
    (a capture with the sun in it is one white sheet).
    """

    def __init__(self, camera: Camera) -> None:
        self.fault: CameraFault | None = None
        self.is_unplugged = False
        self.whites_out_in_sun = False
        self.is_capturing = False
        self._camera = camera
        self._is_wedged = False  # a worker that was killed and has not died

    def start(self, now_ms: int) -> bool:
        """True if the camera took the request."""
        if self._is_wedged and self.fault is CameraFault.CANNOT_BE_KILLED:
            return False
        self._is_wedged = False
        is_taken = self._camera.start(now_ms)
        self.is_capturing = self.is_capturing or is_taken
        return is_taken

    def poll(self, now_ms: int) -> Picture | PortError | None:
        """The picture once it is there, or why there is none."""
        if self.fault in (CameraFault.HANGS, CameraFault.CANNOT_BE_KILLED):
            return None
        result = self._camera.poll(now_ms)
        if result is None:
            return None
        self.is_capturing = False
        if self.is_unplugged:
            return DeviceAbsent("the camera is unplugged")
        if not isinstance(result, Picture):
            return result
        if self.fault is CameraFault.DIES:
            return DeviceGarbage("camera worker died of signal 11")
        if self.whites_out_in_sun and result.scene == "sun":
            return _seen_again(replace(result, thumbnail=_sheet(255)))
        return result if self.fault is None else _spoilt(result, self.fault)

    def cancel(self, now_ms: int) -> None:
        """Kill the worker."""
        self._is_wedged = self.fault is CameraFault.CANNOT_BE_KILLED and self.is_capturing
        self.is_capturing = False
        self._camera.cancel(now_ms)


def _spoilt(picture: Picture, fault: CameraFault) -> Picture:
    data = picture.thumbnail
    thumbnails: dict[CameraFault, Callable[[], bytes]] = {
        CameraFault.EMPTY: lambda: b"",
        CameraFault.TRUNCATED: lambda: data[: len(data) // 2],
        CameraFault.HUGE: lambda: data + bytes(HUGE_BYTES),
        CameraFault.NOT_A_PICTURE: lambda: _NOT_A_PICTURE,
        CameraFault.BLACK: lambda: _sheet(0),
        CameraFault.WHITE: lambda: _sheet(255),
        CameraFault.FROSTED: lambda: _frosted(data),
    }
    return _seen_again(replace(picture, thumbnail=thumbnails[fault](), tiles=()))


def _seen_again(picture: Picture) -> Picture:
    """With what eyes, where it has any, see in the picture that it has become."""
    if picture.sight is None:
        return picture
    return replace(picture, sight=sight_in(picture.thumbnail, FIELD_DEG))


def _frosted(data: bytes) -> bytes:
    """The picture through ice: hardly any of its contrast, and no edge."""
    with Image.open(io.BytesIO(data)) as image:
        soft = image.convert("RGB").filter(ImageFilter.GaussianBlur(FROST_PX))
    veil = Image.new("RGB", soft.size, soft.resize((1, 1)).getpixel((0, 0)))
    buffer = io.BytesIO()
    Image.blend(soft, veil, FROST).save(buffer, "WEBP", quality=80)
    return buffer.getvalue()


def _sheet(shade: int) -> bytes:
    """A picture of one shade of grey, 0..255."""
    buffer = io.BytesIO()
    Image.new("RGB", WHITE_SIZE, (shade, shade, shade)).save(buffer, "WEBP", quality=60)
    return buffer.getvalue()
