"""The Read room in a real browser: chapters, every line, places, the time bar, and paper."""

from __future__ import annotations

import base64
from contextlib import closing

import pytest

from groundstation.ground import Ground, HeardBytes
from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from tests.groundstation.web import diary
from tests.groundstation.web.browser import Browser, find_chromium, need_vendor
from tests.groundstation.web.served import Served, go, looked_at
from wire.records import Kind

CHAPTERS = "[...document.querySelectorAll('.chapter h3 span')].map(n => n.textContent)"
NEWEST_FIRST = ["The landing", "The descent", "The burst", "The ascent", "On the ground"]
ARTICLES = "document.querySelectorAll('#feed article').length"
CURRENT = "document.querySelector('#feed [aria-current] .text')?.textContent"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    find_chromium()
    archive = diary.build(tmp_path_factory.mktemp("flight") / "flight.sqlite")
    station = Served(archive.path)
    yield station
    station.stop()
    archive.close()


def test_a_flight_has_its_chapters_and_every_line_stands_in_its_own(page, served):
    """The ascent was headed "Left the ground · 626 m", and the burst was no moment at all."""
    looked_at(page, served, 1440, 900)
    assert page.value(CHAPTERS) == NEWEST_FIRST
    small = "[...document.querySelectorAll('.chapter h3 small')].map(n => n.textContent)"
    landing, descent, burst, ascent, _ = page.value(small)
    assert landing.endswith("· 60\u00a0m") and burst.endswith("\u202f628\u00a0m")
    assert "m" not in ascent + descent, "what the first beacon of a phase says is no height of it"
    first = "document.querySelector('[data-chapter={}] article:last-child .text').textContent"
    assert page.value(first.format("ASCENT")) == diary.LINES[0]
    assert page.value(first.format("LANDED")) == diary.LINES[37]
    assert page.value("document.getElementById('day').textContent").startswith("21 September 2026")
    assert page.complaints == []


def test_feeds_hold_articles_only_and_each_has_a_name(page, served):
    looked_at(page, served, 1440, 900)
    assert page.value("[...document.querySelectorAll('[role=feed]')].every((feed) => feed.hidden"
                      " || (feed.children.length && feed.ariaLabel))")
    assert page.value("[...document.querySelectorAll('[role=feed] > *')].every((child) =>"
                      " child.localName === 'article' && child.ariaLabel)")


