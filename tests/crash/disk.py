"""A disk whose power can be cut: what every file of one folder may hold afterwards.

The model is pessimistic where POSIX is silent. Between two syncs of a file each of its sectors may
be found in any version it had since the first of them: old, new or in between, whatever its
neighbours did. Names are journalled, as on ext4: after a cut the folder is as it was at some
instant since it was last synced. A sector is never torn inside itself (SQLite calls that powersafe
overwrite). A sync that failed has made nothing durable and never will: the kernel forgets that
those pages were dirty, so a later sync says nothing about them unless they were written again
(Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).

``tests.crash.disk_tap`` stands between SQLite, or Python's files, and this model.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

SECTOR_BYTES = 512
VERSIONS_MAX = 12  # of one sector between two syncs; the oldest but the durable one goes first
_ZEROS = bytes(SECTOR_BYTES)

Survives = Callable[[int, int], bool]  # (number of the write, sector) -> is it on the platter


class Refusal(Enum):
    """How the disk refuses an operation."""

    FULL = auto()  # ENOSPC: half of a write may still have happened
    IO_ERROR = auto()  # EIO
    READ_ONLY = auto()  # EROFS: remounted read-only after an error
    POWER_OFF = auto()  # the cut itself: from here on nothing happens any more


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing done to the folder.

    ``verb`` is create, write, truncate, sync, forget (a sync that failed), unlink, rename or
    sync_names; ``data`` is what was written, ``number`` an offset or a size in bytes, ``to`` the
    new name.
    """

    verb: str
    name: str = ""
    data: bytes = b""
    number: int = 0
    to: str = ""


@dataclass(slots=True)
class _Sector:
    durable: bytes = _ZEROS
    versions: list[tuple[int, bytes]] = field(default_factory=list)  # since, oldest first
    is_dirty: bool = False

    @property
    def latest(self) -> bytes:
        return self.versions[-1][1] if self.versions else self.durable

    def write(self, number: int, data: bytes) -> None:
        if len(self.versions) >= VERSIONS_MAX:
            del self.versions[0]
        self.versions.append((number, data))
        self.is_dirty = True

    def survivor(self, index: int, survives: Survives) -> bytes:
        for number, data in reversed(self.versions):
            if survives(number, index):
                return data
        return self.durable


