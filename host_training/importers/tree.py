"""The files of an export, in a folder, in a zip, in a tar or in a nested zip alike.

Nothing is ever unpacked under its name, so one like ``../../x`` inside a zip reaches nothing; a zip
that unpacks to absurd sizes is refused by its own directory before a byte of it is read, see
``host_training.common.unpacking``.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from host_training.common.messages import Notes
from host_training.common.unpacking import NESTED_MAX, Budget, TooMuchError, refusal
from host_training.importers import tars
from host_training.importers.zips import Zip, Zips

HEAD_BYTES = 65_536
FOLDERS_MAX = 64  # in each other that are told apart; deeper ones by their whole path
SPOOL_BYTES = 8_000_000  # an open zip of a zip that is larger than this lies on disk

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError,
               NotImplementedError)
# what reading a file raises that is damaged, on its disk or inside its zip
UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_DRIVE = re.compile("[A-Za-z]:")
_PACKED_WITH_WORDS = (".docx", ".pptx", ".xlsx", ".odt", ".epub")  # zips that are one document


@dataclass(slots=True)
class File:
    """One file: ``name`` is its path with ``/`` below the persona directory, for the sentences."""

    name: str
    size: int
    modified_utc_ms: int | None
    opened: Callable[[], BinaryIO]
    folder_path: Path | None = None  # of a git repository, which stands here as one file
    _head: bytes | None = field(default=None, repr=False)

    @property
    def base(self) -> str:
        """The last part of the name."""
        return self.name.rsplit("/", 1)[-1]

    @property
    def folder(self) -> str:
        """Everything before the last part; empty at the top."""
        return self.name.rpartition("/")[0]

    @property
    def suffix(self) -> str:
        """Lower case, with its dot; empty where there is none."""
        stem, dot, end = self.base.rpartition(".")
        return f".{end.lower()}" if dot and stem else ""

    @property
    def head(self) -> bytes:
        """The first HEAD_BYTES, read once: what the sniffing looks at."""
        if self._head is None:
            with self.opened() as stream:
                self._head = stream.read(HEAD_BYTES)
        return self._head

    def read(self) -> bytes:
        """All of it."""
        with self.opened() as stream:
            return stream.read()


class Tree:
    """Every file below some folders, zips opened. Use as a context manager: it holds the zips.

    A zip in a zip is unpacked again, to memory or a nameless file, whenever it is opened again.
    """

    def __init__(self, root: Path, notes: Notes) -> None:
        self._root = root
        self._notes = notes
        self._zips = Zips()
        self._times: dict[str, int] = {}  # how often a name was asked for
        self._folders: dict[tuple[str, ...], str] = {}  # their names here, by their places

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *error: object) -> None:
        self._zips.__exit__(*error)

    def files(self, folder: Path) -> Iterator[File]:
        """Files in order of their names; links are not followed, so no loop can hold us."""
        def note(error: OSError) -> None:
            self._unreadable(Path(error.filename or folder), error)

        for place, folders, names in os.walk(folder, onerror=note, followlinks=False):
            folders.sort()
            if ".obsidian" in folders and ".git" in folders:
                folders.remove(".git")  # a vault that is kept in git is a vault
            elif ".git" in folders or ".git" in names:
                yield self._repository(Path(place))
                folders.clear()
                continue
            for name in sorted(names):
                yield from self._file(Path(place) / name)
            # unlike Path.is_symlink, islink raises nothing where the folder may not be searched
            for name in [n for n in folders if os.path.islink(Path(place) / n)]:
                self._notes.skip("link or special file")
                folders.remove(name)

    def _repository(self, path: Path) -> File:
        name = self._own_name("", (*path.relative_to(self._root).parts, ".git"))
        return File(name, 0, None, lambda: io.BytesIO(b"git"), path)

    def _file(self, path: Path) -> Iterator[File]:
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                self._notes.skip("link or special file")
                return
            with path.open("rb") as stream:
                start = stream.read(tars.HEADER_BYTES)
        except OSError as error:
            self._unreadable(path, error)
            return
        file = File(self._own_name("", path.relative_to(self._root).parts), status.st_size,
                    status.st_mtime_ns // 1_000_000, lambda: path.open("rb"))
        if file.suffix in tars.ENDINGS and tars.is_tar(start):
            yield from self._tar(file)
        elif _is_zip(file, start):
            yield from self._zip(file, Zip(self._zips, file.opened, Budget.of(file.size)), 1)
        else:
            yield file

    def _unreadable(self, path: Path, error: OSError) -> None:
        name = _joined(*map(_clean, path.relative_to(self._root).parts))
        self._notes.put(name, "", f"cannot be read ({error.strerror})")

    def _own_name(self, below: str, parts: Sequence[str]) -> str:
        """The name of the file with this path below ``below``: cleaned, and with a number where
        another file or folder has it, for cleaned names may be equal."""
        folder = self._own_folder(below, [part for part in parts[:-1] if part not in ("", ".")])
        return self._free_name(_joined(folder, _clean(parts[-1])), _numbered)

    def _own_folder(self, below: str, parts: Sequence[str]) -> str:
        """The same of a folder, which is the same one for all files in it."""
        near = ["/".join(parts[FOLDERS_MAX:])] if len(parts) > FOLDERS_MAX else []
        name = below
        place: tuple[str, ...] = (below,)
        for part in [*parts[:FOLDERS_MAX], *near]:
            place = *place, part
            if place not in self._folders:
                cleaned = _joined(*map(_clean, part.split("/")))
                self._folders[place] = self._free_name(
                    _joined(name, cleaned), "{} ({})".format) if cleaned else name
            name = self._folders[place]
        return name

    def _free_name(self, name: str, numbered: Callable[[str, int], str]) -> str:
        own = name
        while own in self._times:
            self._times[name] += 1
            own = numbered(name, self._times[name])
        self._times[own] = 1
        return own

    def _tar(self, file: File) -> Iterator[File]:
        try:
            for name, size, opened in tars.members(file.opened):
                inner = File(self._own_name(file.name, _parts(name)), size, None, opened)
                with opened() as stream:
                    is_zip = _is_zip(inner, stream.read(len(_ZIP_STARTS[0])))
                if is_zip:
                    packed = Zip(self._zips, partial(_spooled, inner), Budget.of(size))
                    yield from self._zip(inner, packed, 1)
                else:
                    yield inner
        except (tars.NotTarError, OSError) as error:
            self._notes.put(file.name, "", f"not a complete tar file ({error})")

    def _zip(self, file: File, archive: Zip, depth: int) -> Iterator[File]:
        try:
            members = archive.members()
        except TooMuchError as error:
            self._notes.put(file.name, "", str(error))
            return
        except _ZIP_ERRORS as error:
            self._notes.put(file.name, "", f"not a complete zip file ({error})")
            return
        if not members:
            self._notes.put(file.name, "", "the zip is empty")
        for member in sorted(members, key=lambda m: m.filename):
            parts = _parts(member.filename)
            name = _joined(file.name, *map(_clean, parts))
            if "/.git/" in name:
                if name.endswith("/.git/HEAD"):
                    self._notes.put(name, "", "a git repository in a zip; unpack it")
                continue
            reason = refusal(member)
            if reason:
                self._notes.put(name, "", reason)
                continue
            inner = File(self._own_name(file.name, parts), member.file_size, None,
                         lambda m=member: archive.open(m))  # type: ignore[misc]
            yield from self._member(inner, archive.budget, depth)

    def _member(self, inner: File, budget: Budget, depth: int) -> Iterator[File]:
        try:
            with inner.opened() as stream:
                is_zip = _is_zip(inner, stream.read(len(_ZIP_STARTS[0])))
        except _ZIP_ERRORS as error:
            self._notes.put(inner.name, "", f"damaged inside its zip ({error})")
            return
        if not is_zip:
            yield inner
        elif depth >= NESTED_MAX:
            self._notes.put(inner.name, "", f"zips inside zips deeper than {NESTED_MAX}")
        else:
            archive = Zip(self._zips, lambda: _spooled(inner), budget)
            yield from self._zip(inner, archive, depth + 1)


def _spooled(packed: File) -> BinaryIO:
    """A member's bytes in a stream that can seek."""
    spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 (whoever asked closes it)
    try:
        with packed.opened() as stream:
            shutil.copyfileobj(stream, spool, 1 << 20)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool  # type: ignore[return-value]  # it reads like one


