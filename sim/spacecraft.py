"""The body of a payload in orbit: a skin in sun and shadow, what is inside it, and its panels.

Two nodes of heat. The skin takes the sun, its light from the Earth and the Earth's own warmth, and
radiates; the inside, cell and boards, hangs on it by its struts and warms it with what the
electronics burn. The panels tumble with it and charge the cell, which takes nothing below freezing,
until it is full; they lose a few percent of their power each year.

Sources: solar constant 1361 W/m2 (Kopp and Lean, GRL 38, 2011); albedo 0.3 and 237 W/m2 of the
Earth, Gilmore, Spacecraft Thermal Control Handbook, chapter 2; panels: 2.75 % a year of the silicon
and gallium cells of low orbits, Wertz, SMAD, chapter 11. Sizes are of a cube of 10 cm.
"""

from __future__ import annotations

import math

from sim.chips.lsm6ds import Hanging
from sim.payload_thermal import PANEL_MV, Body
from sim.thermal import SOC_LAG_S, soc_resistance_kpw

SUN_WPM2, EARTH_WPM2, ALBEDO = 1361.0, 237.0, 0.30
STEFAN_BOLTZMANN = 5.670374e-8
SKIN_M2 = 0.06
SEEN_M2 = SKIN_M2 / 4  # of a tumbling body, on the mean
ABSORBED, EMITTED = 0.80, 0.80
SKIN_JPK, INSIDE_JPK = 450.0, 420.0
STRUTS_WPK = 0.18
START_C = 8.0
ZERO_C_K = 273.15
PANEL_W = 4.5  # two that unfold, face on
FACING, FACING_SWING = 0.55, 0.25  # of that, as it tumbles
TUMBLE_S = 127.0
LOST_PER_YEAR = 0.0275
YEAR_S = 31_557_600.0


class SpaceHeat:
    """Temperatures of a body in a vacuum; ``sim.thermal.BoxHeat`` has the same form."""

    def __init__(self, soc_kpw: float) -> None:
        """``soc_kpw`` is the processor above the inside in dense air, K per W."""
        self.skin_c = self.inside_c = START_C
        self.soc_c = START_C + 12.0
        self._soc_kpw = soc_resistance_kpw(soc_kpw, 0.0)

    def step(
        self, seconds: float, load_w: float, processor_w: float, outside_c: float,
        density_kgm3: float, is_sunlit: bool,
    ) -> None:
        """Let ``seconds`` pass; there is no air, so that what it does is not looked at."""
        taken_w = EARTH_WPM2 * SEEN_M2 * EMITTED
        if is_sunlit:
            taken_w += SUN_WPM2 * SEEN_M2 * ABSORBED * (1 + ALBEDO / 4)
        radiated_w = STEFAN_BOLTZMANN * EMITTED * SKIN_M2 * (self.skin_c + ZERO_C_K) ** 4
        led_w = STRUTS_WPK * (self.inside_c - self.skin_c)
        self.skin_c += (taken_w - radiated_w + led_w) * seconds / SKIN_JPK
        self.inside_c += (load_w - led_w) * seconds / INSIDE_JPK
        settled_c = self.inside_c + processor_w * self._soc_kpw
        self.soc_c += (settled_c - self.soc_c) * (1 - math.exp(-seconds / SOC_LAG_S))


class Spacecraft(Body):
    """A ``Body`` without air around it."""

    def _new_heat(self) -> SpaceHeat:
        self._space = SpaceHeat(self._board.soc_kpw)
        return self._space

    def outside_c(self) -> float:
        """Of its skin."""
        return self._space.skin_c

    def air(self) -> tuple[float, float, float]:
        return self.outside_c(), 0.0, 0.0

    def panel(self) -> tuple[float, float]:
        watts = self._panel_w()
        return (PANEL_MV, watts * 1e6 / PANEL_MV) if watts else (0.0, 0.0)

    def hanging(self) -> Hanging:
        """It tumbles and hangs from nothing."""
        return Hanging(360.0 / TUMBLE_S, 0.0)

    def _panel_w(self) -> float:
        if not self.is_sunlit():
            return 0.0
        now_s = self._clock.now_s
        facing = FACING + FACING_SWING * math.sin(2 * math.pi * now_s / TUMBLE_S)
        return PANEL_W * facing * float((1 - LOST_PER_YEAR) ** (now_s / YEAR_S))
