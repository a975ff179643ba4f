"""What people write to make a machine do something else, in every field that a room shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from groundstation.archive.archive import Archive
from groundstation.ground import Ground, HeardBytes
from groundstation.sanitise import clean_text
from tests.groundstation.far_end import MASTER_KEY, MISSION, START_MS, FarEnd, state_at
from tests.groundstation.web.browser import Browser, need_vendor
from tests.groundstation.web.looks import look
from tests.groundstation.web.served import Served, go, looked_at
from tests.groundstation.web.test_every_room import DRAWN
from tests.hostile.injections import INJECTIONS
from wire.auth import Direction, derive_key
from wire.records import Kind

FRAMES_MAX = 4000
QUESTIONS = 6
NOW_MS = START_MS + FRAMES_MAX * 1000
TEXTS = [text[:400] for text in INJECTIONS.values()]
# Whatever a text may have made: nodes that do something, and handlers.
STRANGE = ("document.querySelectorAll('script:not([src^=\"/static/\"]), iframe, object, embed,"
           " form:not(#ask):not(#command), #feed :is(a, svg, [style]:not(.silence)), #packet a,"
           " #letters a')")
HANDLERS = ("[...document.querySelectorAll('*')].filter((node) => [...node.attributes]"
            ".some((each) => each.name.startsWith('on'))).length")
TRAP = """
window.trapped = [];
for (const name of ['alert', 'confirm', 'prompt', 'open', 'eval'])
  window[name] = (...words) => trapped.push([name, ...words]);
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    need_vendor()
    archive = Archive(tmp_path_factory.mktemp("hostile") / "a.sqlite", is_durable=False)
    ground = Ground(MISSION, archive, derive_key(MASTER_KEY, 7, Direction.UPLINK))
    far = FarEnd(derive_key(MASTER_KEY, 7, Direction.UPLINK))
    for number, text in enumerate(TEXTS):
        at = START_MS + number * 60_000
        far.push(Kind.MUSING, at, {
            "text": text, "senses": text, "about": text, "by": text, "alt": 5000, "lat": 521000000,
            "lon": 132000000 + number * 10_000})
        far.push(Kind.API_CALL, at, {"api": text, "outcome": "ok", "summary": text})
        far.push(Kind.SOUND, at, {"heard": text, "level": -200, "spl": 900})
        far.push(Kind.EVENT, at, {
            "event": text, "severity": "error", "fields": {"sensor": text}})
    heard = [HeardBytes(far.beacon(state_at(600)), START_MS, None, None)]
    for number in range(FRAMES_MAX):
        data = far.data(START_MS + number * 1000)
        if data is not None:
            heard.append(HeardBytes(data, START_MS + number * 1000, None, None))
    ground.receive_many(heard)
    for text in TEXTS[:QUESTIONS]:
        ground.ask(clean_text(text, 100), NOW_MS)
    station = Served(archive.path, lambda: NOW_MS)
    yield station
    station.stop()
    archive.close()


@pytest.fixture
def page(browser: Browser) -> Browser:
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=TRAP)
    return browser


def test_the_hostile_corpus_is_inert_in_every_room(page: Browser, served: Served) -> None:
    looked_at(page, served, 412, 915)
    shown = page.value("[...document.querySelectorAll('#feed .text')].map((n) => n.textContent)")
    assert sorted(shown) == sorted(filter(None, map(clean_text, TEXTS))), "as words, each of them"
    for room in ("read", "chase", "control"):
        go(page, room)
        if room == "chase":
            page.wait(DRAWN)
            page.value("[...document.querySelectorAll('#map canvas')].length")
        if room == "control":
            page.value("document.querySelector('#packets summary').click()")
            page.wait("document.querySelectorAll('#packet-lines button').length > 9")
            page.value("document.querySelector('#packet-lines button').click()")
            page.wait("!document.getElementById('packet').hidden")
            page.wait("document.querySelectorAll('#letters li').length >= 6")
        assert page.value(f"{STRANGE}.length") == 0, room
        assert page.value(HANDLERS) == 0, room
        assert look(page, "cutOff") == [], room
        assert look(page, "collisions") == [], room
        assert page.value("document.documentElement.scrollWidth") == 412, room
    assert page.value("JSON.stringify(trapped)") == "[]"
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(served.url)] == []
