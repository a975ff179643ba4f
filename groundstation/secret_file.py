"""Passwords of the station, each in a file of its own that nobody else can read."""

from __future__ import annotations

from pathlib import Path

from groundstation.errors import StationError


def read(path: Path, whose: str) -> str:
    """The password in ``path``, that of ``whose`` (the broker's). Raises StationError."""
    try:
        if path.stat().st_mode & 0o077:
            raise StationError(
                f"{path}: other users can read this password; allowed is 0600: chmod 600 {path}")
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise StationError(f"{path}: {whose} password cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise StationError(f"{path}: {whose} password is not UTF-8 text") from error
