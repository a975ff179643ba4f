"""``spacepi-payload diary``: writes one flight's musings into a file that the next one remembers.

    spacepi-payload diary --mission mission.toml --out diary.txt
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from payload.mind import diary
from payload.storage import database
from wire import mission
from wire.mission import MissionError
from wire.records import Kind

STORE_NAME = "payload.sqlite"  # in the folder payload.data_dir
USAGE_ERROR = 2


def write_diary(
    mission_path: Annotated[
        Path, typer.Option("--mission", help="The mission file.", readable=False)
    ] = Path("mission.toml"),
    out: Annotated[Path, typer.Option(help="The file; one that exists is kept.")] = Path(
        "diary.txt"),
) -> None:
    """Write the musings of a finished flight to a file, for `mind.diary` of the next one."""
    try:
        plan = mission.load(mission_path)
    except MissionError as error:
        _refuse(str(error))
    store = mission_path.resolve().parent / plan.payload.data_dir / STORE_NAME
    try:
        records = database.read(store, Kind.MUSING)
        lines = diary.lines_of([record.body for record in records])
        if not lines:
            _refuse(f"{store}: holds no musing of the model: there is nothing to remember.")
        with out.open("x", encoding="utf-8") as file:
            file.write(diary.page(plan.payload.name, lines))
    except sqlite3.Error as error:
        _refuse(f"{store}: cannot be read ({error}); a store is read while no payload runs.")
    except FileExistsError:
        _refuse(f"{out}: exists already; pass another name with --out.")
    except OSError as error:
        _refuse(f"{out}: cannot be written ({error.strerror}).")
    typer.echo(f"{out}: {len(lines)} of {len(records)} musings. Delete what is to be forgotten,"
               " then set mind.diary in the mission file of the next flight.")


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(USAGE_ERROR)
