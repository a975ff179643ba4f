"""The payload's body: its position, its surroundings, its battery and its temperature.

One place that the fake sensors ask. Time-dependent parts are brought up to the clock by
``advance``, which the world calls every few seconds.

With ``has_brownout`` the supply fails when the cell falls below ``BROWNOUT_MV`` under load, and
returns when, without load, it has come back above ``RETURN_MV``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.balloon import AirState, Trajectory
from sim.battery import Battery
from sim.chips.lsm6ds import Hanging
from sim.clock import SimClock
from sim.fakes.board import THROTTLE_C, THROTTLED_POWER_PART, BoardProfile
from sim.radio.channel import Channel
from sim.sky import Sky, sun_above_horizon_deg
from sim.thermal import BoxHeat, Heat

STEP_MS_MAX = 5_000
GNSS_W = 0.15
SEND_W = 0.60  # 100 mW on the air
SEND_DIP_MS = 1_000
ADAPTER_MV = 4_100.0
BROWNOUT_MV, RETURN_MV = 2_600.0, 3_000.0  # protection and boost converter of a single cell
PANEL_MV, PANEL_MA = 5_500.0, 180.0  # a panel of 1 W in the sun
TWIST_DPS, TWIST_S = 25.0, 90.0  # a box on its line turns to and fro, and round and round when
FALL_DPS = 90.0  # it falls
GIVEN_BACK_MV_MAX = 100.0  # half of the way from LOW to CRITICAL of the example mission


def _nothing() -> None:
    """For a body whose owner does not care."""


class Body:
    """Bound to one clock. ``is_off`` is true while the Pi is rebooting or dead.

    Faults, all off at first:

    forced_battery_mv   seconds since the beginning -> mV at the terminals, see ``battery.ramp``
    forced_inside_c     temperature of cell and box, C
    send_dip_mv         how far the supply dips for a second from the start of each transmission
    has_brownout        the supply fails when the cell is too low, see above
    """

    def __init__(
        self, clock: SimClock, trajectory: Trajectory, sky: Sky, battery: Battery,
        channel: Channel, board: BoardProfile, is_thinking: Callable[[], bool],
        is_capturing: Callable[[], bool],
    ) -> None:
        self.is_off = False
        self.used_j = 0.0  # by everything aboard, since the beginning
        self.forced_battery_mv: Callable[[float], float] | None = None
        self.forced_inside_c: float | None = None
        self.send_dip_mv = 0.0
        self.has_brownout = False
        self.is_browned_out = False
        self.on_brownout: Callable[[], None] = _nothing
        self.on_return: Callable[[], None] = _nothing
        self._is_plugged_in = False
        self._clock = clock
        self._trajectory = trajectory
        self._sky = sky
        self._battery = battery
        self._channel = channel
        self._board = board
        self._is_thinking = is_thinking
        self._is_capturing = is_capturing
        self._at_ms = clock.now_ms
        self._state: AirState | None = None
        self._sunlit: tuple[AirState, bool] | None = None  # of this state
        self._airtime_ms = 0
        self._heat = self._new_heat()

    def _new_heat(self) -> Heat:
        return BoxHeat(self.outside_c() + 6.0, self._board.soc_kpw)

    def state(self) -> AirState:
        """Where it is now."""
        if self._state is None or self._state.t_s != self._clock.now_s:
            self._state = self._trajectory.state(self._clock.now_s)
        return self._state

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

    def box_air(self) -> tuple[float, float, float]:
        """(C, Pa, %) in the box, which has holes: the pressure of the air, and its water."""
        _, pressure_pa, humidity_pct = self.air()
        return self.inside_c(), pressure_pa, humidity_pct

    def supply(self) -> tuple[float, float]:
        """(mV, mA) at the battery now."""
        volts_mv, milliamps = self._between_dips()
        if self.send_dip_mv:
            since_ms = self._clock.now_ms - self._channel.payload_began_ms
            volts_mv -= self.send_dip_mv * (0 <= since_ms < SEND_DIP_MS)
        return volts_mv, milliamps

    def panel(self) -> tuple[float, float]:
        """(mV, mA) of a solar panel: on or off with the sun."""
        return (PANEL_MV, PANEL_MA) if self.is_sunlit() else (0.0, 0.0)

    def hanging(self) -> Hanging:
        """How it turns, and that it hangs from something."""
        if self.above_ground_m() < 1:
            return Hanging(0.0, 1.0)
        twist_dps = TWIST_DPS * math.sin(2 * math.pi * self._clock.now_s / TWIST_S)
        return Hanging(twist_dps + FALL_DPS * (self.state().climb_mps < 0), 1.0)

    def supply_mv(self) -> float:
        return self.supply()[0]

    def settled_mv(self) -> float:
        """At the battery now, without the dip at the start of a transmission, and with the cold's
        part of the sag given back as far as a payload may: it is no sign of an empty battery."""
        if self._is_plugged_in:
            return ADAPTER_MV
        load_w = self._net_w(float(self._channel.is_payload_sending))
        sag_mv = self._battery.cold_sag_mv(load_w, self.inside_c())
        return self._between_dips()[0] + min(sag_mv, GIVEN_BACK_MV_MAX)

    def _between_dips(self) -> tuple[float, float]:
        sending_part = float(self._channel.is_payload_sending)
        if self._is_plugged_in:
            return ADAPTER_MV, self._load_w(sending_part) * 1e6 / ADAPTER_MV
        net_w = self._net_w(sending_part)
        volts_mv, milliamps = self._battery.terminals(net_w, self.inside_c())
        if self.forced_battery_mv is not None:
            volts_mv = self.forced_battery_mv(self._clock.now_s)
        return volts_mv, milliamps

    def soc_c(self) -> float:
        return self._heat.soc_c

    def inside_c(self) -> float:
        return self._heat.inside_c if self.forced_inside_c is None else self.forced_inside_c

    def charge(self) -> float:
        """State of charge 0..1 that the cell can give at its present temperature."""
        return self._battery.charge(self.inside_c())

    def is_sunlit(self) -> bool:
        state = self.state()
        if self._sunlit is None or self._sunlit[0] is not state:
            above_deg = sun_above_horizon_deg(
                self._clock.utc_ms, state.latitude_deg, state.longitude_deg, state.altitude_m)
            self._sunlit = state, above_deg > 0
        return self._sunlit[1]

    def plug_in(self) -> None:
        """From now on it lives on an adapter."""
        self._is_plugged_in = True

    def advance(self) -> None:
        """Let battery and heat catch up with the clock."""
        while self._at_ms < self._clock.now_ms:
            step_ms = min(STEP_MS_MAX, self._clock.now_ms - self._at_ms)
            self._at_ms += step_ms
            load_w = self._load_w(self._sending_part(step_ms))
            self.used_j += load_w * step_ms / 1000
            self._battery.draw(load_w - self._panel_w(), self.inside_c(), step_ms / 1000)
            density = self._sky.air(self.state().altitude_m).density_kgm3
            self._heat.step(
                step_ms / 1000, load_w, self._processor_w(), self.outside_c(), density,
                self.is_sunlit(),
            )
            if self.forced_inside_c is not None:
                self._heat.inside_c = self.forced_inside_c
        self._watch_supply()

    def _watch_supply(self) -> None:
        """Cut the payload off from a cell that is too low, and give it back when it has risen."""
        if self.is_browned_out:
            if self.supply_mv() >= RETURN_MV or not self.has_brownout:
                self.is_browned_out = False
                self.on_return()
        elif self.has_brownout and self.supply_mv() < BROWNOUT_MV:
            self.is_browned_out = True
            self.on_brownout()

    def _sending_part(self, step_ms: int) -> float:
        """Share of the last step in which the radio was sending."""
        airtime_ms, self._airtime_ms = self._airtime_ms, self._channel.payload_airtime_ms
        return min(1.0, (self._airtime_ms - airtime_ms) / step_ms)

    def _panel_w(self) -> float:
        """What panels feed into the battery; the small one of a balloon is only looked at."""
        return 0.0

    def _net_w(self, sending_part: float) -> float:
        """What the battery gives; negative while it is charged."""
        return self._load_w(sending_part) - self._panel_w()

    def _load_w(self, sending_part: float) -> float:
        if self.is_browned_out:
            return 0.0
        return GNSS_W + SEND_W * sending_part + self._processor_w()

    def _processor_w(self) -> float:
        if self.is_off:
            return 0.0
        board, load_w = self._board, self._board.idle_w
        if self._is_thinking():
            is_slowed = self._heat.soc_c >= THROTTLE_C
            load_w += board.inference_w * (THROTTLED_POWER_PART if is_slowed else 1.0)
        return load_w + board.camera_w * self._is_capturing()
