"""The folder of a bench flight: a machine for the payload, one for the station, and their files.

    payload/   mission.toml  mission.key  data/      what would be on the Pi
    station/   mission.toml  mission.key  archive/   what would be on the laptop
    rig.log  payload.log  station.log

Both have the same mission and the same key. They differ in where their modem is, as in the field.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.world import MIND_THREADS
from wire import key_file
from wire import mission as mission_file
from wire.mission import Mission
from wire.mission_radio import RADIO_TABLES

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports of this machine."""

    payload_modem: int
    station_modem: int
    internet: int
    page: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is."""

    root: Path

    @property
    def payload(self) -> Path:
        return self.root / "payload"

    @property
    def station(self) -> Path:
        return self.root / "station"

    @property
    def store(self) -> Path:
        return self.payload / "data" / "payload.sqlite"

    @property
    def archive(self) -> Path:
        return self.station / "archive" / "archive.sqlite"

    @property
    def receiver(self) -> Path:
        """The serial port of the GNSS receiver."""
        return self.payload / "gnss"


def lay_out(
    root: Path, mission: Mission, mission_path: Path, key: bytes, ports: Ports
) -> tuple[Layout, Mission]:
    """Make the folder ``root``, which must not hold a bench flight yet; (where, the new mission).

    ``key`` is the 32-byte master key. Raises KeyFileError or OSError where it cannot be made.
    """
    layout = Layout(root)
    for folder in (layout.payload, layout.station):
        folder.mkdir(parents=True, exist_ok=True)
        key_file.create(folder / "mission.key", key)
    adapted = _adapted(mission, mission_path, layout, ports)
    _write(layout.payload / "mission.toml", adapted, ports.payload_modem)
    _write(layout.station / "mission.toml", adapted, ports.station_modem)
    return layout, mission_file.load(layout.payload / "mission.toml")


def _adapted(mission: Mission, path: Path, layout: Layout, ports: Ports) -> Mission:
    bundle = mission.mind.bundle and str((path.resolve().parent / mission.mind.bundle).resolve())
    changed: dict[str, dict[str, Any]] = {
        "payload": {"data_dir": "data"},
        "radio": {"kind": "kiss-tcp", **dict.fromkeys(RADIO_TABLES),
                  "host": HOST, "port": ports.payload_modem},
        "sensors": {"gnss_device": str(layout.receiver.absolute())},
        "mind": {"bundle": bundle, "threads": MIND_THREADS},
        "ground": {"web_host": HOST, "web_port": ports.page, "archive_dir": "archive",
                   "sondehub": "off", "sources": ()},  # a bench is on no map, and asks nobody
        "keys": {"file": "mission.key"},
    }
    sections: dict[str, Any] = {
        name: getattr(mission, name).model_copy(update=values) for name, values in changed.items()
    }
    sections["api"] = tuple(
        api.model_copy(update={"url": f"http://{HOST}:{ports.internet}/{api.name}"})
        for api in mission.api
    )
    return mission.model_copy(update=sections)


def _write(path: Path, mission: Mission, modem: int) -> None:
    radio = mission.radio.model_copy(update={"port": modem})
    path.write_text(to_toml(mission.model_copy(update={"radio": radio})), encoding="utf-8")


def to_toml(mission: Mission) -> str:
    """``mission`` as a mission file; texts, numbers and lists of JSON are those of TOML too."""
    lines = ["# Written by spacepi-sim bench-rig for this bench flight.\n"]
    for name, section in mission.model_dump(mode="json", exclude_none=True).items():
        is_many = isinstance(section, list)
        for table in section if is_many else [section]:
            lines.append(f"[[{name}]]" if is_many else f"[{name}]")
            lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}"
                      for key, value in table.items()]
            lines.append("")
    return "\n".join(lines)
