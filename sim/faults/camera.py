"""Faults of the camera."""

from __future__ import annotations

from sim.faults.stage import Fault

FAULTS: tuple[Fault, ...] = ()
