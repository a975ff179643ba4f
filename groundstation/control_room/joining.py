"""Joins the control room that the mission names, if it names one.

The packages that this needs are an extra, and are loaded only here.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from groundstation.errors import StationError
from groundstation.ground import Ground
from groundstation.uplink.sending_rights import SendingRights
from wire.extras import how_to_install
from wire.mission import Mission

if TYPE_CHECKING:
    from groundstation.control_room.room_thread import RoomThread

PACKAGES = ("sqlalchemy", "psycopg")


def rights(mission: Mission, uptime_ms: Callable[[], int]) -> SendingRights | None:
    """Those of a station that shares its outbox; None for one that does not. ``uptime_ms`` is of a
    clock that is never set."""
    if mission.ground.control_room is None:
        return None
    return SendingRights(mission, uptime_ms)


def start(
    ground: Ground, mission: Mission, base: Path, now: Callable[[], int],
    uptime_ms: Callable[[], int], stop: threading.Event,
) -> RoomThread | None:
    """See ``room_thread.start``; None where the mission names no control room. Raises StationError.
    """
    if mission.ground.control_room is None:
        return None
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        raise StationError(f"[ground.control_room] requires {' and '.join(absent)}: "
                           f"{how_to_install('control')}")
    from groundstation.control_room import room_thread

    return room_thread.start(ground, mission, base, now, uptime_ms, stop)
