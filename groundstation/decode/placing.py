"""The frame in a reception and its session; a frame that cannot be placed yet is held.

A signed DATA frame is genuine in one session alone. One that fits none that is known here is
forged, or of a session that no INCARNATION frame has announced yet: it is in the raw log like
everything, and a bounded list says which of those are to be read again. The oldest make room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception
from groundstation.decode import payload_summaries
from groundstation.decode.sessions import Sessions
from wire import frames
from wire.frames import DataFrame
from wire.session import Session

HELD_MAX = 4096


class Placing:
    """Of all payloads. The caller holds a batch of ``archive`` where it holds or releases."""

    def __init__(self, archive: Archive, signers: Mapping[int, bytes]) -> None:
        """``signers`` are the downlink keys by node id."""
        self._archive = archive
        self._signers = signers
        self._sessions: dict[int, Sessions] = {}

    def forget(self) -> None:
        """The archive was rolled back: what is known is what it says."""
        self._sessions.clear()

    def frame(self, reception: Reception) -> frames.Heard | None:
        """What came; None for noise, and for what is no frame of ours."""
        if reception.source == payload_summaries.SOURCE:  # by UDP come summaries alone
            return None
        return frames.decode_downlink(reception.raw, self._signers, self._fitting)

    def is_of_old(self, reception: Reception) -> bool:
        """Is this genuine data, though of a session too long ago for ``frame`` to place it?"""
        frame = frames.decode_downlink(
            reception.raw, self._signers, lambda node_id, bits: self.sessions(node_id).ever(bits))
        return isinstance(frame, DataFrame)

    def sessions(self, node_id: int) -> Sessions:
        """Those of this payload."""
        if node_id not in self._sessions:
            self._sessions[node_id] = Sessions(
                self._archive.db, node_id, node_id in self._signers)
        return self._sessions[node_id]

    def hold(self, reception: Reception) -> None:
        """Its frame fits no session yet."""
        db = self._archive.db
        db.execute("INSERT OR IGNORE INTO unplaced VALUES (?)", (reception.reception_id,))
        db.execute(
            "DELETE FROM unplaced WHERE reception_id <= (SELECT reception_id FROM unplaced"
            " ORDER BY reception_id DESC LIMIT 1 OFFSET ?)", (HELD_MAX,),
        )

    def release(self) -> Iterator[tuple[Reception, DataFrame]]:
        """Those that fit one now, in the order in which they came."""
        db = self._archive.db
        for (number,) in db.execute("SELECT reception_id FROM unplaced ORDER BY 1").fetchall():
            reception = self._archive.reception(number)
            frame = None if reception is None else self.frame(reception)
            if reception is not None and isinstance(frame, DataFrame):
                db.execute("DELETE FROM unplaced WHERE reception_id = ?", (number,))
                yield reception, frame

    def _fitting(self, node_id: int, boot_bits: int) -> list[Session]:
        return self.sessions(node_id).fitting(boot_bits)
