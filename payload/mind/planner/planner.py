"""Planner: says whether a thought now is worth its energy, so that the landing reserve is kept.

Every few seconds: what the battery has left, less what the rest of the flight and the reserve
after landing draw anyway, is how many thoughts can be paid; the moments that are still to come say
what the last of them is worth; that is the price. A thought begins when it is worth the price.
Where voltage or current is not measured there is no price, and musings keep to their interval.

No I/O and no clock: ``payload.mind.musing_due`` tells it what happens, and asks.
"""

from __future__ import annotations

import math

from payload.mind.planner import battery, price, remaining_flight, worth
from payload.mind.planner.expected_news import ExpectedNews
from payload.mind.planner.meter import Meter
from payload.mind.planner.remaining_flight import RemainingFlight
from payload.ports import MindReply
from payload.power.charge import ChargeCount
from payload.situation import Situation
from wire.beacon import Phase
from wire.mission import FlightSection, PowerSection

EVERY_MS = 20_000  # between two prices
SPACING_PART = 0.4  # of the mission's interval: closer than this no two musings are
THOUGHT_J_MIN = 0.001  # nothing is free
# Until the end nobody knows what the battery holds, and what was kept back for it then is worth
# little: the price is that of a smaller margin, and the energy of the whole one stays untouched.
MARGIN_PLANNED_PART = 0.8
# An uncertain battery alone silences nobody: where its whole margin would leave no thought, this
# part of it is spent, but only on a word after a long silence and on what is worth much more than
# the price that it would set.
MARGIN_SPENT_PART = 0.5
RISKED_WORTH_MIN, RISKED_PRICES = 2.0, 2.0
LONG_SILENCE = 12.0  # intervals: half an hour of the example mission
PANEL_PART = 0.8  # of what it gave so far in the light may be hoped for
CLIMB_S = 300.0  # over which the climb is averaged, and
PANEL_S = 1_000.0  # what the panel gives


