"""Neighbours: the other payloads that are heard, and the courtesy that is owed to them.

What they say goes into custody (``payload.link.custody``), and their musings to the mind
(``payload.link.overhearing``). Their listening windows are kept: a payload that spoke then would
drown the answer that its neighbour waits for. A neighbour that was heard is somebody to talk to,
though no station can hear; but seldom, for it costs energy, and not at all where they take turns:
then they hear each other in every pass.
"""

from __future__ import annotations

from payload.link.custody import Custody
from payload.link.overhearing import Overhearing
from payload.mind.neighbour_talk import NeighbourMusing
from payload.notes import Note, event
from wire import relaying
from wire.frames import BeaconFrame, ImpostorFrame
from wire.mission_swarm import SwarmSection
from wire.records import Kind
from wire.relaying import Carried

COURTESY_EVERY_MS = 10_000  # a stranger who forges listening beacons cannot silence us for longer
REFUSAL_REPORTED_EVERY_MS = 600_000
TALK_MS = 120_000  # to a neighbour, while no station can hear,
TALK_EVERY_MS = 1_800_000  # and no more often


class Neighbours:
    """One per boot; without ``swarm`` nobody is listened for."""

    def __init__(
        self, swarm: SwarmSection | None, overhearing: Overhearing | None = None
    ) -> None:
        """Without ``overhearing`` nothing of them is understood."""
        self.custody = Custody()
        self._overhearing = overhearing
        self._musings: list[NeighbourMusing] = []
        self.heard_frames = 0
        self._names = {} if swarm is None else swarm.names
        self._takes_turns = swarm is not None and swarm.slot_s is not None
        self._heard_ms: int | None = None
        self._heard_ids: set[int] = set()
        self._notes: list[Note] = []
        self._refused_frames = 0  # as last reported
        self._report_due_ms = 0
        self._talks_from_ms: int | None = None
        self._courteous_ms = -COURTESY_EVERY_MS

    def hear(self, data: bytes, now_ms: int) -> bool:
        """The radio heard this. True where a neighbour listens now, and is to be let listen."""
        if len(data) < 2 or data[1] not in self._names:
            return False
        frame = relaying.carried(data)
        verdict = None if self._overhearing is None else self._overhearing.verify(data)
        if frame is None or isinstance(verdict, ImpostorFrame):
            return False
        self.heard_frames += 1
        self._heard_ms = now_ms
        if frame.node_id not in self._heard_ids:
            self._heard_ids.add(frame.node_id)
            self._notes.append(event("neighbour_heard", payload=self._names[frame.node_id]))
        verified = verdict if isinstance(verdict, Carried) else None
        self.custody.take(verified or frame, data, now_ms, verified is not None)
        if self._overhearing is not None:
            self._musings += self._overhearing.read(verdict)
        is_listening = isinstance(frame, BeaconFrame) and frame.is_listening
        if not is_listening or now_ms - self._courteous_ms < COURTESY_EVERY_MS:
            return False
        self._courteous_ms = now_ms
        return True

    def take_musings(self) -> list[NeighbourMusing]:
        """What was understood since the last call; the mind takes it every step."""
        musings, self._musings = self._musings, []
        return musings

    def notes(self, now_ms: int) -> list[Note]:
        """What is to be stored for them now."""
        if not self._names:
            return []
        notes, self._notes = self._notes, []
        refused = self.custody.refused_frames
        if refused > self._refused_frames and now_ms >= self._report_due_ms:
            self._refused_frames = refused
            self._report_due_ms = now_ms + REFUSAL_REPORTED_EVERY_MS
            notes.append(event("relay_share_full", "warning", refused_frames=refused))
        return notes + [Note(Kind.RELAYED, body) for body in self.custody.take_parcels(now_ms)]

    def is_talked_to(self, now_ms: int) -> bool:
        """Is now the time to send though no station hears?"""
        if self._takes_turns:
            return False
        begun_ms = self._talks_from_ms
        if begun_ms is not None and now_ms - begun_ms < TALK_MS:
            return True
        is_here = self._heard_ms is not None and now_ms - self._heard_ms < TALK_MS
        if not is_here or (begun_ms is not None and now_ms - begun_ms < TALK_EVERY_MS):
            return False
        self._talks_from_ms = now_ms
        return True
