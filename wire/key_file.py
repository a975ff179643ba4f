"""The key file: 32 random bytes in hex, shared by payload and ground, private to its owner."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from wire.auth import MASTER_KEY_BYTES


class KeyFileError(Exception):
    """The key file cannot be used; the message is one sentence for a person."""


def create(path: Path, key: bytes) -> None:
    """Write ``key``, 32 random bytes, to a new file of mode 0600.

    Raises KeyFileError when the file exists (a key is never overwritten) or cannot be written.
    """
    assert len(key) == MASTER_KEY_BYTES, len(key)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise KeyFileError(f"{path}: the key file already exists and is not overwritten") from error
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written ({error.strerror})") from error


def load(path: Path) -> bytes:
    """The 32 bytes in ``path``.

    Raises KeyFileError when it is missing, readable by others, or not 64 hex digits.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise KeyFileError(
            f"{path}: no such key file; create it with `spacepi-ground keygen` at the station, and "
            "copy it here"
        ) from error
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read ({error.strerror})") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(
            f"{path}: other users can read this key (mode {stat.S_IMODE(mode):04o}); allowed is "
            f"0600: chmod 600 {path}"
        )
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError as error:
        raise KeyFileError(f"{path}: not a key; a key file contains 64 hex digits") from error
    if len(key) != MASTER_KEY_BYTES:
        raise KeyFileError(f"{path}: {len(key)} bytes; a key has {MASTER_KEY_BYTES}")
    return key