def _is_zip(file: File, start: bytes) -> bool:
    """By content: Takeout and Notion name their parts in many ways. Documents stay whole."""
    return start[: len(_ZIP_STARTS[0])] in _ZIP_STARTS and file.suffix not in _PACKED_WITH_WORDS


def _numbered(name: str, number: int) -> str:
    """With ``number`` before its suffix, as a browser names a second download."""
    folder, slash, base = name.rpartition("/")
    stem, dot, suffix = base.rpartition(".")
    if not stem:
        stem, dot, suffix = base, "", ""
    return f"{folder}{slash}{stem} ({number}){dot}{suffix}"


def _parts(name: str) -> list[str]:
    """Of the path of a member."""
    return name.replace("\\", "/").split("/")


def _joined(*parts: str) -> str:
    return "/".join(filter(None, parts))


def _clean(part: str) -> str:
    """A part of a path as it is shown: nothing of ``..`` and drive letters, and a question mark for
    what is not UTF-8."""
    if part in (".", "..") or _DRIVE.fullmatch(part):
        return ""
    return part.encode("utf-8", "replace").decode()


def memory_file(name: str, data: bytes) -> File:
    """A file that lies in memory, e.g. an attachment."""
    return File(name, len(data), None, lambda: io.BytesIO(data))
