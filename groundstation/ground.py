"""The ground station's core: bytes off the radio in, archive rows and uplink frames out.

Sans-I/O apart from the archive, and without a clock: every call carries its UTC in ms.

With the downlink key, whatever comes in our payload's name and is not signed by it is counted and
goes no further than the raw log, an old beacon played again is not believed, and data enters in the
session in which it is genuine; what fits none waits for an INCARNATION frame (``decode.placing``).
Without the key everything enters, as authentic as it is, and nothing is ever confirmed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import structlog

from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from groundstation.archive.held_receptions import BATCH_MAX, HeldReceptions
from groundstation.archive.rawlog import BY_RADIO, RAW_BYTES_MAX, Reception
from groundstation.archive.retention import Worth
from groundstation.decode import keys
from groundstation.decode.reception_decoder import ReceptionDecoder
from groundstation.uplink.sending_rights import SendingRights
from groundstation.uplink.uplink_scheduler import UplinkScheduler
from wire.bodies import NO_MODELS, Models
from wire.commands import Opcode
from wire.mission import Mission

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HeardBytes:
    """Bytes as received, and when; ``station`` where another one received them."""

    data: bytes
    utc_ms: int
    rssi_dbm: float | None = None
    snr_db: float | None = None
    source: str = BY_RADIO
    station: str | None = None


class Ground:
    """One station for one mission.

    ``uplink_key`` is ``auth.derive_key(master, node_id, Direction.UPLINK)``; with None the station
    never transmits. ``downlink_key`` is ``mission.downlink_key(master)``; with None it cannot tell
    an impostor. ``models`` are the text models that are here, ``rights`` what may be sent where
    stations share one outbox. Opening it decodes what the archive holds undecoded, all of it where
    that was done with another downlink key, and feeds the data frames of the last two hours again.
    """

    def __init__(
        self, mission: Mission, archive: Archive, uplink_key: bytes | None,
        downlink_key: bytes | None = None, models: Models = NO_MODELS,
        rights: SendingRights | None = None,
    ) -> None:
        assert downlink_key is None or mission.keys.downlink_mac, "the mission must sign"
        self.archive = archive
        self.uplink_key = uplink_key
        self.rights = rights
        self._mission = mission
        self._station = mission.ground.station_number
        self._uplink = UplinkScheduler(mission, archive, uplink_key, rights)
        self._decoder = ReceptionDecoder(
            mission, archive, downlink_key, models, uplink_key is not None, self._uplink)
        self._held = HeldReceptions(self.worth_of)
        self._is_disk_refusing = False
        keys.take(archive, mission, downlink_key)
        self._decoder.catch_up()
        self._held.add(self._decoder.relayed.take())
        self._write_held()
        with archive.batch():
            archive.set_meta("can_transmit", int(uplink_key is not None))
            outbox.withdraw_plain_text(archive.db, [model.hex() for model in models])
            archive.note_change("station", None)
        if uplink_key is None:
            _log.info("receive_only", why="no uplink key: this station receives only")

    # -- hearing ------------------------------------------------------------------------------

    def receive(self, data: bytes, utc_ms: int, rssi_dbm: float | None = None,
                snr_db: float | None = None, source: str = BY_RADIO) -> None:
        """Take one received byte string. It is durable when this returns."""
        self.receive_many([HeardBytes(data, utc_ms, rssi_dbm, snr_db, source)])

    def receive_many(self, received: Iterable[HeardBytes]) -> bool:
        """Take byte strings received together, in commits of at most BATCH_MAX; True when durable.

        While the disk refuses, receptions wait in memory and False is returned. Those that do not
        fit there are counted and logged (``groundstation.archive.held_receptions``).
        """
        station = self._mission.ground.station
        rest, has_refused = iter(received), False
        while batch := list(islice(rest, BATCH_MAX)):
            has_dropped = self._held.dropped > 0
            self._held.add(
                Reception(h.utc_ms, h.data[:RAW_BYTES_MAX], h.station or station, h.rssi_dbm,
                          h.snr_db, h.source)
                for h in batch
            )
            if self._held.dropped and not has_dropped:
                _log.error("receptions_dropped", why="the disk refuses writes and the memory"
                           " buffer is full: the least valuable are dropped", held=len(self._held))
            has_refused = has_refused or not self._write_held()
        return not has_refused and self._write_held()

    def worth_of(self, reception: Reception) -> Worth:
        """Its worth to the archive, by what is known now."""
        return self._decoder.worth_of(reception)

    def is_verified(self, frame: bytes) -> bool:
        """Did our payload sign this frame, now or ever?"""
        return self.worth_of(Reception(0, frame)) is Worth.VERIFIED

    def _write_held(self) -> bool:
        """True when nothing waits any more."""
        held = self._held
        while batch := held.first():
            dropped = held.dropped
            try:
                numbered = self.archive.add_receptions(batch, dropped)
            except (OSError, sqlite3.Error) as error:
                self._on_refusal(error)
                return False
            held.release(len(batch))
            held.dropped = 0
            if self._is_disk_refusing:
                _log.info("archive_returned", waiting=len(held), dropped=dropped)
            self._is_disk_refusing = False
            self._decoder.decode_new(numbered)
            held.add(self._decoder.relayed.take())  # after their parcels, by the same road
            self.archive.make_room(self.worth_of)
        return True

    def _on_refusal(self, error: Exception) -> None:
        if not self._is_disk_refusing:
            _log.error("archive_refuses", why=str(error), held=len(self._held))
        self._is_disk_refusing = True

    def loss(self) -> float | None:
        """Share of our payload's last 255 frames that did not arrive."""
        node = self._decoder.ours
        return node.link.loss if node else None

    # -- speaking -----------------------------------------------------------------------------

    def ask(self, text: str, utc_ms: int, asker: str = "") -> int:
        """Queue a question; its id. Raises ValueError when it is empty or above 160 bytes, and
        OutboxFull."""
        return self.archive.queue(Opcode.ASK, text, utc_ms, self._station, asker=asker,
                                  lifetime_s=self._mission.ground.question_lifetime_s)

    def tend(self, utc_ms: int) -> None:
        """Let time pass: commands that have waited for too long expire. Called about once a second;
        while the disk refuses they only stay unsent."""
        with suppress(sqlite3.Error):
            if outbox.overdue(self.archive.db, utc_ms):
                with self.archive.batch():
                    outbox.expire(self.archive.db, utc_ms)

    def next_uplink(self, utc_ms: int) -> bytes | None:
        """The frame to transmit now, or None; see ``UplinkScheduler.next_uplink``."""
        return self._uplink.next_uplink(self._decoder.ours, utc_ms)
