"""What other stations received, each reception once; and which of it is lacking here.

A message is taken for what its bytes are and no more: like anything off the radio it is archived
first and verified afterwards, so a hostile publisher can add noise and nothing else. What is no
reception, is too old, comes in our own name or from one station too many is counted and goes no
further. A reception is known by station, time and bytes, never by its number: numbers are used only
to see a gap, so a wrong one can hide a gap and loses nothing that comes.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import structlog

from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import BY_MQTT
from groundstation.ground import HeardBytes
from groundstation.inputs.notices import Notices
from groundstation.peers.messages import LOG_BYTES, NUMBER_MAX, AskMessage, HeardMessage
from groundstation.peers.outgoing import AGE_MS_MAX
from groundstation.sanitise import read_json
from wire.mission_mqtt import STATION_NAME

KEY = "heard_by_others"
STATIONS_MAX = 32
ASK_EVERY_MS = 10_000  # one station for what is lacking of it
_NAME = re.compile(STATION_NAME)  # a level of a topic may have 64 kB, and be anything
_log = structlog.get_logger()


@dataclass(slots=True)
class _Peer:
    """One station. All its receptions up to the number ``upto`` of ``log`` are here."""

    log: bytes
    upto: int = 0
    is_lacking: bool = False
    asked_ms: int | None = None


class IncomingReceptions:
    """Of one archive. Methods raise sqlite3.Error."""

    def __init__(
        self, archive: Archive, station: str, allowed: Iterable[str], own_log: bytes,
        uptime_ms: Callable[[], int],
    ) -> None:
        """``station`` is this one's name and ``own_log`` its archive's; ``allowed`` are those that
        it listens to, all where there are none. ``uptime_ms`` is of a clock that is never set."""
        self.notices = Notices("peer_messages_refused", uptime_ms)
        self._archive = archive
        self._station = station
        self._allowed = frozenset(allowed)
        self._own_log = own_log
        self._has_warned = False
        self._peers = self._load()

    def take(self, messages: Iterable[tuple[str, HeardMessage]], now_ms: int) -> list[HeardBytes]:
        """What is new of these (station, reception); the caller makes it durable and then calls
        ``note``. Raises sqlite3.Error; what it was given is then asked for again."""
        before = {name: replace(peer) for name, peer in self._peers.items()}
        try:
            return self._new(messages, now_ms)
        except sqlite3.Error:
            self._peers = before
            raise

    def _new(self, messages: Iterable[tuple[str, HeardMessage]], now_ms: int) -> list[HeardBytes]:
        found: dict[tuple[str, int, bytes], HeardBytes] = {}
        for station, message in messages:
            if not self._is_welcome(station, message, now_ms):
                continue
            utc_ms = min(message.utc_ms, now_ms)  # nothing was received in the future
            key = (station, utc_ms, message.raw)
            if key not in found and message.raw not in self._archive.relayed_at(station, utc_ms):
                found[key] = HeardBytes(
                    message.raw, utc_ms, message.rssi_dbm, message.snr_db, BY_MQTT, station)
            self._follow(self._peers[station], message)
        return list(found.values())

    def note(self) -> None:
        """What ``take`` gave is durable: so is from now on how far each station was followed."""
        state = {name: [peer.log.hex(), peer.upto] for name, peer in self._peers.items()}
        with self._archive.batch(is_durable=False):
            self._archive.set_meta(KEY, json.dumps(state))

    def asks(self, uptime_ms: int) -> list[tuple[str, AskMessage]]:
        """(station, what to ask it for), as far as it is time."""
        due = []
        for name, peer in self._peers.items():
            is_early = peer.asked_ms is not None and uptime_ms - peer.asked_ms < ASK_EVERY_MS
            if peer.is_lacking and not is_early:
                peer.asked_ms = uptime_ms
                due.append((name, AskMessage(peer.log, peer.upto)))
        return due

    def _is_welcome(self, station: str, message: HeardMessage, now_ms: int) -> bool:
        if station == self._station:
            self._warn_of_namesake(message, now_ms)
            return False
        is_allowed = station in self._allowed if self._allowed else bool(_NAME.fullmatch(station))
        if message.utc_ms < now_ms - AGE_MS_MAX:
            self.notices.count("too_old")
        elif not is_allowed or (station not in self._peers and len(self._peers) >= STATIONS_MAX):
            self.notices.count("of_other_stations")
        else:
            if station not in self._peers or self._peers[station].log != message.log:
                self._peers[station] = _Peer(message.log)
            return True
        return False

    def _warn_of_namesake(self, message: HeardMessage, now_ms: int) -> None:
        is_of_now = message.utc_ms > now_ms - ASK_EVERY_MS
        if message.log != self._own_log and is_of_now and not self._has_warned:
            self._has_warned = True
            _log.warning("station_name_taken", station=self._station, why="another station on the "
                         "broker has the same ground.station; its frames are not taken")

    def _follow(self, peer: _Peer, message: HeardMessage) -> None:
        peer.is_lacking = message.before > peer.upto
        if not peer.is_lacking:
            peer.upto = max(peer.upto, message.number)

    def _load(self) -> dict[str, _Peer]:
        """How far each station was followed; what cannot be read is asked for again."""
        try:
            state = read_json(self._archive.meta(KEY) or "{}")
            found = {str(name): _Peer(bytes.fromhex(log), int(upto))
                     for name, (log, upto) in state.items()}
        except (ValueError, TypeError, AttributeError):
            return {}
        return {name: peer for name, peer in found.items()
                if len(peer.log) == LOG_BYTES and 0 <= peer.upto < NUMBER_MAX}
