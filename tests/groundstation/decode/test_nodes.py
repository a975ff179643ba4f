"""Whose frames are put together: ours, the neighbours', and of strangers those that came first."""

from __future__ import annotations

from groundstation.decode.nodes import FOREIGN_NODES_MAX, Nodes
from tests.groundstation.far_end import MISSION
from wire.bodies import NO_MODELS
from wire.frames import BeaconFrame, FrameCounter
from wire.mission_swarm import NEIGHBOURS_MAX, Neighbour, SwarmSection


def beacon(node_id: int) -> BeaconFrame:
    return BeaconFrame(node_id, FrameCounter(1, 1), bytes(24), False)


def test_no_number_of_strangers_takes_a_neighbours_place() -> None:
    """Eight forged beacons in eight names, and a station read no parcel of its neighbours any more;
    of a swarm of twelve it never read those of three."""
    ours = MISSION.payload.node_id
    listed = range(100, 100 + NEIGHBOURS_MAX)
    swarm = SwarmSection(neighbours=tuple(
        Neighbour(name=f"N{node_id}", node_id=node_id) for node_id in listed))
    nodes = Nodes(MISSION.model_copy(update={"swarm": swarm}), (), NO_MODELS)
    heard = [nodes.of(beacon(node_id)) for node_id in range(200, 220)]
    assert sum(node is not None for node in heard) == FOREIGN_NODES_MAX
    assert nodes.ours is None and nodes.of(beacon(ours)) is nodes.ours
    assert all(nodes.of(beacon(node_id)) is not None for node_id in listed)
    assert nodes.of(beacon(220)) is None
