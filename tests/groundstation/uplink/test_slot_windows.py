"""Where payloads take turns the station knows from the clock when its payload listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.groundstation.far_end import SIGNED_MISSION
from tests.groundstation.uplink.outbox_station import Station
from wire.airtime_budget import AirtimeBudget
from wire.commands import Opcode
from wire.mission_swarm import Neighbour, SwarmSection

SWARM = SwarmSection(slot_s=20, neighbours=(Neighbour(name="FENN", node_id=3),))
PLAN = SIGNED_MISSION.model_copy(update={"swarm": SWARM})
ROUND_MS = SWARM.round_ms
BUDGET = AirtimeBudget(PLAN)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """It has a command to send, and heard its payload in the slot that began a round ago."""
    station = Station(tmp_path, PLAN)
    station.queue(Opcode.PING)
    station.now_ms -= SWARM.since_slot_ms(7, station.now_ms) - 5_000
    station.ground.receive(station.far.tell(), station.now_ms)
    station.now_ms += ROUND_MS - 5_000  # the next own slot begins
    return station


def test_it_speaks_though_it_did_not_hear_the_beacon_and_once(station: Station) -> None:
    assert station.ground.next_uplink(station.now_ms + 2_000) is not None
    assert station.ground.next_uplink(station.now_ms + 2_200) is None
    assert station.ground.next_uplink(station.now_ms + ROUND_MS + 2_000) is not None


@pytest.mark.parametrize("into_ms", [0, 1_000, 1_600, 2_400, 5_000, 20_000 + 2_000])
def test_it_is_silent_outside_of_the_window(station: Station, into_ms: int) -> None:
    """Before the latest end of the beacon, too late to end in the window, in another's slot."""
    assert station.ground.next_uplink(station.now_ms + into_ms) is None


def test_after_some_rounds_of_silence_only_a_beacon_tells(station: Station) -> None:
    station.now_ms += 2 * ROUND_MS
    assert station.ground.next_uplink(station.now_ms + 2_000) is None
    station.now_ms += 600
    station.beacon(is_listening=True)
    assert station.ground.next_uplink(station.now_ms + 500) is not None
    assert station.ground.next_uplink(station.now_ms + 1_500) is None, "the same window"


def test_whoever_has_no_slots_waits_for_a_beacon(tmp_path: Path) -> None:
    plain = Station(tmp_path, SIGNED_MISSION)
    plain.queue(Opcode.PING)
    assert not any(plain.ground.next_uplink(plain.now_ms + 100 * at) for at in range(400))


def test_the_slot_is_the_one_in_which_the_payload_sends() -> None:
    """FENN has the lower number: its slot is the first of a round."""
    assert SWARM.since_slot_ms(7, 10 * ROUND_MS) == 20_000
    assert BUDGET.window_every_ms == ROUND_MS
