"""The situation: what the flight core knows at one instant, every value None when unknown.

Built once a step from the parts that own the values; read by beacon, mind, power and downlink.
"""

from __future__ import annotations

from dataclasses import dataclass

from wire.beacon import Phase, PowerMode


@dataclass(frozen=True, slots=True)
class Situation:
    """One instant. Values older than their owner's limit are None, not repeated."""

    now_ms: int  # since boot
    utc_ms: int | None = None
    phase: Phase = Phase.BOOT
    phase_since_ms: int = 0
    power_mode: PowerMode = PowerMode.UNKNOWN
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    altitude_m: float | None = None
    climb_mps: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    satellites: int | None = None
    fix_age_s: float | None = None
    outside_c: float | None = None
    inside_c: float | None = None
    pressure_hpa: float | None = None
    humidity_pct: float | None = None
    battery_mv: float | None = None
    current_ma: float | None = None
    soc_c: float | None = None
    is_undervolted: bool | None = None
    scene: str | None = None  # dark | cloud | horizon | sun, of the last picture
    heard_ground_age_s: float | None = None  # since any genuine uplink; None if never
    uptime_s: float = 0.0
