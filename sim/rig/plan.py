"""The faults of a bench flight and their times: scheduled ones, and kills at random instants."""

from __future__ import annotations

import random
from itertools import cycle

from sim.clock import part_rng
from sim.fault_schedule import Scheduled, parse
from sim.rig import faults

# Of the time. In the rest of an hour the daemon leaves SAFE, and what waits comes home.
KILL_FROM, KILL_UPTO = 0.03, 0.8
KILL_APART_S = 10.0  # at least, so that each meets a life and not a pause
DAEMON_KILLS = ("core.kill", "core.kill_sending")


def plan_of(
    lines: list[str], kills: int, seconds: float, seed: int = 0, has_mind: bool = True
) -> list[Scheduled]:
    """Everything that is to happen, in order. Raises ValueError with one sentence, also for what
    would begin after the end and for more kills than there is time for.

    To ``kills`` of the daemon come as many of the mind worker and of the station, in turn.
    """
    plan = [parse(line) for line in lines]
    for scheduled in plan:
        faults.find(scheduled.name)
        if scheduled.at_s >= seconds:
            raise ValueError(f"{scheduled}: the bench flight ends after {seconds:.0f} s")
    rng = part_rng(seed, "kills")
    others = ("mind.kill", "ground.kill") if has_mind else ("ground.kill",)
    for names in (DAEMON_KILLS, others):
        instants = _drawn(rng, kills, seconds)
        plan += [Scheduled(at_s, name) for at_s, name in zip(instants, cycle(names), strict=False)]
    return sorted(plan)


def _drawn(rng: random.Random, count: int, seconds: float) -> list[float]:
    """So many instants in order, anywhere, but never close together."""
    span_s = (KILL_UPTO - KILL_FROM) * seconds - KILL_APART_S * (count - 1)
    if span_s < 0:
        raise ValueError(f"{count} kills do not fit into {seconds:.0f} s: reduce --kills or extend "
                         "the run")
    drawn = sorted(rng.uniform(0, span_s) for _ in range(count))
    return [KILL_FROM * seconds + at_s + KILL_APART_S * n for n, at_s in enumerate(drawn)]
