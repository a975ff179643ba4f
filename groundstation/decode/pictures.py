"""Pictures off the radio: only what is plainly a small JPEG, PNG or WebP is ever served."""

from __future__ import annotations

SIDE_MAX = 2048  # pixels; eight kilobytes that claim more are an attack on the browser
TILE_SIDE_MAX = 512  # there are many of them on a page
_SOF_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def media_type(image: object, side_max: int = SIDE_MAX) -> str | None:
    """The fixed media type of a picture that may be shown, else None."""
    if not isinstance(image, bytes):
        return None
    if image[:3] == b"\xff\xd8\xff":
        return "image/jpeg" if _is_small(_jpeg_size(image), side_max) else None
    if image[:8] == b"\x89PNG\r\n\x1a\n" and len(image) >= 24:
        size = int.from_bytes(image[16:20], "big"), int.from_bytes(image[20:24], "big")
        return "image/png" if _is_small(size, side_max) else None
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp" if _is_small(_webp_size(image), side_max) else None
    return None


def _is_small(size: tuple[int, int] | None, side_max: int) -> bool:
    return size is not None and 0 < size[0] <= side_max and 0 < size[1] <= side_max


def _jpeg_size(image: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(image) and image[at] == 0xFF:
        marker = image[at + 1]
        if marker in _SOF_MARKERS:
            height = int.from_bytes(image[at + 5 : at + 7], "big")
            return int.from_bytes(image[at + 7 : at + 9], "big"), height
        at += 2 + max(2, int.from_bytes(image[at + 2 : at + 4], "big"))
    return None


def _webp_size(image: bytes) -> tuple[int, int] | None:
    if len(image) < 30:
        return None
    if image[12:16] == b"VP8X":
        width = int.from_bytes(image[24:27], "little") + 1
        return width, int.from_bytes(image[27:30], "little") + 1
    if image[12:16] == b"VP8L":
        bits = int.from_bytes(image[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if image[12:16] == b"VP8 ":
        width = int.from_bytes(image[26:28], "little") & 0x3FFF
        return width, int.from_bytes(image[28:30], "little") & 0x3FFF
    return None