class _File:
    """Sectors and a size, each with its versions since the last sync."""

    def __init__(self) -> None:
        self.sectors: dict[int, _Sector] = {}
        self.unsynced: set[int] = set()  # sectors that have versions
        self.size_bytes = 0
        self.sizes: list[tuple[int, int]] = [(-1, 0)]  # the first is durable

    def write(self, number: int, offset: int, data: bytes) -> None:
        at = 0
        while at < len(data):
            index, start = divmod(offset + at, SECTOR_BYTES)
            length = min(SECTOR_BYTES - start, len(data) - at)
            sector = self.sectors.setdefault(index, _Sector())
            old = sector.latest
            sector.write(number, old[:start] + data[at : at + length] + old[start + length :])
            self.unsynced.add(index)
            at += length
        if offset + len(data) > self.size_bytes:
            self._resize(number, offset + len(data))

    def truncate(self, number: int, size_bytes: int) -> None:
        for index, sector in self.sectors.items():
            kept = min(max(size_bytes - index * SECTOR_BYTES, 0), SECTOR_BYTES)
            if kept < SECTOR_BYTES and any(sector.latest[kept:]):
                sector.write(number, sector.latest[:kept] + bytes(SECTOR_BYTES - kept))
                self.unsynced.add(index)
        self._resize(number, size_bytes)

    def _resize(self, number: int, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.sizes.append((number, size_bytes))

    def sync(self) -> None:
        still_unsynced = set()
        for index in self.unsynced:
            sector = self.sectors[index]
            if sector.is_dirty:
                sector.durable = sector.latest
                sector.versions.clear()
                sector.is_dirty = False
            else:
                still_unsynced.add(index)
        self.unsynced = still_unsynced
        self.sizes = [(-1, self.size_bytes)]

    def forget(self) -> None:
        for index in self.unsynced:
            self.sectors[index].is_dirty = False

    def survivor(self, survives: Survives) -> bytes:
        size_bytes = next(
            (size for number, size in reversed(self.sizes) if number < 0 or survives(number, -1)),
            self.sizes[0][1],
        )
        parts = []
        for index in range(-(-size_bytes // SECTOR_BYTES)):
            sector = self.sectors.get(index)
            parts.append(_ZEROS if sector is None else sector.survivor(index, survives))
        return b"".join(parts)[:size_bytes]


class Platter:
    """The model itself: operations go in, the states that a cut may leave come out."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        """``files``: what is there, and durable, in the beginning."""
        self._number = 0
        self._names: dict[str, _File] = {}
        for name, data in (files or {}).items():
            self._names[name] = file = _File()
            file.write(-1, 0, data)
            file.sync()
        self._names_since_sync = [dict(self._names)]

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def apply(self, operation: Operation) -> None:
        """Do it."""
        self._number += 1
        name, verb = operation.name, operation.verb
        if verb == "sync_names":
            self._names_since_sync = [dict(self._names)]
        elif verb == "create":
            self._names[name] = _File()
            self._names_since_sync.append(dict(self._names))
        elif verb == "unlink":
            del self._names[name]
            self._names_since_sync.append(dict(self._names))
        elif verb == "rename":
            self._names[operation.to] = self._names.pop(name)
            self._names_since_sync.append(dict(self._names))
        elif verb == "write":
            self._names[name].write(self._number, operation.number, operation.data)
        elif verb == "truncate":
            self._names[name].truncate(self._number, operation.number)
        elif verb == "sync":
            self._names[name].sync()
        else:
            assert verb == "forget", verb
            self._names[name].forget()

    def states(self, rng: random.Random, torn: int) -> Iterator[dict[str, bytes]]:
        """What a cut now may leave, name -> content.

        All unsynced writes lost, all kept, and ``torn`` draws: every other one loses whole writes,
        every other one sectors.
        """
        yield self._lost()
        yield self._kept()
        for draw in range(torn):
            yield self._draw(rng, is_by_sector=draw % 2 == 0)

    def state(self, rng: random.Random) -> dict[str, bytes]:
        """One of them."""
        kind = rng.randrange(4)
        if kind < 2:
            return self._kept() if kind else self._lost()
        return self._draw(rng, is_by_sector=kind == 2)

    def _lost(self) -> dict[str, bytes]:
        return self._state(self._names_since_sync[0], lambda number, sector: False)

    def _kept(self) -> dict[str, bytes]:
        return self._state(self._names, lambda number, sector: True)

    def _draw(self, rng: random.Random, is_by_sector: bool) -> dict[str, bytes]:
        share = rng.choice((0.1, 0.5, 0.9))
        seed = rng.getrandbits(32)

        def survives(number: int, sector: int) -> bool:
            key = (seed, number, sector if is_by_sector else 0)
            return hash(key) % 1024 < share * 1024

        return self._state(rng.choice(self._names_since_sync), survives)

    @staticmethod
    def _state(names: dict[str, _File], survives: Survives) -> dict[str, bytes]:
        return {name: file.survivor(survives) for name, file in names.items()}


class Disk:
    """One folder on such a disk. Put ``tests.crash.disk_tap.tapped(disk)`` around what uses it."""

    def __init__(self, root: Path, is_traced: bool = False) -> None:
        """What is in ``root`` (which exists) is durable. ``is_traced`` keeps every operation."""
        self.root = root.resolve()
        self.operations = 0  # asked for so far, granted or not
        self.refuse: Callable[[int, str], Refusal | None] = lambda number, verb: None
        self.trace: list[Operation] = []
        self.bad_sectors: set[tuple[str, int]] = set()  # (file, sector) that give EIO when read
        self._is_traced = is_traced
        self._is_off = False
        self._platter = Platter(self._files())

    @property
    def is_off(self) -> bool:
        return self._is_off

    def has(self, name: str) -> bool:
        """Is ``name`` a file that was made through this disk? SQLite's shared memory is not."""
        return name in self._platter

    def is_bad(self, name: str, offset: int, length: int) -> bool:
        """Does a read of these bytes meet a bad sector?"""
        first, last = offset // SECTOR_BYTES, (offset + length - 1) // SECTOR_BYTES
        return any(bad == name and first <= index <= last for bad, index in self.bad_sectors)

    def ask(self, verb: str) -> Refusal | None:
        """May this be done? Counts it, and asks ``refuse(number, verb)``."""
        if self._is_off:
            return Refusal.POWER_OFF
        self.operations += 1
        refusal = self.refuse(self.operations, verb)
        self._is_off = refusal is Refusal.POWER_OFF
        return refusal

    def done(self, operation: Operation) -> None:
        """It was done."""
        if self._is_off:
            return
        if self._is_traced:
            self.trace.append(operation)
        self._platter.apply(operation)
        if operation.verb == "rename":  # a bad sector stays where it is, under the new name
            self.bad_sectors = {
                (operation.to if name == operation.name else name, index)
                for name, index in self.bad_sectors if name != operation.to
            }

    @contextmanager
    def without_process(self) -> Iterator[None]:
        """Close here what a killed process had open: nothing more reaches the disk from it."""
        self._is_off = True
        yield
        self._is_off = False

    def states(self, rng: random.Random, torn: int) -> Iterator[dict[str, bytes]]:
        """What a cut now may leave; see ``Platter.states``."""
        return self._platter.states(rng, torn)

    def cut(self, rng: random.Random) -> None:
        """Cut the power: the folder now holds one of the states that this may leave.

        Whatever had files open must be gone.
        """
        self.put(self._platter.state(rng))

    def put(self, files: dict[str, bytes]) -> None:
        """Make the folder hold these files and nothing else, all durable."""
        self._platter = Platter()  # so that a tap sees strangers in what is there now
        for path in self.root.iterdir():
            path.unlink()
        for name, data in files.items():
            handle = os.open(self.root / name, os.O_CREAT | os.O_WRONLY, 0o644)
            os.write(handle, data)
            os.close(handle)
        self._platter = Platter(files)
        self._is_off = False

    def _files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.root.iterdir() if path.is_file()}
