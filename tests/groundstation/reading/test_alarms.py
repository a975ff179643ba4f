"""The alarms: each rule at its threshold, hysteresis, and what acknowledging does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from groundstation.reading.alarms import (
    DESCENT_FACTOR,
    FLIGHT_OVER_MS,
    SILENT_FACTOR,
    Alarm,
    AlarmBoard,
)
from groundstation.reading.fault_words import fault_words
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, state_at
from tests.groundstation.lied_to import Station
from wire.beacon import FaultBits
from wire.mission import Mission

LOW_MV, CRITICAL_MV = SIGNED_MISSION.power.low_mv, SIGNED_MISSION.power.critical_mv
LANDING_MPS = SIGNED_MISSION.flight.landing_mps
FENCE = ((52.0, 13.0), (52.0, 14.0), (53.0, 14.0), (53.0, 13.0))


class Board:
    """An alarm board, and the beacon that it hears next."""

    def __init__(self, mission: Mission = SIGNED_MISSION) -> None:
        self.board = AlarmBoard(mission)
        self.now_ms = START_MS
        self.change_id = 0
        self.phases: list[dict[str, Any]] = [{"phase": "ASCENT", "at_ms": START_MS, "alt_m": 60}]
        self.beacon: dict[str, Any] = {
            "phase": "ASCENT", "expected_every_s": 10, "altitude_m": 5000.0, "climb_mps": 5.0,
            "battery_mv": 4000.0, "faults": 0.0, "latitude_deg": 52.5, "longitude_deg": 13.5,
        }

    def hear(self, **fields: Any) -> dict[str, Alarm]:
        """A beacon with these fields, 10 s after the last; the alarms by their rules."""
        self.now_ms += 10_000
        self.beacon = self.beacon | fields | {"utc_ms": self.now_ms}
        if self.beacon["phase"] != self.phases[-1]["phase"]:
            self.phases = [*self.phases, {
                "phase": self.beacon["phase"], "at_ms": self.now_ms,
                "alt_m": self.beacon["altitude_m"]}]
        self.change_id += 1
        self.board.hear({
            "beacon": self.beacon, "phases": self.phases, "change_id": self.change_id})
        return self.look()

    def look(self, after_ms: int = 0) -> dict[str, Alarm]:
        self.now_ms += after_ms
        return {alarm.rule: alarm for alarm in self.board.look(self.now_ms)}

    def acknowledge(self, rule: str) -> None:
        assert self.board.acknowledge(rule, self.look()[rule].since_ms)


@pytest.fixture
def board() -> Board:
    return Board()


def test_an_undisturbed_flight_raises_nothing(board: Board) -> None:
    assert board.look() == {}, "nothing was heard yet"
    assert board.hear() == {}
    assert board.hear(climb_mps=None, altitude_m=None, battery_mv=None, latitude_deg=None) == {}


def test_silence_is_raised_by_time_alone_and_cleared_by_a_beacon(board: Board) -> None:
    board.hear()
    limit_ms = SILENT_FACTOR * 10 * 1000
    assert board.look(limit_ms) == {}
    [alarm] = board.look(1).values()
    assert (alarm.rule, alarm.words) == ("silence", "no beacon for 2 min, last at 5000 m")
    later = board.look(3_600_000)["silence"]
    assert later.since_ms == alarm.since_ms and later.words.startswith("no beacon for 62 min")
    cleared = board.hear()["silence"]
    assert not cleared.is_active and not cleared.is_acknowledged, "nobody has noticed it yet"
    board.acknowledge("silence")
    assert board.look() == {}


def test_a_flight_of_yesterday_raises_nothing(board: Board) -> None:
    board.hear(faults=float(FaultBits.GNSS))
    assert board.look(FLIGHT_OVER_MS) != {}
    assert board.look(1) == {}


def test_a_low_battery_has_hysteresis_and_a_critical_one_is_raised_again(board: Board) -> None:
    assert board.hear(battery_mv=LOW_MV + 1) == {}
    low = board.hear(battery_mv=LOW_MV)["low_battery"]
    assert low.words == f"the battery is low, {LOW_MV / 1000:.2f} V"
    board.acknowledge("low_battery")
    hysteresis_mv = SIGNED_MISSION.power.hysteresis_mv
    assert board.hear(battery_mv=LOW_MV + hysteresis_mv)["low_battery"].is_acknowledged
    assert board.hear(battery_mv=None)["low_battery"].is_active, "unknown clears nothing"
    critical = board.hear(battery_mv=CRITICAL_MV)["low_battery"]
    assert "critical" in critical.words and not critical.is_acknowledged
    board.acknowledge("low_battery")
    assert board.hear(battery_mv=CRITICAL_MV + 1)["low_battery"].is_acknowledged
    assert board.hear(battery_mv=LOW_MV + hysteresis_mv + 1) == {}


def test_a_burst_and_a_landing_are_raised_once_each(board: Board) -> None:
    board.hear()
    alarms = board.hear(phase="DESCENT", altitude_m=29_300.0, climb_mps=-20.0)
    assert alarms["burst"].words == "it is falling, first heard at 29300 m"
    board.acknowledge("burst")
    assert board.hear()["burst"].is_acknowledged, "it holds as long as it falls"
    alarms = board.hear(phase="LANDED", altitude_m=40.0, climb_mps=0.0)
    assert alarms.keys() == {"landing"}
    assert alarms["landing"].words == "it has landed at 52.5000, 13.5000"
    assert "at" not in board.hear(latitude_deg=None)["landing"].words.removeprefix("it has")


def test_a_station_that_starts_in_the_fall_knows_of_no_burst(board: Board) -> None:
    board.phases = [{"phase": "DESCENT", "at_ms": START_MS, "alt_m": 9000}]
    assert board.hear(phase="DESCENT", climb_mps=-6.0, altitude_m=2000.0) == {}


def test_a_fall_without_a_parachute_is_noticed_at_any_height(board: Board) -> None:
    board.hear(phase="DESCENT", altitude_m=0.0, climb_mps=-DESCENT_FACTOR * LANDING_MPS)
    board.acknowledge("burst")
    assert "descent_rate" not in board.look()
    alarms = board.hear(climb_mps=-DESCENT_FACTOR * LANDING_MPS - 0.5)
    assert alarms["descent_rate"].words == "it falls at 10.5 m/s; 5.0 m/s is expected at 0 m"
    assert board.hear(climb_mps=-DESCENT_FACTOR * LANDING_MPS)["descent_rate"].is_active
    assert not board.hear(climb_mps=-LANDING_MPS)["descent_rate"].is_active
    board.acknowledge("descent_rate")
    high = board.hear(altitude_m=25_000.0, climb_mps=-28.0)
    assert "descent_rate" not in high, "28 m/s is what the thin air makes of 5"
    assert "descent_rate" in board.hear(altitude_m=25_000.0, climb_mps=-58.0)


@pytest.mark.parametrize(("lat", "lon", "is_out"), [
    (52.5, 13.5, False), (52.5, 14.01, True), (51.99, 13.5, True), (None, 13.5, False),
])
def test_the_fence_is_watched(lat: float | None, lon: float, is_out: bool) -> None:
    flight = SIGNED_MISSION.flight.model_copy(update={"fence": FENCE, "ceiling_m": 20_000.0})
    board = Board(SIGNED_MISSION.model_copy(update={"flight": flight}))
    assert ("fence" in board.hear(latitude_deg=lat, longitude_deg=lon)) is is_out
    assert board.hear(altitude_m=20_001.0)["fence"].words == "it is above the ceiling of 20000 m"
    board.acknowledge("fence")
    below = board.hear(altitude_m=19_999.0)
    assert below.get("fence") is None or is_out or lat is None


def test_each_further_fault_is_raised_again(board: Board) -> None:
    assert board.hear(faults=float(FaultBits.CAMERA))["fault"].words == "camera"
    board.acknowledge("fault")
    assert board.hear()["fault"].is_acknowledged
    both = board.hear(faults=float(FaultBits.CAMERA | FaultBits.GNSS))["fault"]
    assert both.words == "GNSS receiver, camera" and not both.is_acknowledged
    board.acknowledge("fault")
    assert board.hear(faults=float(FaultBits.GNSS))["fault"].is_acknowledged, "one fewer"
    assert board.hear(faults=0.0) == {}


def test_calls_that_fail_raise_no_alarm(board: Board) -> None:
    assert board.hear(faults=float(FaultBits.API)) == {}
    both = board.hear(faults=float(FaultBits.API | FaultBits.CAMERA))["fault"]
    assert both.words == "camera"


def test_every_fault_has_its_word_and_an_unknown_one_its_number() -> None:
    assert len(fault_words(float(sum(FaultBits)))) == len(FaultBits)
    assert fault_words(float(1 << 15)) == ["fault 15"] and fault_words(None) == []


def test_what_nobody_noticed_comes_first_and_a_wrong_name_acknowledges_nothing(
    board: Board
) -> None:
    board.hear(faults=float(FaultBits.CAMERA))
    board.acknowledge("fault")
    board.hear(battery_mv=LOW_MV)
    assert [alarm.rule for alarm in board.board.look(board.now_ms)] == ["low_battery", "fault"]
    since_ms = board.look()["low_battery"].since_ms
    assert not board.board.acknowledge("low_battery", since_ms + 1)
    assert not board.board.acknowledge("no_rule", since_ms)


def test_an_older_state_of_another_thread_changes_nothing(board: Board) -> None:
    board.hear(faults=float(FaultBits.CAMERA))
    board.board.hear({"beacon": None, "phases": [], "change_id": 0})
    assert "fault" in board.look()


def test_a_forged_beacon_raises_nothing_and_clears_nothing(tmp_path: Any) -> None:
    """Only signed beacons are in the state that the rules read."""
    station = Station(tmp_path)
    board = AlarmBoard(SIGNED_MISSION)
    faulty = replace(state_at(1200), faults=int(FaultBits.STORE))
    station.hear(station.far.beacon(faulty), 1200)
    reader = FlightReader(station.archive.path, SIGNED_MISSION)
    board.hear(reader.flight())
    assert [a.rule for a in board.look(START_MS + 1_201_000)] == ["fault"]
    station.lie()
    board.hear(reader.flight())
    assert {a.rule for a in board.look(START_MS + 1_201_000)} == {"fault"}
    reader.close()
    station.archive.close()
