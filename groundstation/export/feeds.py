"""Live feeds for other programs: payload summaries and CCSDS packets.

Sans-I/O: each feed reads the archive when asked, and returns the datagrams for what is new since
the last call. What was there before it began is not sent.
"""

from __future__ import annotations

import sqlite3

from groundstation.archive.rows import is_verified
from groundstation.decode import payload_summaries
from groundstation.decode.foreign import STALE_FIX_S
from groundstation.export import ccsds
from groundstation.reading.page_json import BeaconJson, SightingJson
from groundstation.reading.reader import FlightReader
from wire.mission import Mission

UNVERIFIED_SUFFIX = "-unverified"
FROM_OTHERS = ("summary", "sondehub")
CHANGES_MAX = 500  # looked at in one round; what is more waits for the next


class SummaryFeed:
    """A payload summary for each new position of our payload.

    Our own beacons are sent; a Horus packet or sentence only while none of those comes. What came
    as a summary, or from SondeHub, is not sent again. What is not verified says so in its comment;
    in a station that verifies what it hears it goes out under a name of its own, so that no map
    draws it into the payload's way. Raises sqlite3.Error while the archive cannot be read.
    """

    def __init__(self, reader: FlightReader, mission: Mission) -> None:
        self._reader = reader
        self._callsign = mission.payload.callsign
        self._station = mission.ground.station
        self._after = reader.change_id()

    def take(self) -> list[bytes]:
        """Datagrams for what was received since the last call."""
        changes = self._reader.changes(self._after, CHANGES_MAX)
        datagrams = [self._summary(what, ref) for _, what, ref in changes if ref is not None]
        if changes:
            self._after = changes[-1][0]
        return [data for data in datagrams if data is not None]

    def _summary(self, what: str, ref: int) -> bytes | None:
        seen: BeaconJson | SightingJson | None = None
        callsign = self._callsign
        if what == "beacon":
            seen = self._reader.beacon(ref)
        elif what == "sighting":
            other = self._reader.sighting()
            if other is not None and other["id"] == ref and other["via"] not in FROM_OTHERS:
                seen = other
            if self._reader.is_verifying:
                callsign += UNVERIFIED_SUFFIX
        if seen is None or (seen["fix_age_s"] or 0) > STALE_FIX_S:
            return None
        doubt = "" if is_verified(seen) else " (unverified)"
        return payload_summaries.build(callsign, seen, f"spacepi {self._station}{doubt}")


class PacketFeed:
    """A CCSDS space packet for each new record. Raises sqlite3.Error as above."""

    def __init__(self, db: sqlite3.Connection, node_id: int) -> None:
        self._db = db
        self._node_id = node_id
        self._after, self._counts = ccsds.counted(db, node_id)

    def take(self) -> list[bytes]:
        """Packets of the records received since the last call."""
        packets = []
        for row_id, record in ccsds.of_archive(self._db, self._node_id, self._after, CHANGES_MAX):
            self._after = row_id
            sequence = self._counts[record.kind]
            self._counts[record.kind] += 1
            packets.append(ccsds.pack(record, sequence))
        return packets
