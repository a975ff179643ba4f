"""The browser and the flight that the tests of the page share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.groundstation.web import flown
from tests.groundstation.web.browser import Browser, find_chromium, need_vendor


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of a file, since to start it takes longer than most of them."""
    find_chromium()
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def vendor() -> None:
    """For files none of whose tests can do without the map and the plots."""
    need_vendor()


@pytest.fixture(scope="session")
def flown_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of the simulator, to be read only."""
    find_chromium()
    return flown.shared(tmp_path_factory)
