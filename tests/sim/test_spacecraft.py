"""The body of an orbiting payload: sun and shadow in power and warmth."""

from __future__ import annotations

import pytest

from sim.battery import CHARGE_C_MIN, Battery
from sim.clock import SimClock, part_rng
from sim.fakes.board import PI_ZERO_2W
from sim.orbit import Orbit
from sim.sky import Sky
from sim.spacecraft import LOST_PER_YEAR, PANEL_W, YEAR_S, Spacecraft, SpaceHeat
from tests.sim.desks import AirDesk
from tests.sim.test_orbit import HOME
from tests.wire.orbits import iss

LOOK_MS = 30_000


class Craft:
    """A body in the orbit of the ISS."""

    def __init__(self, charge: float = 0.8) -> None:
        self.orbit = Orbit(iss().epoch_ms, iss(), (HOME,))
        self.clock = SimClock(self.orbit.start_utc_ms)
        self.battery = Battery(3_000, charge)
        self.body = Spacecraft(
            self.clock, self.orbit, Sky(part_rng(1, "sky")), self.battery, AirDesk().channel,
            PI_ZERO_2W, lambda: False, lambda: False)

    def pass_time(self, ms: int) -> None:
        self.clock.now_ms += ms
        self.body.advance()


def test_a_third_of_each_revolution_is_shadow_and_cold_follows_it() -> None:
    craft = Craft()
    lit, skin_c, inside_c = [], [], []
    for _ in range(4 * round(craft.orbit.elements.period_s * 1000 / LOOK_MS)):
        craft.pass_time(LOOK_MS)
        lit.append(craft.body.is_sunlit())
        skin_c.append(craft.body.outside_c())
        inside_c.append(craft.body.inside_c())
    assert 0.55 < sum(lit) / len(lit) < 0.72
    half = len(skin_c) // 2  # settled
    assert -45 < min(skin_c[half:]) < -5 and 0 < max(skin_c[half:]) < 45
    swing_k = max(skin_c[half:]) - min(skin_c[half:])
    assert max(inside_c[half:]) - min(inside_c[half:]) < swing_k
    assert all(-15 < each < 40 for each in inside_c)


def test_the_panels_charge_in_the_sun_and_nothing_does_in_the_shadow() -> None:
    craft = Craft(0.8)
    changes: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(300):
        before, was_lit = craft.battery.charge(25.0), craft.body.is_sunlit()
        craft.pass_time(LOOK_MS)
        if was_lit == craft.body.is_sunlit():
            changes[was_lit].append(craft.battery.charge(25.0) - before)
    assert max(changes[False]) < 0 < sum(changes[True])
    assert craft.body.charge() > 0.8  # idle, it gains


def test_what_the_panel_sensor_sees_fades_with_the_years() -> None:
    craft = Craft()
    watts = []
    for years in (0, 5):
        craft.clock.now_ms = round(years * YEAR_S) * 1000
        # The same facing and the sun, whatever the orbit has become.
        craft.body.is_sunlit = lambda: True  # type: ignore[method-assign]
        millivolts, milliamps = craft.body.panel()
        watts.append(millivolts * milliamps / 1e6)
    assert 0 < watts[1] < PANEL_W and 0 < watts[0] <= PANEL_W
    craft.body.is_sunlit = lambda: False  # type: ignore[method-assign]
    assert craft.body.panel() == (0.0, 0.0)
    assert 0 < LOST_PER_YEAR < 0.1


def test_it_feels_no_air() -> None:
    temperature_c, pressure_pa, humidity_pct = Craft().body.air()
    assert (pressure_pa, humidity_pct) == (0.0, 0.0)
    assert -60 < temperature_c < 60


def test_warmth_goes_to_where_what_comes_in_is_what_is_radiated() -> None:
    def settled(is_sunlit: bool, load_w: float) -> SpaceHeat:
        heat = SpaceHeat(PI_ZERO_2W.soc_kpw)
        for _ in range(20_000):
            heat.step(5.0, load_w, load_w, 0.0, 0.0, is_sunlit)
        return heat

    sunny, dark, busy = settled(True, 1.0), settled(False, 1.0), settled(True, 2.5)
    assert dark.skin_c < -60 < 0 < sunny.skin_c < 60
    assert busy.inside_c > sunny.inside_c > sunny.skin_c
    assert busy.soc_c - busy.inside_c == pytest.approx(2.5 * PI_ZERO_2W.soc_kpw / 0.45, rel=0.01)


def test_a_cell_is_charged_until_it_is_full_and_never_below_freezing() -> None:
    cell = Battery(1_000, 0.99)
    for _ in range(1_000):
        cell.draw(-2.0, 20.0, 10.0)
    assert cell.charge(25.0) == 1.0
    assert cell.terminals(-2.0, 20.0)[1] == 0.0
    cold = Battery(1_000, 0.5)
    cold.draw(-2.0, CHARGE_C_MIN - 0.1, 600.0)
    assert cold.charge(25.0) == 0.5
    cold.draw(-2.0, CHARGE_C_MIN, 600.0)
    assert cold.charge(25.0) > 0.5
    millivolts, milliamps = cold.terminals(-2.0, 20.0)
    assert milliamps < 0 and millivolts > cold.terminals(0.0, 20.0)[0]
