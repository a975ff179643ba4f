"""Zips of which only a few are open at a time, however many the exports contain.

What may come out of them is decided by ``host_training.common.unpacking``.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import BinaryIO, Self

from host_training.common import unpacking
from host_training.common.unpacking import Budget

OPEN_ZIPS_MAX = 8  # besides those a member of which is being read

_Open = tuple[zipfile.ZipFile, BinaryIO]


class Zips:
    """Opens a zip when it is read, and closes the one that was read least lately.

    Use as a context manager: it closes the rest.
    """

    def __init__(self) -> None:
        self._open: dict[Zip, _Open] = {}  # the least lately read first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for archive, stream in self._open.values():
            archive.close()
            stream.close()
        self._open.clear()

    def archive(self, of: Zip) -> zipfile.ZipFile:
        """Open, and the last to be closed. Raises what ``unpacking.open_zip`` raises."""
        if of in self._open:
            self._open[of] = self._open.pop(of)
            return self._open[of][0]
        stream = of.opened()
        try:
            archive = unpacking.open_zip(stream)
        except BaseException:
            stream.close()
            raise
        idle = [other for other in self._open if not other.n_readers]
        for other in idle[: max(0, len(self._open) + 1 - OPEN_ZIPS_MAX)]:
            for thing in self._open.pop(other):
                thing.close()
        self._open[of] = archive, stream
        return archive


class Zip:
    """One zip: ``opened`` gives its bytes, as often as it is asked, in a stream that can seek."""

    def __init__(self, zips: Zips, opened: Callable[[], BinaryIO], budget: Budget) -> None:
        """``budget`` is that of the file on the disk that it lies in, or is."""
        self._zips = zips
        self.opened = opened
        self.budget = budget
        self.n_readers = 0  # members that are open

    def members(self) -> list[zipfile.ZipInfo]:
        """All but folders, paid for; asked for once. Raises TooMuchError, and what ``zipfile``
        raises on damage."""
        return unpacking.members(self._zips.archive(self), self.budget)

    def open(self, member: zipfile.ZipInfo) -> BinaryIO:
        """A member's bytes. Raises what ``zipfile`` raises on damage."""
        return _Reader(self._zips.archive(self).open(member), self)


class _Reader(io.BufferedReader):
    """A member that keeps its zip open until it is closed itself."""

    def __init__(self, member: BinaryIO, of: Zip) -> None:
        super().__init__(member)  # type: ignore[arg-type]  # it reads like a raw stream
        self._of = of
        of.n_readers += 1

    def close(self) -> None:
        if not self.closed:
            self._of.n_readers -= 1
        super().close()
