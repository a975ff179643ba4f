"""What a slow link carries, on the page in a real browser: it must not look like a broken one."""

from __future__ import annotations

import math

from tests.groundstation.far_end import START_MS, FarEnd, state_at
from tests.groundstation.test_slow_station import KEY, plan, station
from tests.groundstation.web.browser import need_vendor
from tests.groundstation.web.served import Served, looked_at
from wire.airtime_budget import AirtimeBudget


def test_the_foot_says_what_an_hour_of_the_link_brings(browser, tmp_path):
    need_vendor()
    found = plan(2400, 1)
    ground = station(tmp_path, found)
    every_s = math.ceil(AirtimeBudget(found).least_ms / 1000)
    served = Served(ground.archive.path, lambda: START_MS + 100_000, found)
    waiting = "document.getElementById('waiting').innerText"
    foot = "document.getElementById('colophon').innerText"
    try:
        looked_at(browser, served, 1440, 900, "control")
        assert f"it sends a beacon every {every_s}\u00a0s" in browser.value(waiting)
        ground.receive(FarEnd(KEY).beacon(state_at(0)), START_MS)
        browser.wait(f"{foot}.includes('This link carries a beacon every')")
        words = browser.value(foot)
        assert "every 3\u00a0min and in an hour, when nothing is lost, about " in words
        assert " musings or 1 picture." in words
        assert browser.complaints == []
    finally:
        served.stop()
        ground.archive.close()
