"""Links in a real browser: without one nothing is shown, and each opens what its role may use."""

from __future__ import annotations

from pathlib import Path

from tests.groundstation.far_end import SIGNED_MISSION
from tests.groundstation.uplink.outbox_station import Station
from tests.groundstation.web.browser import Browser
from tests.groundstation.web.served import Served
from tests.groundstation.web.test_access import TOKENS, VISITOR

BANNER = "document.getElementById('banner').textContent"
SAID = "Boolean(document.getElementById('banner')?.textContent)"
ASKING = "document.querySelector('#asking a')"
NOTE = "document.getElementById('ask-note').textContent"


def test_a_phone_reads_with_one_link_and_asks_with_the_other(
    tmp_path: Path, browser: Browser
) -> None:
    station = Station(tmp_path)
    station.beacon()
    served = Served(station.archive.path, lambda: station.now_ms, SIGNED_MISSION, tokens=TOKENS)
    try:
        # A proxy's header: what comes with it is not from the station's own machine.
        browser.call("Network.setExtraHTTPHeaders", headers={"x-forwarded-for": VISITOR})
        browser.open(served.url, until=SAID)
        assert "only to those who have its link" in browser.value(BANNER)
        browser.open("about:blank", until="location.href === 'about:blank'")
        browser.open(f"{served.url}#token=wrong", until=SAID)
        assert browser.value(BANNER) == "This link is not valid, or not any more."
        browser.complaints.clear()  # that the browser was refused
        for token, role in ((TOKENS.viewer, "viewer"), (TOKENS.operator, "operator")):
            browser.open("about:blank", until="location.href === 'about:blank'")
            browser.open(f"{served.url}#token={token}")
            assert browser.value("document.body.dataset.role") == role
            assert browser.value("location.href") == served.url, "no token is left there"
            assert browser.value(f"{ASKING}.checkVisibility()") is (role == "operator")
            if role == "operator":
                browser.value(f"{ASKING}.click()")
                browser.wait("document.activeElement.id === 'question'")
            assert token not in browser.value("document.cookie")
            browser.open("about:blank", until="location.href === 'about:blank'")
            browser.open(f"{served.url}#control")
            assert browser.value("document.body.dataset.role") == role, "the cookie keeps it"
            is_closed = browser.value("document.getElementById('question').disabled")
            assert is_closed is (role == "viewer")
            assert ("Your link is read-only" in browser.value(NOTE)) is is_closed
        assert browser.complaints == []
        assert not [url for url in browser.requests if "token" in url], "no token is in a request"
    finally:
        served.stop()
        station.archive.close()
