"""The [swarm] section of the mission file: whose frames the payload listens for and carries home.

A neighbour is known by its node id. Its signature is checked on the ground, by the station that has
its key. The payload has the key only where the neighbour is to be answered
(``payload.mind.neighbour_talk``), and then the one of its downlink alone: whoever has that can
pretend to be the neighbour, and command nobody.

With ``slot_s`` the payloads share the channel by time (TDMA): UTC is cut into rounds, and a round
into one slot for each payload, in the order of their node ids. Every payload has to list all others
and the same ``slot_s``, so that all count the same rounds.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from wire.mission_radio import Section

NEIGHBOURS_MAX = 11  # twelve payloads on one channel
SLOT_LATE_MS = 1_100  # a payload begins its slot so late at most: a fix is a second old when read
SLOT_GUARD_MS = 1_200  # and sends nothing in the last part of a slot


class Neighbour(Section):
    """[[swarm.neighbours]]: the ``payload.name`` and ``payload.node_id`` of its mission file."""

    name: Annotated[str, Field(min_length=1, max_length=16, pattern=r"^\S(.*\S)?$", description=(
        "1 to 16 characters, of which the first and the last are no blanks"))]
    node_id: Annotated[int, Field(ge=1, le=254)]
    downlink_key: str = ""  # file with its downlink key; without it, it is carried and not answered
    codec: str = ""  # file with the text model of its bundle; without it, only plain texts are read


class SwarmSection(Section):
    """[swarm]"""

    neighbours: Annotated[
        tuple[Neighbour, ...], Field(strict=False, min_length=1, max_length=NEIGHBOURS_MAX)]
    slot_s: Annotated[int, Field(ge=2, le=60)] | None = None  # None: whenever the channel is free

    @property
    def round_ms(self) -> int:
        """From one own slot to the next; 0 without slots."""
        return 1000 * (self.slot_s or 0) * (1 + len(self.neighbours))

    @property
    def names(self) -> dict[int, str]:
        """node id -> name."""
        return {each.node_id: each.name for each in self.neighbours}

    def since_slot_ms(self, node_id: int, utc_ms: int) -> int:
        """How long ago the latest slot of this payload began. Only with a ``slot_s``."""
        assert self.slot_s is not None
        place = sum(other < node_id for other in self.names if other != node_id)
        return (utc_ms - 1000 * self.slot_s * place) % self.round_ms

    def flaw(self, own_node_id: int, sources: Collection[str]) -> str | None:
        """What cannot be as the file has it, in one sentence; None when all can.

        ``sources`` are the names under which the words of others are kept already.
        """
        ids = [each.node_id for each in self.neighbours]
        twice = next((each for each in ids if ids.count(each) > 1), None)
        if twice is not None:
            return f"swarm.neighbours has the node_id {twice} twice; each belongs to one payload"
        if own_node_id in ids:
            return (f"swarm.neighbours has the node_id {own_node_id}, which is this payload's own; "
                    "list the others")
        given = [each.name for each in self.neighbours]
        shared = next((name for name in given if given.count(name) > 1 or name in sources), None)
        if shared is not None:
            return (f"swarm.neighbours has the name {shared!r}, which is another's too; the words "
                    "of each payload and source are kept under its name")
        return None
