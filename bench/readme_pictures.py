"""Takes the README's pictures anew: ``python -m bench.readme_pictures [--seed N] [--out docs]``.

One flight of the simulator, with the mind of the example person: during the descent the page is
looked at in Chromium, room by room, and after the landing the flight book is bound. Each picture is
to be looked at before it is committed: what the mind says differs from one time to the next.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from PIL import Image

from bench.chromium import Browser
from groundstation.export.export import write_all
from groundstation.reading.reader import FlightReader
from payload.mind.persona import load_persona
from sim.live import LivePage, reserve
from sim.scenario import Conditions
from sim.world import PersonaParts, World
from wire.mission import Mission, load

ROOT = Path(__file__).resolve().parents[1]
SEED = 7
LOOK_AT_M, LOOK_EVERY_S = 5_000, 20.0
WIDE, PHONE, LEAF = (1440, 900), (412, 915), (480, 720)  # px
BETWEEN_PX, BETWEEN = 15, "#c9c3b8"
READY = "document.body?.classList.contains('complete')"
# Those below the fold are loaded when somebody scrolls to them.
SEEN = ("[...document.images].every((each) => each.complete ||"
        " each.getBoundingClientRect().top > innerHeight)")
ACKNOWLEDGED = ("[...document.querySelectorAll('#alarm-list button')]"
                ".map((each) => each.click()).length === 0")
TOLD = "document.getElementById('link-now').textContent !== ''"
STILL = "document.querySelectorAll('.uplot').length === 4"


def main(arguments: list[str]) -> None:
    """Fly, look, bind."""
    parser = argparse.ArgumentParser("python -m bench.readme_pictures", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        mission = load(ROOT / "mission.toml")
        world = begun(mission, chosen.seed, Path(place) / "flight")
        with looking(world, mission, Path(place)) as (browser, address):
            to_the_descent(world, mission)
            rooms(browser, address, chosen.out)
        world.run_until(world.end_s)
        world.close()
        with closing(FlightReader(world.archive_path, mission)) as reader:
            write_all(reader, Path(place) / "kept")
        with closing(Browser(Path(place) / "book", theme="light")) as browser:
            book(browser, Path(place) / "kept" / "book.html", chosen.out / "flight-book.png")


def begun(mission: Mission, seed: int, folder: Path) -> World:
    """A flight with the mission's own persona."""
    persona = load_persona(ROOT / mission.mind.bundle, mission.mind.public_keys)
    return World(mission, seed, "real", folder, None, PersonaParts.of(persona), Conditions())


def to_the_descent(world: World, mission: Mission) -> None:
    """Until it was heard below LOOK_AT_M after the burst."""
    with closing(FlightReader(world.archive_path, mission)) as reader:
        while True:
            world.run_until(world.clock.now_s + LOOK_EVERY_S)
            beacon = reader.flight()["beacon"]
            if beacon is not None and beacon["phase"] == "DESCENT" and (
                    beacon["altitude_m"] or LOOK_AT_M) < LOOK_AT_M:
                return


@contextmanager
def looking(world: World, mission: Mission, place: Path) -> Iterator[tuple[Browser, str]]:
    """A browser that follows the flight, so that alarms come when they come, and the address."""
    page = LivePage(world.archive_path, mission, lambda: world.clock.utc_ms,
                    reserve("127.0.0.1", 0))
    with closing(page), closing(Browser(place / "profile")) as browser:
        browser.open(f"{page.address}#control", until="document.readyState === 'complete'")
        yield browser, page.address


def rooms(browser: Browser, address: str, out: Path) -> None:
    """All rooms, once the operator has acknowledged what would lie over them."""
    browser.wait(READY)
    browser.wait(ACKNOWLEDGED)
    for room, until, size, name in (
            ("control", TOLD, WIDE, "page-control.png"), ("read", "true", WIDE, "page.png"),
            ("chase", STILL, WIDE, "page-chase.png"), ("read", "true", PHONE, "page-phone.png")):
        browser.open("about:blank", until="location.href === 'about:blank'")
        browser.size(*size)
        browser.open(f"{address}#{room}", until=f"{READY} && {until}")
        browser.wait(SEEN)
        browser.screenshot(out / name)


def book(browser: Browser, path: Path, out: Path) -> None:
    """The cover, the track and the descent, side by side."""
    browser.size(*LEAF)
    browser.open(path.as_uri(), until="document.readyState === 'complete'")
    leaves: list[Image.Image] = []
    for title in ("", "The way", "The burst"):
        browser.value(
            "[...document.querySelectorAll('h2')].find((each) => each.textContent ==="
            f" '{title}')?.scrollIntoView() ?? scrollTo(0, 0)")
        browser.screenshot(path.with_name("leaf.png"))
        with Image.open(path.with_name("leaf.png")) as shot:
            leaves.append(shot.convert("RGB"))
    wide, high = LEAF
    sheet = Image.new("RGB", (3 * wide + 2 * BETWEEN_PX, high), BETWEEN)
    for number, leaf in enumerate(leaves):
        sheet.paste(leaf, (number * (wide + BETWEEN_PX), 0))
    sheet.save(out, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
