"""Battery: the energy that can still be counted on, and how uncertain that is.

What was drawn is counted (``payload.power.charge``); how much there was is the mission file's
``capacity_mah``, as far as it is trusted: cells give less than is printed on them, chargers stop
early, shunts err. The voltage does not enter: of four common cells at rest with a fifth left, one
shows 3.39 V and another 3.71 V, and the cold hides as much again. It stops thoughts by itself where
it is low (``payload.power.power``), and begins the count anew where it is far too high.
"""

from __future__ import annotations

from typing import NamedTuple

from payload.power.cell import reach
from wire.mission import PowerSection

EXPECTED_PART, MARGIN_PART = 0.96, 0.09  # of the capacity in the mission file
# ``reach`` is of a cell that is emptied in an hour; a payload takes several, and more than half of
# what is out of reach then can be had. Assumed, not measured.
SLOW_REACH_PART = 0.4
# Mean voltage of a cell from what is left of it to nothing, in units of ``eco_mv``, which is 3.6 V
# of a lithium-ion cell: 3.3 V of the last of it, 3.7 V of all of a Molicel P42A. Samsung's 26F has
# 0.15 V more and Sony's VTC6 0.1 V less.
EMPTY_PER_ECO, FULL_PER_ECO = 3.3 / 3.6, 3.7 / 3.6


class RemainingEnergy(NamedTuple):
    """What can be expected, J, and how much less it may be."""

    expected_j: float
    margin_j: float


def remaining_energy(
    section: PowerSection, used_mah: float, cell_c: float | None
) -> RemainingEnergy:
    """The energy that is left; ``cell_c`` is where the last of it is drawn, None is not cold."""
    hidden = 0.0 if cell_c is None else (1 - reach(cell_c)) * SLOW_REACH_PART
    part = max(0.0, EXPECTED_PART * (1 - hidden) - used_mah / section.capacity_mah)
    mean_mv = section.eco_mv * (EMPTY_PER_ECO + part * (FULL_PER_ECO - EMPTY_PER_ECO))
    full_j = 3.6 * section.capacity_mah * mean_mv / 1000
    return RemainingEnergy(part * full_j, MARGIN_PART * full_j)
