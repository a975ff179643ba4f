"""What the page shows about the landing: each forecast, and afterwards how good they were.

The payload's own, this station's (``reading.landing``), and what a Tawhiri server said when it was
last asked (``reading.tawhiri``). Where the station can verify what it hears, nothing unverified is
in any of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from groundstation.archive import tawhiri_state
from groundstation.archive.rows import when_of
from groundstation.archive.track import Point, Tracks
from groundstation.reading.landing import StationForecast, payload_forecast, station_forecast
from groundstation.reading.landing_json import ForecastsJson, StationForecastJson
from groundstation.reading.landing_outcome import outcome
from wire.beacon import Phase
from wire.mission import Mission

# Of so many of the newest housekeeping records some tell the landing, if any does: at one a minute
# those of two days, as a payload that has landed goes on making them.
LOOKED_AT_MAX = 3_000
_NEWEST_PHASE = (
    "SELECT phase FROM beacon WHERE node_id = ? AND NOT is_late ORDER BY id DESC LIMIT 1")
_PAD = "SELECT MIN(altitude_m) FROM beacon WHERE node_id = ? AND phase = ?"
# The first place after the last beacon of any other phase: a finder may carry it away.
_LANDED_AT = (
    "SELECT utc_ms, latitude_deg, longitude_deg, altitude_m FROM beacon WHERE node_id = ?"
    " AND NOT is_late AND id > (SELECT COALESCE(MAX(id), 0) FROM beacon WHERE node_id = ?"
    " AND NOT is_late AND phase IS NOT ?)"
    " AND latitude_deg IS NOT NULL AND longitude_deg IS NOT NULL ORDER BY id LIMIT 1")


def forecasts(
    db: sqlite3.Connection, mission: Mission, housekeeping: Iterable[sqlite3.Row], tracks: Tracks,
    is_verifying: bool,
) -> ForecastsJson:
    """Every forecast, and the outcome. ``housekeeping``: HOUSEKEEPING records, newest first."""
    node_id, rows = mission.payload.node_id, list(housekeeping)
    newest = db.execute(_NEWEST_PHASE, (node_id,)).fetchone()
    pad_m = db.execute(_PAD, (node_id, int(Phase.GROUND))).fetchone()[0]
    place = mission.ground.sondehub_position
    ground_m = pad_m if pad_m is not None else place[2] if place else 0.0
    track = tracks.verified if is_verifying else tracks.unverified
    own = after = None
    tawhiri = tawhiri_state.known(db)
    if newest is None or newest[0] != Phase.LANDED:
        own = station_forecast(track, mission.flight, ground_m)
    elif (truth := _landed_at(db, node_id, track)) is not None:
        after = outcome(truth, is_verifying, track, mission.flight, ground_m,
                        lambda at_ms: payload_forecast(r for r in rows if when_of(r)[0] <= at_ms),
                        tawhiri.forecast)
    return {
        "payload": payload_forecast(rows),
        "station": None if own is None else _json(own, is_verifying, mission.flight.landing_mps),
        "tawhiri": asdict(tawhiri) if mission.ground.tawhiri_url else None,
        "outcome": after,
    }


def _json(own: StationForecast, is_verified: bool, expected_mps: float) -> StationForecastJson:
    return {
        "at_ms": own.at_ms, "is_verified": is_verified, "is_falling": own.is_falling,
        "ground_m": round(own.ground_m), "fall_mps": round(own.fall_mps, 1),
        "expected_mps": expected_mps, "is_fall_measured": own.is_fall_measured,
        "landings": own.landings_json(),
    }


def _landed_at(db: sqlite3.Connection, node_id: int, track: Sequence[Point]) -> Point | None:
    row = db.execute(_LANDED_AT, (node_id, node_id, int(Phase.LANDED))).fetchone()
    return Point(*row) if row is not None else track[-1] if track else None
