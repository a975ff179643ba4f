"""The files of an export, the same whether they lie in a folder, in a zip or in a zip in a zip.

Nothing is ever unpacked to disk, so a name like ``../../x`` inside a zip cannot reach anything; a
zip that unpacks to absurd sizes is refused by its own directory before a byte of it is read.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from host_training.messages import Notes

HEAD_BYTES = 65_536
NESTED_ZIPS_MAX = 3
ZIP_RATIO_MAX = 1000  # text packs 20:1 and logs 100:1; a bomb packs far beyond
ZIP_RATIO_FREE_BYTES = 10_000_000  # small members may pack as well as they like
ZIP_MEMBERS_MAX = 2_000_000
SPOOL_BYTES = 32_000_000  # a nested zip larger than this waits on disk

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError,
               NotImplementedError)
# what reading a file raises that is damaged, on its disk or inside its zip
UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
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
    """Every file below some folders, zips opened. Use as a context manager: it holds the zips."""

    def __init__(self, root: Path, notes: Notes) -> None:
        self._root = root
        self._notes = notes
        self._open = ExitStack()

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def files(self, folder: Path) -> Iterator[File]:
        """Files in order of their names; links are not followed, so no loop can hold us."""
        for place, folders, names in os.walk(folder, followlinks=False):
            folders.sort()
            if ".obsidian" in folders and ".git" in folders:
                folders.remove(".git")  # a vault that is kept in git is a vault
            elif ".git" in folders or ".git" in names:
                yield self._repository(Path(place))
                folders.clear()
                continue
            for name in sorted(names):
                path = Path(place) / name
                if path.is_symlink() or not path.is_file():
                    self._notes.skip("link or special file")
                    continue
                yield from self._file(path)
            for name in [n for n in folders if (Path(place) / n).is_symlink()]:
                self._notes.skip("link or special file")
                folders.remove(name)

    def _repository(self, path: Path) -> File:
        name = (path / ".git").relative_to(self._root).as_posix()
        return File(name, 0, None, lambda: io.BytesIO(b"git"), path)

    def _file(self, path: Path) -> Iterator[File]:
        name = path.relative_to(self._root).as_posix()
        name = name.encode("utf-8", "replace").decode()  # a name that is not UTF-8 can be printed
        try:
            stat = path.stat()
            with path.open("rb"):
                pass
        except OSError as error:
            self._notes.put(name, "", f"cannot be read ({error.strerror})")
            return
        file = File(name, stat.st_size, stat.st_mtime_ns // 1_000_000, lambda: path.open("rb"))
        if _is_zip(file):
            yield from self._zip(file, self._open.enter_context(path.open("rb")), 1)
        else:
            yield file

    def _zip(self, file: File, stream: BinaryIO, depth: int) -> Iterator[File]:
        try:
            archive = self._open.enter_context(zipfile.ZipFile(stream))
            members = [m for m in archive.infolist() if not m.is_dir()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            self._notes.put(file.name, "", f"not a whole zip file ({error})")
            return
        if not members:
            self._notes.put(file.name, "", "the zip is empty")
        if len(members) > ZIP_MEMBERS_MAX:
            self._notes.put(file.name, "", f"{len(members)} files in one zip, at most"
                                           f" {ZIP_MEMBERS_MAX} are looked at")
        for member in sorted(members[:ZIP_MEMBERS_MAX], key=lambda m: m.filename):
            name = f"{file.name}/{_safe(member.filename)}"
            if "/.git/" in name:
                if name.endswith("/.git/HEAD"):
                    self._notes.put(name, "", "a git repository in a zip; unpack it to be read")
                continue
            reason = _refusal(member)
            if reason:
                self._notes.put(name, "", reason)
                continue
            inner = File(name, member.file_size, None,
                         lambda a=archive, m=member: a.open(m))  # type: ignore[misc]
            yield from self._member(inner, depth)

    def _member(self, inner: File, depth: int) -> Iterator[File]:
        try:
            is_zip = _is_zip(inner)
        except _ZIP_ERRORS as error:
            self._notes.put(inner.name, "", f"damaged inside its zip ({error})")
            return
        if not is_zip:
            yield inner
        elif depth >= NESTED_ZIPS_MAX:
            self._notes.put(inner.name, "", f"zips inside zips deeper than {NESTED_ZIPS_MAX}")
        else:
            spool = self._open.enter_context(
                tempfile.SpooledTemporaryFile(SPOOL_BYTES))  # noqa: SIM115 (closed by the stack)
            try:
                with inner.opened() as packed:
                    while block := packed.read(1 << 20):
                        spool.write(block)
            except _ZIP_ERRORS as error:
                self._notes.put(inner.name, "", f"damaged inside its zip ({error})")
                return
            spool.seek(0)
            yield from self._zip(inner, spool, depth + 1)  # type: ignore[arg-type]


def _is_zip(file: File) -> bool:
    """By content: Takeout and Notion name their parts in many ways. Documents stay whole."""
    return (file.head.startswith((b"PK\x03\x04", b"PK\x05\x06"))
            and file.suffix not in _PACKED_WITH_WORDS)


def _safe(name: str) -> str:
    """A member's name without ``..``, drive letters or backslashes."""
    parts = name.replace("\\", "/").split("/")
    return "/".join(p for p in parts if p not in ("", ".", "..") and not p.endswith(":"))


def _refusal(member: zipfile.ZipInfo) -> str | None:
    if member.flag_bits & 1:
        return "locked with a password; unpack it and put the files here instead"
    if (member.file_size > ZIP_RATIO_FREE_BYTES
            and member.file_size > ZIP_RATIO_MAX * max(1, member.compress_size)):
        return (f"would unpack to {member.file_size} bytes from {member.compress_size}: a zip bomb,"
                f" at most {ZIP_RATIO_MAX} to 1 is read")
    return None


def memory_file(name: str, data: bytes) -> File:
    """A file that lies in memory, e.g. an attachment."""
    return File(name, len(data), None, lambda: io.BytesIO(data))
