"""Commands in a real browser: what became of each, calling one back, and the abort."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundstation.archive import outbox
from tests.groundstation.far_end import SIGNED_MISSION
from tests.groundstation.uplink.outbox_station import Station
from tests.groundstation.web.browser import Browser, find_chromium
from tests.groundstation.web.served import Served
from wire.commands import Opcode
from wire.records import Kind

LIST = "document.getElementById('letters')"
NOTE = "document.getElementById('letters-note').textContent"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    find_chromium()
    made = Station(tmp_path)
    yield made
    made.archive.close()


def press(browser: Browser, words: str) -> None:
    browser.value(f"[...{LIST}.querySelectorAll('button')]"
                  f".find((button) => button.textContent === '{words}').click()")


@pytest.mark.thorough
def test_commands_are_shown_in_their_order_and_called_back(
    station: Station, browser: Browser
) -> None:
    for number in range(8):
        station.queue(Opcode.ASK, f"question {number}?")
    station.queue(Opcode.CUTDOWN_ARM)
    station.beacon()
    served = Served(station.archive.path, lambda: station.now_ms, SIGNED_MISSION)
    try:
        browser.size(1440, 1000)
        browser.open(f"{served.url}#control")
        rows = f"[...{LIST}.children].map((row) => row.querySelector('q, code')?.textContent ?? '')"
        assert browser.value(rows) == [
            "cutdown_arm", *(f"question {number}?" for number in range(5)), ""]
        assert browser.value(f"{LIST}.textContent").count("more are waiting") == 1
        text = browser.value(f"{LIST}.firstChild.textContent")
        assert "queued, will be sent when EDDA listens; expires in 3" in text
        assert "Abort" not in text
        assert station.window() is Opcode.CUTDOWN_ARM
        browser.wait(f"{LIST}.textContent.includes('sent once, not confirmed by EDDA yet')")
        press(browser, "Withdraw")
        browser.wait(f"{NOTE} !== ''")
        assert browser.value(NOTE) == (
            "Withdrawn; it was sent once, EDDA may have received it; "
            "send cutdown_abort to be sure.")
        browser.wait(f"{LIST}.textContent.includes('EDDA may have received it')")
        press(browser, "Abort")
        browser.wait(f"{LIST}.textContent.includes('cutdown_abort')")
        assert browser.value(NOTE) == "The abort will be sent next, before everything else."
        assert not browser.value(f"{LIST}.querySelector('.abort') !== null"), "one is enough"
        if "SHOTS" in os.environ:
            browser.screenshot(Path(os.environ["SHOTS"]) / "letters.png")
        assert station.window() is Opcode.CUTDOWN_ABORT
        assert browser.complaints == []
    finally:
        served.stop()


def test_earlier_questions_are_reached_however_many_there_are(
    station: Station, browser: Browser
) -> None:
    """Those beyond the fifth vanished."""
    for number in range(34):
        command_id = station.queue(Opcode.ASK, f"question {number}?", asker=f"person {number}")
        with station.archive.db:
            outbox.withdraw(station.archive.db, command_id)
    station.beacon()
    served = Served(station.archive.path, lambda: station.now_ms, SIGNED_MISSION)
    try:
        browser.open(f"{served.url}#control")
        browser.wait(f"{LIST}.querySelectorAll(':scope > li').length === 5")
        for shown in (30, 34):
            browser.value("document.getElementById('letters-older').click()")
            browser.wait(f"{LIST}.querySelectorAll(':scope > li').length >= {shown}")
        browser.wait("document.getElementById('letters-older').hidden")
        for number in range(34):
            assert f"question {number}?" in browser.value(f"{LIST}.textContent")
    finally:
        served.stop()


def test_a_question_shows_its_stages_and_its_conversation(
    station: Station, browser: Browser
) -> None:
    """Goal: one block a conversation, oldest first, with the reply from the station's records and
    each stage reached. Method: two questions of one person, one of another."""
    first = station.queue(Opcode.ASK, "Is it cold?", asker="person Ana")
    while station.window(is_heard=True) is not Opcode.ASK:
        pass
    station.push(Kind.REPLY, {"text": "Cold, mostly.", "question": "Is it cold?",
                              "question_id": first, "by": "canned"})
    second = station.queue(Opcode.ASK, "How cold?", asker="person Ana")
    station.queue(Opcode.ASK, "Who are you?", asker="person Ben")
    while station.window(is_heard=True) is not Opcode.FOLLOW_UP:
        pass
    station.push(Kind.EVENT, {"event": "question_begun", "severity": "info",
                              "fields": {"question_id": second}})
    served = Served(station.archive.path, lambda: station.now_ms, SIGNED_MISSION)
    try:
        browser.size(1440, 1000)
        browser.open(f"{served.url}#control")
        browser.wait(f"{LIST}.querySelector('.before') !== null")
        block = f"{LIST}.querySelector('.thinking')"
        assert browser.value(f"[...{block}.querySelectorAll('q')].map((q) => q.textContent)") == [
            "Is it cold?", "How cold?"]
        assert browser.value(f"{block}.querySelector('.before .answer').textContent") == (
            "Cold, mostly.")
        assert browser.value(f"{block}.querySelector('.before .canned') !== null")
        assert browser.value(
            f"[...{block}.querySelectorAll('.reached')].map((li) => li.textContent)") == [
            "queued", "on air", "heard aboard", "thinking"]
        assert browser.value(f"{LIST}.textContent").count("Is it cold?") == 1
        assert browser.complaints == []
    finally:
        served.stop()
