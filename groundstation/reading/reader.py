"""Reads the archive: everything that the page and the exports show, as JSON-ready values.

Opens the database read-only. Whatever the radio put into a record is checked here for type and
range, so that nothing behind this module sees a surprise.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

from groundstation.archive import acknowledgements, command_order, connections, outbox, schema
from groundstation.archive.outbox import QueuedCommand
from groundstation.archive.rows import (
    columns_of,
    is_verified,
    life_and_id,
    track_point,
)
from groundstation.archive.track import Point, Tracks, parted, thinned
from groundstation.decode import foreign, mosaic
from groundstation.decode.beacon_freshness import clock_gap_s
from groundstation.reading import (
    conversations,
    diary,
    forecasts,
    link_figures,
    lives,
    payloads,
    readings,
    receiving_stations,
)
from groundstation.reading.fault_words import fault_words
from groundstation.reading.landing_json import LandingPageJson
from groundstation.reading.page_json import (
    BeaconJson,
    EntryJson,
    FlightJson,
    HistoryJson,
    LineJson,
    QueuedJson,
    SightingJson,
    WaitingJson,
)
from groundstation.sanitise import clean_text
from groundstation.share import upload_queue
from wire.airtime_budget import AirtimeBudget
from wire.auth import Authenticity
from wire.beacon import Phase, PowerMode
from wire.mission import Mission
from wire.records import Kind

POINTS_MAX = 1500
FEED_KINDS = (Kind.MUSING, Kind.REPLY, Kind.API_CALL, Kind.THUMBNAIL, Kind.EVENT, Kind.SOUND)
THOUGHT_KINDS = (Kind.MUSING, Kind.REPLY, Kind.THUMBNAIL)
QUIET_FACTOR = 3  # beacons missed before a sighting in another format is shown in their place
WAITING_SHOWN = 12
GAP_MS = 90_000  # a pause between samples that a plot does not bridge; a slow link has longer ones
# What was found of which payload, and at which change of the archive.
Cached = dict[tuple[str, int], tuple[int, Any]]
T = TypeVar("T")
_FEED = ", ".join(str(int(kind)) for kind in FEED_KINDS)
_TRACK = ("t", "lat", "lon", "alt")
_RECORD = (
    "SELECT r.id, r.life, r.record_id, r.kind, r.boot, r.time_ms, r.quality, r.body,"
    " r.heard_utc_ms, r.authenticity, c.offset_ms, i.incarnation FROM record r"
    " LEFT JOIN boot_clock c ON c.node_id = r.node_id AND c.life = r.life AND c.boot = r.boot"
    " LEFT JOIN incarnation i ON i.node_id = r.node_id AND i.life = r.life"
)


class FlightReader:
    """Queries about the payload of a mission. Connects at the first query.

    Every method raises sqlite3.OperationalError while there is no archive yet.
    """

    def __init__(self, path: Path, mission: Mission, cached: Cached | None = None) -> None:
        """``cached`` is what readers of the same archive, each on its thread, found already."""
        self.path = path
        self.mission = mission
        self._budget = AirtimeBudget(mission)
        self._gap_ms = max(GAP_MS, 2 * self._budget.least_ms)
        self._node_id = mission.payload.node_id
        self._connection: sqlite3.Connection | None = None
        self.cached = {} if cached is None else cached

    @property
    def db(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = schema.connect_reader(self.path)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def ours(self) -> FlightReader:
        """That of the mission's own payload."""
        return self

    # -- the change log -----------------------------------------------------------------------

    def change_id(self) -> int:
        """The newest line of the change log."""
        row = self.db.execute("SELECT COALESCE(MAX(id), 0) FROM change").fetchone()
        return int(row[0])

    def changes(self, after: int, limit: int) -> list[tuple[int, str, int | None]]:
        """(id, what, ref) after this id, oldest first."""
        return [tuple(row) for row in self.db.execute(
            "SELECT id, what, ref FROM change WHERE id > ? ORDER BY id LIMIT ?", (after, limit))]

    # -- the state now ------------------------------------------------------------------------

    def flight(self) -> FlightJson:
        """The current state: newest beacon, phases, link, counts, outbox. Ages are the reader's."""
        return self._once("flight", self._flight)

    def _once(self, name: str, make: Callable[[int], T]) -> T:
        """What ``make`` finds at the newest change, found once for all readers of the archive."""
        change_id = self.change_id()
        cached = self.cached.get((name, self._node_id))
        if cached is None or cached[0] != change_id:
            cached = self.cached[name, self._node_id] = change_id, make(change_id)
        return cast(T, cached[1])

    def _flight(self, change_id: int) -> FlightJson:
        name, radio = self.mission.payload.name, self.mission.radio
        phases = readings.phases(self.db, self._node_id)
        launch_ms = next((p["at_ms"] for p in phases if p["phase"] == "ASCENT"), None)
        return {
            "change_id": change_id,
            "name": name,
            "disclosure": (
                f"{name} is an AI persona: a small language model trained on one person’s writing. "
                "Its texts are a statistical echo of that person, not the person."
            ),
            "station": self.mission.ground.station,
            "radio": connections.read(self.db, connections.RADIO),
            "broker": connections.read(self.db, connections.BROKER),
            "control_room": connections.read(self.db, connections.CONTROL_ROOM),
            "acknowledged": acknowledgements.known(self.db),
            "callsign": self.mission.payload.callsign,
            "node_id": self._node_id,
            "is_ours": True,
            "payloads": payloads.known(self.db, self.mission),
            "can_transmit": bool(self._meta("can_transmit")),
            "is_signed": self.mission.keys.downlink_mac,
            "is_verifying": self.is_verifying,
            "beacon_ground_s": self._expected_every_s(Phase.GROUND, None, None),
            "beacon": self.latest_beacon(),
            "sighting": self.sighting(),
            "phases": phases,
            "launch_ms": launch_ms,
            "link": link_figures.now(self.db, self._node_id),
            "carries": asdict(self._budget.hour()) if radio.kind != "none" else None,
            "counts": self._counts(),
            "lives": lives.known(self.db, self._node_id),
            "silences": self.silences(20),
            "stations": receiving_stations.stations(self.db, self._node_id),
            "foreign": foreign.nodes(
                self.db, self._node_id, self.mission.neighbour_names),
            "neighbours": foreign.neighbours(self.db),
            "sondehub": upload_queue.status(self._meta(schema.SONDEHUB_KEY), self.mission),
            "outbox": self._letters(outbox.recent(self.db)),
            "waiting": self._waiting(),
        }

    @property
    def is_verifying(self) -> bool:
        """The station has the key and believes only what is signed with it."""
        return bool(self._meta("verified_with"))

    def _waiting(self) -> WaitingJson:
        """How many commands wait, and the first of them in the order in which they go up."""
        entries = command_order.in_order(outbox.waiting(self.db), outbox.last_sent_ms(self.db))
        return {"count": len(entries), "letters": self._letters(entries[:WAITING_SHOWN])}

    def _letters(self, entries: Sequence[QueuedCommand]) -> list[QueuedJson]:
        name = self.mission.payload.name
        return conversations.queue_json(self.db, entries, name, self.replies)

    def latest_beacon(self) -> BeaconJson | None:
        row = self.db.execute(
            "SELECT * FROM beacon WHERE node_id = ? AND NOT is_late ORDER BY id DESC LIMIT 1",
            (self._node_id,),
        ).fetchone()
        return self._beacon_json(row) if row else None

    def beacons(self) -> Iterator[BeaconJson]:
        """Every beacon of our payload, oldest first."""
        for row in self.db.execute(
            "SELECT * FROM beacon WHERE node_id = ? ORDER BY utc_ms, id", (self._node_id,)
        ):
            yield self._beacon_json(row)

    def beacon(self, reception_id: int) -> BeaconJson | None:
        """The beacon of this reception, when it is our payload's."""
        row = self.db.execute(
            "SELECT * FROM beacon WHERE node_id = ? AND id = ?", (self._node_id, reception_id)
        ).fetchone()
        return self._beacon_json(row) if row else None

    def sighting(self) -> SightingJson | None:
        """The newest beacon in another format, once our own have failed to come for long.

        Never verified: where the flight's ``is_verifying`` is true it is no state of the payload.
        """
        row = foreign.newest(self.db)
        if row is None:
            return None
        seen, own = cast("SightingJson", self._state_json(row)), self.latest_beacon()
        if own and seen["utc_ms"] - own["utc_ms"] <= QUIET_FACTOR * 1000 * own["expected_every_s"]:
            return None
        seen["authenticity"] = Authenticity.UNSIGNED.value
        seen["musing"] = clean_text(seen["musing"])
        seen["expected_every_s"] *= self.mission.cadence.horus_every_beacons
        return seen

    def _beacon_json(self, row: sqlite3.Row) -> BeaconJson:
        return cast("BeaconJson", self._state_json(row))

    def _state_json(self, row: sqlite3.Row) -> dict[str, Any]:
        """Of a row of ``beacon`` or ``sighting``."""
        beacon = dict(row)
        phase = None if beacon["phase"] is None else Phase(int(beacon["phase"]))
        power = None if beacon["power_mode"] is None else PowerMode(int(beacon["power_mode"]))
        beacon["phase"] = None if phase is None else phase.name
        beacon["power_mode"] = None if power is None else power.name
        beacon["expected_every_s"] = self._expected_every_s(phase, power, beacon["altitude_m"])
        beacon["fault_words"] = fault_words(beacon["faults"])
        beacon["clock_gap_s"] = clock_gap_s(beacon["time_of_day_s"], beacon["utc_ms"])
        return beacon

    def _expected_every_s(
        self, phase: Phase | None, power: PowerMode | None, altitude_m: float | None
    ) -> int:
        return math.ceil(self._budget.beacon_every_ms(phase, power, altitude_m) / 1000)

    def _counts(self) -> dict[str, int]:
        rows = self.db.execute(
            "SELECT kind, COUNT(*) FROM record WHERE node_id = ? GROUP BY kind", (self._node_id,)
        )
        return {Kind(kind).name.lower(): count for kind, count in rows}

    def conflicts(self, limit: int = -1) -> list[lives.ConflictJson]:
        """See ``lives.conflicts``."""
        return lives.conflicts(self.db, self._node_id, limit)

    def silences(self, limit: int) -> list[list[int]]:
        """See ``link_figures.silences``."""
        return link_figures.silences(self.db, self._node_id, limit)

    def _meta(self, key: str) -> Any:
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    # -- the feed -----------------------------------------------------------------------------

    def entries(self, before: int | None, limit: int) -> list[EntryJson]:
        """Musings, replies, failed calls, pictures and troubles, newest first, from before this
        id on, which is a key (``groundstation.archive.rows``). Fewer than ``limit`` only when there
        are no more.
        """
        rows = self.db.execute(
            f"{_RECORD} WHERE r.node_id = ? AND r.kind IN ({_FEED}) AND {diary.MAY_BE_SHOWN}"
            " AND (r.life, r.record_id) < (?, ?) ORDER BY r.life DESC, r.record_id DESC",
            (self._node_id, *life_and_id(before if before is not None else 1 << 62)),
        )
        shown = (entry for row in rows if (entry := self._entry(row)) is not None)
        return list(islice(shown, limit))

    def entry(self, row_id: int) -> EntryJson | None:
        """The feed entry of this row of ``record``, when it is one of ours; a tile's is that of
        the picture that it belongs to."""
        row_id = mosaic.thumbnail_row(self.db, self._node_id, row_id) or row_id
        row = self.db.execute(
            f"{_RECORD} WHERE r.node_id = ? AND r.kind IN ({_FEED}) AND r.id = ?",
            (self._node_id, row_id),
        ).fetchone()
        return self._entry(row) if row else None

    def replies(self, limit: int) -> list[LineJson]:
        """The latest answers to questions, oldest first."""
        rows = self.db.execute(
            f"{_RECORD} WHERE r.node_id = ? AND r.kind = ? ORDER BY r.life DESC, r.record_id DESC"
            " LIMIT ?", (self._node_id, int(Kind.REPLY), limit)).fetchall()
        shown = map(self._entry, reversed(rows))
        return [entry for entry in shown if entry is not None and entry["kind"] == "reply"]

    def picture(self, key: int) -> tuple[bytes, str] | None:
        """(bytes, media type) of a picture, or of a tile, that may be shown."""
        return mosaic.image(self.db, self._node_id, key)

    def mosaic_of(self, key: int) -> mosaic.Mosaic:
        """The picture of this thumbnail."""
        return mosaic.of_thumbnail(self.db, self._node_id, key)

    def mosaics(self) -> list[mosaic.Mosaic]:
        """All pictures with their tiles, oldest first."""
        return mosaic.every(self.db, self._node_id)

    def _entry(self, row: sqlite3.Row) -> EntryJson | None:
        return diary.entry(self.db, self._node_id, row)

    # -- the way and the numbers --------------------------------------------------------------

    def tracks(self) -> Tracks:
        """Where it was, from its beacons, its track records and beacons in strangers' formats."""
        verified: list[Point] = []
        unverified: list[Point] = []
        for beacon in self.db.execute(
            "SELECT authenticity, utc_ms, latitude_deg, longitude_deg, altitude_m FROM beacon"
            " WHERE node_id = ? AND latitude_deg IS NOT NULL AND longitude_deg IS NOT NULL"
            " AND COALESCE(fix_age_s, 0) <= ?", (self._node_id, foreign.STALE_FIX_S),
        ):
            (verified if is_verified(beacon) else unverified).append(Point(*beacon[1:]))
        for record in self._records(Kind.TRACK):
            point = track_point(record)
            if point is not None:
                (verified if is_verified(record) else unverified).append(point)
        return parted(verified, unverified, self.strange_points())

    def strange_points(self) -> list[Point]:
        """Where beacons in strangers' formats put it."""
        return foreign.points(self.db)

    def track_row(self, row_id: int) -> tuple[Point, bool] | None:
        """(the point in this row of ``record``, is it verified), when it is a track record of ours.
        """
        row = self.db.execute(
            f"{_RECORD} WHERE r.node_id = ? AND r.kind = ? AND r.id = ?",
            (self._node_id, int(Kind.TRACK), row_id),
        ).fetchone()
        point = track_point(row) if row else None
        return None if point is None else (point, is_verified(row))

    def history(self) -> HistoryJson:
        """The whole flight as columns, thinned to at most 1,500 rows each: the verified way and the
        other one, readings, the link, silences, and when the diary was written."""
        return self._once("history", self._history)

    def _history(self, change_id: int) -> HistoryJson:
        tracks = self.tracks()
        minutes = link_figures.minutes(self.db, self._node_id, POINTS_MAX)
        return {
            "change_id": change_id,
            "verified": columns_of(_TRACK, thinned(tracks.verified, POINTS_MAX)),
            "unverified": columns_of(_TRACK, thinned(tracks.unverified, POINTS_MAX)),
            "state": columns_of(("t", "mv", "out", "in"), readings.rows(
                self.db, self._node_id, self._records(Kind.HOUSEKEEPING), self._gap_ms,
                POINTS_MAX)),
            "link": columns_of(("t", "heard", "lost"), minutes),
            "silences": self.silences(500),
            "diary": columns_of(("t", "kind"), diary.marks(
                {kind: self._records(kind) for kind in THOUGHT_KINDS}, POINTS_MAX)),
            "gap_ms": self._gap_ms,
        }

    def landing(self) -> LandingPageJson:
        """See ``forecasts.forecasts``."""
        return self._once("landing", self._landing)

    def _landing(self, change_id: int) -> LandingPageJson:
        return {"change_id": change_id, **forecasts.forecasts(
            self.db, self.mission, self.newest_housekeeping(), self.tracks(), self.is_verifying)}

    def newest_housekeeping(self) -> Iterator[sqlite3.Row]:
        """The newest HOUSEKEEPING records, newest first: one of them tells the landing, if any."""
        return self._records(Kind.HOUSEKEEPING, newest=forecasts.LOOKED_AT_MAX)

    def _records(self, kind: Kind, newest: int | None = None) -> Iterator[sqlite3.Row]:
        """All of a kind, oldest first; or only so many of the newest, these first."""
        order = "" if newest is None else "DESC"
        yield from self.db.execute(
            f"{_RECORD} WHERE r.node_id = ? AND r.kind = ?"
            f" ORDER BY r.life {order}, r.record_id {order} LIMIT ?",
            (self._node_id, int(kind), -1 if newest is None else newest),
        )
