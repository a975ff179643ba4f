"""The flight that the tests of the whole page share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.groundstation.web import flown
from tests.groundstation.web.browser import find_chromium


@pytest.fixture(scope="session")
def flown_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of the simulator, to be read only."""
    find_chromium()
    return flown.shared(tmp_path_factory)
