"""The tap between SQLite, or Python's own files, and a simulated disk.

The code under test is not changed and does not know: a VFS registered as the default of the very
library that ``sqlite3`` uses, and six functions of ``os`` and ``io``, pass everything on to the
real files, tell the disk what they did, and refuse what it refuses. Syncs stop here: durability is
the disk's. What lies outside the folders of tapped disks is not touched.

The VFS copies the table of the system's own (``sqlite3_vfs``, ``sqlite3_io_methods``; stable since
SQLite 3.7.6, https://sqlite.org/c3ref/vfs.html) and replaces five of its methods.
"""

from __future__ import annotations

import _sqlite3
import builtins
import ctypes
import errno
import functools
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any

from tests.crash.disk import Disk, Operation, Refusal

_OK, _ERROR, _IOERR, _FULL, _CANTOPEN = 0, 1, 10, 13, 14
_IOERR_READ, _IOERR_WRITE, _IOERR_FSYNC = _IOERR | 1 << 8, _IOERR | 3 << 8, _IOERR | 4 << 8
_IOERR_DIR_FSYNC, _IOERR_TRUNCATE = _IOERR | 5 << 8, _IOERR | 6 << 8
_IOERR_DELETE = _IOERR | 10 << 8
_OPEN_CREATE, _OPEN_MAIN_JOURNAL, _OPEN_WAL = 0x4, 0x800, 0x80000
_ERRNO = {Refusal.FULL: errno.ENOSPC, Refusal.READ_ONLY: errno.EROFS}

_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_Close = CFUNCTYPE(c_int, c_void_p)
_Transfer = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(ctypes.Structure):
    _fields_ = [
        ("version", c_int), ("file_bytes", c_int), ("path_bytes_max", c_int), ("next", c_void_p),
        ("name", c_char_p), ("app_data", c_void_p), ("open", _Open), ("delete", _Delete),
        ("others", c_void_p * 14),
    ]


class _Methods(ctypes.Structure):
    _fields_ = [
        ("version", c_int), ("close", _Close), ("read", _Transfer), ("write", _Transfer),
        ("truncate", _Truncate), ("sync", _Sync), ("others", c_void_p * 13),
    ]


@dataclass(slots=True)
class _Handle:
    """A file that SQLite has open on a tapped disk."""

    disk: Disk
    name: str
    real: _Methods
    syncs_names: bool  # a new journal's first sync also syncs its folder, as in os_unix.c


class NoTap(Exception):
    """This Python's SQLite cannot be reached; the message says why."""


_disks: list[Disk] = []
_handles: dict[int, _Handle] = {}
_failures: list[BaseException] = []


def _disk_of(path: str) -> Disk | None:
    parent = os.path.realpath(os.path.dirname(path))
    return next((disk for disk in _disks if str(disk.root) == parent), None)


def _guarded(callback: Callable[..., int]) -> Callable[..., int]:
    """Nothing may be raised into C: it is kept, and raised where the tap is taken off."""

    @functools.wraps(callback)
    def call(*arguments: Any) -> int:
        try:
            return callback(*arguments)
        except BaseException as error:  # noqa: BLE001
            _failures.append(error)
            return _ERROR

    return call


