"""A station that lacks the packages of its control room says how to install them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from groundstation.control_room import joining
from groundstation.errors import StationError
from tests.groundstation.control_room.rooms import mission_of


def test_without_a_package_the_command_that_installs_it_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(joining, "PACKAGES", ("no_such_package",))
    station: Any = None  # is not looked at before
    with pytest.raises(StationError, match=r"requires no_such_package: run `pip .*/control\.txt`"):
        joining.start(station, mission_of("hill", 0), tmp_path, int, int, threading.Event())
