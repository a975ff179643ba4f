"""The command that shows what a persona directory holds before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from host_training.errors import TrainingError

console = Console()

Progress = Callable[[], AbstractContextManager[Callable[[str, float, str], None]]]
_shared: dict[str, Any] = {}


def register(app: typer.Typer, progress: Progress) -> None:
    """Add ``scan`` to the ``spacepi-train`` of ``__main__``, with its progress bars."""
    _shared.update(progress=progress)
    app.command()(scan)


def scan(
    persona_dir: Annotated[Path, typer.Argument(metavar="PERSONA_DIR")],
    out: Annotated[Path, typer.Option(help="Where to put examples.jsonl, review.md and"
                                           " quarantine.jsonl; a folder, made if needed.")],
) -> None:
    """Read every export as ``run`` would, and show what was found, left out and taken out."""
    from host_training import writing
    from host_training.messages import quarantine_path
    from host_training.persona_dir import read_persona

    persona = read_persona(persona_dir)
    if out.resolve().is_relative_to(persona_dir.resolve()):
        raise TrainingError(f"--out {out}: lies in the persona directory, where it would be read as"
                            " writing next time; choose a place outside.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with _shared["progress"]() as report:
            examples = writing.prepare(persona_dir, persona, out, lambda share, line: report(
                "writing", share, line))
    except OSError as error:
        raise TrainingError(f"--out {out}: cannot be written ({error.strerror}).") from error
    summary = json.loads((out / writing.SUMMARY).read_text())
    _show("messages", summary["sources"])
    _show("left out", summary["left out"]["skipped"])
    _show("taken out", summary["taken out"])
    _show("learnt, in weighed bytes", {**summary["weighed bytes"], **summary["layers"]})
    console.print(f"{len(examples)} examples. Not understood: {summary['left out']['bad']}"
                  f" ({quarantine_path(out)}). What was taken out: {out / writing.REVIEW}",
                  soft_wrap=True)


def _show(title: str, counts: dict[str, int]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    for what, count in counts.items():
        table.add_row(what, f"{count:,}")
    if counts:
        console.print(table)