class _TapVfs:
    """SQLite's side."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(_sqlite3.__file__)
            find = self._library.sqlite3_vfs_find
        except (AttributeError, OSError) as error:
            raise NoTap("this Python has SQLite built in and does not show its VFS") from error
        find.restype = POINTER(_Vfs)
        self._real = find(None)
        self._tables: dict[int, tuple[_Methods, _Methods]] = {}  # real address -> (real, tapped)
        self._vfs = _Vfs.from_buffer_copy(self._real.contents)
        self._vfs.name = b"spacepi-disk"
        self._vfs.open = _Open(_guarded(self._open))
        self._vfs.delete = _Delete(_guarded(self._delete))
        self._calls = {
            "close": _Close(_guarded(self._close)),
            "read": _Transfer(_guarded(self._read)),
            "write": _Transfer(_guarded(self._write)),
            "truncate": _Truncate(_guarded(self._truncate)),
            "sync": _Sync(_guarded(self._sync)),
        }

    def install(self) -> None:
        self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)

    def remove(self) -> None:
        self._library.sqlite3_vfs_register(self._real, 1)

    def _open(self, vfs: int, name: int, file: int, flags: int, out_flags: Any) -> int:
        path = ctypes.string_at(name).decode() if name else ""
        disk = _disk_of(path) if path else None
        methods_at = ctypes.cast(file, POINTER(c_void_p))
        if disk is None:
            return int(self._real.contents.open(vfs, name, file, flags, out_flags))
        is_new = bool(flags & _OPEN_CREATE) and not os.path.exists(path)
        if disk.is_off or (is_new and disk.ask("create") is not None):
            methods_at[0] = None
            return _CANTOPEN
        code = int(self._real.contents.open(vfs, name, file, flags, out_flags))
        if code != _OK:
            return code
        handle_name = os.path.basename(path)
        if is_new:
            disk.done(Operation("create", handle_name))
        real, tapped = self._table(methods_at[0] or 0)
        is_journal = bool(flags & (_OPEN_MAIN_JOURNAL | _OPEN_WAL))
        syncs_names = is_journal and bool(flags & _OPEN_CREATE)
        _handles[file] = _Handle(disk, handle_name, real, syncs_names)
        methods_at[0] = ctypes.addressof(tapped)
        return _OK

    def _table(self, address: int) -> tuple[_Methods, _Methods]:
        if address not in self._tables:
            real = _Methods.from_address(address)
            tapped = _Methods.from_buffer_copy(real)
            for method, callback in self._calls.items():
                setattr(tapped, method, callback)
            self._tables[address] = real, tapped
        return self._tables[address]

    def _close(self, file: int) -> int:
        return int(_handles.pop(file).real.close(file))

    def _read(self, file: int, buffer: int, length: int, offset: int) -> int:
        handle = _handles[file]
        disk = handle.disk
        if disk.is_off or (disk.bad_sectors and disk.is_bad(handle.name, offset, length)):
            return _IOERR_READ
        return int(handle.real.read(file, buffer, length, offset))

    def _write(self, file: int, buffer: int, length: int, offset: int) -> int:
        handle = _handles[file]
        refusal = handle.disk.ask("write")
        if refusal is Refusal.FULL:
            length //= 2
        elif refusal is not None:
            return _IOERR_WRITE
        code = int(handle.real.write(file, buffer, length, offset)) if length else _OK
        if code == _OK and length:
            data = ctypes.string_at(buffer, length)
            handle.disk.done(Operation("write", handle.name, data, offset))
        return code if refusal is None else _FULL

    def _truncate(self, file: int, size_bytes: int) -> int:
        handle = _handles[file]
        if handle.disk.ask("truncate") is not None:
            return _IOERR_TRUNCATE
        code = int(handle.real.truncate(file, size_bytes))
        if code == _OK:
            handle.disk.done(Operation("truncate", handle.name, number=size_bytes))
        return code

    def _sync(self, file: int, flags: int) -> int:
        handle = _handles[file]
        disk = handle.disk
        if disk.ask("sync") is not None:
            disk.done(Operation("forget", handle.name))
            return _IOERR_FSYNC
        disk.done(Operation("sync", handle.name))
        if handle.syncs_names:  # os_unix.c takes no notice when this one fails
            handle.syncs_names = False
            if disk.ask("sync_names") is None:
                disk.done(Operation("sync_names"))
        return _OK

    def _delete(self, vfs: int, name: bytes, syncs_names: int) -> int:
        path = name.decode()
        disk = _disk_of(path)
        if disk is None or not disk.has(os.path.basename(path)):
            return int(self._real.contents.delete(vfs, name, syncs_names))
        if disk.ask("unlink") is not None:
            return _IOERR_DELETE
        code = int(self._real.contents.delete(vfs, name, 0))
        if code == _OK:
            disk.done(Operation("unlink", os.path.basename(path)))
            if syncs_names and disk.ask("sync_names") is not None:
                return _IOERR_DIR_FSYNC
            if syncs_names:
                disk.done(Operation("sync_names"))
        return code


def _refuse(disk: Disk, verb: str, path: str) -> None:
    refusal = disk.ask(verb)
    if refusal is not None:
        number = _ERRNO.get(refusal, errno.EIO)
        raise OSError(number, os.strerror(number), path)


class _TappedFile(io.FileIO):
    """A file that Python has open for writing on a tapped disk."""

    def __init__(self, disk: Disk, path: str, mode: str) -> None:
        self._disk, self._name = disk, os.path.basename(path)
        is_new = not disk.has(self._name)
        if is_new:
            _refuse(disk, "create", path)
        elif "w" in mode:
            _refuse(disk, "truncate", path)
        super().__init__(path, mode.replace("b", ""))
        if is_new:
            disk.done(Operation("create", self._name))
        elif "w" in mode:
            disk.done(Operation("truncate", self._name))

    def write(self, data: Any) -> int:
        held = bytes(data)
        refusal = self._disk.ask("write")
        if refusal is Refusal.FULL and len(held) > 1:
            held = held[: len(held) // 2]  # a short write; the next one gets the error
        elif refusal is not None:
            number = _ERRNO.get(refusal, errno.EIO)
            raise OSError(number, os.strerror(number), self._name)
        offset = os.fstat(self.fileno()).st_size if "a" in self.mode else self.tell()
        written = super().write(held) or 0
        self._disk.done(Operation("write", self._name, held[:written], offset))
        return written

    def truncate(self, size: int | None = None) -> int:
        size_bytes = self.tell() if size is None else size
        _refuse(self._disk, "truncate", self._name)
        super().truncate(size_bytes)
        self._disk.done(Operation("truncate", self._name, number=size_bytes))
        return size_bytes

    def sync(self) -> None:
        try:
            _refuse(self._disk, "sync", self._name)
        except OSError:
            self._disk.done(Operation("forget", self._name))
            raise
        self._disk.done(Operation("sync", self._name))


class _TapFiles:
    """Python's side: ``os`` and ``io`` while a disk is tapped."""

    def __init__(self) -> None:
        self._real = {
            (module, name): getattr(module, name)
            for module, name in ((io, "open"), (builtins, "open"), (os, "fsync"), (os, "rename"),
                                 (os, "replace"), (os, "unlink"), (os, "remove"))
        }
        self._open_files: dict[int, _TappedFile] = {}

    def install(self) -> None:
        tapped = {"open": self._open, "fsync": self._fsync, "rename": self._rename,
                  "replace": self._rename, "unlink": self._unlink, "remove": self._unlink}
        for module, name in self._real:
            setattr(module, name, tapped[name])

    def remove(self) -> None:
        for (module, name), function in self._real.items():
            setattr(module, name, function)

    def _open(self, file: Any, mode: str = "r", buffering: int = -1, *others: Any, **named: Any
              ) -> Any:
        path = os.fspath(file) if isinstance(file, str | os.PathLike) else ""
        disk = _disk_of(str(path)) if path else None
        if disk is None or "b" not in mode or not set(mode) & set("wax+"):
            return self._real[io, "open"](file, mode, buffering, *others, **named)
        raw = _TappedFile(disk, str(path), mode)
        self._open_files[raw.fileno()] = raw
        return raw if buffering == 0 else io.BufferedWriter(raw)

    def _fsync(self, handle: Any) -> None:
        number = handle if isinstance(handle, int) else handle.fileno()
        file = self._open_files.get(number)
        if file is not None and not file.closed:
            file.sync()
            return
        found = os.fstat(number)
        for disk in _disks:
            if os.path.samestat(found, os.stat(disk.root)):
                _refuse(disk, "sync_names", str(disk.root))
                disk.done(Operation("sync_names"))
                return
        self._real[os, "fsync"](handle)

    def _rename(self, source: Any, target: Any, **named: Any) -> None:
        disk, name = _disk_of(os.fspath(source)), os.path.basename(source)
        if disk is not None and disk.has(name):
            _refuse(disk, "rename", os.fspath(source))
            self._real[os, "replace"](source, target, **named)
            disk.done(Operation("rename", name, to=os.path.basename(target)))
        else:
            self._real[os, "replace"](source, target, **named)

    def _unlink(self, path: Any, **named: Any) -> None:
        disk, name = _disk_of(os.fspath(path)), os.path.basename(path)
        if disk is not None and disk.has(name):
            _refuse(disk, "unlink", os.fspath(path))
            self._real[os, "unlink"](path, **named)
            disk.done(Operation("unlink", name))
        else:
            self._real[os, "unlink"](path, **named)


@functools.cache
def _taps() -> tuple[_TapVfs, _TapFiles]:
    return _TapVfs(), _TapFiles()


@contextmanager
def tapped(*disks: Disk) -> Iterator[None]:
    """While this lasts, what is opened in the folders of ``disks`` is on these disks.

    Raises NoTap where this Python hides its SQLite.
    """
    taps = _taps()
    if not _disks:
        for tap in taps:
            tap.install()
    _disks.extend(disks)
    try:
        yield
    finally:
        for disk in disks:
            _disks.remove(disk)
        if not _disks:
            for tap in taps:
                tap.remove()
        if _failures:
            failure = _failures[0]
            _failures.clear()
            raise failure

