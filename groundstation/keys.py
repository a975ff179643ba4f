"""The key file: 32 random bytes as hex, for this station's and the payload's eyes only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from wire.auth import MASTER_KEY_BYTES


class KeyFileError(Exception):
    """The key cannot be used or made; the message is one sentence for a person."""


def generate(path: Path) -> None:
    """Make a new key at ``path`` with mode 0600. Raises KeyFileError when something is there."""
    key = secrets.token_hex(MASTER_KEY_BYTES) + "\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileError(f"{path} exists already and is left alone") from error
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written ({error.strerror})") from error
    with os.fdopen(handle, "w") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> bytes | None:
    """The master key in ``path``, None when there is no file.

    Raises KeyFileError when others may read it or it is not a key.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read ({error.strerror})") from error
    if mode & 0o077:
        raise KeyFileError(f"{path}: others may read it; run `chmod 600 {path}`")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise KeyFileError(f"{path}: is not a key of {MASTER_KEY_BYTES} bytes in hex")
    return key