class Planner:
    """One per boot."""

    def __init__(self, power: PowerSection, flight: FlightSection, interval_s: float) -> None:
        """``interval_s`` is the mission's ``mind.every_s``, also where a command changed it."""
        self.interval_s = interval_s
        self.price: float | None = None  # None: unknown
        self.thoughts_left = 0.0  # that can be paid for certain,
        self.thoughts_likely = 0.0  # and where the battery is about what is expected of it
        self.meter = Meter()
        self._power = power
        self._flight = flight
        self._news: dict[str, int] = {}  # untold: since when, ms
        self._last_ms: int | None = None  # the latest thought, or the first look
        self._due_ms = 0
        self._phase = Phase.BOOT
        self._risked_price = 0.0  # twice what would be paid if ``thoughts_likely`` were certain
        self._expected_news = ExpectedNews()
        self._pad_c: float | None = None  # of the cell on the ground, on the mean
        self._pad_readings = 0
        self._climb_mps: float | None = None  # of the ascent, on the mean of the last minutes
        self._panel_w: float | None = None  # in the light, on the mean
        self._seen_ms = 0

    @property
    def spacing_s(self) -> float:
        return SPACING_PART * self.interval_s

    def note(self, name: str, now_ms: int) -> None:
        """A moment of ``worth.NEWS`` begins."""
        self._news[name] = now_ms

    def note_thought(self, now_ms: int) -> None:
        """A thought begins: what was news is told, and the silence is over."""
        self._news.clear()
        self._last_ms = now_ms

    def note_reply(self, reply: MindReply) -> None:
        """It has ended."""
        self.meter.note_reply(reply)

    def update(
        self, situation: Situation, charge: ChargeCount, ground_m: float | None, is_thinking: bool
    ) -> None:
        """Look at the power, and set the price when it is time; once a second or so."""
        now_ms, battery_mv, current_ma = (
            situation.now_ms, situation.battery_mv, situation.current_ma)
        if self._last_ms is None:
            self._last_ms = now_ms
        self._follow(situation, charge.cell_c)
        height_m = None
        if situation.altitude_m is not None:
            height_m = situation.altitude_m - (ground_m or 0.0)
        self._expected_news.look(
            situation.phase, height_m, situation.climb_mps, now_ms, self.spacing_s)
        load_w = None
        if battery_mv is not None and current_ma is not None:
            load_w = battery_mv * current_ma / 1e6 + _panel_w(situation)
        self.meter.feel(load_w, is_thinking, now_ms)
        if load_w is None:
            self.price = None
        elif now_ms >= self._due_ms or self.price is None:
            self._due_ms = now_ms + EVERY_MS
            self._set_price(situation, charge, ground_m)

    def _follow(self, situation: Situation, cell_c: float | None) -> None:
        """The phase, the cell on the pad, the climb, and what the panel gives in the light."""
        seconds, self._seen_ms = (situation.now_ms - self._seen_ms) / 1000, situation.now_ms
        self._phase = situation.phase
        if cell_c is not None and self._phase in (Phase.BOOT, Phase.GROUND):
            self._pad_readings += 1
            self._pad_c = _mean(self._pad_c, cell_c, 1 / self._pad_readings)
        if self._phase is Phase.ASCENT and situation.climb_mps is not None:
            self._climb_mps = _mean(self._climb_mps, situation.climb_mps, seconds / CLIMB_S)
        panel_w = _panel_w(situation)
        if panel_w > 0:
            self._panel_w = _mean(self._panel_w, panel_w, seconds / PANEL_S)

    def is_worth_it(self, now_ms: int, factor: float = 1.0) -> bool:
        """True when a thought is due now. Only with a price; ``factor`` stretches the spacing."""
        assert self.price is not None and self._last_ms is not None
        silence_s = (now_ms - self._last_ms) / 1000
        if silence_s < self.spacing_s * factor:
            return False
        delayed = self._expected_news.delayed_worth(now_ms, self.spacing_s * factor)
        value = self.worth(now_ms) - delayed
        if self.thoughts_left >= 1 and value >= self.price:
            return True
        is_long = silence_s >= LONG_SILENCE * self.interval_s * factor
        return self.thoughts_likely >= 1 and (is_long or value >= self._risked_price)

    def worth(self, now_ms: int) -> float:
        """What a thought would add now."""
        assert self._last_ms is not None
        silence = (now_ms - self._last_ms) / 1000 / self.interval_s
        told = max((worth.news(name, (now_ms - since_ms) / 1000)
                    for name, since_ms in self._news.items()), default=0.0)
        return told + worth.ORDINARY[self._phase] * worth.ripe(silence)

    def _landing_c(self, cell_c: float | None) -> float | None:
        """How cold the cell will be where the reserve is drawn: about as on the pad, since the cold
        of the way there and the charge that it hides pass. In the simulator's foam box, over 60
        drawn flights, it is 5 K warmer in the median, and in one of ten 5 K colder.
        """
        if self._pad_c is None or self._phase is Phase.LANDED:
            return cell_c
        return self._pad_c

    def _needed_j(self, base_w: float, ahead: RemainingFlight) -> float:
        """What the way and the reserve draw without any thought, less what the panel gives."""
        harvest_j = PANEL_PART * (self._panel_w or 0.0) * (1 - ahead.dark_part) * ahead.seconds
        return base_w * (ahead.seconds + self._power.reserve_h * 3600) - harvest_j

    def _set_price(
        self, situation: Situation, charge: ChargeCount, ground_m: float | None
    ) -> None:
        base_w = self.meter.base_w
        if base_w is None:
            self.price = None
            return
        left = battery.remaining_energy(
            self._power, charge.used_mah, self._landing_c(charge.cell_c))
        ahead, longest = (
            remaining_flight.forecast(
                situation, ground_m, self._climb_mps, self._flight, is_longest)
            for is_longest in (False, True))
        needed_j = self._needed_j(base_w, ahead)
        longer_j = self._needed_j(base_w, longest) - needed_j
        spare_j, margin_j = left.expected_j - needed_j, math.hypot(left.margin_j, longer_j)
        thought_j = max(THOUGHT_J_MIN, self.meter.thought_j)
        self.thoughts_left = max(0.0, spare_j - margin_j) / thought_j
        self.thoughts_likely = max(0.0, spare_j - MARGIN_SPENT_PART * margin_j) / thought_j
        stretches = [price.Stretch(seconds, worth.ORDINARY[phase]) for phase, seconds in (
            (Phase.GROUND, ahead.ground_s), (Phase.ASCENT, ahead.up_s),
            (Phase.DESCENT, ahead.down_s), (Phase.LANDED, ahead.rest_s))]
        planned = max(0.0, spare_j - MARGIN_PLANNED_PART * margin_j) / thought_j
        to_come = [
            price.NewsToCome(kind.worth, kind.to_come(ahead)) for kind in worth.NEWS.values()]
        self.price, risked = (
            price.price_of(thoughts, stretches, to_come, self.interval_s, self.spacing_s)
            for thoughts in (planned, self.thoughts_likely))
        self._risked_price = max(RISKED_WORTH_MIN, RISKED_PRICES * risked)


def _panel_w(situation: Situation) -> float:
    """What the panel gives now, which the battery need not."""
    return (situation.panel_mv or 0.0) * (situation.panel_ma or 0.0) / 1e6


def _mean(before: float | None, value: float, share: float) -> float:
    """The mean that follows slowly; the first value is taken as it is."""
    return value if before is None else before + min(1.0, share) * (value - before)
