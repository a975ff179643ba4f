"""Body, board and heat: what is drawn, how warm it gets, what the firmware says, and brown-outs."""

from __future__ import annotations

import math

import pytest

from payload.ports import DeviceTimeout
from payload.sensors import Sensors
from sim.battery import Battery, ramp
from sim.clock import SimClock, part_rng
from sim.fakes.board import BOARDS, PI_4, PI_5, PI_ZERO_2W, BoardProfile, Firmware, SimBoard
from sim.payload_thermal import BROWNOUT_MV, GIVEN_BACK_MV_MAX, RETURN_MV, Body
from sim.sky import Sky
from sim.thermal import BoxHeat, soc_resistance_kpw
from tests.sim.desks import START_UTC_MS, AirDesk, Track
from wire.standard_air import density_kgm3


class Bench:
    """A body that hangs where it is told, and does what it is told."""

    def __init__(self, board: BoardProfile = PI_4, charge: float = 0.8) -> None:
        self.desk = AirDesk()
        self.clock: SimClock = self.desk.clock
        self.track = Track()
        self.is_thinking = self.is_capturing = False
        self.events: list[tuple[str, int]] = []
        self.body = Body(
            self.clock, self.track, Sky(part_rng(1, "sky")), Battery(3_000, charge),
            self.desk.channel, board, lambda: self.is_thinking, lambda: self.is_capturing,
        )
        self.body.on_brownout = lambda: self._note("off")
        self.body.on_return = lambda: self._note("on")
        self.waited_ms: list[int] = []
        self.board = SimBoard(board, self.body.soc_c, self.body.supply_mv, self.waited_ms.append)

    def _note(self, what: str) -> None:
        self.events.append((what, round(self.clock.now_s)))
        self.body.is_off = what == "off"

    def run(self, seconds: int) -> None:
        for _ in range(0, seconds, 2):
            self.clock.now_ms += 2_000
            self.body.advance()
            self.board.watch()


@pytest.mark.parametrize("board", BOARDS)
def test_what_a_board_draws(board: BoardProfile) -> None:
    """Idle, thinking, taking a picture, sending, and off, in watts behind the converter."""
    bench = Bench(board)

    def watts() -> float:
        volts_mv, milliamps = bench.body.supply()
        return volts_mv * milliamps * 0.9 / 1e6

    idle_w = watts()
    assert idle_w == pytest.approx(board.idle_w + 0.15)
    bench.is_thinking = True
    assert watts() == pytest.approx(idle_w + board.inference_w)
    bench.is_thinking, bench.is_capturing = False, True
    assert watts() == pytest.approx(idle_w + board.camera_w)
    bench.is_capturing = False
    bench.desk.channel.send_down(bytes(200))
    assert watts() == pytest.approx(idle_w + 0.6)
    bench.clock.now_ms += 10_000
    bench.body.is_off = True
    assert watts() == pytest.approx(0.15)


def test_a_token_costs_about_a_joule_on_every_board() -> None:
    """0.7 to 1 J a token; the idle board is paid for anyway."""
    for board in BOARDS:
        assert 0.5 < board.inference_w / board.tokens_per_s < 1.1
        alone_ms = board.thinking_ms(0, 0)
        assert board.thinking_ms(0, 100) - alone_ms == pytest.approx(1e5 / board.tokens_per_s, 0.01)


def test_convection_falls_with_the_density_of_the_air() -> None:
    """Of the conductance 55 % is convection at sea level, and it goes with the density exactly."""
    dense = 1 / soc_resistance_kpw(10.0, 1.225)
    assert dense == pytest.approx(0.1)
    for altitude_m in (5_000, 10_000, 20_000, 30_000, 40_000):
        density = density_kgm3(altitude_m)
        lost = dense - 1 / soc_resistance_kpw(10.0, density)
        assert lost == pytest.approx(0.055 * (1 - density / 1.225))


def test_a_hot_processor_beside_a_cold_battery() -> None:
    """A thinking Pi 5 at 30 km: the same watts, twice as far above the box, and it throttles."""
    low, high = BoxHeat(0.0, PI_5.soc_kpw), BoxHeat(0.0, PI_5.soc_kpw)
    for _ in range(300):
        low.step(1.0, 0.0, 8.5, 0.0, 1.225, False)
        high.step(1.0, 0.0, 8.5, 0.0, 0.018, False)
    assert low.soc_c == pytest.approx(46, abs=1)
    assert high.soc_c == pytest.approx(100, abs=3)


def test_throttling_saves_power_and_shows() -> None:
    bench = Bench(PI_5)
    bench.track.altitude_m = 30_000.0
    bench.is_thinking = True
    bench.body.forced_inside_c = 20.0
    bench.run(1_200)
    assert bench.body.soc_c() >= 80
    assert bench.board.throttled() in (0x60006, 0x70007)
    hot_ma = bench.body.supply()[1]
    bench.is_thinking = False
    bench.run(900)
    assert bench.body.soc_c() < 80
    bench.is_thinking = True
    assert bench.body.supply()[1] > hot_ma * 1.3


def test_under_voltage_now_and_since_the_start() -> None:
    bench = Bench()
    assert (bench.board.throttled(), bench.board.is_undervolted()) == (0, False)
    bench.body.forced_battery_mv = ramp(2_900, 2_900, 0, 1)
    assert (bench.board.throttled(), bench.board.is_undervolted()) == (0x50005, True)
    bench.body.forced_battery_mv = None
    assert (bench.board.throttled(), bench.board.is_undervolted()) == (0x50000, False)
    bench.board.power_up()
    assert bench.board.throttled() == 0
    bench.board.forced_throttled = 0x10000
    assert bench.board.is_undervolted() is False


