"""Checks before a command starts: all missing prerequisites are reported at once.

Nothing is changed or kept by asking. What can be told only by reading the exports, such as which of
two sides is the author's, is not asked here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from host_training.common import persona_dir
from host_training.common.messages import Notes
from host_training.errors import TrainingError, faults
from host_training.importers.notebook import import_notebook

Check = Callable[[], object]


def check_run(directory: Path, base: Path, out: Path, work: Path, key: Path,
              method: str, quant: str, general: Sequence[Path]) -> None:
    """All that ``run`` can know before the first hour. Raises TrainingError."""
    from host_training.bundle import pack  # not for ``scan``: PyTorch is slow
    from host_training.codec import base_text
    from host_training.quantisation import size_estimate
    from host_training.training import graded_drafts, train

    checks: list[Check] = [
        partial(pack.check_place, out), partial(check_place, "--out", out),
        partial(check_place, "--work", work), partial(pack.check_key, key),
        partial(check_place, "--key", key), partial(train.check_method, method),
        partial(graded_drafts.load, directory / persona_dir.GRADED),
        *(partial(base_text.check_text, path) for path in general)]
    if quant != "auto":
        checks.append(partial(size_estimate.split_step, quant))
    _refuse(directory, [*_persona(directory), *_base(base), *checks])


def check_job(directory: Path, base: Path, out: Path, work: Path) -> None:
    """All that ``job`` can know before it reads. Raises TrainingError."""
    _refuse(directory, [*_persona(directory), *_base(base), partial(_check_new, out),
                        partial(check_place, "--out", out), partial(check_place, "--work", work)])


def check_scan(directory: Path, out: Path) -> None:
    """All that ``scan`` can know before it reads. Raises TrainingError."""
    _refuse(directory, [*_persona(directory, is_finished=False), partial(check_place, "--out", out),
                        partial(_check_outside, out, directory)])


def check_base(base: Path) -> None:
    """A base that is here: whether it is one. Raises TrainingError."""
    for check in _base(base):
        check()


def _refuse(directory: Path, checks: Sequence[Check]) -> None:
    found = faults(checks)
    if found:
        raise TrainingError(*found, *persona_dir.hints(directory))


def _persona(directory: Path, is_finished: bool = True) -> list[Check]:
    return [partial(persona_dir.read_persona, directory, is_finished),
            *(partial(import_notebook, path, Notes())
              for path in persona_dir.notebooks(directory))]


def _base(base: Path) -> list[Check]:
    from host_training.common import chat_template
    from host_training.training import known_bases, merge

    if not known_bases.is_fetched(base):
        return []  # what is known by name is fetched once everything else is found to be there
    folder = known_bases.folder(base)
    return [partial(merge.check_base, folder), partial(chat_template.check_tokens, folder)]


def check_place(option: str, path: Path) -> None:
    """Raises TrainingError where nothing can be written: proved by doing it, in what is there."""
    there = path if path.is_dir() else path.parent
    while not there.exists():
        there = there.parent
    try:
        tempfile.TemporaryDirectory(dir=there).cleanup()
    except OSError as error:
        raise TrainingError(f"{option} {path}: not writable ({error.strerror}).") from error


def _check_new(out: Path) -> None:
    if out.exists():
        raise TrainingError(f"{out}: exists; choose another --out.")


def _check_outside(out: Path, directory: Path) -> None:
    if out.resolve().is_relative_to(directory.resolve()):
        raise TrainingError(f"--out {out}: is in the persona directory, where the next run would "
                            "read it as writing; choose a folder outside.")
