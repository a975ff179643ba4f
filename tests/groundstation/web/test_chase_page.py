"""The Chase room in a real browser: what a hand in a field reads, presses and must not be told."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.web.map_tiles import MapTiles
from tests.groundstation.far_end import MISSION, SIGNED_MISSION, START_MS, FarEnd, state_at
from tests.groundstation.lied_to import FLOWN
from tests.groundstation.two_payloads import KEY
from tests.groundstation.web.looks import look
from tests.groundstation.web.served import Served, looked_at
from tests.groundstation.web.test_map_tiles import mbtiles, png
from tests.thorough import sampled
from wire.records import Kind

pytestmark = pytest.mark.usefixtures("vendor")
LAST_S = FLOWN[-1]
NOW_MS = START_MS + (LAST_S + 5) * 1000
SIZES = ((412, 915), (915, 412), (1440, 900))


@pytest.fixture
def served(station):
    served = Served(station.archive.path, lambda: NOW_MS, SIGNED_MISSION)
    yield served
    served.stop()


def text(page, name):
    return page.value(f"document.getElementById('{name}').innerText")


def set_me(page, lat, lon):
    page.value(f"import('/static/reader_position.js').then((me) => me.set([{lat}, {lon}]))")


@pytest.mark.parametrize(("width", "height"), sampled(SIZES))
def test_the_numbers_are_large_and_nothing_is_wider_than_the_screen(page, served, width, height):
    looked_at(page, served, width, height, "chase")
    set_me(page, 52.1, 13.1)
    page.wait("document.getElementById('to-it').checkVisibility()")
    sizes = page.value("[...document.querySelectorAll('#room-chase .big, #room-chase dd')]"
                       ".filter(n => n.checkVisibility())"
                       ".map(n => parseFloat(getComputedStyle(n).fontSize))")
    assert len(sizes) >= 8 and min(sizes) >= 24
    assert page.value("document.documentElement.scrollWidth") == width
    top = page.value("document.getElementById('fix-place').getBoundingClientRect().bottom")
    assert top < height - 60, "the position is seen without scrolling"
    if height < 500:
        shown = page.value("document.getElementById('map').getBoundingClientRect().bottom")
        assert shown <= height - 40, "and the map lies above the tabs"
    assert page.complaints == []


def test_a_flight_over_the_date_line_is_in_one_piece_and_in_view(page, tmp_path):
    """A bug: the map showed the whole Earth, and nothing of the way."""
    archive = Archive(tmp_path / "archive.sqlite", is_durable=False)
    ground, far = Ground(SIGNED_MISSION, archive, None, KEY), FarEnd(mission=SIGNED_MISSION)
    ground.receive(far.tell(), START_MS)
    for number in range(40):
        utc_ms = START_MS + 30_000 * number
        ground.receive(far.beacon(replace(
            state_at(30 * number), latitude_deg=-17 + 0.01 * number,
            longitude_deg=(179.6 + 0.02 * number + 180) % 360 - 180,
            time_of_day_s=utc_ms // 1000 % 86_400)), utc_ms)
    served = Served(archive.path, lambda: utc_ms + 5000, SIGNED_MISSION)
    try:
        looked_at(page, served, 412, 915, "chase")
        page.wait("document.querySelectorAll('#map .mark').length > 1")
        left, right = page.value(
            "(() => { const map = document.getElementById('map').getBoundingClientRect();"
            " return ['launch', 'here'].map(kind => (document.querySelector(`#map .mark.${kind}`)"
            ".getBoundingClientRect().left - map.left) / map.width); })()")
        assert 0 < left < left + 0.1 < right < 1, "their names, which may stand on either side"
    finally:
        served.stop()
        archive.close()


def test_the_last_verified_position_stays_what_a_lie_cannot_change(page, station, served):
    looked_at(page, served, 412, 915, "chase")
    state = state_at(LAST_S)
    verified = f"{state.latitude_deg:.5f}, {state.longitude_deg:.5f}"
    words = ("fix-place", "fix-altitude", "landing-place")
    before = {name: text(page, name) for name in words}
    assert before["fix-place"] == verified
    assert text(page, "fix").splitlines()[1] == "Last verified position"
    assert text(page, "fix-age").startswith("signed, ")
    link = page.value("document.getElementById('fix-geo').href")
    assert link.startswith("geo:")
    assert [float(part) for part in link[4:].split(",")] == pytest.approx(
        [state.latitude_deg, state.longitude_deg], abs=1e-5)
    station.lie()
    page.wait("!document.getElementById('via').hidden")
    page.wait("[...document.querySelectorAll('.map-label.claim')].length === 1")
    assert {name: text(page, name) for name in words} == before


def test_from_here_is_distance_bearing_and_elevation(page, served):
    looked_at(page, served, 412, 915, "chase")
    assert not page.value("document.getElementById('to-it').checkVisibility()")
    state = state_at(LAST_S)
    set_me(page, state.latitude_deg, state.longitude_deg - 0.1)
    page.wait("document.getElementById('to-it').checkVisibility()")
    assert text(page, "to-it-distance") == "6.8\u00a0km"
    assert text(page, "to-it-bearing") == "90° E"
    assert text(page, "to-it-elevation") == "24°"
    assert "set by hand" in text(page, "me-age")
    assert page.requests[-1].startswith(served.url), "and nobody is told"


def test_the_device_says_where_it_is_or_the_page_says_why_not(page, served):
    looked_at(page, served, 412, 915, "chase")
    page.permit("geolocation", served.url[:-1], True)
    page.call("Emulation.setGeolocationOverride", latitude=52.2, longitude=13.2, accuracy=12)
    page.value("document.getElementById('me-device').click()")
    page.wait("document.getElementById('me-age').innerText.startsWith('you: 52.20000, 13.20000')")
    page.permit("geolocation", served.url[:-1], False)
    looked_at(page, served, 412, 915, "chase")
    page.value("document.getElementById('me-device').click()")
    page.wait("document.getElementById('me-age').innerText.startsWith('This device does not give')")


def test_a_press_on_the_map_sets_where_i_am(page, served):
    looked_at(page, served, 412, 915, "chase")
    page.value("[...document.querySelectorAll('#from-here button')].at(-1).click()")
    assert page.value("document.getElementById('map').classList.contains('picking')")
    page.value("""(() => {
        const map = document.getElementById('map'), box = map.getBoundingClientRect();
        for (const kind of ['mousedown', 'mouseup', 'click']) map.dispatchEvent(new MouseEvent(kind,
            {bubbles: true, clientX: box.left + 90, clientY: box.top + 90, view: window}));
    })()""")
    page.wait("document.getElementById('me-age').innerText.includes('set by hand')")
    assert not page.value("document.getElementById('map').classList.contains('picking')")


@pytest.mark.thorough
def test_zoom_stays_where_the_hand_put_it_and_one_button_follows_again(page, station, served):
    looked_at(page, served, 1440, 900, "chase")
    scale = "document.querySelector('.leaflet-control-scale-line').innerText"
    hidden = "document.getElementById('follow').hidden"
    followed = page.value(scale)
    assert page.value(hidden)
    for _ in range(3):
        page.value("document.querySelector('.leaflet-control-zoom-in').click()")
    assert not page.value(hidden)
    by_hand = page.value(scale)
    assert by_hand != followed
    station.hear(station.far.beacon(state_at(LAST_S + 60)), LAST_S + 60)
    page.wait("document.getElementById('fix-altitude').innerText"
              f" !== '{text(page, 'fix-altitude')}'")
    assert page.value(scale) == by_hand and not page.value(hidden)
    page.value("document.getElementById('follow').click()")
    assert page.value(hidden) and page.value(scale) == followed


def test_a_station_that_cannot_be_reached_is_not_a_payload_that_is_silent(page, station):
    served = Served(station.archive.path, lambda: NOW_MS, SIGNED_MISSION)
    looked_at(page, served, 412, 915, "chase")
    served.stop()
    page.wait("!document.getElementById('banner').hidden")
    page.wait("document.body.dataset.freshness === 'unreachable'")
    page.wait("!document.getElementById('fix-reach').hidden")
    assert text(page, "fix-reach").startswith("The station has been unreachable for ")
    assert text(page, "banner").startswith("The station does not answer: what the payload does is ")
    page.wait("performance.now() > 3000")  # the clock looks at its pace after a second at least
    page.value("import('/static/clock.js').then((clock) => clock.setClock("
               f"{{now_ms: {NOW_MS + 3_600_000}, ending: null}}))")
    page.value("import('/static/status_strip.js').then((strip) => strip.tick())")
    assert text(page, "age") == "60\u00a0min ago" or "h" in text(page, "age")
    assert page.value("document.body.dataset.freshness") == "unreachable"
    assert not page.value("document.getElementById('quiet').checkVisibility()"), "an hour later too"


@pytest.mark.thorough
def test_the_sun_is_black_on_white_and_stays_until_it_is_switched_off(page, served):
    looked_at(page, served, 412, 915, "chase")
    page.value("document.getElementById('sun').click()")
    colours = ("[getComputedStyle(document.body).color,"
               " getComputedStyle(document.documentElement).backgroundColor]")
    assert page.value(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    looked_at(page, served, 412, 915, "chase")
    assert page.value(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    page.value("document.getElementById('sun').click()")
    assert page.value(colours)[1] != "rgb(255, 255, 255)"


def test_the_map_of_the_users_own_file_lies_under_the_way(page, station, tmp_path):
    state = state_at(LAST_S)
    zoom = 4
    column = int((state.longitude_deg + 180) / 360 * (1 << zoom))
    tiles = MapTiles(mbtiles(tmp_path / "a.mbtiles", {
        (zoom, column, row): png("#335544") for row in range(1 << zoom)}, attribution="© us <b>"))
    served = Served(station.archive.path, lambda: NOW_MS, SIGNED_MISSION, tiles=tiles)
    try:
        looked_at(page, served, 1440, 900, "chase")
        page.wait("[...document.querySelectorAll('.leaflet-tile')].some(tile => tile.complete"
                  " && tile.naturalWidth === 256)")
        assert "© us <b>" in text(page, "map-caption")
        assert page.value("document.querySelectorAll('.map-label.lon').length") == 0
        assert all(url.startswith((served.url, "data:")) for url in page.requests)
    finally:
        served.stop()


def test_a_payload_that_nobody_heard_has_no_numbers(page, station, served):
    station.archive.db.execute("DELETE FROM beacon")
    looked_at(page, served, 412, 915, "chase")
    assert not page.value("document.getElementById('fix').checkVisibility()")
    assert not page.value("document.getElementById('forecast').checkVisibility()")
    assert not page.value("document.getElementById('me-by-hand').checkVisibility()"), "on no map"


@pytest.mark.thorough
def test_the_numbers_of_every_axis_are_whole_and_different(page, served):
    """The axis of the altitude on the pad read ".145", that of the battery 4.1 twice."""
    page.call("Page.addScriptToEvaluateOnNewDocument", source="""
        window.written = new Map();
        const write = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (words, ...rest) {
          const plot = this.canvas.closest?.('.plot');
          if (plot) written.set(plot, [...(written.get(plot) ?? []), words]);
          return write.call(this, words, ...rest);
        };""")
    for size in ((412, 915), (1440, 900)):
        looked_at(page, served, *size, "chase")
        page.wait("document.querySelectorAll('.uplot').length === 4 && written.size === 4")
        page.value("written.clear()")
        page.value("import('/static/plots.js').then((plots) => plots.restyle())")
        page.wait("written.size === 4")
        for words in page.value("[...written.values()]"):
            numbers = [word for word in words if word and ":" not in word]
            assert len(numbers) == len(set(numbers)) >= 2, words
            assert all(re.fullmatch(r"\u2212?\d+(\.\d{1,3})?", word) for word in numbers), words


@pytest.mark.thorough
def test_the_names_of_a_burst_over_the_landing_place_do_not_lie_on_each_other(page, tmp_path):
    archive = Archive(tmp_path / "near.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    for at_s in range(0, 8200, 20):
        calm = replace(state_at(at_s), latitude_deg=52.1 + 0.00001 * min(at_s, 5700),
                       longitude_deg=13.2)
        ground.receive(far.beacon(calm), START_MS + at_s * 1000)
    served = Served(archive.path, lambda: START_MS + 8_300_000)
    try:
        for room, names in (("chase", "#map .map-label.mark"), ("read", "#sketch text")):
            looked_at(page, served, 1440, 900, room)
            page.wait(f"document.querySelectorAll('{names}').length > 0")
            assert look(page, "collisions") == []
            shown = page.value(f"[...document.querySelectorAll('{names}')].map(n => n.textContent)")
            assert "landed" in shown, "of two names the one that matters stays"
    finally:
        served.stop()
        archive.close()


def test_a_new_position_draws_its_own_piece_and_closes_nothing(page, station, served):
    """All of the way and every dot were drawn anew each second; a thought that was open closed."""
    station.far.push(Kind.MUSING, START_MS, {"text": "High.", "alt": 900, "by": "model"})
    station.hear(station.far.data(NOW_MS), LAST_S)
    looked_at(page, served, 1440, 900, "chase")
    page.value("""(() => {
        window.made = [];
        for (const shape of ['polyline', 'circleMarker']) {
            const make = L[shape];
            L[shape] = (...how) => { made.push(make(...how)); return made.at(-1); };
        }
    })()""")
    lines = "made.filter((layer) => !layer.getRadius).length"
    page.value("document.getElementById('sun').click()")  # in other colours it is all drawn anew
    page.wait("made.some((layer) => layer.getPopup())")
    everything = page.value(lines)
    page.value("made.find((layer) => layer.getPopup()).openPopup(); made = []")
    station.hear(station.far.beacon(state_at(LAST_S + 4)), LAST_S + 4)
    page.wait(f"{lines} > 0")
    assert page.value(lines) < everything / 2, "its piece of the way, and the ways to the landing"
    assert "High." in page.value("document.querySelector('.leaflet-popup').innerText")
    page.value("document.getElementById('sun').click()")
    assert page.complaints == []
