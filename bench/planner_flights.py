"""Flights without a mind, for the planner: a battery, a path and its moments, from a seed.

A light model in steps of ten seconds. What is drawn here and not handed over in a ``Situation`` the
planner never learns: the cell's make and what it truly holds, when the burst comes, how long it
waits on the pad, when anything happens.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy

from payload.mind.planner.remaining_flight import fall_s
from payload.mind.planner.worth import NEWS, ORDINARY, news, ordinary
from payload.navigation.sun import elevation_deg, sun_word
from payload.power.power import PowerManager
from payload.situation import Situation
from wire.beacon import Phase
from wire.landing_forecast import fall_factor
from wire.mission import FlightSection, PowerSection

STEP_S, SLOT_S = 10, 20
INTERVAL_S, SPACING_SLOTS = 150, 3
RESERVE_H = 2.0
END_S = 600  # after landing
BROWNOUT_MV = 2_600.0
START_UTC_MS = 1_804_636_800_000  # 2027-03-10
# State of charge -> mV at rest of cells on sale. Molicel P42A and Samsung 40T: S. Sunil et al.,
# Piecewise-Battery-OCV; Sony US18650VTC6: midnightsun's BMS; Samsung 26F: glockwork's emotor.
CURVES = {
    "P42A": ((0, .0151, .0452, .0955, .1508, .2915, .4573, .8342, .9497, 1),
             (2506, 2898, 3146, 3323, 3422, 3574, 3702, 4064, 4101, 4193)),
    "40T": ((0, .005, .0352, .0854, .1357, .2915, .4523, .8392, .9548, 1),
            (2500, 2808, 3118, 3318, 3419, 3583, 3694, 4066, 4112, 4200)),
    "VTC6": ((0, .04, .10, .16, .20, .25, .30, .40, .50, .60, .70, .80, .90, 1),
             (2483, 2938, 3151, 3305, 3390, 3480, 3520, 3643, 3740, 3822, 3907, 4032, 4082, 4200)),
    "26F": ((0, .025, .05, .10, .15, .20, .30, .50, .60, .75, .90, 1),
            (3000, 3455, 3516, 3571, 3642, 3712, 3762, 3790, 3862, 3950, 4077, 4185)),
}
# Of a board at its battery: W at rest with receiver and radio, W more while it thinks.
BOARDS = ((1.1, 1.8), (2.9, 3.2), (3.8, 6.1))
NEEDS = (1.3, 1.9)  # what the cell holds, in what flight and reserve draw without any thought


class Happening(NamedTuple):
    """A moment and the slot in which it begins."""

    name: str
    slot: int


class Cell:
    """A lithium-ion cell; loads are those of one cell of the pack."""

    def __init__(self, make: str, capacity_mah: float, ohm: float, cold_per_k: float) -> None:
        self._parts, self._mv = CURVES[make]
        self._capacity_mah, self._ohm, self._cold_per_k = capacity_mah, ohm, cold_per_k
        self.used_mah = 0.0

    def draw(self, watts: float, cell_c: float, seconds: float) -> tuple[float, float]:
        """(mV, mA) at the terminals while ``watts`` is drawn; negative charges it."""
        reach = 1 - self._cold_per_k * max(0.0, 20 - cell_c)
        part = max(-0.02, 1 - self.used_mah / (self._capacity_mah * reach))
        rest_mv = float(numpy.interp(part, self._parts, self._mv)) if part > 0 else 1500.0
        ohm = self._ohm * 2 ** ((25 - cell_c) / 16)
        milliamps = watts * 1e6 / rest_mv
        milliamps = watts * 1e6 / max(1000.0, rest_mv - milliamps * ohm)
        self.used_mah = max(0.0, self.used_mah + milliamps * seconds / 3600)
        return rest_mv - milliamps * ohm, milliamps


@dataclass
class DrawnFlight:
    """What was drawn; times in slots since power-on, heights above the sea at the pad."""

    seed: int
    make_cell: Callable[[], Cell]
    power: PowerSection
    plan: FlightSection
    base_w: float
    think_w: float
    tokens_per_s: tuple[float, float]  # evaluated, drawn
    tokens: tuple[float, float]  # of a thought on the mean
    gain: float  # of the current that is measured
    places: list[tuple[Phase, int, float, float]] = field(default_factory=list)  # since, m, m/s
    cell_c: list[float] = field(default_factory=list)
    panel_w: list[float] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    start_utc_ms: int = 0

    @property
    def slots(self) -> int:
        return len(self.places)

    def situation(self, now_s: int, mv: float | None, ma: float | None) -> Situation:
        """What the sensors say."""
        slot = now_s // SLOT_S
        phase, since_slot, height_m, climb_mps = self.places[slot]
        has_panel = max(self.panel_w) > 0
        return Situation(
            now_ms=now_s * 1000, utc_ms=self.start_utc_ms + now_s * 1000, phase=phase,
            phase_since_ms=since_slot * SLOT_S * 1000, altitude_m=height_m, climb_mps=climb_mps,
            latitude_deg=48.0, longitude_deg=12.0, battery_mv=mv, current_ma=ma,
            panel_mv=5000.0 if has_panel else None,
            panel_ma=self.panel_w[slot] * 200 if has_panel else None)


def draw(seed: int) -> DrawnFlight:
    """The flight of this seed."""
    rng = random.Random(f"planner {seed}")
    base_w, think_w = rng.choice(BOARDS)
    landing_mps = rng.uniform(4, 8)
    burst_m, climb_mps = rng.uniform(20_000, 34_000), rng.uniform(3.5, 7.0)
    pad_s = rng.uniform(300, 2_400)
    up_s, down_s = burst_m / climb_mps, fall_s(landing_mps, round(burst_m / 500))
    seconds = pad_s + up_s + down_s + END_S
    mean_mv = 3650.0
    needed_j = base_w * (seconds + RESERVE_H * 3600)
    true_mah = needed_j * rng.uniform(*NEEDS) / 3.6 / mean_mv * 1000
    true_part = min(1.05, max(0.86, rng.gauss(0.985, 0.035))) * rng.uniform(0.95, 1.0)
    rated_mah = round(true_mah / true_part)
    make, ohm = rng.choice(tuple(CURVES)), rng.uniform(0.04, 0.12) * 3000 / rated_mah
    cold_per_k = rng.uniform(0.003, 0.009)
    # A thought takes half a minute to a minute, as docs/pi.md reckons a battery.
    evaluated, drawn, took_s = rng.uniform(60, 200), rng.uniform(15, 40), rng.uniform(30, 60)
    prompt_part = rng.uniform(0.2, 0.5)
    flight = DrawnFlight(
        seed, lambda: Cell(make, true_mah, ohm, cold_per_k),
        PowerSection(capacity_mah=rated_mah, eco_mv=3600, low_mv=3400, critical_mv=3200,
                     reserve_h=RESERVE_H),
        FlightSection(
            landing_mps=min(20.0, landing_mps * rng.uniform(0.85, 1.15)),
            burst_altitude_m=burst_m * rng.gauss(1, 0.08) if rng.random() < 0.5 else None),
        base_w, think_w,
        (evaluated / (took_s * prompt_part), drawn / (took_s * (1 - prompt_part))),
        (evaluated, drawn), rng.gauss(1, 0.01))
    hour = rng.choice((rng.uniform(6, 12), rng.uniform(4, 6), rng.uniform(15, 18)))
    flight.start_utc_ms = START_UTC_MS + rng.randrange(230) * 86_400_000 + round(hour * 3.6e6)
    _lay_way(flight, rng, pad_s, burst_m, climb_mps, landing_mps)
    _lay_weather(flight, rng)
    _lay_happenings(flight, rng)
    return flight


def _lay_way(
    flight: DrawnFlight, rng: random.Random, pad_s: float, burst_m: float, climb_mps: float,
    landing_mps: float,
) -> None:
    places, height_m = flight.places, 0.0
    places += [(Phase.GROUND, 0, 0.0, 0.0)] * round(pad_s / SLOT_S)
    since = len(places)
    while height_m < burst_m:
        places.append((Phase.ASCENT, since, height_m, climb_mps + rng.gauss(0, 0.3)))
        height_m += climb_mps * SLOT_S
    since = len(places)
    while height_m > 0:
        fall_mps = landing_mps * fall_factor(height_m)
        places.append((Phase.DESCENT, since, height_m, -fall_mps))
        height_m -= fall_mps * SLOT_S
    places += [(Phase.LANDED, len(places), 0.0, 0.0)] * (END_S // SLOT_S)


def _lay_weather(flight: DrawnFlight, rng: random.Random) -> None:
    ground_c, colder_k = rng.uniform(0, 28), rng.uniform(0, 22)
    cloud_part = rng.uniform(0.2, 1.0)
    panel_w = flight.base_w * rng.uniform(0.1, 0.6) if rng.random() < 0.3 else 0.0
    for slot, (_, _, height_m, _) in enumerate(flight.places):
        flight.cell_c.append(ground_c - colder_k * math.sin(math.pi * slot / flight.slots))
        utc_ms = flight.start_utc_ms + slot * SLOT_S * 1000
        is_up = elevation_deg(utc_ms, 48.0, 12.0) > 0
        flight.panel_w.append(panel_w * is_up * (cloud_part if height_m < 3_000 else 1.0))


def _lay_happenings(flight: DrawnFlight, rng: random.Random) -> None:
    places, found = flight.places, flight.happenings
    heights = [("half-air", 5_500.0), ("coldest", 4_500.0), ("coldest", 6_500.0),
               ("coldest", 8_500.0)]
    if rng.random() < 0.5:
        base_m = rng.uniform(800, 5_000)
        heights += [("first-cloud", base_m), ("clouds-passed", base_m + rng.uniform(300, 2_000))]
    if rng.random() < 0.8:
        heights.append(("tropopause", rng.uniform(9_500, 13_500)))
    up = [slot for slot, place in enumerate(places) if place[0] is Phase.ASCENT]
    down = [slot for slot, place in enumerate(places) if place[0] is Phase.DESCENT]
    for name, at_m in heights:
        slot = next((slot for slot in up if places[slot][2] >= at_m), None)
        if slot is not None:
            found.append(Happening(name, slot))
    found += [Happening("launch", up[0]), Happening("burst", down[0]),
              Happening("landing", next(slot for slot in down if places[slot][2] < 1_000)),
              Happening("landed", down[-1] + 1)]
    for name, hourly in (("call-failed", rng.uniform(8, 22)), ("call-worked", rng.uniform(0, 0.8)),
                         ("question", rng.uniform(0, 2)), ("heard-again", rng.uniform(0, 0.4))):
        at = 0.0
        while (at := at + rng.expovariate(hourly) * 3600 / SLOT_S) < len(places):
            found.append(Happening(name, int(at)))
    if rng.random() < 0.6:
        found.append(Happening("silence", rng.randrange(up[0], down[-1])))
    words = [sun_word(flight.start_utc_ms + slot * SLOT_S * 1000, 48.0, 12.0, place[2])
             for slot, place in enumerate(places)]
    for slot in range(1, len(words)):
        change = words[slot - 1], words[slot]
        if change in (("down", "low"), ("low", "down")):
            found.append(Happening("sunrise" if change[0] == "down" else "sunset", slot))
    found.sort(key=lambda each: each.slot)


class Policy:
    """Who decides; the bench asks once a slot and tells everything else as a flight would."""

    def feel(self, situation: Situation, power: PowerManager, is_thinking: bool) -> None:
        """Every step."""

    def wants(self, slot: int, now_ms: int, power: PowerManager) -> bool:
        """Begin a thought now; who does not say it never thinks."""
        return False

    def ended(self, evaluated: int, drawn: int, elapsed_ms: int) -> None:
        """The thought has ended."""

    def heard(self, name: str, now_ms: int) -> None:
        """A moment begins."""


class Outcome(NamedTuple):
    """How a flight went."""

    thoughts: list[int]  # slots
    worth: float
    is_browned_out: bool
    is_reserve_kept: bool
    joules: float  # spent on thinking


def fly(flight: DrawnFlight, policy: Policy, is_watched: bool = True) -> Outcome:
    """The whole flight, and after it the hours of the reserve.

    Not ``is_watched``: the power modes forbid nothing.
    """
    rng = random.Random(f"thoughts {flight.seed}")
    cell, power = flight.make_cell(), PowerManager(flight.power)
    happenings, thoughts = iter(flight.happenings), list[int]()
    coming = next(happenings, None)
    busy_s, took_s, thinking_s, counts = 0.0, 0.0, 0.0, (0, 0)
    for now_s in range(0, flight.slots * SLOT_S, STEP_S):
        slot, now_ms = now_s // SLOT_S, now_s * 1000
        thinking_s += min(busy_s, STEP_S)
        watts = flight.base_w - flight.panel_w[slot] + flight.think_w * min(busy_s, STEP_S) / STEP_S
        mv, ma = cell.draw(watts, flight.cell_c[slot], STEP_S)
        if mv < BROWNOUT_MV:
            return Outcome(thoughts, worth_of(flight, thoughts), True, False,
                           flight.think_w * thinking_s)
        seen_mv, seen_ma = round(mv / 4) * 4.0, ma * flight.gain
        if is_watched:
            power.update(seen_mv, None, now_ms, seen_ma)
            power.count(seen_ma, flight.cell_c[slot], now_ms)
            power.thermal.update(None, flight.cell_c[slot], now_ms)
            policy.feel(flight.situation(now_s, seen_mv, seen_ma), power, busy_s > 0)
        if busy_s > 0:
            busy_s = max(0.0, busy_s - STEP_S)
            if not busy_s:
                policy.ended(*counts, round(took_s * 1000))
        if now_s % SLOT_S:
            continue
        while coming is not None and coming.slot <= slot:
            policy.heard(coming.name, now_ms)
            coming = next(happenings, None)
        may_think = not is_watched or power.may_think
        if busy_s <= 0 and may_think and policy.wants(slot, now_ms, power):
            thoughts.append(slot)
            evaluated, drawn = (round(mean * rng.uniform(0.6, 1.4)) for mean in flight.tokens)
            counts = evaluated, drawn
            took_s = sum(count / rate for count, rate in
                         zip(counts, flight.tokens_per_s, strict=True))
            busy_s = took_s
    return Outcome(thoughts, worth_of(flight, thoughts), False, _lasts(flight, cell),
                   flight.think_w * thinking_s)


def _lasts(flight: DrawnFlight, cell: Cell) -> bool:
    """The beacon goes on for the hours of the reserve, without a panel, where it has landed."""
    return all(cell.draw(flight.base_w, flight.cell_c[-1], 60)[0] >= BROWNOUT_MV
               for _ in range(round(RESERVE_H * 60)))


def worth_of(flight: DrawnFlight, thoughts: list[int]) -> float:
    """What these thoughts are worth: each its silence, and the best news since the one before."""
    before, total = 0, 0.0
    for slot in thoughts:
        total += ordinary_worth(flight, before, slot) + max(
            (news(each.name, (slot - each.slot) * SLOT_S)
             for each in flight.happenings if before < each.slot <= slot), default=0.0)
        before = slot
    return total


def ordinary_worth(flight: DrawnFlight, before: int, slot: int) -> float:
    """Of a thought in ``slot`` after one in ``before``."""
    return ORDINARY[flight.places[slot][0]] * ordinary((slot - before) * SLOT_S / INTERVAL_S)


def optimum(flight: DrawnFlight, count: int) -> tuple[float, list[int]]:
    """The most that ``count`` thoughts can be worth, at least SPACING_SLOTS apart, and when.

    Exact, by dynamic programming over (the slot of the last thought, how many are left): what a
    thought is worth depends on the one before it and on nothing else.
    """
    slots = flight.slots
    gain = numpy.full((slots, slots), -numpy.inf)
    weights = numpy.array([ORDINARY[place[0]] for place in flight.places])
    silences = -numpy.expm1(-numpy.arange(slots) * SLOT_S / INTERVAL_S)
    told = numpy.zeros((slots, slots))
    for name, at in flight.happenings:
        lasts = NEWS[name].lasts_s
        fading = numpy.array([news(name, age * SLOT_S) for age in range(
            min(slots - at, math.ceil(lasts / SLOT_S)))])
        block = told[:at, at:at + len(fading)]
        numpy.maximum(block, fading, out=block)
    for before in range(slots - SPACING_SLOTS):
        after = before + SPACING_SLOTS
        gain[before, after:] = (told[before, after:] + weights[after:]
                                * silences[SPACING_SLOTS:slots - before])
    best = numpy.zeros((slots, count + 1))
    choice = numpy.zeros((slots, count + 1), dtype=int)
    for before in range(slots - SPACING_SLOTS - 1, -1, -1):
        after = before + SPACING_SLOTS
        total = best[after:, :count] + gain[before, after:, None]
        at = total.argmax(axis=0)
        best[before, 1:] = total[at, numpy.arange(count)]
        choice[before, 1:] = at + after
    thoughts, before = [], 0
    for left in range(count, 0, -1):
        before = int(choice[before, left])
        if before == 0:
            break
        thoughts.append(before)
    return float(best[0, count]), thoughts
