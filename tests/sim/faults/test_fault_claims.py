"""Fault 50, flown: what nobody signed, in our name and at the station's antenna."""

from __future__ import annotations

from contextlib import closing

import pytest

from groundstation.reading.reader import FlightReader
from sim.world import World
from tests.sim.faults.short_hops import fly, hop

TALLIES = {
    "claims.place": ("sightings_ukhas", "sightings_horus", "sightings_summary"),
    "claims.numbers": ("noise", "sightings_summary", "neighbour_frames"),
}


@pytest.mark.parametrize("name", sorted(TALLIES))
def test_fault_50_no_claim_becomes_a_proof_and_no_number_ends_the_station(name: str) -> None:
    heard: dict[str, int] = {}

    def watch(world: World) -> None:
        def look() -> None:
            with closing(FlightReader(world.archive_path, world.mission)) as reader:
                assert reader.is_verifying
                heard.update(reader.flight()["link"])

        world.every(60_000, look)

    outcome, seen = fly(hop(name, 300.0), watch)
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    assert seen.frames["beacon"] > 30
    assert all(heard[tally] > 3 for tally in TALLIES[name]), heard
