"""The chooser of payloads in a real browser: there when there is a choice, and followed by all."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.groundstation.far_end import SIGNED_MISSION
from tests.groundstation.two_payloads import NOW_MS, OTHER, OTHER_SAID, OURS_SAID, Pair
from tests.groundstation.web.browser import Browser, need_axe, need_vendor
from tests.groundstation.web.looks import look
from tests.groundstation.web.served import Served, go, looked_at
from tests.groundstation.web.test_every_room import ROOMS, show_in, tabbed
from tests.thorough import sampled

COMPLETE = "document.body?.classList.contains('complete')"
ELSEWHERE = f"location.search === '?payload={OTHER}' && {COMPLETE}"
CLOSED = "document.getElementById('{}').innerText.startsWith('Only EDDA can be reached')"
CHOICES = "[...document.querySelectorAll('#payloads a')].map((link) => link.innerText)"


@pytest.fixture
def served(pair: Pair) -> Iterator[Served]:
    served = Served(pair.archive.path, lambda: NOW_MS, SIGNED_MISSION)
    yield served
    served.stop()


def choose(page: Browser, name: str) -> None:
    """By keyboard alone."""
    page.value("[...document.querySelectorAll('#payloads a')].find((link) =>"
               f" link.innerText.startsWith('{name}')).focus()")
    page.press("Enter", 13, "\r")


def test_without_a_choice_there_is_no_chooser_until_another_is_heard(
    page: Browser, pair: Pair, served: Served
) -> None:
    pair.fly(with_other=False)
    looked_at(page, served, 412, 915)
    assert not page.value("document.getElementById('payloads').checkVisibility()")
    pair.hear_other(610)
    page.wait(f"{CHOICES}.length === 2")
    assert page.value(CHOICES) == ["EDDA", "Node 9"]
    pair.identify("DE N0CALL-9 LUMEN")
    page.wait(f"{CHOICES}[1].startsWith('LUMEN')")
    assert page.value("document.getElementById('name').innerText") == "EDDA", "it stays what it is"
    assert page.complaints == []


def test_the_choice_stands_in_the_address_and_all_rooms_follow_it(
    page: Browser, pair: Pair, served: Served
) -> None:
    need_vendor()
    pair.fly()
    looked_at(page, served, 1440, 900, "chase")
    assert "signed" in page.value("document.getElementById('fix-age').innerText")
    choose(page, "LUMEN")
    page.wait(ELSEWHERE)
    assert page.value("location.hash") == "#chase", "the room stays open"
    assert page.value("document.querySelector('#payloads [aria-current]').innerText") == (
        "LUMENnode 9")
    doubts = page.value("document.getElementById('doubts').innerText")
    assert "It is not EDDA" in doubts and "which calls itself LUMEN" in doubts
    page.wait("document.getElementById('fix-place').innerText.startsWith('52.3')")
    assert page.value("document.getElementById('fix-age').innerText").startswith("not signed")
    go(page, "read")
    said = "[...document.querySelectorAll('#feed .text')].map((line) => line.innerText)"
    page.wait(f"{said}.join() === '{OTHER_SAID}'")
    links = page.value("[...document.querySelectorAll('.keep [download]')].map((a) => a.href)")
    assert links and all(link.endswith(f"?payload={OTHER}") for link in links)
    assert page.value("document.getElementById('timebar').checkVisibility()")
    go(page, "control")
    for note in ("ask-note", "command-note"):
        page.wait(CLOSED.format(note))
    fields = "':is(#ask, #command, .steps) :is(button, textarea, select, input)'"
    assert page.value(f"[...document.querySelectorAll({fields})]"
                      ".every((field) => field.disabled || !field.checkVisibility())")
    pair.hear_other(620)
    page.wait("document.getElementById('altitude').innerText.startsWith('3')")
    choose(page, "EDDA")
    page.wait(f"location.search === '' && {COMPLETE}")
    go(page, "read")
    page.wait(f"{said}.join() === '{OURS_SAID}'")
    assert page.complaints == []


def test_an_address_of_a_payload_that_was_never_heard_says_so(
    page: Browser, pair: Pair, served: Served
) -> None:
    pair.fly(with_other=False)
    page.open(f"{served.url}?payload={OTHER}",
              until="document.getElementById('banner')?.innerText.includes('has not heard')")
    pair.hear_other(610)
    page.wait(ELSEWHERE)
    page.open("about:blank", until="location.href === 'about:blank'")


@pytest.mark.parametrize(("theme", "width", "height"), sampled(
    [("light", 667, 375), ("dark", 320, 568), ("sun", 375, 667), ("dark", 1440, 900),
     ("light", 1440, 900)], quick=3))
def test_another_payload_fits_its_screen_and_bars_nobody(
    page: Browser, pair: Pair, served: Served, theme: str, width: int, height: int
) -> None:
    axe = need_axe()
    pair.fly()
    pair.identify("DE N0CALL-12 WWWWWWWWWWWWWWWW", 12)
    looked_at(page, served, width, height)
    show_in(page, theme)
    page.open("about:blank", until="location.href === 'about:blank'")
    page.open(f"{served.url}?payload={OTHER}", until=ELSEWHERE)
    page.value(f"{axe};0")
    for room in ROOMS:
        go(page, room)
        assert page.value("document.documentElement.scrollWidth") == width, room
        assert look(page, "cutOff") == [], room
        assert look(page, "collisions") == [], room
        found = page.value(
            "axe.run(document, {preload: false, runOnly: ['wcag2a', 'wcag2aa']}).then((found) =>"
            " found.violations.map((v) => [v.id, ...v.nodes.map((n) => n.target.join(' '))]))")
        assert found == [], (theme, room, json.dumps(found, indent=1))
    page.wait(CLOSED.format("command-note"))
    page.value("document.querySelector('.rooms a').focus()")
    stops = tabbed(page)
    assert [at["name"] for at in stops if at["isCovered"] or not at["isMarked"]] == []
    assert [at["name"] for at in stops if "LUMEN" in at["name"]]
    show_in(page, "dark")


@pytest.mark.parametrize(("width", "height"), sampled(
    [(667, 375), (320, 568), (740, 360), (844, 390), (1440, 900)], quick=2))
def test_a_name_of_the_widest_letters_leaves_room_for_the_readings(
    page: Browser, pair: Pair, served: Served, width: int, height: int
) -> None:
    pair.fly()
    pair.identify("DE N0CALL-9 WWWWWWWWWWWWWWWW")
    looked_at(page, served, width, height)
    choose(page, "WWWW")
    page.wait(ELSEWHERE)
    assert page.value("document.documentElement.scrollWidth") == width
    assert look(page, "cutOff") == []
    assert look(page, "collisions") == []
