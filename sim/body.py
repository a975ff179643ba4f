"""The payload's body: where it is, what surrounds it, its battery and its warmth.

One place that the fake sensors ask. Time-dependent parts are brought up to the clock by
``advance``, which the world calls every few seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.balloon import AirState, Trajectory
from sim.battery import LOADS_W, Battery
from sim.channel import Channel
from sim.clock import SimClock
from sim.sky import Sky, sun_above_horizon_deg
from sim.thermal import BoxHeat

STEP_MS_MAX = 5_000


class Body:
    """Bound to one clock. ``is_off`` is true while the Pi is rebooting or dead."""

    def __init__(
        self, clock: SimClock, trajectory: Trajectory, sky: Sky, battery: Battery,
        channel: Channel, is_thinking: Callable[[], bool],
    ) -> None:
        self.is_off = False
        self._clock = clock
        self._trajectory = trajectory
        self._sky = sky
        self._battery = battery
        self._channel = channel
        self._is_thinking = is_thinking
        self._at_ms = clock.now_ms
        self._cached: AirState | None = None
        self._airtime_ms = 0
        self._heat = BoxHeat(self.outside_c() + 6.0)

    def state(self) -> AirState:
        """Where it is now."""
        if self._cached is None or self._cached.t_s != self._clock.now_s:
            self._cached = self._trajectory.state(self._clock.now_s)
        return self._cached

    def above_ground_m(self) -> float:
        state = self.state()
        return state.altitude_m - state.ground_m

    def outside_c(self) -> float:
        """Air temperature: as recorded, where the flight has a record of it."""
        state = self.state()
        recorded = state.recorded
        if recorded is not None and recorded.outside_c is not None:
            return recorded.outside_c
        return self._sky.air(state.altitude_m).temperature_c

    def air(self) -> tuple[float, float, float]:
        """(C, Pa, %) at the outside sensor."""
        state = self.state()
        air = self._sky.air(state.altitude_m)
        recorded = state.recorded
        pressure_pa = air.pressure_pa
        if recorded is not None and recorded.pressure_hpa is not None:
            pressure_pa = recorded.pressure_hpa * 100
        return self.outside_c(), pressure_pa, air.humidity_pct

    def supply(self) -> tuple[float, float]:
        """(mV, mA) at the battery now."""
        return self._battery.terminals(self._load_w(), self._heat.inside_c)

    def supply_mv(self) -> float:
        return self.supply()[0]

    def soc_c(self) -> float:
        return self._heat.soc_c

    def inside_c(self) -> float:
        return self._heat.inside_c

    def is_sunlit(self) -> bool:
        state = self.state()
        return sun_above_horizon_deg(
            self._clock.utc_ms, state.latitude_deg, state.longitude_deg, state.altitude_m
        ) > 0

    def advance(self) -> None:
        """Let battery and heat catch up with the clock."""
        while self._at_ms < self._clock.now_ms:
            step_ms = min(STEP_MS_MAX, self._clock.now_ms - self._at_ms)
            self._at_ms += step_ms
            load_w = self._load_w(self._sending_part(step_ms))
            self._battery.draw(load_w, self._heat.inside_c, step_ms / 1000)
            density = self._sky.air(self.state().altitude_m).density_kgm3
            self._heat.step(
                step_ms / 1000, load_w, self._processor_w(), self.outside_c(), density,
                self.is_sunlit(),
            )

    def _sending_part(self, step_ms: int) -> float:
        """Share of the last step in which the radio was sending."""
        airtime_ms, self._airtime_ms = self._airtime_ms, self._channel.payload_airtime_ms
        return min(1.0, (self._airtime_ms - airtime_ms) / step_ms)

    def _load_w(self, sending_part: float | None = None) -> float:
        if sending_part is None:
            sending_part = float(self._channel.is_payload_sending)
        load_w = LOADS_W["gnss"] + LOADS_W["radio_send"] * sending_part
        return load_w + self._processor_w()

    def _processor_w(self) -> float:
        if self.is_off:
            return 0.0
        return LOADS_W["idle"] + LOADS_W["mind"] * self._is_thinking()
