"""Asks SondeHub Amateur what others received of our payload, while this station hears none of it.

A thread asks once in EVERY_S, and only when nothing verified was received for QUIET_MS: SondeHub's
operators ask not to poll without need, and what others heard adds nothing to what is verified. What
it brings waits in a bounded queue until the station takes it. Whatever was archived before is
recognised by its bytes, also after a restart.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlencode

import structlog

from groundstation import http_call
from groundstation.archive import schema
from groundstation.decode import sondehub_telemetry
from groundstation.decode.sondehub_telemetry import ENTRIES_MAX, SOURCE
from groundstation.ground import Ground, HeardBytes
from groundstation.http_call import HttpAnswer, NoAnswer
from groundstation.sanitise import clean_text
from wire.auth import Authenticity
from wire.mission import Mission

EVERY_S = 60.0
QUIET_MS = 60_000
DEADLINE_S = 20.0  # of one request, all of it
ANSWER_BYTES_MAX = 2_000_000
QUEUE_MAX = 4_000  # entries; while it is full no more is asked
KNOWN_MAX = 10_000  # entries that are recognised
SPANS = ((60_000, "1m"), (1_800_000, "30m"), (3_600_000, "1h"), (10_800_000, "3h"))
_log = structlog.get_logger()
Get = Callable[[str], HttpAnswer]


def get(callsign: str) -> Get:
    """Asks in the name of ``callsign``. What it returns raises NoAnswer."""
    headers = {"User-Agent": f"spacepi-ground/{callsign}", "Accept": "application/json"}
    return lambda url: http_call.call(
        "GET", url, DEADLINE_S, ANSWER_BYTES_MAX, headers=headers)


class SondehubPoll:
    """``turn`` belongs to the asking thread, ``poll`` and ``close`` to the station's."""

    def __init__(self, archive: Path, mission: Mission, ask: Get, station: Ground | None) -> None:
        """``archive`` has been opened once; ``station`` takes what was found."""
        self._archive = archive
        self._mission = mission
        self._ask = ask
        self._station = station
        self._found: queue.Queue[HeardBytes] = queue.Queue(QUEUE_MAX)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._answered_ms = 0
        self._has_failed = False
        with closing(schema.connect_reader(archive)) as db:
            self._note(row[0] for row in db.execute(
                "SELECT raw FROM (SELECT id, raw FROM reception WHERE source = ? ORDER BY id DESC"
                " LIMIT ?) ORDER BY id", (SOURCE, KNOWN_MAX)))

    def turn(self, now_ms: int) -> None:
        """Ask, if it is time to. Raises sqlite3.Error while the archive cannot be read."""
        if self._found.qsize() > QUEUE_MAX - ENTRIES_MAX or not self._is_quiet(now_ms):
            return
        try:
            body = self._answer(now_ms)
            ground = self._mission.ground
            entries = sondehub_telemetry.uploaded(
                body, self._mission.payload.callsign, ground.sondehub_callsign, now_ms)
        except (NoAnswer, ValueError) as error:
            if not self._has_failed:
                _log.warning("sondehub_unheard", why=clean_text(str(error), 120))
            self._has_failed = True
            return
        if self._has_failed:
            _log.info("sondehub_heard_again")
        self._has_failed = False
        self._answered_ms = now_ms
        for entry in entries:
            if entry.raw not in self._known:
                self._found.put_nowait(HeardBytes(entry.raw, entry.at_ms, source=SOURCE))
        self._note(entry.raw for entry in entries)

    def poll(self) -> None:
        """Archive what was found since the last call; never waits."""
        found: list[HeardBytes] = []
        with suppress(queue.Empty):
            while True:
                found.append(self._found.get_nowait())
        if found and self._station is not None:
            self._station.receive_many(found)

    def close(self) -> None:
        """Nothing: its thread ends with the station."""

    def _answer(self, now_ms: int) -> bytes:
        since_ms = now_ms - self._answered_ms
        span = next((name for longest_ms, name in SPANS if since_ms <= longest_ms), SPANS[-1][1])
        query = {"duration": span, "payload_callsign": self._mission.payload.callsign}
        base = self._mission.ground.sondehub_url.rstrip("/")
        answer = self._ask(f"{base}/amateur/telemetry?{urlencode(query)}")
        if answer.status != 200:
            raise NoAnswer(f"status {answer.status}")
        return answer.body

    def _is_quiet(self, now_ms: int) -> bool:
        wanted = "AND authenticity = ?" if self._mission.keys.downlink_mac else "AND ? IS NOT NULL"
        with closing(schema.connect_reader(self._archive)) as db:
            newest = db.execute(
                f"SELECT MAX(utc_ms) FROM beacon WHERE node_id = ? {wanted}",
                (self._mission.payload.node_id, Authenticity.GENUINE.value)).fetchone()[0]
        return newest is None or now_ms - newest > QUIET_MS

    def _note(self, raws: Iterable[bytes]) -> None:
        for raw in raws:
            self._known[raw] = None
            self._known.move_to_end(raw)
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)


def run(
    poll: SondehubPoll, now: Callable[[], int], stop: threading.Event,
    pause: Callable[[float], object],
) -> None:
    """Turn after turn until ``stop`` is set. ``now`` gives UTC in ms; ``pause`` waits for so many
    seconds, or less once ``stop`` is set."""
    while not stop.is_set():
        with suppress(sqlite3.Error):  # busy, or moved aside: asked in the next turn
            poll.turn(now())
        pause(EVERY_S)


def start(
    station: Ground, mission: Mission, now: Callable[[], int], stop: threading.Event
) -> SondehubPoll | None:
    """Ask until ``stop`` is set; None where the mission does not want it. The thread need not be
    joined: what was not archived is found again after the next start."""
    if not mission.ground.sondehub_receive:
        return None
    callsign = mission.ground.sondehub_callsign or mission.payload.callsign
    poll = SondehubPoll(station.archive.path, mission, get(callsign), station)
    threading.Thread(target=run, args=(poll, now, stop, stop.wait), name="sondehub-receive",
                     daemon=True).start()
    return poll
