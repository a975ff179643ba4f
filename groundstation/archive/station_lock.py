"""Tells from a station's lock, without taking it, whether one is receiving into this archive.

Source: fcntl(2), F_GETLK; struct flock of Linux with 64-bit offsets.
"""

from __future__ import annotations

import fcntl
import struct
from pathlib import Path

_FLOCK = "hhqqi"  # l_type, l_whence, l_start, l_len, l_pid


def is_attended(archive: Path) -> bool:
    """False as well where there is no lock file yet."""
    request = struct.pack(_FLOCK, fcntl.F_WRLCK, 0, 0, 0, 0)
    try:
        with archive.with_suffix(".lock").open() as lock:
            found = struct.unpack(_FLOCK, fcntl.fcntl(lock, fcntl.F_GETLK, request))
    except OSError:
        return False
    return bool(found[0] != fcntl.F_UNLCK)
