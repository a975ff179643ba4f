"""The server's process killed under an open page: nothing is missing then, or told twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.groundstation.far_end import START_MS, FarEnd, state_at
from tests.groundstation.test_ground_command import Station
from tests.groundstation.web.browser import Browser
from wire.modems import kiss
from wire.records import Kind

FRAMES_MAX = 400
# The page's waits are a fortieth as long, and its clock goes on by as much as it is told.
HURRY = """
const later = setTimeout, clock = performance.now.bind(performance);
window.passed = 0;
window.setTimeout = (run, ms) => later(run, ms / 40);
performance.now = () => clock() + window.passed;
"""
LINES = "[...document.querySelectorAll('#feed .text')].map((n) => n.textContent)"
SHOWN = ("import('/static/track.js').then((track) =>"
         " [track.points(), track.samples(), track.marks()].map((rows) =>"
         " rows.map((row) => row.t ?? row[0])))")
KEPT = ("fetch('/api/history').then((answer) => answer.json()).then((found) =>"
        " [found.unverified.t, found.state.t, found.diary.t])")


@pytest.fixture
def page(browser: Browser) -> Browser:
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=HURRY)
    browser.size(1440, 900)
    return browser


class Payload:
    """What the station's radio hears, a beacon between the frames of data."""

    def __init__(self) -> None:
        self.far = FarEnd()
        self.frames = 0

    def think(self, *lines: str) -> None:
        for line in lines:
            self.far.push(Kind.MUSING, START_MS + self.frames * 1000, {"text": line, "alt": 9000})

    def frame(self) -> bytes:
        self.frames += 1
        data = None if self.frames % 5 == 0 else self.far.data(START_MS + self.frames * 1000)
        return data or self.far.beacon(state_at(self.frames * 20))

    def send_until(self, station: Station, page: Browser, condition: str) -> None:
        """Frames, each twice as a second receiver would hear them, until the page shows it."""
        for _ in range(FRAMES_MAX):
            frame = kiss.encode(self.frame())
            station.radio.sendall(frame + frame)
            if self.frames % 10 == 0 and page.value(condition):
                return
        page.wait(condition)


def has(*lines: str) -> str:
    return f"JSON.stringify({LINES}.toSorted()) === JSON.stringify({sorted(lines)!r})"


def test_a_server_that_is_killed_for_a_minute_leaves_no_gap_and_no_double(
    page: Browser, mission: Path
) -> None:
    payload, station = Payload(), Station(mission)
    payload.think("One.", "Two.")
    page.open(f"http://127.0.0.1:{station.web_port}/")
    payload.send_until(station, page, has("One.", "Two."))
    page.value("window.stayed = true")
    payload.think("Three, heard by the station as it is killed.")
    for _ in range(40):
        station.radio.sendall(kiss.encode(payload.frame()))
    station.kill()
    page.wait("document.body.dataset.freshness === 'unreachable'")
    assert page.value("document.getElementById('banner').textContent").startswith(
        "The station does not answer: what the payload does is unknown.")
    page.value("window.passed += 60_000")
    page.wait("document.getElementById('alarm-line').textContent.startsWith('Station: ')")
    payload.think("Four, while nobody listens.")
    for _ in range(40):
        payload.frame()
    station = Station(mission)
    try:
        payload.think("Five.")
        three = "Three, heard by the station as it is killed."
        payload.send_until(station, page, has(
            "One.", "Two.", three, "Four, while nobody listens.", "Five."))
        page.wait("document.getElementById('banner').hidden")
        page.wait("!document.getElementById('alarm-line').textContent.startsWith('Station')"
                  " || document.getElementById('alarm-line').hidden")
        assert page.value("window.stayed"), "without a reload"
        assert page.value(LINES) == [
            "Five.", "Four, while nobody listens.", three, "Two.", "One."]
        page.wait(f"Promise.all([{SHOWN}, {KEPT}]).then(([shown, kept]) =>"
                  " kept.every((times, i) => times.every((t) => shown[i].includes(t))))")
        points, (_, states, _) = page.value(SHOWN)[0], page.value(KEPT)
        assert points and len(set(points)) == len(points) and len(states) > 10
    finally:
        station.kill()
