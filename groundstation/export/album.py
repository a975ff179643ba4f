"""The pictures of a flight as files: thumbnails and tiles as received, and a page that shows them.

Names are made here and never come from the radio. The page needs only the files in its folder.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from groundstation.decode.mosaic import Mosaic
from groundstation.reading.reader import FlightReader

_SUFFIX = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
PAGE = 200
_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pictures</title>
<style>
body { margin: 2rem; background: #0b101c; color: #c6bfb1; font: italic 1rem/1.4 Georgia, serif; }
figure { display: inline-block; margin: 0 2rem 2rem 0; vertical-align: top; }
div { position: relative; width: 640px; height: 480px; overflow: hidden; background: #101727; }
div img { position: absolute; }
div img.first { width: 100%; height: 100%; }
</style>
"""


def write(reader: FlightReader, directory: Path) -> Path | None:
    """Write every picture as far as it was received into ``directory``; the path of the page.

    Nothing is written, and None returned, where there is no picture. Raises OSError.
    """
    entries = {entry["id"]: entry for entry in _thumbnails(reader)}
    visible = {key for key, entry in entries.items() if entry["is_shown"]}
    mosaics = [m for m in reader.mosaics() if m.tiles or m.thumbnail_key in visible]
    if not mosaics:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    page = directory / "index.html"
    figures = [_HEAD]
    for number, mosaic in enumerate(mosaics, 1):
        first, tiles = _write_images(reader, mosaic, f"{number:04d}", directory)
        caption = _caption(mosaic, entries.get(mosaic.thumbnail_key))
        figures.append(_figure(mosaic, first, tiles, caption))
    page.write_text("".join(figures), encoding="utf-8")
    return page


def _thumbnails(reader: FlightReader) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while found := reader.entries(before, PAGE):
        yield from (entry for entry in found if entry["kind"] == "thumbnail")
        before = found[-1]["id"]


def _write_images(
    reader: FlightReader, mosaic: Mosaic, stem: str, directory: Path
) -> tuple[str | None, dict[int, str]]:
    """(name of the thumbnail's file, names of the tiles' files by place)."""

    def save(key: int, name: str) -> str | None:
        found = reader.picture(key)
        if found is None:
            return None
        data, media_type = found
        path = directory / f"{name}.{_SUFFIX[media_type]}"
        path.write_bytes(data)
        return path.name

    first = None if mosaic.thumbnail_key is None else save(mosaic.thumbnail_key, stem)
    tiles = {}
    for place, key in mosaic.tiles.items():
        row, column = divmod(place, mosaic.columns)
        name = save(key, f"{stem}-row{row + 1}-column{column + 1}")
        if name is not None:
            tiles[place] = name
    return first, tiles


def _figure(
    mosaic: Mosaic, first: str | None, tiles: dict[int, str], caption: str
) -> str:
    images = [f'<img class="first" alt="" src="{first}">'] if first else []
    for place, name in tiles.items():
        row, column = divmod(place, mosaic.columns)
        width, height = 100 / mosaic.columns, 100 / mosaic.rows
        images.append(
            f'<img alt="" src="{name}" style="left:{column * width:g}%;top:{row * height:g}%;'
            f'width:{width:g}%;height:{height:g}%">'
        )
    words = html.escape(caption)
    return f"<figure><div>{''.join(images)}</div><figcaption>{words}</figcaption></figure>\n"


def _caption(mosaic: Mosaic, entry: dict[str, Any] | None) -> str:
    parts = []
    if entry is not None:
        at = datetime.fromtimestamp(entry["when_ms"] / 1000, UTC)
        parts += [f"{at:%Y-%m-%d %H:%M} UTC", entry["scene"]]
        parts += [] if entry["alt_m"] is None else [f"{entry['alt_m']:.0f} m"]
    whole = mosaic.columns * mosaic.rows
    if len(mosaic.tiles) < whole:
        parts.append(f"{len(mosaic.tiles)} of {whole} tiles")
    return ", ".join(filter(None, parts))
