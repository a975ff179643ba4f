"""ELEMENTS: newer elements for a payload in orbit, kept across a reboot."""

from __future__ import annotations

from pathlib import Path

from payload.link import pass_plan
from sim.orbit import renewed
from tests.payload import test_flight
from tests.payload.link.test_command_handlers import Bench
from tests.wire.orbits import ISS, iss
from wire.commands import Opcode
from wire.mission_orbit import OrbitSection, OrbitStation
from wire.records import Kind


class OrbitBench(Bench):
    """One that orbits over a station, and takes a step every five seconds."""

    mission = test_flight.MISSION.model_copy(update={"orbit": OrbitSection(
        tle=ISS, stations=(OrbitStation(name="home", latitude_deg=48.0, longitude_deg=11.0),))})


def test_elements_are_kept_across_a_reboot(tmp_path: Path) -> None:
    bench = OrbitBench(tmp_path)
    bench.run(60)  # the clock is set
    utc_ms = bench.flight.clock.utc_ms(bench.now_ms)
    assert utc_ms is not None
    text = renewed(iss(), utc_ms).text
    for sent, why in ((iss().text, "the epoch is more than 60 days away"), (text, None)):
        bench.send(Opcode.ELEMENTS, sent)
        bench.run(20)
        assert bench.stored(Kind.COMMAND_RESULT)[-1].body.get("why") == why
    bench.restart()
    assert bench.flight.store.get(pass_plan.KEY) == text + iss().text
    assert bench.flight.passes.elements.text == text


def test_a_balloon_takes_no_elements(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(5)
    assert bench.command(Opcode.ELEMENTS, iss().text) == (
        "its mission has no stations whose passes to predict")
