"""``spacepi-ground export``: the flight as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundstation.errors import StationError
from groundstation.export import ccsds
from groundstation.export import export as files
from groundstation.outbox_commands import MissionOption, existing_archive
from groundstation.reading.reader import FlightReader
from wire.mission import load as load_mission


def export(
    out: Annotated[Path | None, typer.Argument(help="Output folder.")] = None,
    mission: MissionOption = Path("mission.toml"),
    ccsds_path: Annotated[
        Path | None,
        typer.Option("--ccsds", metavar="FILE", help="Write all records as CCSDS space packets."),
    ] = None,
) -> None:
    """Export book, diary, track, telemetry and pictures, CCSDS space packets, or both."""
    loaded = load_mission(mission)
    if out is None and ccsds_path is None:
        raise StationError("export: requires an output folder, --ccsds FILE, or both")
    reader = FlightReader(existing_archive(loaded, mission), loaded)
    for path in files.write_all(reader, out) if out is not None else []:
        print(path)
    impostors = reader.flight()["link"].get("impostor", 0)
    if impostors:
        print(f"Frames not exported: {impostors}, in the name of {loaded.payload.name} but not "
              "signed by it. They are in the raw log.")
    lives = reader.flight()["lives"]
    if len(lives) > 1:
        print(f"{loaded.payload.name} has had {len(lives)} stores, because one was empty, damaged "
              f"or absent; incarnations {', '.join(life['incarnation'] for life in lives)}.")
    if ccsds_path is not None:
        found = ccsds.of_archive(reader.db, loaded.payload.node_id)
        count = ccsds.export((record for _, record in found), ccsds_path)
        print(f"{ccsds_path}: {count} packets")
    reader.close()