@pytest.mark.thorough
def test_every_line_of_a_long_flight_is_reached(page, tmp_path):
    """Sixty were loaded, and the chapters before them stood in a heap at the end."""
    archive = diary.Archive(tmp_path / "long.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    heard = [HeardBytes(far.beacon(state_at(0)), START_MS, None, None)]
    for i in range(300):
        now = START_MS + i * 20_000
        far.push(Kind.MUSING, now, {"text": f"Line {i}."})
        heard += [HeardBytes(data, now, None, None) for data in (far.data(now + 5000),) if data]
    ground.receive_many(heard)
    count = archive.db.execute("SELECT COUNT(*) FROM record").fetchone()[0]
    assert count > 2 * 60
    station = Served(archive.path, now=lambda: START_MS + 6_000_000)
    try:
        looked_at(page, station, 1440, 900)
        page.wait(f"{ARTICLES} >= 60")
        page.value("import('/static/entries.js').then((entries) => entries.loadSince(-Infinity))")
        assert page.value(ARTICLES) == count
        assert not page.value("document.getElementById('beginning').hidden")
    finally:
        station.stop()
        archive.close()


def test_the_time_bar_shows_a_moment_in_the_diary_on_the_map_and_in_the_plots(page, served):
    need_vendor()
    looked_at(page, served, 1440, 900)
    assert page.value("document.getElementById('moment-words').textContent") == "now"
    page.value("import('/static/clock.js').then((clock) =>"
               f" clock.setMoment({START_MS + 4_000_000}))")
    page.wait(f"{CURRENT} === {diary.LINES[20]!r}")
    box = "document.querySelector('#feed [aria-current]').getBoundingClientRect()"
    assert page.value(f"{box}.top > 60 && {box}.bottom < 850"), "and it is in view"
    words = page.value("document.getElementById('moment-words').textContent")
    assert words.endswith("\u00a0m") and "now" not in words
    assert page.value("document.querySelectorAll('#sketch .end').length") == 1
    page.value("document.getElementById('moment').focus()")
    page.press("PageDown", 34)
    page.press("PageDown", 34)
    page.wait(f"{CURRENT} === {diary.LINES[19]!r}")
    go(page, "chase")
    page.wait("[...document.querySelectorAll('.plots h3 .value')].length === 4")
    at = page.value("document.getElementById('moment-words').textContent").split()[0]
    page.wait(f"[...document.querySelectorAll('.plots h3 .value')].every((n) =>"
              f" Math.abs(Date.parse('2000-01-01T' + n.textContent.slice(0, 5))"
              f" - Date.parse('2000-01-01T{at}')) <= 120000)")
    go(page, "control")
    assert page.value("document.getElementById('timebar').checkVisibility()")
    page.value("document.getElementById('moment-now').click()")
    go(page, "read")
    assert page.value(CURRENT) is None
    assert page.complaints == []


def test_the_lines_on_the_map_are_reached_with_the_keyboard(page, served):
    looked_at(page, served, 1440, 900)
    dots = "document.querySelectorAll('#sketch .thought')"
    assert page.value(f"{dots}.length") >= len(diary.LINES) - 2
    stops = "document.querySelectorAll('#sketch [tabindex=\"0\"]').length"
    assert page.value(stops) == 1, "one stop for the keyboard, not forty"
    page.value(f"{dots}[0].focus()")
    page.press("ArrowRight", 39)
    assert page.value("document.activeElement.ariaLabel").endswith(diary.LINES[1])
    page.press("Enter", 13)
    page.wait(f"{CURRENT} === {diary.LINES[1]!r}")
    assert page.value(stops) == 1
    assert page.value("document.activeElement.ariaLabel").endswith(diary.LINES[1]), "focus is kept"


def test_on_paper_it_is_black_on_white_and_begins_at_the_beginning(page, served):
    """From a dark screen the lines were printed palest of all, newest first, without a name."""
    looked_at(page, served, 1440, 900)
    page.value("window.dispatchEvent(new Event('beforeprint'))")
    assert page.value(CHAPTERS) == NEWEST_FIRST[::-1]
    first = "document.querySelector('#feed article .text').textContent"
    assert page.value(first) == diary.LINES[0]
    page.call("Emulation.setEmulatedMedia", media="print",
              features=[{"name": "prefers-color-scheme", "value": "dark"}])
    colour = "getComputedStyle(document.querySelector('.text')).color"
    assert page.value(colour) == "rgb(0, 0, 0)"
    assert page.value("getComputedStyle(document.documentElement).backgroundColor") == (
        "rgb(255, 255, 255)")
    for shown in ("title", "day", "disclosure"):
        assert page.value(f"document.getElementById('{shown}').checkVisibility()"), shown
    page.call("Emulation.setEmulatedMedia", media="",
              features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.value("window.dispatchEvent(new Event('afterprint'))")
    assert page.value(CHAPTERS) == NEWEST_FIRST
    data = page.call("Page.printToPDF", preferCSSPageSize=True)["data"]
    assert base64.b64decode(data).count(b"/Type /Page\n") >= 8


@pytest.mark.thorough
def test_a_stream_that_is_refused_once_comes_back(tmp_path):
    """A browser's EventSource gives up for ever at the first 503."""
    find_chromium()
    archive = diary.Archive(tmp_path / "refused.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    ground.receive(far.beacon(state_at(0)), START_MS)
    station = Served(archive.path, now=lambda: START_MS + 9000)
    altitude = "document.getElementById('altitude').textContent.replace(/\\D/g, '')"
    with closing(Browser(tmp_path / "profile")) as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source="""
            const real = window.fetch;
            let refusals = 2;
            const later = setTimeout;
            window.setTimeout = (run, ms) => later(run, ms / 20);
            window.fetch = (path, ...rest) => {
                if (!String(path).startsWith('/api/events') || refusals === 0)
                    return real(path, ...rest);
                refusals -= 1;
                return Promise.resolve(new Response('{}', { status: refusals ? 503 : 500 }));
            };""")
        try:
            looked_at(page, station, 1440, 900)
            page.wait("document.getElementById('banner').hidden")
            ground.receive(far.beacon(state_at(100)), START_MS + 8000)
            page.wait(f"{altitude} === '560'")
        finally:
            station.stop()
            archive.close()


@pytest.mark.parametrize(("place", "words"), [
    ("UTC", "21 September 2026 · times in UTC"), ("Asia/Kolkata", "times in UTC+5:30"),
    ("America/St_Johns", "times in UTC\u22122:30"),
])
def test_the_page_says_whose_hours_it_counts(page, served, place, words):
    """That was in a tooltip only."""
    page.call("Emulation.setTimezoneOverride", timezoneId=place)
    looked_at(page, served, 375, 667)
    assert page.value("document.getElementById('day').checkVisibility()")
    assert page.value("document.getElementById('day').textContent").endswith(words)
    page.call("Emulation.setTimezoneOverride", timezoneId="")
