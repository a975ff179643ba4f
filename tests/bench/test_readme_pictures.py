"""The README's picture of the flight book: three leaves side by side, each at its own chapter."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from PIL import Image

from bench.readme_pictures import BETWEEN_PX, LEAF, book
from tests.groundstation.web.browser import Browser, find_chromium

COLOURS = ("#103050", "#803010", "#108030")
PAGE = "".join(
    f"<section style='background:{colour};height:1500px'>"
    f"<h2 style='margin:0'>{title}</h2></section>"
    for colour, title in zip(COLOURS, ("Cover", "The way", "The burst"), strict=True))


def test_each_leaf_shows_its_chapter(tmp_path: Path) -> None:
    find_chromium()
    path, out = tmp_path / "book.html", tmp_path / "sheet.png"
    path.write_text(f"<!doctype html><body style='margin:0'>{PAGE}", encoding="utf-8")
    with closing(Browser(tmp_path / "profile", theme="light")) as browser:
        book(browser, path, out)
    with Image.open(out) as sheet:
        assert sheet.size == (3 * LEAF[0] + 2 * BETWEEN_PX, LEAF[1])
        middles = [sheet.getpixel((at * (LEAF[0] + BETWEEN_PX) + LEAF[0] // 2, LEAF[1] // 2))
                   for at in range(3)]
    assert middles == [tuple(bytes.fromhex(colour[1:])) for colour in COLOURS]