def test_a_dip_that_nobody_asked_about_is_remembered() -> None:
    bench = Bench()
    bench.body.forced_battery_mv = lambda t_s: 2_900 if 100 <= t_s < 104 else 3_900
    bench.run(200)
    assert bench.board.throttled() == 0x50000


def test_a_zero_does_not_know_its_supply() -> None:
    bench = Bench(PI_ZERO_2W)
    bench.body.forced_battery_mv = ramp(2_500, 2_500, 0, 1)
    assert (bench.board.throttled(), bench.board.is_undervolted()) == (None, None)
    assert bench.board.soc_temperature_c() is not None


def test_a_board_that_does_not_answer() -> None:
    """Missing is unknown, nonsense is refused by the core, hanging costs time and is a failure."""
    bench = Bench()
    sensors = Sensors({}, bench.board)
    bench.board.firmware = Firmware.MISSING
    assert (bench.board.soc_temperature_c(), bench.board.is_undervolted()) == (None, None)
    bench.board.firmware = Firmware.NONSENSE
    assert math.isnan(bench.board.soc_temperature_c() or 0)
    assert bench.board.is_undervolted() is None
    sensors.poll(0)
    assert sensors.latest("soc_c", 0) is None
    bench.board.firmware, bench.board.hang_ms = Firmware.HANGING, 7_000
    with pytest.raises(DeviceTimeout):
        bench.board.soc_temperature_c()
    sensors.poll(1_000)
    assert (bench.waited_ms, sensors.failures["board"]) == ([7_000, 7_000], 1)
    bench.board.firmware, bench.board.forced_soc_c = Firmware.WELL, 85.2
    assert bench.board.soc_temperature_c() == 85.0


def test_transmissions_dip_the_supply_for_a_second() -> None:
    bench = Bench()
    bench.body.send_dip_mv = 400.0
    bench.clock.now_ms = 5_000
    before = bench.body.supply_mv()
    bench.desk.channel.send_down(bytes(20))
    dips = []
    for at_ms in (5_000, 5_999, 6_000):
        bench.clock.now_ms = at_ms
        dips.append(before - bench.body.supply_mv() > 300)
    assert dips == [True, True, False]


def test_a_cell_can_be_chilled() -> None:
    bench = Bench(charge=0.4)
    bench.is_thinking = True
    warm = bench.body.supply_mv()
    bench.body.forced_inside_c = -30.0
    assert bench.body.supply_mv() < warm - 400
    assert bench.body.settled_mv() == pytest.approx(bench.body.supply_mv() + GIVEN_BACK_MV_MAX)
    assert bench.body.charge() < 0.25
    bench.body.forced_inside_c = 25.0
    assert bench.body.settled_mv() == pytest.approx(bench.body.supply_mv())
    bench.body.forced_inside_c = None
    assert bench.body.supply_mv() == pytest.approx(warm)


def test_a_brown_out_has_a_hysteresis() -> None:
    """Down to the cut-off and a little below, then back: off once, on once, far above."""
    bench = Bench()
    bench.body.has_brownout = True
    bench.body.forced_battery_mv = lambda t_s: 2_400 + abs(t_s - 500) * 2
    bench.run(1_000)
    (off, off_s), (on, on_s) = bench.events
    assert (off, on) == ("off", "on")
    assert 2_400 + abs(off_s - 500) * 2 == pytest.approx(BROWNOUT_MV, abs=8)
    assert 2_400 + abs(on_s - 500) * 2 == pytest.approx(RETURN_MV, abs=8)


def test_a_payload_lost_in_the_cold_comes_back_when_it_is_warm() -> None:
    """A third of a charge at -30 C under a Pi 4 fails; the cell rests, but only warmth helps."""
    bench = Bench(PI_4, charge=0.3)
    bench.body.has_brownout = True
    bench.is_thinking = True
    bench.body.forced_inside_c = -30.0
    bench.run(600)
    assert bench.events[0][0] == "off"
    bench.is_thinking = False
    bench.body.forced_inside_c = 10.0
    bench.run(600)
    assert bench.events[-1][0] == "on"
    assert not bench.body.is_browned_out
    count = len(bench.events)
    bench.run(600)
    assert len(bench.events) == count


def test_without_the_option_nothing_is_switched_off() -> None:
    bench = Bench()
    bench.body.forced_battery_mv = ramp(1_000, 1_000, 0, 1)
    bench.run(100)
    assert bench.events == []
    bench.body.has_brownout = True
    bench.run(2)
    bench.body.has_brownout = False
    bench.run(2)
    assert [what for what, _ in bench.events] == ["off", "on"]


def test_night_falls_later_higher_up() -> None:
    """At dusk the ground is dark already and the payload is not; later it is too."""
    bench = Bench()
    bench.clock.start_utc_ms = START_UTC_MS
    lit = []
    for half_hours in range(32):
        bench.clock.now_ms = half_hours * 1_800_000
        for altitude_m in (500.0, 30_000.0):
            bench.track.altitude_m = altitude_m
            bench.body._state = None  # the track was moved by hand
            lit.append(bench.body.is_sunlit())
    low, high = lit[0::2], lit[1::2]
    assert low[0] and not low[-1]
    assert high[0] and not high[-1]
    assert sum(high) > sum(low)
