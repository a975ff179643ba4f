"""Goal: the page's numbers mean what they say. Method: format.js alone, at and around each edge;
the terminal's wording says the same.
"""

from __future__ import annotations

import pytest

from groundstation.tui import wording
from tests.groundstation.web.served import Served


@pytest.fixture(scope="module")
def formatted(page, tmp_path_factory):
    """Calls a function of format.js."""
    served = Served(tmp_path_factory.mktemp("none") / "none.sqlite")
    page.open(served.url, until="document.readyState === 'complete'")

    def call(expression):
        return page.value(f"import('/static/format.js').then((format) => format.{expression})")

    yield call
    served.stop()


@pytest.mark.parametrize(("value", "phase", "words"), [
    (0.5, "GROUND", "0 m/s"),  # "+0.5 m/s" was shown of a box that stood in the grass
    (-0.9, "LANDED", "0 m/s"),
    (0.0, "BOOT", "0 m/s"),
    (1.0, "GROUND", "+1.0 m/s"),  # released, and it does not know yet
    (0.5, "ASCENT", "+0.5 m/s"),
    (None, "GROUND", "–"),
])
def test_at_rest_the_noise_of_the_receiver_is_no_climb(formatted, value, phase, words):
    given = "null" if value is None else value
    shown = formatted(f"climb({given}, '{phase}')")
    assert shown.replace("\u00a0", " ") == words == wording.climb(value, phase)
