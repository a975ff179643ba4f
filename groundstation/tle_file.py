"""A file with one two-line element set, with or without a name line, as CelesTrak hands it out,
and whether it is of the payload that was heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from groundstation.archive.track import Point
from groundstation.errors import StationError
from wire import earth
from wire.orbit import Elements, OrbitError, geodetic

TLE_BYTES_MAX = 4_096
COMPARED_DAYS_MAX = 3.0  # between the epoch and a position: elements are good for 200 km then
OFF_M_MAX = 1_000_000.0


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


def check_place(path: Path, elements: Elements, track: Sequence[Point]) -> None:
    """The elements from ``path`` agree with the newest verified position, where that is near enough
    to their epoch to tell. Raises StationError.
    """
    if not track or elements.age_days(track[-1].utc_ms) > COMPARED_DAYS_MAX:
        return
    point = track[-1]
    try:
        predicted = geodetic(elements.at(point.utc_ms))
    except OrbitError as error:
        raise StationError(f"{path}: {error}") from error
    off_m = earth.distance_m(
        (predicted.latitude_deg, predicted.longitude_deg), (point.lat_deg, point.lon_deg))
    if off_m > OFF_M_MAX:
        seen = datetime.fromtimestamp(point.utc_ms / 1000, UTC)
        raise StationError(
            f"{path}: is {off_m / 1000:.0f} km from the position that the payload reported at "
            f"{seen:%Y-%m-%d %H:%M:%S} UTC; allowed are {OFF_M_MAX / 1000:.0f} km, or --unchecked")
