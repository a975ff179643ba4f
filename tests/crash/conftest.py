"""What the crash explorers explored is printed under the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.crash.disk_tap import NoTap, tapped
from tests.crash.explorer import reports

EXPLORED = "explored"


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


@pytest.fixture(autouse=True)
def _explored(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """What the explorers said goes with the test's report, also from another process."""
    yield
    while reports:
        record_property(EXPLORED, reports.pop(0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        value
        for told in terminalreporter.stats.values() for report in told
        for name, value in getattr(report, "user_properties", ()) if name == EXPLORED
    ]
    if lines:
        terminalreporter.section("crash explorer", "-")
        for line in lines:
            terminalreporter.write_line(line)
