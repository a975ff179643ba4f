"""The tests' browser: it waits for what is not there yet, and not for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.groundstation.web.browser import Browser
from tests.groundstation.web.served import Served


def test_an_element_that_is_not_there_yet_is_waited_for(browser: Browser) -> None:
    browser.value("setTimeout(() => { document.body.innerHTML = '<p>Here.</p>'; }, 300)")
    browser.wait("document.querySelector('p').textContent === 'Here.'")


def test_a_condition_that_is_never_met_is_named(browser: Browser) -> None:
    with pytest.raises(TimeoutError, match=r"querySelector.*TypeError"):
        browser.wait("document.querySelector('p').textContent === 'Here.'", seconds=0.3)


def test_a_misspelt_condition_fails_at_once(browser: Browser) -> None:
    with pytest.raises(AssertionError, match="ReferenceError"):
        browser.wait("documant.body")


def test_a_new_page_remembers_nothing(browser: Browser, tmp_path: Path) -> None:
    served = Served(tmp_path / "none.sqlite")
    begun = "document.readyState === 'complete'"
    remembered = "[document.cookie, localStorage.length, typeof window.ours, innerWidth === 333]"
    try:
        browser.size(333, 600)
        browser.call("Page.addScriptToEvaluateOnNewDocument", source="window.ours = 1;")
        browser.open(served.url, until=begun)
        browser.value("document.cookie = 'a=1'; localStorage.setItem('b', 2)")
        browser.value("console.error('c')")
        assert browser.value(remembered) == ["a=1", 1, "number", True]
        assert browser.complaints and browser.requests
        browser.renew()
        assert (browser.complaints, browser.requests) == ([], [])
        browser.open(served.url, until=begun)
        assert browser.value(remembered) == ["", 0, "undefined", False]
    finally:
        served.stop()
