"""A plain process, a mission file, an archive, stations with one payload and two, the command."""

from __future__ import annotations

import logging
import resource
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from groundstation.__main__ import main
from groundstation.archive.archive import Archive
from groundstation.process_limits import LOGGERS
from tests.groundstation.lied_to import Station
from tests.groundstation.two_payloads import Pair


@pytest.fixture(autouse=True)
def _plain_process() -> Iterator[None]:
    """What the command sets for its whole process is as before again."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    for name in LOGGERS:
        logging.getLogger(name).filters.clear()


@pytest.fixture
def mission(tmp_path: Path) -> Path:
    """A plan without a radio that signs nothing, its page on a port that was free."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        web_port = free.getsockname()[1]
    path = tmp_path / "mission.toml"
    path.write_text(
        '[payload]\nname = "EDDA"\ncallsign = "N0CALL"\nnode_id = 7\n'
        '[radio]\nkind = "none"\nframing = "plain"\n'
        "[power]\ncapacity_mah = 3000\neco_mv = 3600\nlow_mv = 3400\ncritical_mv = 3200\n"
        "[keys]\ndownlink_mac = false\n"
        f'[ground]\nstation = "bench"\nweb_port = {web_port}\n'
    )
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An empty one."""
    opened = Archive(tmp_path / "flight.sqlite", is_durable=False)
    yield opened
    opened.close()


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """It has heard ten minutes of a signed flight; a file with another kind has its own."""
    found = Station(tmp_path)
    yield found
    found.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """A station in reach of two payloads; nothing has been sent yet."""
    found = Pair(tmp_path)
    yield found
    found.close()


@pytest.fixture
def ground(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command in this process: (exit status, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["spacepi-ground", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "120")
        try:
            main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run
