"""The payloads that an archive knows: the mission's own, and others of its kind that were heard.

What another one is called is its own claim, and its node id is what tells it apart.
"""

from __future__ import annotations

import re
import sqlite3
from typing import TypedDict

from groundstation.decode import foreign
from groundstation.decode.foreign import NodeJson
from groundstation.sanitise import clean_text
from wire.mission import Mission

NAME_CHARACTERS_MAX = 16  # as in a mission
_IDENTIFICATION = re.compile(r"DE \S+ (.+)")  # wire.mission.Payload.identification


class PayloadJson(TypedDict):
    """One payload; ``claims`` is what another one calls itself on the air."""

    node_id: int
    name: str
    claims: str
    is_ours: bool


def known(db: sqlite3.Connection, mission: Mission) -> list[PayloadJson]:
    """The mission's own first, then by node id its neighbours and the others with most frames
    (``foreign.nodes``)."""
    ours = mission.payload
    own: PayloadJson = {
        "node_id": ours.node_id, "name": ours.name, "claims": "", "is_ours": True}
    others = [_other(node) for node in foreign.nodes(
        db, ours.node_id, mission.neighbour_names)]
    return [own, *sorted(others, key=lambda each: each["node_id"])]


def _other(node: NodeJson) -> PayloadJson:
    """A payload without a name is called after its node id."""
    match = _IDENTIFICATION.fullmatch(node["ident"])
    name = clean_text(match[1], NAME_CHARACTERS_MAX) if match else ""
    return {"node_id": node["node_id"], "name": name or f"Node {node['node_id']}",
            "claims": node["ident"], "is_ours": False}
