"""The browser and the flight that the tests of the page share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.groundstation.web import flown
from tests.groundstation.web.browser import Browser, find_chromium, need_vendor


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser of all tests of a worker: to start one takes longer than most of them."""
    find_chromium()
    with closing(Browser(tmp_path_factory.mktemp("profile"))) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Browser]:
    """One page for all tests of a file, which keeps what a page keeps."""
    yield chromium
    chromium.renew()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """A page for one test, as a browser that was just started has it."""
    yield chromium
    chromium.renew()


@pytest.fixture(scope="module")
def vendor() -> None:
    """For files none of whose tests can do without the map and the plots."""
    need_vendor()


@pytest.fixture(scope="session")
def flown_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of the simulator, to be read only."""
    find_chromium()
    return flown.shared(tmp_path_factory)
