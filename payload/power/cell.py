"""Cell: what cold takes from a lithium-ion cell in usable charge, and adds to its resistance.

No particular cell is meant: these are published figures of ordinary ones, taken where they promise
less. Nothing is said beyond their ends.
"""

from __future__ import annotations

from itertools import pairwise

# Half of the charge is out of reach at -18 C and none at 27 C (Battery University, BU-502); a
# straight line between them.
WARM_C, COLD_C, COLD_REACH = 27.0, -18.0, 0.5
# At the current that empties it in an hour. A Samsung ICR18650-26J of 2.6 Ah was measured at 24 C:
# 42 mOhm (endless-sphere.com, topic 100928). It stands for every cell: what matters is how much of
# its capacity is drawn, so that cells in parallel are like one.
WARM_SAG_MV = 110.0
# (C, part of the resistance at 20 C that comes on top): 165 mOhm at 20 C, 595 at -20, of the phone
# battery in Linux's drivers/power/supply/ab8500_bmdata.c.
_ADDED = ((-20.0, 2.61), (-10.0, 1.70), (0.0, 0.97), (10.0, 0.39), (20.0, 0.0))


def reach(cell_c: float) -> float:
    """The part of its charge that a lithium-ion cell gives at this temperature, 0.5..1."""
    coldness = (WARM_C - cell_c) / (WARM_C - COLD_C)
    return 1.0 - (1.0 - COLD_REACH) * min(1.0, max(0.0, coldness))


def cold_sag_mv(current_parts: float, cell_c: float) -> float:
    """How many mV less than a warm one a cell shows under load, 0 and more.

    ``current_parts`` is the current as a part of the one that empties the battery in an hour; one
    that charges it sags nothing.
    """
    return WARM_SAG_MV * max(0.0, current_parts) * _added(cell_c)


def _added(cell_c: float) -> float:
    for (cold_c, more), (warm_c, less) in pairwise(_ADDED):
        if cell_c < warm_c:
            return more + (less - more) * max(0.0, cell_c - cold_c) / (warm_c - cold_c)
    return 0.0
