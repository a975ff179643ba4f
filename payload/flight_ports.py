"""Everything outside the flight core, in one object that is handed to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from payload.ports import (
    Board,
    Camera,
    Gnss,
    Http,
    Mind,
    Radio,
    Saver,
    Sensor,
    Speaker,
    Switch,
    Watchdog,
)
from payload.sound import Microphone


@dataclass(frozen=True, slots=True)
class FlightPorts:
    """Everything outside the core; None is not fitted."""

    gnss: Gnss | None = None
    sensors: Mapping[str, Sensor] = field(default_factory=dict)  # by role, payload.sensors.ROLES
    radio: Radio | None = None
    mind: Mind | None = None
    camera: Camera | None = None
    microphone: Microphone | None = None
    http: Http | None = None
    watchdog: Watchdog | None = None
    board: Board | None = None
    cutdown: Switch | None = None
    saver: Saver | None = None
    speaker: Speaker | None = None
