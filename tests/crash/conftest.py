"""What the crash explorers explored is printed under the results."""

from __future__ import annotations

import os

import pytest

from sim.disk_tap import NoTap, tapped
from tests.crash.explorer import reports


@pytest.fixture(scope="session")
def tap() -> None:
    """A Python whose SQLite can be reached, or a skip; no skip under SPACEPI_REQUIRE_ALL=1."""
    try:
        with tapped():
            pass
    except NoTap as error:
        if os.environ.get("SPACEPI_REQUIRE_ALL") == "1":
            raise
        pytest.skip(str(error))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if reports:
        terminalreporter.section("crash explorer", "-")
        for line in reports:
            terminalreporter.write_line(line)
