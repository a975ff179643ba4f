"""Four balloon flights as they were recorded: thinned ones, always, and whole ones where they are.

``tests/data/flights`` has of each flight every tenth second, and every one around launch, burst and
landing, so that what is promised of recorded flights is proved on a bare clone; between its rows a
second is on the straight line. The whole
recordings, a row a second with receivers' noise and all senses, are not part of the project: they
are used where they lie beside the checkout, in ../shared/data/flights.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
THINNED = sorted((_ROOT / "tests" / "data" / "flights").glob("*.csv.gz"))
WHOLE = sorted((_ROOT.parent / "shared" / "data" / "flights").glob("*.csv.gz"))
ALL = [*THINNED, *WHOLE]
SETS = [paths for paths in (THINNED, WHOLE) if paths]
THINNED_S = 10
_BETWEEN = ("lat_deg", "lon_deg", "gps_alt_m", "pressure_hpa")

Cells = dict[str, str]


def name(path: Path) -> str:
    """What a test of this recording is called."""
    return path.name.removesuffix(".csv.gz") + ("" if path in THINNED else "-whole")


def seconds_of_day(text: str) -> int:
    """HH:MM:SS, and parts of a second that are dropped."""
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(float(seconds))


def rows(path: Path) -> dict[int, Cells]:
    """The rows of a recording by second of the day; of a thinned one those between them too."""
    with gzip.open(path, "rt") as file:
        found = {seconds_of_day(row["time_utc"]): row for row in csv.DictReader(file)}
    if path not in THINNED:
        return found
    times = sorted(found)
    for first, last in pairwise(times):
        if last - first <= THINNED_S:
            found.update(_between(found[first], found[last], first, last))
    return found


def _between(a: Cells, b: Cells, first: int, last: int) -> Iterator[tuple[int, Cells]]:
    for second in range(first + 1, last):
        part = (second - first) / (last - first)
        clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        values = {key: f"{float(a[key]) + (float(b[key]) - float(a[key])) * part:.7f}"
                  for key in _BETWEEN if a[key] and b[key]}
        yield second, {**dict.fromkeys(_BETWEEN, ""), "time_utc": clock, **values}


def as_replay(path: Path, folder: Path) -> Path:
    """A recording with a row a second, as ``sim.replay`` takes it: the file itself, or one made in
    ``folder``."""
    if path not in THINNED:
        return path
    made = folder / path.name.removesuffix(".gz")
    found = rows(path)
    with made.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("time_utc", *_BETWEEN))
        writer.writeheader()
        writer.writerows(found[second] for second in sorted(found))
    return made
