"""Telemetry: makes the track and housekeeping records, of known values as integers."""

from __future__ import annotations

from payload.notes import Note
from payload.situation import Situation
from wire.beacon import FaultBits
from wire.records import Kind


def track(situation: Situation) -> Note:
    """Where it is; units are those of ``wire.record_bodies``."""
    return Note(Kind.TRACK, _known({
        "lat": _times(situation.latitude_deg, 1e7),
        "lon": _times(situation.longitude_deg, 1e7),
        "alt": situation.altitude_m,
        "climb": _times(situation.climb_mps, 100),
        "spd": _times(situation.speed_mps, 100),
        "hdg": situation.heading_deg,
        "sats": situation.satellites,
    }))


def housekeeping(
    situation: Situation, queue_records: int | None, faults: FaultBits, beacon_every_ms: int
) -> Note:
    """How it is; units as above."""
    return Note(Kind.HOUSEKEEPING, _known({
        "mv": situation.battery_mv,
        "ma": situation.current_ma,
        "out": _times(situation.outside_c, 10),
        "in": _times(situation.inside_c, 10),
        "soc": situation.soc_c,
        "hpa": _times(situation.pressure_hpa, 10),
        "rh": situation.humidity_pct,
        "pmv": situation.panel_mv,
        "pma": situation.panel_ma,
        "spin": situation.spin_dps,
        "phase": int(situation.phase),
        "power": int(situation.power_mode),
        "queue": queue_records,
        "faults": int(faults),
        "beacon": beacon_every_ms / 1000,
    }))


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _known(values: dict[str, float | None]) -> dict[str, int]:
    """Integers of what is known; the unknown is left out, never zero."""
    return {key: round(value) for key, value in values.items() if value is not None}
