"""The catalogue: every fault of docs/faults.md by its number and name.

One module beside this one for each part of the world that can break; each has a tuple ``FAULTS``.
A name is schedulable by a person and drawn by a seed. Numbers are never given twice to different
things; one number may have several flavours (``gnss.jump`` and ``gnss.jump_5``).
"""

from __future__ import annotations

import random

from sim.fault_schedule import Scheduled
from sim.faults import (
    camera,
    claims,
    commands,
    gnss,
    ground,
    http,
    link,
    microphone,
    mind,
    power,
    power_cut,
    sensors,
    sondehub,
    storage,
    system,
)
from sim.faults.stage import Fault
from wire.unknown_name import unknown_name

FAULTS_MEAN = 4.0  # of one flight
FAULTS_MAX = 16


def _collect() -> dict[str, Fault]:
    modules = (
        gnss, sensors, power, power_cut, storage, link, commands, camera, mind, system, ground,
        http, sondehub, claims, microphone,
    )
    found: dict[str, Fault] = {}
    for module in modules:
        for fault in module.FAULTS:
            assert fault.name not in found, fault.name
            found[fault.name] = fault
    return found


ALL: dict[str, Fault] = _collect()


def find(name: str) -> Fault:
    """The fault called ``name``. Raises ValueError, naming those of its part, or all parts."""
    fault = ALL.get(name)
    if fault is None:
        of_part = sorted(known for known in ALL if known.split(".")[0] == name.split(".")[0])
        parts = sorted({known.split(".")[0] for known in ALL})
        every = f"{', '.join(parts)}, each with faults that `spacepi-sim faults` lists"
        raise ValueError(unknown_name("fault", name, ALL, ", ".join(of_part) or every))
    return fault


def draw(rng: random.Random, names: list[str], begin_s: float, end_s: float) -> list[Scheduled]:
    """A few faults between two instants, all over by ``end_s``."""
    drawn = []
    for name in rng.choices(names, k=min(FAULTS_MAX, 1 + int(rng.expovariate(1 / FAULTS_MEAN)))):
        low_s, high_s = find(name).lasts_s
        duration_s = round(rng.uniform(low_s, min(high_s, max(low_s, (end_s - begin_s) / 3))), 1)
        at_s = round(rng.uniform(begin_s, max(begin_s, end_s - duration_s)), 1)
        drawn.append(Scheduled(at_s, name, duration_s))
    return sorted(drawn)
