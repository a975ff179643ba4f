"""What a Tawhiri server last said about the landing, and why it said nothing when asked again.

It is a row of ``meta``, so an answer outlives a restart of the station with its age.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from groundstation.archive import outbox
from groundstation.sanitise import read_json

KEY = "tawhiri"


@dataclass(frozen=True, slots=True)
class TawhiriForecast:
    """One answer, checked: a landing, and from which position it was asked for."""

    at_ms: int  # UTC of that position
    asked_ms: int
    is_verified: bool  # the position
    name: str  # of the burst: "planned", or "here" for one here and now and for a fall
    dataset: str  # of the weather model, as the server names it
    lat: float
    lon: float
    land_ms: int
    way: list[list[float]]  # latitude, longitude, altitude in m


@dataclass(frozen=True, slots=True)
class TawhiriState:
    """``forecast`` is the newest answer, ``trouble`` why the try at ``tried_ms`` brought none."""

    tried_ms: int = 0
    trouble: str = ""
    forecast: TawhiriForecast | None = None


def remember(path: Path, state: TawhiriState) -> None:
    """Durable when this returns. Raises sqlite3.Error."""
    with outbox.of_another_process(path) as db:
        db.execute("INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)",
                   (KEY, json.dumps(asdict(state))))
        db.execute("INSERT INTO change(what, ref) VALUES ('tawhiri', NULL)")


def known(db: sqlite3.Connection) -> TawhiriState:
    """That of a server that was never asked where there is no row, or a damaged one."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (KEY,)).fetchone()
    with suppress(ValueError, TypeError, KeyError):
        state = dict(read_json(row[0]))
        forecast = state.pop("forecast")
        return TawhiriState(
            **state, forecast=None if forecast is None else TawhiriForecast(**forecast))
    return TawhiriState()
