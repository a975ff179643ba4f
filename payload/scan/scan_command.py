"""``spacepi-payload scan``: prints what was found, and writes it into a mission file if asked to.

    spacepi-payload scan                          print it
    spacepi-payload scan --write mission.toml     and change the file; every comment stays
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NoReturn

import typer

from payload.scan import connected as found
from payload.scan.connected import Connected
from payload.scan.mission_edit import NotEditable, edited
from wire import mission
from wire.mission import MissionError

NOTHING_FOUND, USAGE_ERROR = 1, 2
NOTHING = ("Nothing answers on an I2C bus, the 1-Wire bus or a serial port of this machine; on a "
           "Pi, systemd/install.sh switches them on.")


def conclude(connected: Connected, target: Path | None) -> None:
    """Print the section, and write it into ``target``, if any. Exits with a message on error."""
    page = found.page(connected)
    if page:
        typer.echo(page + "\n")
    if not connected.has_anything:
        typer.echo(NOTHING, err=True)
        raise typer.Exit(NOTHING_FOUND)
    wanted = found.keys(connected)
    typer.echo(found.section(wanted))
    if target is None:
        return
    try:
        text = target.read_text(encoding="utf-8")
        mission.parse(text, str(target))
        changed = edited(text, "sensors", wanted)
        mission.parse(changed, str(target))
        _replace(target, changed)
    except MissionError as error:
        _refuse(f"Not written: {error}")
    except NotEditable as error:
        _refuse(f"{target}: not written: {error}; enter the lines above by hand.")
    except (OSError, UnicodeDecodeError) as error:
        _refuse(f"{target}: not written: {error}")
    typer.echo(f"\n{target}: " + ("written." if changed != text else "says so already."))


def _replace(target: Path, text: str) -> None:
    """A power cut leaves the old file or the new one, with the owner and mode of the old."""
    status = target.stat()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target.resolve())
    except OSError:
        os.unlink(name)
        raise


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(USAGE_ERROR)
