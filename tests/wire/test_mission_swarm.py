"""[swarm] of the mission file."""

from __future__ import annotations

from pathlib import Path

import pytest

from wire.airtime_budget import AirtimeBudget
from wire.beacon import Phase, PowerMode
from wire.mission import MissionError, parse
from wire.mission_swarm import NEIGHBOURS_MAX

EXAMPLE = (Path(__file__).parents[2] / "mission.toml").read_text(encoding="utf-8")


def neighbour(name: str = "FENN", node_id: int = 8) -> str:
    return f'[[swarm.neighbours]]\nname = "{name}"\nnode_id = {node_id}\n'


def test_a_payload_that_carries_for_no_other_has_none() -> None:
    assert parse(EXAMPLE, "m").swarm is None


def test_neighbours_are_read() -> None:
    swarm = parse(EXAMPLE + neighbour() + neighbour("GULL", 9), "m").swarm
    assert swarm is not None and swarm.names == {8: "FENN", 9: "GULL"}


def test_as_many_as_share_a_channel() -> None:
    table = "".join(neighbour(f"N{at}", 10 + at) for at in range(NEIGHBOURS_MAX))
    assert parse(EXAMPLE + table, "m").swarm is not None
    with pytest.raises(MissionError, match=r"swarm\.neighbours"):
        parse(EXAMPLE + table + neighbour(), "m")


@pytest.mark.parametrize(("text", "said"), [
    ("[swarm]\n", "swarm.neighbours is missing"),
    ("[swarm]\nneighbours = []\n", "swarm.neighbours"),
    (neighbour() + neighbour("GULL", 8), "has the node_id 8 twice"),
    (neighbour(node_id=7), "node_id 7, which is this payload's own"),
    (neighbour(node_id=255), "the first .*: node_id = 255"),
    (neighbour(name="A" * 17), "the first .*: name = "),
    (neighbour() + neighbour(node_id=9), "the name 'FENN', which is another's too"),
    (neighbour(name="tides"), "the name 'tides', which is another's too"),
    (neighbour(name="EDDA"), "the name 'EDDA', which is another's too"),
    (neighbour(name=" "), "the first .*: name = ' '"),
    (neighbour(name="FENN "), "the first .*: name = 'FENN ': must be .* are no blanks"),
    (neighbour(name="A" * 5_000), "the first .*: name = 'AAAA"),
    (neighbour(name="the ground"), "the name 'the ground', which is another's too"),
    (neighbour() + "key = 1\n", "the first .*: unknown key 'key'; available: codec, downlink_key"),
    ("[swarm]\nslot_s = 1\n" + neighbour(), "swarm.slot_s = 1: "),
    ("[swarm]\nslot_s = 61\n" + neighbour(), "swarm.slot_s = 61: "),
    ("[swarm]\nslot_s = 5\n" + neighbour(), "swarm.slot_s = 5: too short for a beacon"),
    ("[swarm]\nslot_s = 7\n" + neighbour(), "cadence.beacon_flight_s = 10, beacon_low_s = 5: "
     "shorter than a round of all slots, 14 s"),
])
def test_what_is_not_allowed_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(MissionError, match=said) as raised:
        parse(EXAMPLE + text, "m")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 250


def test_who_does_not_sign_cannot_relay() -> None:
    unsigned = EXAMPLE.replace("downlink_mac = true", "downlink_mac = false")
    with pytest.raises(MissionError, match=r"swarm requires keys\.downlink_mac = true"):
        parse(unsigned + neighbour(), "m")


def test_slots_make_the_beacon_as_slow_as_a_round() -> None:
    """Where the mission does not say how often it goes."""
    lines = [line for line in EXAMPLE.splitlines() if not line.startswith("beacon_")]
    plan = parse("\n".join(lines) + "\n[swarm]\nslot_s = 10\n" + neighbour(), "m")
    budget = AirtimeBudget(plan)
    assert plan.swarm is not None and plan.swarm.round_ms == budget.round_ms == 20_000
    assert budget.beacon_every_ms(Phase.ASCENT, PowerMode.NOMINAL, None) == 20_000
    assert budget.beacon_every_ms(Phase.ASCENT, PowerMode.CRITICAL, None) == 60_000


def test_an_hour_of_slots_carries_what_fits_into_them() -> None:
    lines = [line for line in EXAMPLE.splitlines() if not line.startswith("beacon_")]
    plan = parse("\n".join(lines) + "\n[swarm]\nslot_s = 10\n" + neighbour(), "m")
    hour = AirtimeBudget(plan).hour()
    assert hour.beacons == 180 and hour.frames == 180 * 4
