"""The planner against a fixed interval, greed, and a clairvoyant, over drawn flights.

    python -m bench planner --seeds 1000:1200     those on which it was developed

``bench/planner_flights.py`` says what a flight is. The clairvoyant knows all of it: how many
thoughts its cell bears beside the flight and the reserve, found by flying it, and when each is
worth most, computed as an optimum. A fixed interval is compared at equal energy in two ways:

- *one interval for all flights*, as a mission file has it, with which they spend as much together
  as the planner (``bench/planner_interval.py``); worths are summed over the flights;
- *spread over each flight*: as many thoughts as the planner had in it, evenly, by one who knows how
  long the flight will be and how many thoughts its cell bears.

The interval rule is what ``mind.pace = "interval"`` flies, that of the example mission, stretched
by the power mode; greed takes every chance.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from bench.planner_flights import (
    INTERVAL_S,
    SLOT_S,
    SPACING_SLOTS,
    DrawnFlight,
    Outcome,
    Policy,
    draw,
    fly,
    optimum,
    worth_of,
)
from bench.planner_interval import OneInterval, of_equal_energy
from bench.report import Figure
from payload.mind.planner.planner import Planner
from payload.ports import MindReply
from payload.power.power import COLD_FACTOR, PowerManager
from payload.situation import Situation

SEEDS = range(200)


class Planned(Policy):
    """The planner that flies."""

    def __init__(self, flight: DrawnFlight) -> None:
        self.planner = Planner(flight.power, flight.plan, INTERVAL_S)
        self._now_ms = 0

    def feel(self, situation: Situation, power: PowerManager, is_thinking: bool) -> None:
        self.planner.update(situation, power.charge, 0.0, is_thinking)

    def wants(self, slot: int, now_ms: int, power: PowerManager) -> bool:
        planner = self.planner
        factor = COLD_FACTOR if power.thermal.halves_thoughts else 1
        if planner.price is None or not planner.is_worth_it(now_ms, factor):
            return False
        planner.note_thought(now_ms)
        return True

    def ended(self, evaluated: int, drawn: int, elapsed_ms: int) -> None:
        self.planner.note_reply(MindReply(0, [], evaluated, evaluated, drawn, elapsed_ms))

    def heard(self, name: str, now_ms: int) -> None:
        self.planner.note(name, now_ms)


class Every(Policy):
    """One thought every so many slots; stretched by the power mode, as without a planner."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._last = 0

    def wants(self, slot: int, now_ms: int, power: PowerManager) -> bool:
        if slot - self._last < self._slots * power.think_interval_factor:
            return False
        self._last = slot
        return True


class At(Policy):
    """In these slots."""

    def __init__(self, slots: Sequence[int]) -> None:
        self._slots = set(slots)

    def wants(self, slot: int, now_ms: int, power: PowerManager) -> bool:
        return slot in self._slots


def evenly(flight: DrawnFlight, count: int) -> list[int]:
    """The slots of so many thoughts at a fixed interval."""
    return sorted({round((at + 1) * (flight.slots - 1) / count) for at in range(count)})


class Comparison(NamedTuple):
    """One flight under everybody."""

    planned: Outcome
    interval: Outcome
    greedy: Outcome
    fixed: float
    best: float
    borne: int  # thoughts that the cell bears
    evenly: float  # the worth of so many at a fixed interval
    best_as_often: float  # the most that as many thoughts as the planner had can be worth


def borne_by(flight: DrawnFlight) -> int:
    """How many evenly spread thoughts leave the reserve; the power modes do not hinder them."""
    low, high = 0, (flight.slots - 1) // SPACING_SLOTS
    while low < high:
        middle = (low + high + 1) // 2
        is_kept = fly(flight, At(evenly(flight, middle)), is_watched=False).is_reserve_kept
        low, high = (middle, high) if is_kept else (low, middle - 1)
    return low


def compare(seed: int) -> Comparison:
    """The flight of this seed."""
    flight = draw(seed)
    planned = fly(flight, Planned(flight))
    borne = borne_by(flight)
    count = len(planned.thoughts)
    return Comparison(
        planned, fly(flight, Every(round(INTERVAL_S / SLOT_S))), fly(flight, Every(SPACING_SLOTS)),
        worth_of(flight, evenly(flight, count)) if count else 0.0, optimum(flight, borne)[0], borne,
        worth_of(flight, evenly(flight, borne)), optimum(flight, count)[0])


