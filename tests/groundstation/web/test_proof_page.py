"""What is not verified, on the page in a real browser: beside what is, dashed, hollow and named."""

from __future__ import annotations

import pytest

from groundstation.ground import Ground
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, state_at
from tests.groundstation.lied_to import FLOWN, QUIET_S, Station
from tests.groundstation.web.served import Served, go, looked_at

pytestmark = pytest.mark.usefixtures("vendor")
LIED_S = FLOWN[-1] + QUIET_S
NAMES = "[...document.querySelectorAll('.map-label.mark')].map(n => n.textContent)"
# Every line and dot that the map draws from here on: [colour, dashes or null, points or null].
WATCH = """(() => {
    window.drawn = [];
    for (const shape of ['polyline', 'circleMarker']) {
        const make = L[shape];
        L[shape] = (places, style) => {
            if (style.weight >= 1.5) drawn.push([shape, style.dashArray ?? null, style.weight,
                style.fillColor ?? null]);
            return make(places, style);
        };
    }
})()"""


def text(page, name):
    return page.value(f"document.getElementById('{name}').innerText")


def test_an_unsigned_sentence_changes_nothing_that_is_verified_and_is_shown_as_what_it_is(
    page, tmp_path
):
    """The strip read "heard, undefined" and 120 m, the marker had moved, a burst was drawn, and
    the foot still said that all of it was signed."""
    station = Station(tmp_path)
    served = Served(station.archive.path, lambda: START_MS + (LIED_S + 20) * 1000,
                    SIGNED_MISSION)
    words = ("phase", "altitude", "climb", "seal", "age")
    try:
        looked_at(page, served, 1440, 900, "chase")
        before = {name: text(page, name) for name in words}
        place = text(page, "map-caption").splitlines()[0]
        title = page.value("document.title")
        assert before["phase"] == "rising" and before["seal"] == "signed"
        assert page.value(NAMES) == ["EDDA", "launch", "landing"]
        assert place.split(", ")[2] == "signed", "52.1328, 13.3003, signed, 20 min ago"
        station.lie()
        page.wait("!document.getElementById('via').hidden")
        for _ in range(2):  # as it came over the stream, and as it is loaded anew
            page.wait(f"{NAMES}.length === 4")
            assert {name: text(page, name) for name in words} == before
            assert page.value("document.title") == title
            names = sorted(page.value(NAMES))
            assert names == ["EDDA", "landing", "launch", "not signed"], "and no burst"
            lines = text(page, "map-caption").splitlines()
            assert lines[0] == place and len(lines) == 3
            lat, lon = state_at(LIED_S).latitude_deg + 0.3015, state_at(LIED_S).longitude_deg - 0.3
            assert lines[1].startswith(f"dashed: {lat:.4f}, {lon:.4f}, not signed, ")
            assert text(page, "via").startswith(
                f"Not signed: a UKHAS sentence claims to be EDDA at {lat:.4f}, {lon:.4f}, 120")
            assert text(page, "quiet").startswith("No signed beacon heard for 20\u00a0min")
            assert page.value("document.body.dataset.freshness") == "silent"
            looked_at(page, served, 1440, 900, "chase")
        go(page, "control")
        page.wait("document.getElementById('colophon').innerText"
                  ".includes('4 beacons in other formats are not signed: dashed')")
        assert page.complaints == []
    finally:
        served.stop()
        station.close()


@pytest.mark.thorough
def test_what_is_verified_is_drawn_full_and_what_is_not_dashed_and_hollow(page, tmp_path):
    station = Station(tmp_path)
    served = Served(station.archive.path, lambda: START_MS + (LIED_S + 20) * 1000,
                    SIGNED_MISSION)
    anew = "(() => { drawn = []; document.getElementById('sun').click(); return drawn; })()"
    try:
        looked_at(page, served, 1440, 900, "chase")
        page.value(WATCH)
        station.lie()
        page.wait("drawn.some(([, dash]) => dash === '3 3')")
        shapes = page.value(anew)
        assert {tuple(s[1:3]) for s in shapes if s[0] == "polyline"} == {(None, 3.5), ("7 5", 1.5)}
        dots = [(dash, fill) for shape, dash, _, fill in shapes if shape == "circleMarker"]
        claim, here = [d for d in dots if d[0]], [d for d in dots if not d[0]][-1]
        assert claim == [("3 3", claim[0][1])] and claim[0][1] != here[1], "hollow beside full"
        station.ground = Ground(SIGNED_MISSION, station.archive, None)  # the key is taken away
        looked_at(page, served, 1440, 900, "chase")
        station.hear(station.far.beacon(state_at(LIED_S + 10)), LIED_S + 10)
        page.wait("document.getElementById('seal').innerText === 'not verified'")
        page.value(WATCH)
        ways = {tuple(s[1:3]) for s in page.value(anew) if s[0] == "polyline"}
        assert (None, 3.5) not in ways and ("7 5", 3.5) in ways, "nothing is drawn as verified"
        go(page, "control")
        page.wait("document.getElementById('colophon').innerText.includes('cannot verify them')")
        assert page.complaints == []
    finally:
        served.stop()
        station.close()


@pytest.mark.thorough
def test_a_claim_is_gone_from_the_present_when_the_payload_is_heard_again(page, tmp_path):
    station = Station(tmp_path)
    served = Served(station.archive.path, lambda: START_MS + (LIED_S + 60) * 1000,
                    SIGNED_MISSION)
    try:
        station.lie()
        looked_at(page, served, 1440, 900, "chase")
        assert "not signed" in page.value(NAMES)
        station.hear(station.far.beacon(state_at(LIED_S + 50)), LIED_S + 50)
        page.wait("document.getElementById('via').hidden")
        page.wait(f"!{NAMES}.includes('not signed')")
        assert "dashed" not in text(page, "map-caption")
        assert text(page, "age").endswith("\u00a0s ago"), "and not 20 min"
    finally:
        served.stop()
        station.close()


def test_before_anything_is_verified_a_claim_is_all_there_is_and_only_a_claim(page, tmp_path):
    station = Station(tmp_path)
    station.archive.db.execute("DELETE FROM beacon")  # as if none had been heard
    served = Served(station.archive.path, lambda: START_MS + (LIED_S + 20) * 1000,
                    SIGNED_MISSION)
    try:
        station.lie()
        looked_at(page, served, 1440, 900, "chase")
        assert (text(page, "phase"), text(page, "altitude"), text(page, "age")) == (
            "not received yet", "–", "never")
        assert page.value(NAMES) == ["not signed"]
        assert text(page, "map-caption").startswith("dashed: ")
        assert text(page, "via").startswith("Not signed: ")
        assert page.complaints == []
    finally:
        served.stop()
        station.close()
