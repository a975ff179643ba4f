"""What one payload carried home for another: its frames, as receptions of their own.

A parcel (``wire.relaying``) holds whole frames of a neighbour, signed by it. Each becomes a
reception by "via NAME", dated to the moment at which that payload heard it, and goes the way of
every other: raw log, signature, session, records. So nothing here believes a relay: it decides only
what is not worth looking at, by these names:

    relay_damaged  no parcel, or a frame in it that is not one that may be carried
    relay_echoed   the carrier's own frame, or one of a payload that is not listed
    relay_looped   a parcel that came in a parcel
    relay_stale    heard longer ago than frames are carried, or in the future

What is here already by the same relay is left out: a rebuild meets every parcel again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import BY_RELAY, Reception
from wire import relaying
from wire.mission import Mission
from wire.records import Kind, Record, TimeQuality
from wire.relaying import Overheard

AHEAD_MS_MAX = 600_000  # that a relay's clock may be ahead of the station's


class Relayed:
    """Of one archive. Without [swarm] in the mission, parcels are records and nothing more."""

    def __init__(self, mission: Mission, archive: Archive) -> None:
        self._archive = archive
        self._names = {} if mission.swarm is None else {
            **mission.neighbour_names, mission.payload.node_id: mission.payload.name}
        self._waiting: dict[tuple[str, int, bytes], Reception] = {}

    def add(
        self, carrier: int, records: Iterable[Record], reception: Reception
    ) -> Counter[str]:
        """Records of the payload ``carrier`` became readable with ``reception``; how many frames
        were refused, by the reason."""
        refused: Counter[str] = Counter()
        for record in records:
            if record.kind is Kind.RELAYED and carrier in self._names:
                refused.update(self._open(carrier, record, reception))
        return refused

    def take(self) -> list[Reception]:
        """What is to be received now."""
        found, self._waiting = list(self._waiting.values()), {}
        return found

    def _open(self, carrier: int, record: Record, reception: Reception) -> list[str]:
        """Let the frames of a parcel wait; why not, for those that are refused."""
        if reception.source == BY_RELAY:
            return ["relay_looped"]
        try:
            heard = relaying.unpack(record.body)
        except ValueError:
            return ["relay_damaged"]
        packed_ms = reception.utc_ms
        if record.quality is not TimeQuality.NONE:
            age_ms = reception.utc_ms - record.time_ms
            if not -AHEAD_MS_MAX <= age_ms <= relaying.AGE_S_MAX * 1000:
                return ["relay_stale"] * len(heard)
            packed_ms = min(packed_ms, record.time_ms)
        flaws = [self._flaw(carrier, each.data) for each in heard]
        for each, flaw in zip(heard, flaws, strict=True):
            if not flaw:
                self._let_wait(f"via {self._names[carrier]}", each, packed_ms)
        return [flaw for flaw in flaws if flaw]

    def _flaw(self, carrier: int, data: bytes) -> str:
        frame = relaying.carried(data)
        if frame is None:
            return "relay_damaged"
        is_anothers = frame.node_id != carrier and frame.node_id in self._names
        return "" if is_anothers else "relay_echoed"

    def _let_wait(self, station: str, heard: Overheard, packed_ms: int) -> None:
        utc_ms, data = max(0, packed_ms - heard.age_s * 1000), heard.data
        if not self._is_here(station, utc_ms, data):
            self._waiting[station, utc_ms, data] = Reception(
                utc_ms, data, station, source=BY_RELAY)

    def _is_here(self, station: str, utc_ms: int, data: bytes) -> bool:
        rows = self._archive.db.execute(
            "SELECT raw FROM reception WHERE station = ? AND utc_ms = ? AND source = 'relay'",
            (station, utc_ms))
        return any(row[0] == data for row in rows)
