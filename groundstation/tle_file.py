"""A file with one two-line element set, with or without a name line, as CelesTrak hands it out."""

from __future__ import annotations

from pathlib import Path

from groundstation.errors import StationError
from wire.orbit import Elements, OrbitError

TLE_BYTES_MAX = 4_096


def read_tle(path: Path) -> Elements:
    """The elements in a file. Raises StationError with one sentence."""
    try:
        with path.open("rb") as file:
            raw = file.read(TLE_BYTES_MAX + 1)
    except OSError as error:
        raise StationError(f"{path}: cannot be read ({error.strerror})") from error
    if len(raw) > TLE_BYTES_MAX:
        raise StationError(f"{path}: is longer than {TLE_BYTES_MAX} bytes; one TLE is two lines")
    lines = [line.rstrip() for line in raw.decode("ascii", "replace").splitlines() if line.strip()]
    if len(lines) == 3:
        lines = lines[1:]
    if len(lines) != 2:
        raise StationError(f"{path}: has {len(lines)} lines; allowed are the two of a TLE, and a "
                           "name before them")
    try:
        return Elements(*lines)
    except OrbitError as error:
        raise StationError(f"{path}: {error}") from error