def against_one_interval(rows: list[Comparison], flown: OneInterval, unhindered: OneInterval
                         ) -> list[Figure]:
    """``flown``: under the power modes, which forbid ``unhindered`` nothing."""
    def total(outcomes: list[Outcome]) -> float:
        return sum(each.worth for each in outcomes)

    planned = total([row.planned for row in rows])
    found = []
    for name, one in (("", flown), (" that no power mode hinders", unhindered)):
        worth = total(one.outcomes)
        found.append(Figure(
            f"worth relative to one interval for all flights{name}, at equal energy",
            planned / worth, "x", 1.25, peers={
                "the clairvoyant, as many thoughts": sum(
                    row.best_as_often for row in rows) / worth,
                "the clairvoyant, all its cell bears": sum(row.best for row in rows) / worth}))
        found.append(Figure(f"that interval{name}", one.every_s, "s", peers={
            "energy of the planner's": one.joules / sum(row.planned.joules for row in rows),
            "thoughts of a flight": mean(len(each.thoughts) for each in one.outcomes),
            "reserves lost": sum(not each.is_reserve_kept for each in one.outcomes),
            "brown-outs": sum(each.is_browned_out for each in one.outcomes)}))
    return found


def figures(rows: list[Comparison], flown: OneInterval, unhindered: OneInterval) -> list[Figure]:
    """What README says of it."""
    def lost(outcomes: list[Outcome]) -> int:
        return sum(not each.is_reserve_kept for each in outcomes)

    planned, interval, greedy = ([getattr(row, name) for row in rows]
                              for name in ("planned", "interval", "greedy"))
    best = mean(row.best for row in rows)
    scarce = sorted(rows, key=lambda row: row.borne)[:max(1, len(rows) // 4)]
    shares = [row.planned.worth / row.best for row in rows]
    return [
        Figure(f"share of the clairvoyant's worth, {len(rows)} flights", mean(shares), "", 0.90,
               peers={"least": min(shares), "scarcest quarter": mean(
                   row.planned.worth / row.best for row in scarce),
                   "interval": mean(row.interval.worth / row.best for row in rows),
                   "greedy": mean(row.greedy.worth / row.best for row in rows)}),
        *against_one_interval(rows, flown, unhindered),
        Figure("worth relative to as many thoughts spread over each flight", mean(
            row.planned.worth / row.fixed if row.fixed else 1.0 for row in rows), "x", 1.25,
            peers={"scarcest quarter": mean(row.planned.worth / row.fixed for row in scarce
                                            if row.fixed),
                   "the clairvoyant, at its own": mean(row.best / row.evenly for row in rows)}),
        Figure("brown-outs in flight", sum(each.is_browned_out for each in planned), "flights", 0,
               "<=", {"interval": sum(each.is_browned_out for each in interval),
                      "greedy": sum(each.is_browned_out for each in greedy)}),
        Figure("landing reserve lost", lost(planned), "flights", 0, "<=",
               {"interval": lost(interval), "greedy": lost(greedy)}),
        Figure("worth of a flight", mean(each.worth for each in planned), "", peers={
            "clairvoyant": best, "fixed": mean(row.fixed for row in rows),
            "interval": mean(each.worth for each in interval),
            "greedy": mean(each.worth for each in greedy)}),
        Figure("thoughts of a flight", mean(len(each.thoughts) for each in planned), "", peers={
            "clairvoyant": mean(row.borne for row in rows),
            "interval": mean(len(each.thoughts) for each in interval),
            "greedy": mean(len(each.thoughts) for each in greedy)}),
    ]


def run(out_dir: Path, options: Sequence[str] = ()) -> list[Figure]:
    """The figures of ``--seeds``, 0:200 without it."""
    parser = argparse.ArgumentParser("python -m bench planner")
    parser.add_argument("--seeds", default="0:200", help="FIRST:END")
    first, end = map(int, parser.parse_args(options).seeds.split(":"))
    rows = [compare(seed) for seed in range(first, end)]
    flights = [draw(seed) for seed in range(first, end)]
    joules = sum(row.planned.joules for row in rows)
    return figures(rows, of_equal_energy(flights, joules),
                   of_equal_energy(flights, joules, is_watched=False))
