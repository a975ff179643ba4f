"""The tests' browser: it waits for what is not there yet, and not for what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.groundstation.web.browser import Browser, find_chromium


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    find_chromium()
    made = Browser(tmp_path / "profile")
    yield made
    made.close()


def test_an_element_that_is_not_there_yet_is_waited_for(browser: Browser) -> None:
    browser.value("setTimeout(() => { document.body.innerHTML = '<p>Here.</p>'; }, 300)")
    browser.wait("document.querySelector('p').textContent === 'Here.'")


def test_a_condition_that_is_never_met_is_named(browser: Browser) -> None:
    with pytest.raises(TimeoutError, match=r"querySelector.*TypeError"):
        browser.wait("document.querySelector('p').textContent === 'Here.'", seconds=0.3)


def test_a_misspelt_condition_fails_at_once(browser: Browser) -> None:
    with pytest.raises(AssertionError, match="ReferenceError"):
        browser.wait("documant.body")
