"""Control in a browser: the two steps of a cutdown, alarms heard and noticed, hostile packets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from groundstation.archive import connections
from tests.groundstation.far_end import SIGNED_MISSION, state_at
from tests.groundstation.uplink.outbox_station import Station
from tests.groundstation.web.browser import Browser, find_chromium
from tests.groundstation.web.served import Served, go
from tests.groundstation.web.test_access import TOKENS, VISITOR
from tests.thorough import sampled
from wire import frames
from wire.beacon import FaultBits
from wire.commands import Opcode
from wire.frames import IdentFrame

HOSTILE = '<img src=x onerror="alert(1)">'
# Counts the tones in place of making them; a headless browser has no speaker.
EARS = """
window.tones = [];
window.AudioContext = class {
  currentTime = 0; destination = {};
  close() {}
  createGain() {
    const gain = { setValueAtTime() {}, exponentialRampToValueAtTime() {} };
    return { gain, connect: (on) => on };
  }
  createOscillator() {
    const start = () => tones.push(tone.frequency.value);
    const tone = { frequency: {}, connect: (on) => on, start, stop() {} };
    return tone;
  }
};
"""


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    find_chromium()
    made = Station(tmp_path)
    made.beacon()
    yield made
    made.archive.close()


@pytest.fixture
def served(station: Station) -> Iterator[Served]:
    made = Served(station.archive.path, lambda: station.now_ms, SIGNED_MISSION, tokens=TOKENS)
    yield made
    made.stop()


@pytest.fixture
def browser(browser: Browser) -> Browser:
    browser.size(1440, 900)
    return browser


def press(browser: Browser, within: str, words: str) -> None:
    """Press the enabled button with these words, once it is there."""
    button = (f"[...document.querySelectorAll('{within} button')]"
              f".find((each) => each.textContent === '{words}' && !each.disabled)")
    browser.wait(f"Boolean({button})")
    browser.value(f"{button}.click()")


def text(browser: Browser, name: str) -> str:
    return str(browser.value(f"document.getElementById('{name}').textContent"))


def test_a_cutdown_takes_two_deliberate_steps(
    station: Station, served: Served, browser: Browser
) -> None:
    browser.open(f"{served.url}#control")
    assert browser.value("document.getElementById('fire').disabled"), "nothing is armed"
    press(browser, "#cutdown", "1 · Arm")
    assert browser.value("document.querySelector('.confirm .danger').disabled"), "not at once"
    assert station.archive.db.execute("SELECT COUNT(*) FROM outbox").fetchone()[0] == 0
    press(browser, "#cutdown-confirm", "Arm")
    browser.wait("document.getElementById('letters').textContent.includes('cutdown_arm')")
    assert station.window(is_heard=True) is Opcode.CUTDOWN_ARM
    station.beacon(is_armed=True)
    browser.wait("document.getElementById('cutdown').classList.contains('armed')")
    assert text(browser, "cutdown-state").startswith("EDDA says: armed. FIRE can be sent for ")
    press(browser, "#cutdown", "2 · Fire")
    browser.value("document.querySelector('.typed').value = 'edda'")
    browser.value("document.querySelector('.typed').dispatchEvent(new Event('input'))")
    assert browser.value("document.querySelector('.confirm .danger').disabled"), "another name"
    browser.value("document.querySelector('.typed').value = 'EDDA'")
    browser.wait("performance.now() > 0 && (document.querySelector('.typed').dispatchEvent("
                 "new Event('input')), !document.querySelector('.confirm .danger').disabled)")
    press(browser, "#cutdown-confirm", "Fire")
    browser.wait("document.getElementById('letters').textContent.includes('cutdown_fire')")
    assert station.window(is_armed=True) is Opcode.CUTDOWN_FIRE
    assert browser.complaints == []


def test_a_command_is_queued_with_its_arguments_and_refused_with_a_sentence(
    station: Station, served: Served, browser: Browser
) -> None:
    browser.open(f"{served.url}#control")

    def queue(name: str, arguments: str) -> None:
        browser.value(f"document.getElementById('command-name').value = '{name}'")
        browser.value("document.getElementById('command-name').dispatchEvent(new Event('change'))")
        browser.value(f"document.getElementById('command-arguments').value = '{arguments}'")
        browser.value("document.getElementById('command').requestSubmit()")

    queue("tx_off", "31")
    browser.wait("document.getElementById('command-note').textContent !== ''")
    assert text(browser, "command-note") == "The silence in minutes must be 1..30."
    queue("tx_off", "10")
    browser.wait("document.getElementById('letters').textContent.includes('tx_off 10')")
    assert station.window() is Opcode.TX_OFF
    queue("reboot", "")
    assert browser.value("document.querySelector('#command-confirm .danger').textContent") == (
        "Queue reboot")
    press(browser, "#command-confirm", "Cancel")
    assert browser.value("document.getElementById('command-confirm').children.length") == 0
    assert [url for url in browser.complaints if "422" not in url] == []


def test_an_alarm_is_heard_in_every_room_until_somebody_has_noticed_it(
    station: Station, served: Served, browser: Browser
) -> None:
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=EARS)
    browser.open(f"{served.url}#control")
    assert text(browser, "alarm-list") == "" and text(browser, "sound") == "Turn the sound on"
    press(browser, ".alarms", "Turn the sound on")
    assert browser.value("tones.splice(0)") == [660], "one tone proves that there is sound"
    go(browser, "read")
    state = replace(state_at(1000), time_of_day_s=station.now_ms // 1000 % 86_400,
                    faults=int(FaultBits.STORE))
    station.ground.receive(station.far.beacon(state), station.now_ms)
    browser.wait("document.getElementById('alarm-line').checkVisibility()")
    assert text(browser, "alarm-line") == "Fault: store"
    browser.wait("tones.length > 0")
    go(browser, "control")
    press(browser, "#alarm-list", "Acknowledge")
    browser.wait("document.querySelector('#alarm-list .noticed') !== null")
    assert browser.value("document.getElementById('alarm-line').hidden")
    browser.value("tones.splice(0)")
    station.beacon()
    browser.wait("document.getElementById('alarm-list').children.length === 0")
    station.now_ms += 3_600_000
    browser.wait("document.getElementById('alarm-list').textContent.includes('no beacon for 60')")
    browser.wait("tones.length > 0")
    assert browser.complaints == []


def test_an_acknowledgement_that_did_not_arrive_can_be_given_again(
    station: Station, served: Served, browser: Browser
) -> None:
    """Its button stayed disabled while the alarm lasted, and only a screen reader told why."""
    state = replace(state_at(1000), time_of_day_s=station.now_ms // 1000 % 86_400,
                    faults=int(FaultBits.STORE))
    station.ground.receive(station.far.beacon(state), station.now_ms)
    browser.open(f"{served.url}#control")
    browser.wait("document.querySelector('#alarm-list .loud') !== null")
    browser.value("{ window.whole = fetch; window.fetch = () => Promise.reject(new Error()); 0 }")
    press(browser, "#alarm-list", "Acknowledge")
    browser.wait("document.getElementById('alarm-list').textContent.includes('Not acknowledged')")
    browser.value("{ window.fetch = whole; 0 }")
    press(browser, "#alarm-list", "Not acknowledged: try again")
    browser.wait("document.querySelector('#alarm-list .noticed') !== null")


def test_a_station_that_is_gone_is_no_silence_of_the_payload(
    station: Station, served: Served, browser: Browser
) -> None:
    browser.open(f"{served.url}#control")
    served.stop()
    browser.wait("document.getElementById('alarm-list').textContent.includes('Station')")
    words = text(browser, "alarm-list")
    assert "does not answer this page" in words and "Silence" not in words
    browser.wait("document.getElementById('station-health').textContent.includes('has lost')")
    press(browser, "#alarm-list", "Acknowledge")
    browser.wait("document.querySelector('#alarm-list .noticed') !== null")


@pytest.mark.parametrize(("width", "height"), sampled([(1440, 900), (375, 667)]))
def test_both_ends_the_link_and_a_hostile_packet_are_shown(
    station: Station, served: Served, browser: Browser, width: int, height: int
) -> None:
    hostile = frames.encode_downlink(IdentFrame(9, HOSTILE))
    for seconds in range(1, 12):
        station.now_ms += 10_000
        station.ground.receive(station.far.beacon(replace(
            state_at(1000 + seconds), time_of_day_s=station.now_ms // 1000 % 86_400)),
            station.now_ms, -90.0 - seconds, 5.0)
    station.ground.receive(hostile, station.now_ms, -111.0, -2.5)
    browser.size(width, height)
    browser.open(f"{served.url}#control")
    assert "nominal" in text(browser, "payload-health").lower()
    assert "not armed" in text(browser, "payload-health")
    assert "none reported" in text(browser, "payload-health")
    assert "every frame" in text(browser, "station-health")
    browser.wait("document.getElementById('airtime').textContent.includes('beacons')")
    assert "−111" in text(browser, "link-now")
    browser.value("document.getElementById('packets').open = true")
    press(browser, "#packet-lines", str(station.archive.last_reception_id()))
    browser.wait("!document.getElementById('packet').hidden")
    assert HOSTILE in text(browser, "packet") and "ident" in text(browser, "packet")
    assert hostile.hex()[-4:-2] + " " + hostile.hex()[-2:] in text(browser, "packet")
    assert browser.value("document.querySelector('#packet img')") is None
    assert browser.value("document.documentElement.scrollWidth") == width
    assert browser.complaints == []


def test_a_shared_control_room_is_reached_or_not_and_for_how_long(
    browser: Browser, served: Served, station: Station
) -> None:
    note = partial(connections.note, station.archive, connections.CONTROL_ROOM, "db.example/edda")
    note(station.now_ms - 120_000, None)
    browser.size(375, 667)
    browser.open(f"{served.url}#control")
    browser.wait("/shared, db.example.edda, for 2.min/.test("
                 "document.getElementById('station-health').textContent)")
    note(station.now_ms - 3_000, f"database {HOSTILE} does not exist")
    station.beacon()
    browser.wait("/^unreachable, lost 3.s ago: database <img/.test("
                 "document.querySelector('#station-health .bad')?.textContent)")
    assert browser.value("document.documentElement.scrollWidth <= 375")
    assert browser.value("document.querySelectorAll('#station-health img').length") == 0


@pytest.mark.thorough
def test_a_viewer_sees_everything_and_can_press_nothing(
    station: Station, served: Served, browser: Browser
) -> None:
    station.queue(Opcode.PING)
    browser.call("Network.setExtraHTTPHeaders", headers={"x-forwarded-for": VISITOR})
    browser.open(f"{served.url}#token={TOKENS.viewer}")
    go(browser, "control")
    browser.wait("document.getElementById('letters').textContent.includes('ping')")
    assert "Your link is read-only" in text(browser, "command-note")
    enabled = "[...document.querySelectorAll('#room-control button, #room-control select')]"
    enabled += ".filter((each) => each.checkVisibility()).map((each) => each.id)"
    assert browser.value(enabled) == ["sound"]
