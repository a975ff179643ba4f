"""Progress of a command: bars on a terminal, lines in a log, and rows in a file."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from host_training.common.progress_record import recorded
from host_training.errors import FOUND, WARNING

LINE_EVERY_S = 30.0
console = Console()

Report = Callable[[str, float, str], None]  # stage, share 0..1, a line
ProgressOption = Annotated[Path | None, typer.Option(
    "--progress", metavar="FILE", help="Also write the progress to this file, one JSON object per "
                                       "line, for the studio.")]


class Bars:
    """One progress bar per stage, in the order they begin."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def __call__(self, stage: str, fraction: float, line: str) -> None:
        if stage in (WARNING, FOUND):  # stays, above the bars
            self._progress.console.print(
                _shown(stage, line), style="yellow" if stage == WARNING else None, markup=False,
                highlight=False, soft_wrap=True)
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=1.0, line="")
        self._progress.update(self._tasks[stage], completed=fraction, line=line)


class Lines:
    """The same for a log file: a line when a stage begins, ends, and every LINE_EVERY_S."""

    def __init__(self) -> None:
        self._last_s: dict[str, float] = {}

    def __call__(self, stage: str, fraction: float, line: str) -> None:
        if stage in (WARNING, FOUND):
            console.print(_shown(stage, line), markup=False, highlight=False, soft_wrap=True)
            return
        now_s = time.monotonic()
        if fraction < 1 and now_s - self._last_s.get(stage, -LINE_EVERY_S) < LINE_EVERY_S:
            return
        self._last_s[stage] = now_s
        console.print(f"{stage} {fraction:.0%} {line}", markup=False, highlight=False,
                      soft_wrap=True)


def _shown(stage: str, line: str) -> str:
    return f"{stage}: {line}" if stage == WARNING else line


@contextmanager
def progress_shown(record: Path | None = None) -> Iterator[Report]:
    """Progress on the terminal or in the log, and in the file ``record``."""
    if record is None:
        with _on_screen() as show:
            yield show
        return
    with recorded(record) as write, _on_screen() as show:
        def both(stage: str, fraction: float, line: str) -> None:
            write(stage, fraction, line)
            show(stage, fraction, line)

        yield both


@contextmanager
def _on_screen() -> Iterator[Report]:
    if not console.is_terminal:
        yield Lines()
        return
    columns = (TextColumn("{task.description:<11}"), BarColumn(bar_width=20), TimeElapsedColumn(),
               TextColumn("{task.fields[line]}"))
    with Progress(*columns, console=console) as progress:
        yield Bars(progress)


def quiet_libraries() -> None:
    """Silence the progress bars and deprecation warnings of Hugging Face's libraries."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)
