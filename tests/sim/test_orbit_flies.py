"""The real flight core and ground station in an orbit: one pass, and the silence after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from groundstation.archive import outbox
from sim.daemon import Observer
from sim.orbit import Orbit, renewed
from sim.scenario import Conditions, into_orbit
from sim.verify.checks import Checks
from sim.world import World
from tests.sim.flights import mission
from wire import beacon
from wire.beacon import Phase
from wire.commands import Opcode
from wire.frames import BeaconFrame, decode_downlink
from wire.mission_orbit import OrbitStation
from wire.orbit import Elements, geodetic
from wire.records import Kind

SEED = 7
END_S = 2_700.0
SETTLED_S = 120.0  # time and the first fix are known


class Log(Observer):
    """(s, frame) of everything that the payload sends, and its steps."""

    def __init__(self, world: World) -> None:
        self.sent: list[tuple[float, bytes]] = []
        self.steps: list[float] = []
        self.notes: Counter[str] = Counter()
        self.altitudes_m: list[int] = []
        self._world = world
        world.observers.append(self)

    def on_step(self) -> None:
        flight = self._world.flight
        assert flight is not None
        self.steps.append(self._world.clock.now_s)
        for note in flight.notes:
            self.notes[str(note.body.get("event", note.kind.name))] += 1
            if note.kind is Kind.TRACK:
                self.altitudes_m.append(note.body["alt"])

    def on_send(self, frame: bytes) -> None:
        self.sent.append((self._world.clock.now_s, frame))


class Forgotten:
    """A payload whose elements are 61 days old, and a station that sends it new ones."""

    def __init__(self, folder: Path) -> None:
        plan, conditions = into_orbit(SEED, mission(), Conditions(), 1.0)
        assert conditions.orbit is not None and plan.orbit is not None
        first = conditions.orbit
        begin_ms = first.start_utc_ms + 61 * 86_400_000
        self.orbit = Orbit(begin_ms, first.elements, (
            below(first.elements, begin_ms + 300_000), *first.stations), 1.0)
        plan = plan.model_copy(update={
            "orbit": plan.orbit.model_copy(update={"stations": self.orbit.stations})})
        self.world = World(plan, SEED, "scripted", folder,
                           conditions=replace(conditions, orbit=self.orbit))
        self.checks = Checks(self.world)
        self.log = Log(self.world)


def below(elements: Elements, utc_ms: int) -> OrbitStation:
    """One that it passes over then."""
    place = geodetic(elements.at(utc_ms))
    return OrbitStation(
        name="below", latitude_deg=place.latitude_deg, longitude_deg=place.longitude_deg)


def test_new_elements_let_it_be_silent_again_where_nobody_hears(tmp_path: Path) -> None:
    flown = Forgotten(tmp_path)
    world, begin_ms = flown.world, flown.orbit.start_utc_ms
    assert world.ground is not None
    world.ground.archive.queue(
        Opcode.ELEMENTS, renewed(flown.orbit.elements, begin_ms).text, begin_ms, 0,
        lifetime_s=3_600)
    world.run_until(1_800.0)
    (entry,) = outbox.recent(world.ground.archive.db, 9)
    assert entry.state == "answered"
    _, last_s = max((set_s, set_s) for rise_s, set_s, _ in flown.orbit.passes() if set_s < 1_500)
    away = [at_s for at_s, _ in flown.log.sent if last_s + 180 < at_s < 1_800]
    assert len(away) < 20 and flown.checks.violations == []
    world.close()


class Flown:
    def __init__(self, folder: Path) -> None:
        plan, conditions = into_orbit(SEED, mission(), Conditions(), 1.0)
        assert conditions.orbit is not None
        self.orbit = conditions.orbit
        self.world = World(plan, SEED, "scripted", folder, conditions=conditions)
        self.checks = Checks(self.world)
        self.log = Log(self.world)
        self.world.run_until(END_S)
        self.checks.scan()
        self.checks.shown.look()


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    made = Flown(tmp_path_factory.mktemp("orbit"))
    made.world.close()
    return made


def test_every_check_holds_and_it_floats(flown: Flown) -> None:
    assert flown.checks.violations == []
    assert flown.world.last_beacon is not None
    assert beacon.decode(flown.world.last_beacon.state).phase is Phase.FLOAT
    assert not flown.log.notes["burst"] and flown.log.notes["clock_set"] == 1


def test_what_it_has_made_comes_home_in_the_pass(flown: Flown) -> None:
    heard = flown.world.channel.heard
    assert heard["data"] + heard["open_data"] > 50 and heard["feedback"] > 0
    assert flown.log.altitudes_m and all(
        380_000 < altitude_m < 560_000 for altitude_m in flown.log.altitudes_m)


def test_away_from_its_stations_it_sends_beacons_alone_and_seldom(flown: Flown) -> None:
    passes = [(rise_s - 60, set_s + 60) for rise_s, set_s, _ in flown.orbit.passes()]
    last_s = max(set_s for _, set_s in passes if set_s < END_S)
    away = [(at_s, frame) for at_s, frame in flown.log.sent
            if last_s + 120 < at_s < last_s + 1_200]
    beacons = [at_s for at_s, frame in away
               if isinstance(decode_downlink(frame), BeaconFrame)]
    assert 2 <= len(beacons) <= 5
    assert len(away) - len(beacons) <= 3  # the callsign, every ten minutes
    within = [at_s for at_s, _ in flown.log.sent if passes[0][0] <= at_s <= passes[0][1]]
    assert len(within) > 100


def test_a_beacon_tells_no_height_that_it_has_no_room_for(flown: Flown) -> None:
    told = [beacon.decode(frame.state) for at_s, data in flown.log.sent if at_s > SETTLED_S
            and isinstance(frame := decode_downlink(data), BeaconFrame)]
    assert all(each.altitude_m is None and each.speed_mps is None for each in told)
    assert all(each.latitude_deg is not None and each.heading_deg is not None for each in told)


def test_an_idle_payload_that_nobody_hears_steps_every_fifteen_seconds(flown: Flown) -> None:
    """What a flight of months costs is its steps."""
    idle = [at_s for at_s in flown.log.steps if at_s > END_S - 900]
    assert 0.9 * 60 <= len(idle) <= 1.3 * 60
