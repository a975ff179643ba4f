"""Faults of the power."""

from __future__ import annotations

from sim.faults.stage import Fault

FAULTS: tuple[Fault, ...] = ()
