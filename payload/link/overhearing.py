"""Overhearing: musings in the frames of neighbours whose downlink key is aboard.

A carrier needs no key (``payload.link.custody``), but who is to be answered must be known. So only
frames that the neighbour's own key has signed are read, in a session that a signed frame told, and
of their records only musings that a model made, with the time at which they were thought. All else
is as if it had not been said; forged frames, and texts in a model that is not here, are counted.

Source symbols alone are read, for each tells its records by itself: solving coded ones costs time
that a step does not have, and a conversation wants the newest word, not every one. Of each
neighbour the symbols of BLOCKS_MAX blocks are held; the oldest makes room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from payload.mind.neighbour_talk import NeighbourMusing
from wire import bodies, relaying
from wire.blocks import BlockReader
from wire.bodies import Models
from wire.frames import (
    DataFrame,
    Heard,
    ImpostorFrame,
    IncarnationFrame,
    UnplacedFrame,
    decode_downlink,
)
from wire.records import Kind, Record, TimeQuality
from wire.session import Session

BLOCKS_MAX = 8  # of 64 symbols: 16 kB each
SESSIONS_MAX = 4  # replays of earlier ones may displace the true one until it is told again


@dataclass(frozen=True, slots=True)
class KnownNeighbour:
    """What is needed to understand a neighbour: its downlink key, and the text models it uses."""

    key: bytes
    models: Models


@dataclass(slots=True)
class _Heard:
    """What is held of one neighbour; the oldest first."""

    sessions: list[Session] = field(default_factory=list)
    readers: dict[tuple[Session, int], BlockReader] = field(default_factory=dict)


class Overhearing:
    """Of the neighbours in ``known_neighbours``, by node id."""

    def __init__(
        self, node_id: int, known_neighbours: Mapping[int, KnownNeighbour], mtu_bytes: int
    ) -> None:
        """``node_id`` is this payload's own; ``mtu_bytes`` the mission's ``symbol_mtu_bytes``."""
        self.forged_frames = 0  # in the name of one of them, and not signed by it
        self.unplaced_frames = 0  # forged, or of a session that was not told yet
        self.sealed_records = 0  # musings in a text model that is not here
        self._node_id = node_id
        self._known = dict(known_neighbours)
        self._keys = {node_id: known.key for node_id, known in known_neighbours.items()}
        self._heard = {node_id: _Heard() for node_id in known_neighbours}
        self._mtu_bytes = mtu_bytes

    def verify(self, data: bytes) -> Heard | None:
        """What the neighbour's key makes of it; None where that is not here, and for noise."""
        if len(data) < 2 or data[1] not in self._keys:
            return None
        frame = decode_downlink(data, self._keys, self._sessions)
        self.unplaced_frames += isinstance(frame, UnplacedFrame)
        self.forged_frames += isinstance(frame, ImpostorFrame)
        return frame

    def read(self, frame: Heard | None) -> list[NeighbourMusing]:
        """The musings that can be read with what was verified."""
        if isinstance(frame, IncarnationFrame):
            self._place(self._heard[frame.node_id], frame.session)
        elif isinstance(frame, DataFrame) and frame.session is not None:
            return self._read(frame, frame.session)
        return []

    def _sessions(self, node_id: int, boot_bits: int) -> list[Session]:
        known = self._heard[node_id].sessions
        return [session for session in reversed(known) if session.boot_bits == boot_bits]

    def _place(self, heard: _Heard, session: Session) -> None:
        if session in heard.sessions:
            heard.sessions.remove(session)
        heard.sessions.append(session)
        del heard.sessions[:-SESSIONS_MAX]

    def _read(self, frame: DataFrame, session: Session) -> list[NeighbourMusing]:
        if frame.priority != relaying.LANE or frame.esi >= frame.block_symbols:
            return []
        readers, name = self._heard[frame.node_id].readers, (session, frame.block)
        reader = readers.get(name)
        if reader is None:
            models = self._known[frame.node_id].models
            reader = readers[name] = BlockReader(self._mtu_bytes, frame.block, models)
            if len(readers) > BLOCKS_MAX:
                del readers[next(iter(readers))]
        if not frame.is_open:
            reader.close(frame.block_symbols)
        found = reader.add(frame.esi, frame.symbol)
        if reader.is_poisoned:
            readers.pop(name, None)
            return []
        musings = (self._musing(frame.node_id, session, record) for record in found)
        return [musing for musing in musings if musing is not None]

    def _musing(
        self, node_id: int, session: Session, record: Record
    ) -> NeighbourMusing | None:
        body, text = record.body, record.body.get("text")
        if record.kind is not Kind.MUSING or record.quality is TimeQuality.NONE:
            return None
        if bodies.sealed_model(body) is not None:
            self.sealed_records += 1
            return None
        if body.get("by") != "model" or not isinstance(text, str):
            return None
        answers = body.get("answers")
        is_reply = isinstance(answers, list) and answers[:1] == [self._node_id]
        return NeighbourMusing(
            node_id, session.incarnation, record.record_id, text, record.time_ms, is_reply)
