"""The page in a real browser, with nothing but the station to talk to."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from groundstation.ground import Ground
from groundstation.share.sondehub import UploadOutcome
from groundstation.share.upload_queue import Batch, UploadQueue
from groundstation.web import routes
from groundstation.web.stream import Ending
from tests.groundstation.far_end import (
    MASTER_KEY,
    MISSION,
    SIGNED_MISSION,
    START_MS,
    FarEnd,
    state_at,
)
from tests.groundstation.web import diary
from tests.groundstation.web.browser import find_chromium, need_vendor
from tests.groundstation.web.served import NOW_MS, Served, go, looked_at
from tests.thorough import sampled
from wire import horus
from wire.auth import Direction, derive_key
from wire.horus import Packet
from wire.records import Kind


@pytest.fixture(scope="module")
def flight(tmp_path_factory):
    find_chromium()
    archive = diary.build(tmp_path_factory.mktemp("flight") / "flight.sqlite")
    yield archive
    archive.close()


@pytest.fixture
def served(flight):
    station = Served(flight.path)
    yield station
    station.stop()


def test_a_whole_flight_is_read_with_no_complaint_and_no_stranger(page, served, tmp_path):
    need_vendor()
    looked_at(page, served, 1440, 900)
    assert page.value("document.querySelectorAll('article').length") >= 38
    text = page.value("document.querySelector('.newest .text').textContent")
    assert text == diary.LINES[-1]
    assert "AI persona" in page.value("document.getElementById('disclosure').textContent")
    assert "no signal for" in page.value("document.getElementById('feed').textContent")
    mark = "a canned line, not the model's"
    marks = "[...document.querySelectorAll('{} .canned')].map(n => n.textContent)"
    assert page.value(marks.format("#feed")) == [mark] * (len(diary.CANNED) + 1)
    assert "asked weather: 404, not found" in page.value("document.body.textContent")
    page.screenshot(tmp_path / "wide.png")
    assert (tmp_path / "wide.png").stat().st_size > 30_000
    go(page, "chase")
    page.wait("document.querySelectorAll('#map canvas').length === 2")
    page.wait("document.querySelectorAll('.uplot').length === 4")
    go(page, "control")
    page.wait("document.getElementById('letters').textContent !== ''")
    assert "answered at" in page.value("document.getElementById('letters').textContent")
    answer = "document.querySelector('#letters .answered .answer').textContent"
    assert page.value(answer) == "Cold, and wider than I was told."
    assert page.value("document.querySelectorAll('#letters .answer').length") == 1
    assert page.value(marks.format("#letters")) == [mark]
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(served.url)] == []


@pytest.mark.thorough
def test_on_a_phone_nothing_is_cut_off_and_everything_can_be_reached(page, served):
    need_vendor()
    looked_at(page, served, 375, 667)
    assert page.value("document.documentElement.scrollWidth") == 375
    bottom = "document.querySelector('.newest .text').getBoundingClientRect().bottom"
    rooms = "document.querySelector('.rooms').getBoundingClientRect().top"
    assert page.value(bottom) < page.value(rooms), "strip and newest line on the first screen"
    shown = {"chase": ("#map", ".plots"), "control": ("#ask",), "read": ("#feed",)}
    for room, selectors in shown.items():
        go(page, room)
        for selector in selectors:
            page.wait(f"document.querySelector('{selector}').offsetHeight > 40")
        assert page.value("document.documentElement.scrollWidth") == 375, room
        assert page.value("document.querySelectorAll('h1').length") == 1
        assert page.value("document.querySelector('h1').checkVisibility()")
        current = "document.querySelector('.rooms [aria-current]').hash"
        assert page.value(current) == f"#{room}" == page.value("location.hash")
    assert page.complaints == []


def test_hostile_words_stay_words(page, tmp_path):
    archive = diary.Archive(tmp_path / "hostile.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    words = ["<img src=x onerror=\"document.title='owned'\">", "</p><script>owned=1</script>",
             "'\"><svg onload=owned=1>", "javascript:owned=1", "{{7*7}}"]
    for text in words:
        far.push(Kind.MUSING, START_MS, {"text": text, "senses": text, "alt": 5})
        far.push(Kind.API_CALL, START_MS, {"api": text, "outcome": "ok", "summary": text})
        far.push(Kind.REPLY, START_MS, {"text": text, "question": text, "question_id": 1})
    ground.receive(far.beacon(state_at(0)), START_MS)
    for i in range(40):
        data = far.data(START_MS + i * 5000)
        if data:
            ground.receive(data, START_MS + i * 5000)
    station = Served(archive.path)
    try:
        looked_at(page, station, 1440, 900)
        shown = page.value("[...document.querySelectorAll('.text')].map(n => n.textContent)")
        assert set(shown) == set(words)
        strangers = "document.querySelectorAll('#feed script, #feed svg, #feed img').length"
        assert page.value(strangers) == 0
        assert page.value("typeof owned") == "undefined"
        assert page.complaints == []
    finally:
        station.stop()
        archive.close()


@pytest.mark.thorough
def test_the_page_says_who_said_it(page, tmp_path):
    """Signed, an impostor while the page is open, the same without the key, and unsigned."""
    archive = diary.Archive(tmp_path / "signed.sqlite", is_durable=False)
    key = SIGNED_MISSION.downlink_key(MASTER_KEY)
    far, liar = FarEnd(mission=SIGNED_MISSION), FarEnd(mission=SIGNED_MISSION, boot=2)
    liar.downlink_key = None
    station = Served(archive.path, lambda: START_MS + 9000, SIGNED_MISSION)

    def shown(name):
        return page.value(f"document.getElementById('{name}').textContent")

    def hear(ground, far, text):
        ground.receive(far.beacon(state_at(0)), START_MS)
        far.push(Kind.MUSING, START_MS, {"text": text})
        ground.receive(far.data(START_MS + 5000), START_MS + 5000)

    try:
        ground = Ground(SIGNED_MISSION, archive, None, key)
        ground.receive(liar.beacon(state_at(0)), START_MS)
        looked_at(page, station, 1440, 900)
        assert shown("doubts") == (
            "1 frame claimed to be from EDDA and was not signed by it. "
            "If these are its own frames, payload and station have different keys.")
        hear(ground, far, "Mine.")
        page.wait("document.getElementById('seal').textContent === 'signed'")
        hear(ground, liar, "Not mine.")
        page.wait("document.getElementById('doubts').textContent.startsWith('3 frames')")
        assert shown("doubts") == "3 frames claimed to be from EDDA and were not signed by it."
        assert "Not mine" not in shown("feed")
        go(page, "control")
        page.wait("document.getElementById('colophon').textContent.includes('signed by EDDA')")
        Ground(SIGNED_MISSION, archive, None)
        looked_at(page, station, 1440, 900)
        assert shown("seal") == "not signed"
        assert shown("doubts") == "EDDA signs what it sends, and the newest beacon is not signed."
        marks = "[...document.querySelectorAll('.entry')].map(n => n.textContent)"
        mine, others = sorted(page.value(marks), key=lambda words: "Not mine" in words)
        assert "not signed" in others and "not" not in mine.replace("Not mine", "")
        go(page, "control")
        page.wait("document.getElementById('colophon').textContent.includes('no key')")
        ground = Ground(SIGNED_MISSION, archive, None, key)
        ground.receive(far.beacon(state_at(2400)), START_MS + 4_800_000)
        looked_at(page, station, 1440, 900)
        assert "differ by 40\u00a0min" in shown("doubts")
        assert page.complaints == []
    finally:
        station.stop()
        archive.close()


def test_a_new_line_arrives_and_never_moves_what_is_being_read(page, tmp_path):
    archive = diary.build(tmp_path / "live.sqlite", with_pictures=False, end_s=4000)
    ground, far = Ground(MISSION, archive, None), FarEnd(boot=2)
    now = START_MS + 4_000_000
    station = Served(archive.path, now=lambda: now)

    def think(text):
        far.push(Kind.MUSING, now, {"text": text, "alt": 20_000})
        ground.receive(far.data(now + 5000), now + 5000)

    try:
        looked_at(page, station, 1440, 900)
        think("First of a new day.")
        page.wait("document.querySelector('.newest .text').textContent.startsWith('First of')")
        page.value("window.scrollTo(0, 1200)")
        where = "document.querySelectorAll('article')[9].getBoundingClientRect().top"
        before = page.value(where)
        think("Second of a new day.")
        page.wait("!document.getElementById('news').hidden")
        assert page.value("document.getElementById('news').textContent") == "A new line"
        assert page.value(where) == before
        page.value("document.getElementById('news').click()")
        newest = page.value("document.querySelector('.newest .text').textContent")
        assert newest == "Second of a new day."
        station.stop()
        page.wait("!document.getElementById('banner').hidden")
    finally:
        station.stop()
        archive.close()


@pytest.mark.thorough
def test_the_colophon_says_what_sondehub_was_told(page, tmp_path):
    mission = MISSION.model_copy(
        update={"ground": MISSION.ground.model_copy(update={"sondehub": "on"})})
    archive = diary.Archive(tmp_path / "told.sqlite", is_durable=False)
    Ground(mission, archive, None).receive(FarEnd().beacon(state_at(600)), NOW_MS)
    queue = UploadQueue(archive.path, mission)
    words = "document.getElementById('colophon').textContent"
    off, station = Served(archive.path), Served(archive.path, mission=mission)
    try:
        looked_at(page, off, 1440, 900, "control")
        assert "SondeHub" not in page.value(words)
        looked_at(page, station, 1440, 900, "control")
        assert "SondeHub has accepted 0 positions." in page.value(words)
        queue.settle(Batch((), 1, 0), UploadOutcome(1, 2), NOW_MS)
        queue.set_aside(Batch(({},), 1, 0))
        queue.note_trouble("status 503 <b>")
        page.wait(words + ".includes('SondeHub has accepted 1 position; refused 2; failed on 1;"
                  " it does not answer now (status 503 <b>); waiting positions are kept.')", 5)
    finally:
        off.stop()
        station.stop()
        queue.close()
        archive.close()


def test_a_strangers_beacon_is_shown_while_ours_are_missing_and_says_what_it_is(page, tmp_path):
    archive = diary.Archive(tmp_path / "horus.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    now = START_MS + 700_000

    def strange(at_s, callsign):
        packet = Packet(callsign, 1, state_at(at_s), "The tape creaks.", None, 1)
        ground.receive(horus.encode(packet, 128), START_MS + at_s * 1000)

    for at_s in range(0, 600, 10):
        ground.receive(far.beacon(state_at(at_s)), START_MS + at_s * 1000)
    strange(690, "M0NTY")
    station = Served(archive.path, now=lambda: now)
    words = {name: f"document.getElementById('{name}').textContent"
             for name in ("via", "altitude", "age", "map-caption", "colophon")}
    try:
        need_vendor()
        looked_at(page, station, 1440, 900, "chase")
        assert page.value("document.getElementById('via').hidden")
        strange(695, "N0CALL")
        page.wait("!document.getElementById('via').hidden")
        assert page.value(words["via"]) == (
            "From a Horus beacon, not verified; its own beacons are missing."
            " It says: “The tape creaks.”")
        high = round(state_at(695).altitude_m)
        assert page.value(words["altitude"]).replace("\u202f", "") == f"{high}\u00a0m"
        assert page.value(words["age"]).endswith("\u00a0s ago"), "our own is minutes old"
        page.wait(words["map-caption"] + ".includes('from a Horus beacon')")
        ground.receive(far.beacon(state_at(698)), START_MS + 698_000)
        page.wait("document.getElementById('via').hidden")
        page.wait("!" + words["map-caption"] + ".includes('Horus')")
        go(page, "control")
        page.wait(words["colophon"] + ".includes('M0NTY')")
        assert page.complaints == []
    finally:
        station.stop()
        archive.close()


def test_an_empty_page_says_what_it_waits_for_and_draws_nothing_that_is_not_there(page, tmp_path):
    need_vendor()
    archive = diary.Archive(tmp_path / "empty.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    station = Served(archive.path, now=lambda: START_MS + 9000)
    shown = ("[...document.querySelectorAll('#waiting, #map, .plots h3, .plot, #beginning')]"
             ".filter(n => n.checkVisibility())"
             ".map(n => n.id || n.firstChild.textContent || 'plot')")
    try:
        looked_at(page, station, 1440, 900, "chase")
        assert page.value(shown) == ["waiting"]
        assert page.value("document.getElementById('waiting').textContent").startswith(
            "Nothing has been received from EDDA yet. On the ground it sends a beacon every "
            "30\u00a0s")
        state = state_at(0)
        ground.receive(far.beacon(replace(state, latitude_deg=None, battery_mv=None)), START_MS)
        page.wait("document.querySelectorAll('.uplot').length === 2")
        assert page.value(shown) == [
            "Temperature", "plot", "Frames a minute", "plot"], "no fix, no battery"
        ground.receive(far.beacon(state_at(10)), START_MS + 10_000)
        page.wait("document.querySelectorAll('.uplot').length === 4")
        assert page.value("document.getElementById('map').offsetHeight") > 200
        names = "[...document.querySelectorAll('.map-label.mark')].map(n => n.textContent)"
        assert page.value(names) == ["EDDA"], "at the launch, one name for both"
        assert page.complaints == []
    finally:
        station.stop()
        archive.close()


@pytest.mark.thorough
def test_a_flight_that_is_known_to_be_over_stands_still_and_can_be_read(page, tmp_path):
    """As the simulator ends one: the page was open, and stays readable when it is closed."""
    archive = diary.build(tmp_path / "over.sqlite", with_pictures=False, end_s=600)
    ending: list[Ending] = []
    station = Served(archive.path, lambda: START_MS + 600_000,
                     ending=lambda: ending[-1] if ending else None)
    words = {name: f"document.getElementById('{name}').textContent"
             for name in ("over", "age", "ask-note", "banner")}
    try:
        looked_at(page, station, 1440, 900, "control")
        assert page.value("document.getElementById('over').hidden")
        assert page.value("document.body.dataset.freshness") == "fresh"
        ending.append(Ending(START_MS + 605_000, "flight-7"))
        page.wait("!document.getElementById('over').hidden")
        told = page.value(words["over"])
        assert told.startswith("The simulated flight is over. EDDA was last heard at ")
        assert ", rising." in told and "again with spacepi-sim show flight-7." in told
        assert page.value("document.body.dataset.freshness") == "over"
        assert page.value(words["age"]).startswith("at ")
        page.wait("document.getElementById('question').disabled")
        assert page.value(words["ask-note"]) == (
            "The flight is over: the payload cannot answer any more.")
        station.stop()
        page.wait("!document.getElementById('banner').hidden")
        assert page.value(words["banner"]).startswith("The simulator is closed.")
        clock = "import('/static/clock.js').then((clock) => clock.now())"
        assert page.value(clock) == START_MS + 605_000, "it stands still"
    finally:
        station.stop()
        archive.close()


@pytest.mark.thorough
def test_a_fast_flight_is_not_silent_between_two_messages(page, served):
    """Minutes of a flight at 60 times real time pass while a message is on its way."""
    looked_at(page, served, 1440, 900)
    assert page.value("""(async () => {
        const clock = await import('/static/clock.js?of-its-own');
        const real = performance.now, lags = [];
        for (const [local, station] of [[0, 0], [2000, 120000], [4000, 122000]]) {
            performance.now = () => local;
            clock.setClock({ now_ms: station, ending: null });
            lags.push(clock.lag());
        }
        performance.now = real;
        return lags;
    })()""") == [0, 30_000, 0]


def test_a_question_is_asked_with_the_keyboard(page, tmp_path):
    archive = diary.build(tmp_path / "ask.sqlite", with_pictures=False, end_s=600)
    Ground(MISSION, archive, derive_key(MASTER_KEY, 7, Direction.UPLINK))
    station = Served(archive.path)
    try:
        looked_at(page, station, 1440, 900)
        for key, code, text in (("Tab", 9, ""), ("Tab", 9, ""), ("Enter", 13, "\r")):
            for kind in ("keyDown", "keyUp"):
                page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                          windowsVirtualKeyCode=code, text=text if kind == "keyDown" else "")
        page.wait("document.activeElement.id === 'question'")
        page.call("Input.insertText", text="Can you see the pond?")
        for kind in ("keyDown", "keyUp"):
            page.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter",
                      windowsVirtualKeyCode=13, text="\r" if kind == "keyDown" else "")
        page.wait("document.getElementById('letters').textContent.includes('the pond')")
        page.wait("document.getElementById('letters').textContent.includes('when EDDA listens')")
    finally:
        station.stop()
        archive.close()


@pytest.mark.parametrize(("is_served", "words"), sampled([
    (True, "Map and plots are not installed; run python -m groundstation.vendor."),
    (False, "Map and plots did not load; reload the page."),
]))
def test_without_vendor_files_the_diary_still_reads(page, flight, tmp_path, is_served, words):
    static = tmp_path / "static"
    shutil.copytree(routes.STATIC, static, ignore=shutil.ignore_patterns("vendor"))
    if not is_served:  # they are there, and what a link leads to is not served
        (static / "vendor").symlink_to(routes.STATIC / "vendor")
        need_vendor()
    station = Served(flight.path, static=static)
    try:
        looked_at(page, station, 1440, 900)
        assert page.value("document.querySelectorAll('article').length") >= 38
        go(page, "chase")
        page.wait(f"document.getElementById('map').textContent === '{words}'")
        assert page.complaints == [] or not is_served
    finally:
        station.stop()
