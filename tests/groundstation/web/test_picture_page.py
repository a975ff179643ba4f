"""A picture on the page in a real browser: it fills in live, whatever the radio says."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from tests.groundstation.web.served import Served, looked_at
from wire.records import Kind

COLUMNS, ROWS = 4, 3
COUNT = "document.querySelector('#feed .count').textContent"

def shows(pieces):
    """The newest picture is seen with so many pieces."""
    return ("document.querySelector('#feed .picture img')?.complete"
            f" && document.querySelector('#feed .picture img').src.endsWith('-{pieces}')")



def webp(colour, size=(32, 32)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "WEBP", lossless=True)
    return out.getvalue()


def colour_of(place):
    return 20 * place, 255 - 20 * place, 100


class Flight:
    """One station that hears everything, served."""

    def __init__(self, path):
        self.archive = Archive(path, is_durable=False)
        self.ground, self.far = Ground(MISSION, self.archive, None), FarEnd()
        self.now = START_MS
        self.ground.receive(self.far.beacon(state_at(60)), self.now)
        self.served = Served(self.archive.path, now=lambda: self.now)

    def hear(self, kind, **body):
        self.far.push(kind, self.now, body)
        for _ in range(30):
            self.now += 5000
            data = self.far.data(self.now)
            if data:
                self.ground.receive(data, self.now)
        # Never quiet: the notice of that grows by a line as minutes pass, and moves what is below.
        self.ground.receive(self.far.beacon(state_at(60)), self.now)

    def thumbnail(self, number=1, **more):
        image = webp((90, 90, 90), (192, 144))
        self.hear(Kind.THUMBNAIL, image=image, picture=number, scene="horizon", alt=9000, **more)

    def tile(self, place, number=1, cols=COLUMNS, rows=ROWS, image=None):
        image = image or webp(colour_of(place))
        self.hear(Kind.TILE, picture=number, index=place, cols=cols, rows=rows, image=image)

    def stop(self):
        self.served.stop()
        self.archive.close()


@pytest.fixture
def flight(tmp_path):
    made = Flight(tmp_path / "flight.sqlite")
    yield made
    made.stop()


def colours_on(page, selector):
    """The colour in the middle of each place of the mosaic, off the screen."""
    box = page.value(
        f"(() => {{ const b = document.querySelector('{selector}');"
        " b.scrollIntoView({block: 'center'}); const r = b.getBoundingClientRect();"
        " return [r.x, r.y, r.width, r.height]; })()")
    page.wait(f"[...document.querySelectorAll('{selector} img')].every(i => i.complete)")
    shot = page.call("Page.captureScreenshot", format="png")["data"]
    screen = Image.open(io.BytesIO(base64.b64decode(shot))).convert("RGB")
    x, y, width, height = box
    return [
        screen.getpixel((int(x + (column + 0.5) * width / COLUMNS),
                         int(y + (row + 0.5) * height / ROWS)))
        for row in range(ROWS) for column in range(COLUMNS)
    ]


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (375, 667)])
def test_a_picture_fills_in_without_a_reload(page, flight, width, height):
    flight.thumbnail(cols=COLUMNS, rows=ROWS)
    looked_at(page, flight.served, width, height)
    page.value("window.stayed = true")
    assert page.value(COUNT) == "0 of 12 tiles"
    where = "document.querySelector('#feed .picture').getBoundingClientRect()"
    before = page.value(f"JSON.stringify({where})")
    for done, place in enumerate((5, 6, 0), 1):
        flight.tile(place)
        page.wait(f"{COUNT} === '{done} of 12 tiles'")
    page.wait(shows(3))
    assert page.value(f"JSON.stringify({where})") == before, "nothing moves when a piece comes"
    seen = colours_on(page, "#feed .picture")
    for place, colour in enumerate(seen):
        expected = colour_of(place) if place in (0, 5, 6) else (90, 90, 90)
        assert max(abs(a - b) for a, b in zip(colour, expected, strict=True)) < 12, place
    for place in {*range(12)} - {0, 5, 6}:
        flight.tile(place)
    page.wait(shows(12))
    assert page.value(COUNT) == ""
    assert page.value("window.stayed") is True
    assert page.value("document.documentElement.scrollWidth") == width
    assert page.complaints == []


@pytest.mark.thorough
def test_a_picture_that_waited_for_its_tiles_grows(page, flight):
    """Its thumbnail promised none; it stands small until the first one comes."""
    flight.thumbnail()
    looked_at(page, flight.served, 1440, 900)
    assert page.value(COUNT) == ""
    small = page.value("document.querySelector('#feed .picture').offsetWidth")
    flight.tile(5)
    page.wait(f"{COUNT} === '1 of 12 tiles'")
    assert page.value("document.querySelector('#feed .picture').offsetWidth") > small
    assert page.complaints == []


@pytest.mark.thorough
def test_a_picture_that_came_while_somebody_read_is_whole_when_it_is_shown(page, flight):
    for i in range(30):
        flight.hear(Kind.MUSING, text=f"Line {i}. " + "It is cold. " * 12, alt=5)
    looked_at(page, flight.served, 1440, 900)
    page.value("window.scrollTo(0, 1500)")
    flight.thumbnail(cols=COLUMNS, rows=ROWS)
    page.wait("!document.getElementById('news').hidden")
    flight.tile(5)
    flight.tile(6)
    page.wait("document.getElementById('news').textContent === 'Something new'")
    page.value("document.getElementById('news').click()")
    page.wait(f"{COUNT} === '2 of 12 tiles'")
    page.wait(shows(2))
    assert page.value("document.querySelectorAll('#feed .plate').length") == 1


def test_hostile_pieces_change_nothing(page, flight):
    """Grids that are none, places outside, words for numbers, and bytes that only claim to be a
    picture: no markup, no complaint, no broken-image sign, and the good pieces stand."""
    flight.thumbnail(cols=COLUMNS, rows=ROWS)
    flight.tile(5)
    looked_at(page, flight.served, 1440, 900)
    html = "<img src=x onerror=\"document.title='owned'\">"
    red = webp((255, 0, 0))
    for bad in (
        {"place": 12}, {"place": 6, "cols": 1000}, {"place": 6, "cols": 0},
        {"place": 6, "rows": html}, {"place": html, "image": red}, {"place": 5, "image": red},
        {"place": 6, "cols": 3, "rows": 4}, {"place": 6, "image": html.encode()},
    ):
        flight.tile(**bad)
    claim = b"WEBPVP8 " + bytes(10) + (32).to_bytes(2, "little") * 2 + b"\xff" * 60
    flight.tile(7, image=b"RIFF" + len(claim).to_bytes(4, "little") + claim)
    flight.hear(Kind.THUMBNAIL, image=webp((9, 9, 9)), picture=html, cols=html, scene=html)
    flight.tile(6)
    counts = "[...document.querySelectorAll('#feed .count')].map((n) => n.textContent)"
    page.wait(f"{counts}.join('|') === '|3 of 12 tiles'")
    plate = "document.querySelectorAll('#feed .plate')[1]"
    page.value(f"{plate}.scrollIntoView({{block: 'center'}})")
    page.wait(f"{plate}.querySelector('img').complete")
    page.value(f"{plate}.id = 'second'")
    seen = colours_on(page, "#second .picture")
    for place, colour in enumerate(seen):  # the seventh only claims to be a picture
        expected = colour_of(place) if place in (5, 6) else (90, 90, 90)
        assert max(abs(a - b) for a, b in zip(colour, expected, strict=True)) < 12, place
    assert page.value("document.title") != "owned"
    assert page.value(f"{plate}.querySelectorAll('script, svg, [onerror]').length") == 0
    assert "<img src=x" in page.value("document.querySelector('#feed .plate').textContent")
    assert page.complaints == []
