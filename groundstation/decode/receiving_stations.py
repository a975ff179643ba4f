"""Who heard what: a frame that several stations received counts once, and once for each.

A reception whose bytes another station received first is an *echo*. Whatever its format, it is
archived like any other but not decoded again, so that nothing in the flight appears twice.
"""

from __future__ import annotations

from collections import defaultdict

from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception

SAME_MAX = 8_192  # receptions that are remembered: hours of a slow link


class ReceivingStations:
    """Of one archive, whose batch the caller holds where it calls ``keep``."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._first: dict[int, Reception] = {}  # by hash of the bytes; the oldest makes room
        self._heard: list[tuple[int, Reception, bool]] = []  # of which node, is it no echo

    def first(self, reception: Reception) -> Reception | None:
        """The earlier reception of which this is an echo; None where it is none."""
        first = self._first.setdefault(hash(reception.raw), reception)
        if len(self._first) > SAME_MAX:
            del self._first[next(iter(self._first))]
        return first if first.station != reception.station else None

    def note(self, reception: Reception, node_id: int, *, is_echo: bool = False) -> None:
        """A frame of this payload."""
        self._heard.append((node_id, reception, not is_echo))

    @property
    def noted(self) -> int:
        """How many frames are noted and not kept yet."""
        return len(self._heard)

    def forget(self, from_number: int = 0) -> None:
        """Those noted after so many."""
        del self._heard[from_number:]

    def keep(self) -> None:
        """Count in the archive what was noted."""
        heard: dict[tuple[int, str], list[tuple[int, bool]]] = defaultdict(list)
        for node_id, reception, is_first in self._heard:
            heard[node_id, reception.station].append((reception.utc_ms, is_first))
        for (node_id, station), found in heard.items():
            times_ms, are_first = zip(*found, strict=True)
            firsts, first_ms, last_ms = sum(are_first), min(times_ms), max(times_ms)
            self._archive.add_node_frames(node_id, firsts, first_ms, last_ms)
            self._archive.add_ear(node_id, station, len(found), firsts, first_ms, last_ms)
        self._heard.clear()
