"""Every room of a flight of the simulator: on each screen, in each theme, by keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.groundstation.web import flown
from tests.groundstation.web.browser import Browser, need_axe
from tests.groundstation.web.looks import look
from tests.groundstation.web.served import Served, arrived, go, looked_at
from tests.sim.flights import mission
from tests.thorough import sampled

pytestmark = pytest.mark.usefixtures("vendor")
ROOMS = ("read", "chase", "control")
SIZES = [(375, 667), (1440, 900), (412, 915), (667, 375), (915, 412), (1920, 1080)]
THEMES = ["dark", "light", "sun"]
# What each room is for, and must be seen of it before anybody scrolls.
MAIN = {"read": "#feed .newest .text", "chase": "#fix-place", "control": "#alarms-title"}
TABS_MAX = 200
# Widest lines of what is drawn once a second wait for it.
DRAWN = "document.querySelectorAll('.uplot').length === 4"


@pytest.fixture(scope="module")
def served(flown_archive: Path) -> Iterator[Served]:
    end_ms = flown.end_ms(flown_archive)
    station = Served(flown_archive, lambda: end_ms, mission())
    yield station
    station.stop()


def enter(page: Browser, room: str) -> None:
    go(page, room)
    if room == "chase":
        page.wait(DRAWN)


@pytest.mark.parametrize(("width", "height"), sampled(SIZES, quick=2))
def test_a_room_fits_its_screen(
    page: Browser, served: Served, width: int, height: int
) -> None:
    looked_at(page, served, width, height)
    for room in ROOMS:
        enter(page, room)
        where = (room, width, height)
        assert page.value("document.documentElement.scrollWidth") == width, where
        assert look(page, "cutOff") == [], where
        assert look(page, "collisions") == [], where
        top, bottom = look(page, "stage")
        box = f"document.querySelector('{MAIN[room]}').getBoundingClientRect()"
        assert top <= page.value(f"{box}.top"), where
        assert page.value(f"{box}.bottom") <= bottom, where
        page.value("window.scrollTo(0, document.documentElement.scrollHeight)")
        last = ("Math.max(...[...document.querySelectorAll('main :is(p, button, a, .plot)')]"
                ".filter((n) => n.checkVisibility()).map((n) => n.getBoundingClientRect().bottom))")
        assert page.value(last) <= look(page, "stage")[1], (*where, "the end")
        page.value("window.scrollTo(0, 0)")
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(served.url)] == []


def show_in(page: Browser, theme: str) -> None:
    """The theme that the next page begins with."""
    page.call("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-color-scheme", "value": "light" if theme == "light" else "dark"},
        {"name": "prefers-reduced-motion", "value": "reduce"}])
    page.value(f"localStorage.setItem('theme', '{theme}')")


@pytest.mark.parametrize(("theme", "width"), sampled(
    [("sun", 412), ("dark", 1440), ("light", 412), ("dark", 375), ("light", 1440), ("sun", 1440)]))
def test_no_theme_of_any_room_bars_anybody(
    page: Browser, served: Served, theme: str, width: int
) -> None:
    """axe-core, rules of WCAG 2 A and AA: colours, names, roles, labels. In the sun theme, Read and
    Control showed alarms as pale words on white, and Read was dark until Chase had been opened."""
    axe = need_axe()
    looked_at(page, served, width, 900)
    show_in(page, theme)
    looked_at(page, served, width, 900)
    page.value(f"{axe};0")
    for room in ROOMS:
        enter(page, room)
        found = page.value(
            "axe.run(document, {preload: false, runOnly: ['wcag2a', 'wcag2aa']}).then((found) =>"
            " found.violations.map((v) => [v.id, ...v.nodes.map((n) => n.target.join(' '))]))")
        assert found == [], (theme, width, room, json.dumps(found, indent=1))
    show_in(page, "dark")


def test_the_sun_is_chosen_for_every_room_and_from_the_first_moment(
    page: Browser, served: Served
) -> None:
    looked_at(page, served, 412, 915)
    show_in(page, "sun")
    looked_at(page, served, 412, 915)
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.value(colour) == "rgb(255, 255, 255)"
    show_in(page, "dark")
    looked_at(page, served, 412, 915)
    assert page.value(colour) != "rgb(255, 255, 255)"


# What the Tab key must reach in each room, and what a key does to one of them.
STOPS = {
    "read": ("Chase", "article", "The flight book", "#moment"),
    "chase": ("#sun", "#map", "#me-device", "Zoom in", "#moment"),
    "control": ("#sound", "#question", "#command-name", "#arm", "summary", "#moment"),
}
DONE = {
    "read": ("#moment", "PageDown", 34, "!document.getElementById('moment-now').hidden"),
    "chase": ("#sun", "Enter", 13, "document.documentElement.dataset.theme === 'sun'"),
    "control": ("#packets summary", "Enter", 13,
                "document.querySelectorAll('#packet-lines button').length > 9"),
}
UNDO = ("import('/static/clock.js').then((clock) => clock.setMoment(null));"
        "localStorage.removeItem('theme')")


def tabbed(page: Browser) -> list[dict[str, Any]]:
    """What the Tab key reaches from here to the end of the page."""
    found = []
    for _ in range(TABS_MAX):
        page.press("Tab", 9)
        at = look(page, "focus")
        if at["isBody"]:
            return found
        found.append(at)
    raise AssertionError(f"{TABS_MAX} stops and no end")


@pytest.mark.parametrize("width", sampled([1440, 412]))
def test_each_room_is_reached_and_operated_with_the_keyboard_alone(
    page: Browser, served: Served, width: int
) -> None:
    """On a phone the strip and the time bar lay over what had the focus."""
    looked_at(page, served, width, 900)
    for room in ROOMS:
        page.value(f"document.querySelector('.rooms [href=\"#{room}\"]').focus()")
        page.press("Enter", 13, "\r")
        arrived(page, room)
        if room == "chase":
            page.wait(DRAWN)
        page.value("document.querySelector('.rooms a').focus()")
        stops = tabbed(page)
        assert [at["name"] for at in stops if not at["isMarked"]] == [], room
        assert [at["name"] for at in stops if at["isCovered"]] == [], room
        reached = " ".join(at["name"] for at in stops)
        assert [name for name in STOPS[room] if name not in reached] == [], (room, reached)
        node, key, code, is_done = DONE[room]
        page.value(f"document.querySelector('{node}').focus()")
        page.press(key, code, "\r" if key == "Enter" else "")
        page.wait(is_done)
    page.value(UNDO)
    assert page.complaints == []


def test_a_page_that_was_left_gives_its_connection_back(page: Browser, served: Served) -> None:
    """It kept its stream in the browser's memory; after six, a page took a minute to open."""
    def taken(count: int) -> None:
        for _ in range(200):
            if len(served.app.state.streams._seats) == count:
                return
            page.value("new Promise((done) => setTimeout(done, 50))")
        raise TimeoutError(f"{count} streams")

    looked_at(page, served, 412, 915)
    taken(1)
    page.open("about:blank", until="location.href === 'about:blank'")
    taken(0)
    page.call("Runtime.evaluate", expression="history.back()")
    taken(1)


# What is drawn and is no word: against each ground that it lies on, WCAG 2 1.4.11.
DRAWN_COLOURS = ("accent", "low", "high", "heard", "lost", "edge", "alarm", "ink-soft")
CONTRASTS = """((names) => {
  const light = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const luminance = (name) => {
    const found = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
    paint.fillStyle = found;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((each) => light(each / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  return names.flatMap((name) => ['paper-bg', 'raised'].map((ground) =>
    [name, ground, ratio(luminance(name), luminance(ground))]));
})"""


@pytest.mark.parametrize("theme", THEMES)
def test_what_is_drawn_is_seen_on_its_ground_in_every_theme(
    page: Browser, served: Served, theme: str
) -> None:
    """Labels of the map stood at 3.74 to one by day, bars of lost frames at 1.37."""
    looked_at(page, served, 412, 915)
    show_in(page, theme)
    looked_at(page, served, 412, 915)
    drawn = page.value(f"{CONTRASTS}({json.dumps(DRAWN_COLOURS)})")
    assert [each for each in drawn if each[2] < 3] == []
    assert [each for each in page.value(f"{CONTRASTS}(['ink', 'muted'])") if each[2] < 4.5] == []
    show_in(page, "dark")
