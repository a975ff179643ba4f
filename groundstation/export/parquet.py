"""Every beacon as a Parquet file, where the optional package pyarrow is installed.

Columns are those of ``telemetry.csv`` with their types: times in ms of UTC, numbers, texts. With
the same version of pyarrow the same archive gives the same bytes.
"""

from __future__ import annotations

import importlib.util
import io
from typing import Any

from groundstation.export.flight_data import ExportedFlight

_LEFT_OUT = ("id", "node_id")


def is_installed() -> bool:
    """Can a file be written here?"""
    return importlib.util.find_spec("pyarrow") is not None


def telemetry(flight: ExportedFlight) -> bytes:
    """The file; of a flight without beacons a table without columns."""
    import pyarrow
    from pyarrow import parquet

    beacons: list[dict[str, Any]] = [dict(beacon) for beacon in flight.beacons]
    names = [key for key in (beacons[0] if beacons else {}) if key not in _LEFT_OUT]
    columns = {}
    for name in names:
        values = [_plain(beacon[name]) for beacon in beacons]
        is_time = name == "utc_ms"
        columns["time" if is_time else name] = pyarrow.array(
            values, pyarrow.timestamp("ms", "UTC") if is_time else _kind(pyarrow, values))
    out = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue()


def _plain(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _kind(pyarrow: Any, values: list[Any]) -> Any:
    """One type for a column, whichever of its values are known."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, str) for value in known):
        return pyarrow.string()
    return pyarrow.float64()
