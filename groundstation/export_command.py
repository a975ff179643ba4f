"""``spacepi-ground export``: the files of a flight, for keeping."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from groundstation.errors import StationError
from groundstation.export import ccsds
from groundstation.export import export as exports
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
    with contextlib.closing(FlightReader(existing_archive(loaded, mission), loaded)) as reader:
        for path in exports.write_all(reader, out) if out is not None else []:
            typer.echo(path)
        if ccsds_path is not None:
            found = ccsds.of_archive(reader.db, loaded.payload.node_id)
            count = ccsds.export((record for _, record in found), ccsds_path)
            typer.echo(f"{ccsds_path}: {count} packets")
        for sentence in _left_out(reader, loaded.payload.name):
            typer.echo(sentence)


def _left_out(reader: FlightReader, name: str) -> list[str]:
    """What whoever looks for it in the files should know."""
    state = reader.flight()
    impostors, lives = state["link"].get("impostor", 0), state["lives"]
    sentences = []
    if state["beacon"] is None and not state["counts"]:
        sentences.append(f"Nothing has been received from {name}, so the files have no line, "
                         "position or picture.")
    if impostors:
        sentences.append(f"Frames not exported: {impostors}, in the name of {name} but not signed "
                         "by it. They are in the raw log.")
    if len(lives) > 1:
        sentences.append(
            f"{name} has had {len(lives)} stores, because one was empty, damaged or absent; "
            f"incarnations {', '.join(life['incarnation'] for life in lives)}.")
    return sentences
