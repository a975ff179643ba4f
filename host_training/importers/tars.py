"""The files of a tar that is not compressed: each is a stretch of it, and nothing is unpacked.

Skype's export is such a file, and Joplin's (``.jex``). As nothing in it is packed, it cannot grow.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

ENDINGS = (".tar", ".jex")
_MAGIC_AT, _MAGIC = 257, b"ustar"  # POSIX.1-1988, of a header; older ones have none
HEADER_BYTES = _MAGIC_AT + len(_MAGIC)

Opener = Callable[[], BinaryIO]


class NotTarError(Exception):
    """No tar, or a damaged one, from here on; the text says how."""


def is_tar(start: bytes) -> bool:
    """By the first HEADER_BYTES."""
    return start[_MAGIC_AT:HEADER_BYTES] == _MAGIC


def members(opened: Opener) -> Iterator[tuple[str, int, Opener]]:
    """Name, size and opener of each file, without folders, links and devices.

    Raises:  NotTarError where it is damaged; what came before was whole.
    """
    try:
        with opened() as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                if member.isreg() and not member.issparse():
                    yield (member.name, member.size,
                           _opener(opened, member.offset_data, member.size))
            stream.seek(archive.offset)
            end = stream.read(tarfile.BLOCKSIZE)  # tarfile bears in silence what is wrong here
            if len(end) < tarfile.BLOCKSIZE:
                raise NotTarError("the end is missing")
            if end.strip(b"\0"):
                raise NotTarError("the header of the next file is damaged")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise NotTarError(str(error)) from error


def _opener(opened: Opener, start: int, size: int) -> Opener:
    def stretch() -> BinaryIO:
        stream = opened()
        stream.seek(start)
        return io.BufferedReader(_Stretch(stream, size))

    return stretch


class _Stretch(io.RawIOBase):
    """The next ``n_left`` bytes of a stream, which it closes."""

    def __init__(self, stream: BinaryIO, n_left: int) -> None:
        super().__init__()
        self._stream, self._n_left = stream, n_left

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(min(len(into), self._n_left))
        into[: len(data)] = data
        self._n_left -= len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
