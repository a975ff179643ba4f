"""Limits on unpacked sizes, used for every zip, Word document and .xz.

A packed file declares its own content, and the declaration may be false: a few kilobytes become
gigabytes, a directory names millions of files, a zip holds zips that hold zips. Therefore each file
on disk has a ``Budget`` in proportion to its size, from which everything unpacked from it is paid,
nested zips included; the directory of a zip is checked before anything is unpacked, and ``zipfile``
returns no more of a member than declared. What exceeds the budget is reported in one sentence, and
the rest is read.

Does not cover: files that are large without being packed.
"""

from __future__ import annotations

import lzma
import zipfile
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

# Text packs 20:1 and logs 100:1; deflate's limit is 1032:1, and a bomb is near it or beyond.
RATIO_MAX = 300
FREE_BYTES = 10_000_000  # may come out of anything: a small file may pack as well as it likes
DIRECTORY_BYTES_MAX = 100_000_000  # a million files with names of fifty letters
MEMBERS_MAX = 1_000_000
NESTED_MAX = 3  # zips in zips in a zip
XZ_BYTES_MAX = 2_000_000_000  # is held in memory as a whole


class TooMuchError(Exception):
    """A packed file exceeds a limit; the text states its size and the limit."""


@dataclass(slots=True)
class Budget:
    """How many bytes may still be unpacked from one file on disk."""

    left: int

    @classmethod
    def of(cls, packed_bytes: int) -> Budget:
        """The budget of a file of this size on disk."""
        return cls(FREE_BYTES + RATIO_MAX * packed_bytes)

    def take(self, n_bytes: int) -> None:
        """Deduct ``n_bytes``. Raises TooMuchError, and then deducts nothing."""
        if n_bytes > self.left:
            raise TooMuchError(
                f"would unpack to {n_bytes} bytes where at most {self.left} are read: a zip bomb")
        self.left -= n_bytes


def open_zip(stream: BinaryIO) -> zipfile.ZipFile:
    """Open the zip in ``stream``, with a limit on the size of its directory.

    Raises TooMuchError, and what ``zipfile`` raises on damage.
    """
    opening = _Opening(stream)
    archive = zipfile.ZipFile(cast(BinaryIO, opening))
    opening.is_open = True
    if len(archive.filelist) > MEMBERS_MAX:
        raise TooMuchError(
            f"{len(archive.filelist)} files in one zip, at most {MEMBERS_MAX} are read")
    return archive


def members(archive: zipfile.ZipFile, budget: Budget) -> list[zipfile.ZipInfo]:
    """All members but folders; those without a ``refusal`` are paid for. Raises TooMuchError."""
    found = [member for member in archive.infolist() if not member.is_dir()]
    budget.take(sum(member.file_size for member in found if refusal(member) is None))
    return found


def refusal(member: zipfile.ZipInfo) -> str | None:
    """Why this member is not unpacked, although the zip is; None if it is."""
    if member.flag_bits & 1:
        return "locked with a password; unpack it and put the files here instead"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # of these zipfile unpacks whatever a piece of the file becomes, at once
        return "an unsupported compression method; unpack it and put the files here"
    allowed = FREE_BYTES + RATIO_MAX * member.compress_size
    if member.file_size > allowed:
        return (f"would unpack to {member.file_size} bytes from {member.compress_size}: a zip bomb,"
                f" at most {RATIO_MAX} to 1 is read")
    return None


def unpack_xz(data: bytes) -> bytes:
    """Unpack ``data``. Raises TooMuchError, and LZMAError on damage."""
    budget = Budget.of(len(data))
    budget.left = min(budget.left, XZ_BYTES_MAX)
    pieces: list[bytes] = []
    while True:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)
        piece = stream.decompress(data, budget.left + 1)
        budget.take(len(piece))
        pieces.append(piece)
        if not stream.eof:
            raise lzma.LZMAError("it is truncated")
        data = stream.unused_data.lstrip(b"\0")  # padding, or another stream
        if not data:
            return b"".join(pieces)


class _Opening:
    """A stream whose reads are limited to the size of a zip's directory until the zip is open."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.is_open = False

    def read(self, n_bytes: int = -1) -> bytes:
        if n_bytes > DIRECTORY_BYTES_MAX and not self.is_open:
            raise TooMuchError(f"the zip's directory has {n_bytes} bytes, at most"
                               f" {DIRECTORY_BYTES_MAX} are read")
        return self._stream.read(n_bytes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
