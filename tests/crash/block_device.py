"""A block device that notes every write and every flush: one file on FUSE, with a loop on top.

The kernel is spoken to directly through /dev/fuse (linux/fuse.h, protocol 7.31): the mounted thing
is a single regular file, so a handful of requests is the whole protocol and no library is needed.
The loop device turns the file system's cache flushes into FSYNC. A writer says "acknowledged N" by
setting an extended attribute of the file, which puts it into the same order as writes and flushes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import threading
from pathlib import Path

from tests.crash.disk import Operation

NAME = "disk.img"
ATTRIBUTE = "user.acknowledged"
_IN = struct.Struct("<IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding
_OUT = struct.Struct("<IiQ")  # length, -errno, unique
_GETATTR, _SETATTR, _OPEN, _READ, _WRITE, _STATFS, _RELEASE = 3, 4, 14, 15, 16, 17, 18
_FSYNC, _SETXATTR, _FLUSH, _INIT, _INTERRUPT, _DESTROY, _FORGET = 20, 21, 25, 26, 36, 38, 2
_WRITE_BYTES_MAX = 128 * 1024
_REQUEST_BYTES_MAX = _WRITE_BYTES_MAX + 4096
_FUSE_MINOR = 31
_ROOT = 1


class NoDevice(Exception):
    """This machine does not let us have such a device; the message says which call failed how."""


class RecordingFile:
    """The file at ``path`` while it is mounted; ``trace`` is what was done to it.

    Operations are those of ``tests.crash.disk``; ``acknowledged`` has (operations before it,
    value).
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self.trace: list[Operation] = []
        self.acknowledged: list[tuple[int, int]] = []
        self._data = bytearray(size_bytes)
        path.touch()
        try:
            self._handle = os.open("/dev/fuse", os.O_RDWR)
        except OSError as error:
            raise NoDevice(f"open /dev/fuse: {error.strerror}") from error
        self._mount(path)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Unmount it; nothing may have it open."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.umount2(os.fsencode(self.path), 0)
        self._thread.join(10)
        os.close(self._handle)

    def _mount(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        mode = f"{stat.S_IFREG | 0o600:o}"
        options = f"fd={self._handle},rootmode={mode},user_id=0,group_id=0,allow_other"
        result = libc.mount(b"spacepi", os.fsencode(path), b"fuse", 0, options.encode())
        if result != 0:
            number = ctypes.get_errno()
            os.close(self._handle)
            raise NoDevice(f"mount fuse: {os.strerror(number)}")

    def _serve(self) -> None:
        while True:
            try:
                request = os.read(self._handle, _REQUEST_BYTES_MAX)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):  # interrupted before it was read
                    continue
                return  # ENODEV: unmounted
            _, opcode, unique, *_ = _IN.unpack_from(request)
            if opcode in (_FORGET, _INTERRUPT):
                continue
            try:
                body, code = self._answer(opcode, request[_IN.size :]), 0
            except OSError as error:
                body, code = b"", -(error.errno or errno.EIO)
            os.write(self._handle, _OUT.pack(_OUT.size + len(body), code, unique) + body)
            if opcode == _DESTROY:
                return

    def _answer(self, opcode: int, body: bytes) -> bytes:
        if opcode == _INIT:
            return struct.pack(
                "<IIIIHHIIHHI28x", 7, _FUSE_MINOR, _WRITE_BYTES_MAX, 0, 12, 9, _WRITE_BYTES_MAX,
                1, 0, 0, 0,
            )
        if opcode in (_GETATTR, _SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + self._attributes()
        if opcode == _OPEN:
            return struct.pack("<QII", 0, 0, 0)
        if opcode == _READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return bytes(self._data[offset : offset + size])
        if opcode == _WRITE:
            return self._write(body)
        if opcode == _FSYNC:
            self.trace.append(Operation("sync", NAME))
        elif opcode == _SETXATTR:
            self._note(body)
        elif opcode == _STATFS:
            return struct.pack("<QQQQQIIII24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)
        elif opcode not in (_FLUSH, _RELEASE, _DESTROY):
            raise OSError(errno.ENOSYS, "not needed for one file")
        return b""

    def _attributes(self) -> bytes:
        size = len(self._data)
        return struct.pack(
            "<QQQQQQIIIIIIIIII", _ROOT, size, size // 512, 0, 0, 0, 0, 0, 0,
            stat.S_IFREG | 0o600, 1, 0, 0, 0, 4096, 0,
        )

    def _write(self, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        data = body[40 : 40 + size]
        self._data[offset : offset + size] = data
        self.trace.append(Operation("write", NAME, data, offset))
        return struct.pack("<II", size, 0)

    def _note(self, body: bytes) -> None:
        (size,) = struct.unpack_from("<I", body)
        value = body[-size:]
        self.acknowledged.append((len(self.trace), int(value)))
