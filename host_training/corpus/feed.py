"""Copies new writing for an existing persona into its directory under a derived name.

The next version is trained from the base on everything, old and new. Training on from the last
version would measure on texts it has already learnt, because the held-out newest tenth of all
sessions moves on when texts are added (``split``).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from host_training.common.persona_dir import NOTEBOOK
from host_training.errors import TrainingError
from host_training.stages import LOCK, PRIVATE, alone

# Where a copy is until it is whole: what is elsewhere is imported, and this is hidden from it.
COPYING = ".feed"
PART_BYTES = 1 << 20
_CONDITION = re.compile(r"^@ +\w+=", re.M)


def add(directory: Path, new: Sequence[Path]) -> list[Path]:
    """Copy files and folders of ``new`` into a persona directory; returns the added files.

    A notebook (Markdown with a line like ``@ about=wind``) goes to ``notebook/``, everything else
    into a folder of its own. Files that are already there byte for byte are not added again.

    Raises:  TrainingError when something is missing or empty, is inside the directory, or holds it.
    """
    new = [path if path.name not in ("", "..") else path.resolve() for path in new]
    for path in new:
        if not path.exists():
            raise TrainingError(f"{path}: no such file or folder.")
        if path.resolve().is_relative_to(directory.resolve()):
            raise TrainingError(f"{path}: is already in {directory}; run again without it.")
        if directory.resolve().is_relative_to(path.resolve()):
            raise TrainingError(f"{path}: holds {directory} itself; move the new writing into a"
                                " folder of its own.")
        if not any(_files(path)):
            raise TrainingError(f"{path}: is empty.")
    copying = directory / COPYING
    copying.mkdir(PRIVATE, parents=True, exist_ok=True)
    with alone(copying / LOCK, f"{directory}: another feed is adding to it; wait for it."):
        try:
            return [target for path in new if (target := _add(directory, path)) is not None]
        finally:
            shutil.rmtree(copying)


def _add(directory: Path, path: Path) -> Path | None:
    """The copy of ``path``; None where it is there already."""
    name = f"fed-{_digest(path)}"
    target = (directory / NOTEBOOK / f"{name}.md" if _is_notebook(path)
              else directory / name / path.name)
    if target.exists():
        return None
    partial = directory / COPYING / name
    _remove(partial)  # of a run that was killed
    if path.is_dir():
        shutil.copytree(path, partial, ignore=_without_words)
    else:
        shutil.copyfile(path, partial)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(partial, target)
    return target


def take_back(added: Sequence[Path]) -> None:
    """Remove what ``add`` added, because it cannot be imported."""
    for path in added:
        _remove(path)
        if path.parent.name != NOTEBOOK:
            path.parent.rmdir()


def _without_words(folder: str, names: list[str]) -> list[str]:
    """Dangling links, special files, and links to a folder above, of which there is no end."""
    here = Path(folder).resolve()
    return [name for name in names
            if not ((here / name).is_file() or (here / name).is_dir())
            or ((here / name).is_symlink() and here.is_relative_to((here / name).resolve()))]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _files(path: Path) -> list[Path]:
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [file for file in found if file.is_file() and file.stat().st_size]


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for file in _files(path):
        digest.update(f"{file.relative_to(path.parent).as_posix()}\0".encode(errors="replace"))
        with file.open("rb") as stream:
            while part := stream.read(PART_BYTES):
                digest.update(part)
    return digest.hexdigest()[:8]


def _is_notebook(path: Path) -> bool:
    if path.is_dir() or path.suffix != ".md":
        return False
    return _CONDITION.search(path.read_text(encoding="utf-8", errors="replace")) is not None
