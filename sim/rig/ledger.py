"""The numbers of a bench flight: promised, delivered, lost, and durations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sim.rig.transmissions import SentFrames
from sim.rig.verdict import ArchiveRow, OutboxRow, StoreRow, gaps
from wire.frames import BeaconFrame


@dataclass(frozen=True, slots=True)
class Records:
    """A record is promised from when its number was given away: a life's have no gaps."""

    promised: int
    home: int
    lost: int

    @classmethod
    def of(cls, aboard: dict[int, StoreRow], home: dict[int, ArchiveRow], sent: SentFrames
           ) -> Records:
        """Lost is what is neither in the store nor, where that made room, on the ground."""
        kept = aboard.keys() | home.keys()
        promised = kept | sent.records.keys() | gaps(aboard)
        return cls(len(promised), len(home), len(promised - kept))


def lines(
    records: Records, sent: SentFrames, beacons_heard: int, entries: Iterable[OutboxRow],
    kills: Mapping[str, int], starts: Mapping[str, int],
) -> list[str]:
    """The table at the end; ``kills`` and ``starts`` by process."""
    states = Counter(entry.state for entry in entries)
    gaps = "; ".join(f"every {cadence_s} s: {gap_s:.1f} s"
                     for cadence_s, gap_s in sorted(sent.longest_gaps_s.items()))
    return [
        f"records   promised {records.promised}   delivered {records.home}   waiting "
        f"{records.promised - records.home - records.lost}   lost {records.lost}",
        f"beacons   sent {sent.counts[BeaconFrame.__name__]}   heard {beacons_heard}   late "
        f"{len(sent.late)}   longest gap at cadence {gaps or '-'}",
        f"commands  sent {sum(states.values())}   answered {states['answered']}   accepted, not "
        f"answered yet {states['confirmed']}   waiting {states['queued'] + states['sent']}   "
        f"failed {states['failed']}",
        "kills     " + "   ".join(f"{who} {count}" for who, count in kills.items()),
        "starts    " + "   ".join(f"{who} {count}" for who, count in starts.items()),
    ]
