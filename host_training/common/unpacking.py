"""Limits on unpacked sizes, used for every zip, Word document and .xz.

A packed file says itself what it holds, and may lie: a few kilobytes become gigabytes, a directory
names millions of files, a zip holds zips that hold zips. So a file on this disk has a ``Budget``,
in proportion to its size, out of which whatever is unpacked of it is paid, zips in it included;
what a zip's directory says is checked before anything is unpacked, and ``zipfile`` gives no more
of a member than that. What goes beyond is set aside in one sentence, and the rest goes on.

Does not cover: files that are large as they lie.
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
    """A packed file holds more than is read; the text says how much, and how much would be."""


@dataclass(slots=True)
class Budget:
    """What may still be unpacked of one file on this disk, bytes."""

    left: int

    @classmethod
    def of(cls, packed_bytes: int) -> Budget:
        """For a file of this size as it lies."""
        return cls(FREE_BYTES + RATIO_MAX * packed_bytes)

    def take(self, n_bytes: int) -> None:
        """Raises TooMuchError, and then nothing was taken."""
        if n_bytes > self.left:
            raise TooMuchError(
                f"would unpack to {n_bytes} bytes where at most {self.left} are read: a zip bomb")
        self.left -= n_bytes


def open_zip(stream: BinaryIO) -> zipfile.ZipFile:
    """The zip in ``stream``, its directory not larger than is read.

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
    """All but folders, paid for together but for those with a ``refusal``. Raises TooMuchError."""
    found = [member for member in archive.infolist() if not member.is_dir()]
    budget.take(sum(member.file_size for member in found if refusal(member) is None))
    return found


def refusal(member: zipfile.ZipInfo) -> str | None:
    """Why this one is not unpacked, where the zip as a whole may be."""
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
    """All that is packed in ``data``. Raises TooMuchError, and LZMAError on damage."""
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
    """A stream that gives no more at a time than a zip's directory may have, until it is open."""

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
