"""Heat: the foam box, and the processor in it, in air that gets too thin to cool.

Two first-order lags. The box trades heat with the air through its foam and is warmed by what the
electronics burn and by the sun; the processor stands above the box by its power times a thermal
resistance, which grows as convection fades with density (research/pi.md §5).
"""

from __future__ import annotations

import math

from sim.sky import SEA_LEVEL_KGM3

BOX_HEAT_JPK = 420.0  # cell, board and foam
BOX_LOSS_WPK = 0.085  # 20 mm of polystyrene, and what the antenna and the strings let through
SUN_W = 0.9  # what a shiny box of 12 cm keeps of it
SOC_KPW = 13.0  # processor above the box at sea level
CONVECTION_PART = 0.55  # of the processor's heat at sea level; the rest is conducted away
SOC_LAG_S = 45.0


class BoxHeat:
    """Temperatures inside the box."""

    def __init__(self, start_c: float) -> None:
        self.inside_c = start_c
        self.soc_c = start_c + 12.0

    def step(
        self, seconds: float, load_w: float, processor_w: float, outside_c: float,
        density_kgm3: float, is_sunlit: bool,
    ) -> None:
        """Let ``seconds`` pass; ``processor_w`` is part of ``load_w``."""
        thinness = min(1.0, density_kgm3 / SEA_LEVEL_KGM3)
        loss_wpk = BOX_LOSS_WPK * (0.55 + 0.45 * math.sqrt(thinness))
        settled_c = outside_c + (load_w + SUN_W * is_sunlit) / loss_wpk
        part = 1 - math.exp(-seconds * loss_wpk / BOX_HEAT_JPK)
        self.inside_c += (settled_c - self.inside_c) * part
        resistance = SOC_KPW / (1 - CONVECTION_PART + CONVECTION_PART * thinness**0.5)
        settled_c = self.inside_c + processor_w * resistance
        self.soc_c += (settled_c - self.soc_c) * (1 - math.exp(-seconds / SOC_LAG_S))
