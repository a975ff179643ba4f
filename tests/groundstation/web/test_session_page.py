"""Another store of the payload, and records that contradict each other, in a real browser."""

from __future__ import annotations

from groundstation.archive.archive import Archive
from tests.groundstation.decode.session_air import OTHER, payload, proving
from tests.groundstation.far_end import SIGNED_MISSION, START_MS
from tests.groundstation.web.served import Served
from wire.records import Kind


def test_another_store_is_told_and_contradictions_can_be_opened(page, tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground = proving(archive)
    first, liar, second = payload(), payload(), payload(incarnation=OTHER)
    for at, (far, text) in enumerate(((first, "As it was."), (liar, "As it was not."))):
        far.sender.next_block = 10 * at
        ground.receive(far.tell(), START_MS)
        far.push(Kind.MUSING, START_MS, {"text": text})
        ground.receive(far.data(START_MS + 5_000), START_MS + 5_000)
    ground.receive(second.tell(), START_MS + 60_000)
    station = Served(archive.path, mission=SIGNED_MISSION)
    page.size(1200, 900)
    page.open(f"{station.url}#control")
    doubts = page.value("document.getElementById('doubts').textContent")
    assert "EDDA continued with another store at " in doubts and "kept apart" in doubts
    words = page.value("document.querySelector('#conflicts summary').textContent")
    assert words == "1 record contradicts an earlier one"
    page.value("document.getElementById('conflicts').open = true")
    page.wait("document.querySelectorAll('#conflicts li').length === 1")
    said = page.value("document.querySelector('#conflicts li').textContent")
    assert "musing: text: As it was." in said and "musing: text: As it was not." in said
    assert page.complaints == []
    station.stop()
    archive.close()
