"""Merges the raw logs of several stations into one: every reception once, in order of time.

A reception is known by station, time and bytes; in the log of another station, which was told of
it, it is the same. So logs may overlap, be merged again and in any order: the bytes are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from groundstation.archive import rawlog
from groundstation.archive.rawlog import Reception


def merge(paths: Iterable[Path], out: Path) -> tuple[int, int]:
    """Write the log ``out``; (receptions in it, receptions that several of the logs had).

    Raises OSError.
    """
    kept: dict[tuple[int, str, bytes], Reception] = {}
    read = 0
    for path in paths:
        for reception, _ in rawlog.read(path):
            read += 1
            key = (reception.utc_ms, reception.station, reception.raw)
            kept[key] = min(kept.get(key, reception), reception, key=_rank)
    ordered = [kept[key] for key in sorted(kept)]
    rawlog.write_whole(out, b"".join(
        rawlog.pack(reception._replace(reception_id=number))
        for number, reception in enumerate(ordered, 1)))
    return len(ordered), read - len(ordered)


def _rank(reception: Reception) -> tuple[Any, ...]:
    """Of the same in several logs the least is taken: the one of the station itself."""
    levels = [(value is None, value or 0.0) for value in (reception.rssi_dbm, reception.snr_db)]
    return reception.is_relayed, reception.source, *levels
