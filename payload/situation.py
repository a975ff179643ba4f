"""The situation: the state known at one instant, every value None if unknown.

Built once a step from the parts that own the values; read by beacon, mind, power and downlink.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from payload.sight import SightValues
from payload.sound import Sound
from wire.beacon import ALTITUDE_M_MAX, Beacon, FlightState, Phase, PowerMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation(FlightState):
    """One instant. Values older than their owner's limit are None, not repeated."""

    now_ms: int  # since boot
    utc_ms: int | None = None
    phase: Phase = Phase.BOOT
    phase_since_ms: int = 0
    power_mode: PowerMode = PowerMode.UNKNOWN
    humidity_pct: float | None = None
    current_ma: float | None = None
    panel_mv: float | None = None
    panel_ma: float | None = None
    spin_dps: float | None = None  # about the vertical, anticlockwise seen from above
    soc_c: float | None = None
    is_undervolted: bool | None = None
    scene: str | None = None  # dark | cloud | horizon | sun, of the last picture
    sight: SightValues | None = None  # of the last picture, where there are eyes
    sound: Sound | None = None  # the last take, where there is a microphone
    heard_ground_age_s: float | None = None  # since any genuine uplink; None if never
    uptime_s: float = 0.0

    def beacon(
        self, *, queue_records: int | None, faults: int, command_counter: int,
        is_cutdown_armed: bool,
    ) -> Beacon:
        """The beacon of this instant, with the payload's own state."""
        state: dict[str, Any] = {
            field.name: getattr(self, field.name) for field in fields(FlightState)}
        if self.altitude_m is not None and self.altitude_m > ALTITUDE_M_MAX:
            state |= {"altitude_m": None, "speed_mps": None}  # in orbit both are in the records
        return Beacon(
            time_of_day_s=None if self.utc_ms is None else self.utc_ms // 1000 % 86_400,
            queue_records=queue_records, faults=faults, command_counter=command_counter,
            is_cutdown_armed=is_cutdown_armed, **state,
        )
