"""Prevents a second payload on the same store, by a name in the kernel.

The name is an abstract Unix socket address made of the store's path. It lies on no disk, so that a
stalled one does not hold up a start, and it goes with the process, however that ends. Another
program that has the file open, such as sqlite3, does not hold the name: while it locks the file,
the payload flies without its store.

Source: unix(7).
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from pathlib import Path


class AnotherPayload(Exception):
    """Another payload process has this store."""


class SingleInstance:
    """Holds the name from its making until ``close``."""

    def __init__(self, store: Path) -> None:
        """``store`` need not exist. Raises AnotherPayload."""
        name = hashlib.sha256(os.fsencode(os.path.realpath(store))).hexdigest()[:32]
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.bind(f"\0spacepi-payload-{name}")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                self._socket.close()
                raise AnotherPayload(f"{store}: another payload has this store open") from error

    def close(self) -> None:
        """The next one may fly."""
        self._socket.close()
