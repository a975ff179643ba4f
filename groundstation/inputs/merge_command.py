"""``spacepi-ground merge``: the raw logs of several stations as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundstation.archive import merging
from groundstation.errors import StationError

LogsArgument = Annotated[list[Path], typer.Argument(metavar="LOG...", help="Raw logs, *.raw.")]
OutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="The log to write.")]


def merge(logs: LogsArgument, out: OutOption) -> None:
    """Merge the raw logs of several stations; replay the result to see the flight they heard."""
    missing = next((log for log in logs if not log.is_file()), None)
    if missing is not None:
        raise StationError(f"{missing}: no such raw log")
    if out.suffix != ".raw":
        raise StationError(f"--out {out}: the name of a raw log ends in .raw")
    if out.exists():
        raise StationError(f"--out {out}: exists already, and is not overwritten")
    count, doubled = merging.merge(logs, out)
    if not count:
        out.unlink()
        raise StationError("there is no reception in these files; a raw log ends in .raw")
    typer.echo(f"{out}: {count} receptions; {doubled} were in more than one log.")
