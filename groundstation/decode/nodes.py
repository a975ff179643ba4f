"""The payloads whose frames are put together: ours, its listed neighbours, and a few others."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from groundstation.decode.node_receiver import NodeReceiver
from wire import auth
from wire.airtime_budget import AirtimeBudget
from wire.auth import Authenticity
from wire.bodies import Models
from wire.frames import BeaconFrame, DataFrame, IncarnationFrame
from wire.mission import Mission

Numbered = BeaconFrame | DataFrame | IncarnationFrame  # a payload's frames that have a counter
# Strangers whose records are put together; of others only frames are counted. Neighbours that the
# mission lists are none: each has its place, whoever was heard before.
FOREIGN_NODES_MAX = 8


class Nodes:
    """The receivers in memory, by node id. ``signers`` are the nodes whose key is here."""

    def __init__(self, mission: Mission, signers: Collection[int], models: Models) -> None:
        self._mission = mission
        self._node_id = mission.payload.node_id
        self._expected = {self._node_id, *mission.neighbour_names}
        self._signers = signers
        self._models = models
        self._known: dict[int, NodeReceiver] = {}

    def __iter__(self) -> Iterator[NodeReceiver]:
        return iter(self._known.values())

    @property
    def ours(self) -> NodeReceiver | None:
        """Our payload's; None before it was heard."""
        return self._known.get(self._node_id)

    def forget(self) -> None:
        """The archive was rolled back: what is known is what it says."""
        self._known.clear()

    def of(self, frame: Numbered) -> NodeReceiver | None:
        """The one that this frame is for; None for a payload too many."""
        node_id = frame.node_id
        node = self._known.get(node_id)
        if node is None:
            strangers = self._known.keys() - self._expected
            if node_id not in self._expected and len(strangers) >= FOREIGN_NODES_MAX:
                return None
            node = self._known[node_id] = NodeReceiver(
                node_id, self._symbol_mtu_bytes(frame), AirtimeBudget(self._mission),
                node_id in self._signers, self._models)
        return node

    def _symbol_mtu_bytes(self, frame: Numbered) -> int:
        """Ours is as the mission says; whether a foreign payload signs, its frames say."""
        if frame.node_id == self._node_id:
            return self._mission.symbol_mtu_bytes
        is_signed = frame.authenticity is not Authenticity.UNSIGNED
        return self._mission.radio.mtu_bytes - auth.DOWNLINK_MAC_BYTES * is_signed
