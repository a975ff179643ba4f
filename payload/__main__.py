"""The payload daemon: real devices are wired here, and nowhere else, into the flight core.

    spacepi-payload run --mission mission.toml

Whatever is missing (a sensor, the radio, the model, the disk) is missing: the daemon flies without
it, says so once, and keeps the beacon going.
"""

from __future__ import annotations

import logging
import random
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import structlog
import typer

from payload.drivers import clock, rig
from payload.flight import Flight, FlightPorts
from payload.memory import Memory, MemoryAbsent
from payload.persona import Persona, PersonaError, load_persona
from payload.store import Store, StoreBusyError
from wire import auth, mission
from wire.mission import Mission, MissionError

USAGE_ERROR = 2
app = typer.Typer(add_completion=False, help="The flight computer of a balloon payload.")
log = structlog.get_logger("payload")


@app.callback()
def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


MissionOption = Annotated[Path, typer.Option("--mission", help="The mission file.")]


@app.command()
def run(mission_path: MissionOption = Path("mission.toml")) -> None:
    """Fly: run until the power goes, or until asked to stop."""
    plan = _mission(mission_path)
    base = mission_path.resolve().parent
    try:
        store = Store(base / plan.payload.data_dir / "payload.sqlite")
    except StoreBusyError as error:
        raise _refusal(str(error)) from error
    persona = _persona(plan, base)
    memory = _memory(persona)
    key = _uplink_key(plan, base)
    ports = rig.build(plan, base, persona.bundle if persona else None)
    rng = random.Random(f"{plan.payload.node_id}:{store.boot}")
    flight = Flight(
        plan, ports_of(ports), store, persona.text if persona else None, memory, key, rng
    )
    log.info("flying", boot=store.boot, mission=str(mission_path), store=str(base / plan.payload.data_dir))
    try:
        _loop(flight, ports)
    finally:
        ports.close()
        store.close()


def ports_of(ports: rig.Rig) -> FlightPorts:
    """The core's view of the rig."""
    return FlightPorts(
        gnss=ports.gnss, outside=ports.outside, power=ports.power, radio=ports.radio,
        mind=ports.mind, camera=ports.camera, http=ports.http, watchdog=ports.watchdog,
        board=ports.board,
    )
