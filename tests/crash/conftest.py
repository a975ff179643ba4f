"""What the crash explorers explored is printed under the results."""

from __future__ import annotations

import pytest

from tests.crash.explorer import reports


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if reports:
        terminalreporter.section("crash explorer", "-")
        for line in reports:
            terminalreporter.write_line(line)
