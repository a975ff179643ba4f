"""Heat: the foam box, and the processor in it, in air that gets too thin to cool.

Two first-order lags. The box trades heat with the air through its foam and is warmed by what the
electronics burn and by the sun; the processor stands above the box by its power times a thermal
resistance. Of its heat a part goes by conduction and radiation whatever the air, the rest by
convection, which falls in proportion to the density: at 30 km one percent is left of it
(sbc-reviews#60).
"""

from __future__ import annotations

import math
from typing import Protocol

from wire.standard_air import SEA_LEVEL_KGM3

BOX_HEAT_JPK = 420.0  # cell, board and foam
BOX_LOSS_WPK = 0.085  # 20 mm of polystyrene, and what the antenna and the strings let through
SUN_W = 0.9  # what a shiny box of 12 cm keeps of it
CONVECTION_PART = 0.55  # of the processor's heat at sea level; the rest is conducted away
SOC_LAG_S = 45.0


def soc_resistance_kpw(sea_level_kpw: float, density_kgm3: float) -> float:
    """Processor above the box, K per W, where ``sea_level_kpw`` is that in dense air."""
    thinness = min(1.0, density_kgm3 / SEA_LEVEL_KGM3)
    return sea_level_kpw / (1 - CONVECTION_PART + CONVECTION_PART * thinness)


class Heat(Protocol):
    """Temperatures of a body."""

    inside_c: float
    soc_c: float

    def step(
        self, seconds: float, load_w: float, processor_w: float, outside_c: float,
        density_kgm3: float, is_sunlit: bool,
    ) -> None:
        """Let ``seconds`` pass; ``processor_w`` is part of ``load_w``."""
        ...


class BoxHeat:
    """Temperatures inside the box."""

    def __init__(self, start_c: float, soc_kpw: float) -> None:
        """``soc_kpw`` is the processor above the box in dense air, K per W."""
        self.inside_c = start_c
        self.soc_c = start_c + 12.0
        self._soc_kpw = soc_kpw

    def step(
        self, seconds: float, load_w: float, processor_w: float, outside_c: float,
        density_kgm3: float, is_sunlit: bool,
    ) -> None:
        """Let ``seconds`` pass; ``processor_w`` is part of ``load_w``."""
        thinness = min(1.0, density_kgm3 / SEA_LEVEL_KGM3)
        # Through the foam it is conduction; of the film outside, a part does not need the air.
        loss_wpk = BOX_LOSS_WPK * (0.55 + 0.45 * math.sqrt(thinness))
        settled_c = outside_c + (load_w + SUN_W * is_sunlit) / loss_wpk
        part = 1 - math.exp(-seconds * loss_wpk / BOX_HEAT_JPK)
        self.inside_c += (settled_c - self.inside_c) * part
        settled_c = self.inside_c + processor_w * soc_resistance_kpw(self._soc_kpw, density_kgm3)
        self.soc_c += (settled_c - self.soc_c) * (1 - math.exp(-seconds / SOC_LAG_S))
