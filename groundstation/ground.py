"""The ground station's core: bytes off the radio in, archive rows and uplink frames out.

Sans-I/O apart from the archive, and without a clock: every call carries its UTC in ms.

With the downlink key, whatever comes in our payload's name and is not signed by it is counted and
goes no further than the raw log, an old beacon played again is not believed, and data enters in the
session in which it is genuine; what fits none waits for an INCARNATION frame (``decode.placing``).
Without the key everything enters, as authentic as it is, and nothing is ever confirmed.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice

import structlog

from groundstation.archive import counters, outbox
from groundstation.archive.archive import Archive
from groundstation.archive.held_receptions import BATCH_MAX, HeldReceptions
from groundstation.archive.rawlog import BY_RADIO, RAW_BYTES_MAX, Reception
from groundstation.archive.retention import Worth
from groundstation.decode import foreign, keys
from groundstation.decode.beacon_freshness import is_of_its_time
from groundstation.decode.intake import Intake
from groundstation.decode.node_receiver import NodeReceiver
from groundstation.decode.nodes import Nodes, Numbered
from groundstation.decode.placing import Placing
from groundstation.decode.receiving_stations import ReceivingStations
from groundstation.decode.reception_worth import worth_of
from groundstation.decode.record_effects import RecordEffects
from groundstation.decode.relayed import Relayed
from groundstation.decode.sessions import UNKNOWN
from groundstation.uplink.sending_rights import SendingRights
from groundstation.uplink.uplink_scheduler import UplinkScheduler
from wire import beacon, frames
from wire.auth import Authenticity
from wire.beacon import Beacon
from wire.bodies import NO_MODELS, Models
from wire.commands import Opcode
from wire.frames import (
    BeaconFrame,
    DataFrame,
    IdentFrame,
    ImpostorFrame,
    IncarnationFrame,
    UnplacedFrame,
)
from wire.mission import Mission
from wire.session import Session

_log = structlog.get_logger()
REFEED_MS = 2 * 3600 * 1000  # blocks that began before this are finished or given up
CATCH_UP_MAX = 2_000  # receptions in memory at once when old ones are decoded
ECHO_MS_MAX = 10_000  # a beacon that another station told us of first is still live for so long


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
        self.uplink_key, self.rights = uplink_key, rights
        self._intake = Intake(archive)
        self._mission = mission
        self._node_id = mission.payload.node_id
        self._station = mission.ground.station_number
        self._contents = RecordEffects(
            archive, self._node_id, uplink_key is not None, models, self._station)
        self._signers = {} if downlink_key is None else {self._node_id: downlink_key}
        self._has_heard_impostor = False
        self._nodes = Nodes(mission, self._signers, models)
        self._placing = Placing(archive, self._signers)
        self._relayed = Relayed(mission, archive)
        self._tally: Counter[str] = Counter()
        self._ears = ReceivingStations(archive)
        self._held = HeldReceptions(self.worth_of)
        self._is_disk_refusing = False
        self._is_behind = False  # does the archive hold receptions that are not decoded yet?
        self._uplink = UplinkScheduler(mission, archive, uplink_key, rights)
        keys.take(archive, mission, downlink_key)
        self._catch_up()
        self._held.add(self._relayed.take())
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
        return worth_of(reception, self._placing, self._node_id)

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
            self._decode_new(numbered)
            held.add(self._relayed.take())  # after their parcels, by the same road
            self.archive.make_room(self.worth_of)
        return True

    def _on_refusal(self, error: Exception) -> None:
        if not self._is_disk_refusing:
            _log.error("archive_refuses", why=str(error), held=len(self._held))
        self._is_disk_refusing = True

    def _decode_new(self, numbered: list[Reception]) -> None:
        try:
            if self._is_behind:
                self._nodes.forget()
                self._placing.forget()
                self._catch_up()
            else:
                self._decode_all(numbered)
        except sqlite3.Error as error:  # they are durable: decoded again with the next ones
            _log.error("archive_refuses", why=str(error), held=0)
            self._tally.clear()
            self._ears.forget()
            self._is_behind = True
        else:
            self._is_behind = False

    def loss(self) -> float | None:
        """Share of our payload's last 255 frames that did not arrive."""
        node = self._nodes.ours
        return node.link.loss if node else None

    def _catch_up(self) -> None:
        archive = self.archive
        decoded_upto = int(archive.meta("decoded_upto") or 0)
        newest = archive.db.execute("SELECT MAX(utc_ms) FROM reception").fetchone()[0]
        if newest is None:
            return
        rest = archive.receptions(decoded_upto, newest - REFEED_MS)
        while found := list(islice(rest, CATCH_UP_MAX)):
            fresh = [reception for reception in found if reception.reception_id > decoded_upto]
            with archive.batch(is_durable=False):
                for reception in found[: len(found) - len(fresh)]:
                    self._intake.admit(reception, self._refeed)
            if fresh:
                self._decode_all(fresh)

    def _refeed(self, reception: Reception) -> None:
        """Feed a frame that was decoded before the restart: state, and records it still owes."""
        frame = self._placing.frame(reception)
        if self._ears.first(reception) is not None or not isinstance(frame, Numbered):
            return
        node = self._nodes.of(frame)
        if node is None or node.is_duplicate(reception.raw):
            return
        is_new = node.agrees(frame.counter)
        if isinstance(frame, BeaconFrame):
            is_new = node.is_news(frame, beacon.decode(frame.state), reception.utc_ms)
        elif isinstance(frame, DataFrame):
            sessions = self._placing.sessions(frame.node_id)
            session = frame.session or sessions.claimed(frame.counter.boot)
            if not sessions.knows(session):
                return
            found, is_new = node.on_data(frame, session, sessions.life(session), reception.utc_ms)
            self._relayed.add(frame.node_id, found, reception)  # cut off between the two, once
        if is_new:
            node.link.on_counter(frame.counter, reception.utc_ms, is_told=reception.is_told)
            node.link.take_minutes()

    def _decode_all(self, receptions: list[Reception]) -> None:
        with self.archive.batch(is_durable=False):
            for reception in receptions:
                self._admit(reception, self._decode)
            for node in self._nodes:
                self.archive.add_minutes(node.link.take_minutes())
            self._ears.keep()
            self.archive.count(self._tally)
            if self._tally["impostor"]:
                self.archive.note_change("impostor", None)
            self.archive.set_meta("decoded_upto", receptions[-1].reception_id)
        self._tally.clear()

    def _admit(self, reception: Reception, decode: Callable[[Reception], None]) -> None:
        """Of one that makes a decoder raise nothing is counted, and nothing noted of sessions."""
        tally, noted = dict(self._tally), self._ears.noted
        if not self._intake.admit(reception, decode):
            self._tally = Counter(tally)
            self._ears.forget(noted)
            self._placing.forget()

    def _decode(self, reception: Reception) -> None:
        frame = self._placing.frame(reception)
        if (first := self._ears.first(reception)) is not None:
            self._on_echo(reception, frame, reception.utc_ms - first.utc_ms)
        elif frame is None:
            is_uplink = frames.is_uplink(reception.raw)
            other = foreign.keep(self.archive, reception, self._mission.payload.callsign)
            self._tally[other or ("uplink_overheard" if is_uplink else "noise")] += 1
        elif isinstance(frame, ImpostorFrame):
            self._on_impostor(frame)
        elif isinstance(frame, UnplacedFrame):
            self._tally["unplaced"] += 1
            self._placing.hold(reception)
        else:
            self._on_frame(reception, frame)

    def _on_echo(self, reception: Reception, frame: frames.Heard | None, age_ms: int) -> None:
        """Another station received the same, so long before."""
        self._tally["duplicates"] += 1
        if isinstance(frame, frames.Downlink):
            self._ears.note(reception, frame.node_id, is_echo=True)
        if isinstance(frame, BeaconFrame) and abs(age_ms) <= ECHO_MS_MAX:
            self._listen(reception, frame, beacon.decode(frame.state))

    def _on_frame(self, reception: Reception, frame: frames.Downlink) -> None:
        self._ears.note(reception, frame.node_id)
        if frame.node_id == self._node_id and not reception.is_told:
            self._uplink.note_heard(reception.utc_ms)
        if isinstance(frame, IdentFrame):
            self.archive.add_node_frames(frame.node_id, 0, reception.utc_ms, reception.utc_ms)
            self.archive.set_ident(frame.node_id, frame.text)
            return
        node = self._nodes.of(frame)
        if node is None:
            self._tally["too_many_nodes"] += 1
        elif node.is_duplicate(reception.raw):
            self._tally["duplicates"] += 1
        elif isinstance(frame, DataFrame):
            if self._on_data(reception, node, frame):
                self._on_counter(reception, node, frame)
        elif isinstance(frame, IncarnationFrame):
            self._on_incarnation(reception, node, frame)
        else:
            self._on_beacon(reception, node, frame)

    def _on_counter(self, reception: Reception, node: NodeReceiver, frame: Numbered) -> None:
        """Account for a frame that is new."""
        at_ms, is_told = reception.utc_ms, reception.is_told
        silence = node.link.on_counter(frame.counter, at_ms, is_told=is_told)
        if silence is not None:
            self.archive.add_silence(frame.node_id, *silence)

    def _on_data(self, reception: Reception, node: NodeReceiver, frame: DataFrame) -> bool:
        """Take a symbol; True when it had never been heard before."""
        sessions = self._placing.sessions(frame.node_id)
        session = frame.session or sessions.claimed(frame.counter.boot)
        sessions.note(session, reception.utc_ms)
        life = sessions.life(session)
        found, is_new = node.on_data(frame, session, life, reception.utc_ms)
        if found:
            self._contents.keep(frame, life, found, reception.utc_ms)
            self._tally.update(self._relayed.add(frame.node_id, found, reception))
        if not is_new:
            self._tally["old_data"] += 1
        return is_new

    def _on_incarnation(
        self, reception: Reception, node: NodeReceiver, frame: IncarnationFrame
    ) -> None:
        """A session is announced: frames that could not be placed before may belong to it."""
        sessions, session = self._placing.sessions(frame.node_id), frame.session
        if (unknown_boot := sessions.names_unknown(session)) is not None:
            node.rename(Session(UNKNOWN, unknown_boot), session)
        is_known = session in sessions.fitting(session.boot_bits)
        if not sessions.note(session, reception.utc_ms):
            self._tally["claims_refused"] += 1
        if not is_known:
            node.link.begin_session()
        if node.agrees(frame.counter):
            self._on_counter(reception, node, frame)
        if is_known or frame.authenticity is not Authenticity.GENUINE:
            return
        for held, placed in self._placing.release():
            self._tally["unplaced"] -= 1
            self._admit(held, partial(self._on_placed, node, placed))

    def _on_placed(self, node: NodeReceiver, frame: DataFrame, held: Reception) -> None:
        """The session of a frame that had to wait is known."""
        self._ears.note(held, frame.node_id)
        if self._on_data(held, node, frame):
            node.link.on_late(held.utc_ms)

    def _on_impostor(self, frame: ImpostorFrame) -> None:
        self._tally["impostor"] += 1
        if not self._has_heard_impostor:
            _log.warning("impostor_heard", node_id=frame.node_id, frame=frame.authenticity.value)
        self._has_heard_impostor = True

    def _on_beacon(self, reception: Reception, node: NodeReceiver, frame: BeaconFrame) -> None:
        state, utc_ms = beacon.decode(frame.state), reception.utc_ms
        is_past = reception.is_told and node.link.is_of_the_past(utc_ms)
        if not is_past and node.is_news(frame, state, utc_ms):
            self._on_counter(reception, node, frame)
            self.archive.add_beacon(reception, frame, state)
            if frame.node_id == self._node_id:
                counters.confirm(self.archive.db, state.command_counter, utc_ms)
            self._listen(reception, frame, state)
        elif (reception.is_told and is_of_its_time(state.time_of_day_s, utc_ms)
                and not self.archive.has_beacon(frame, utc_ms)):
            node.link.on_late(utc_ms)
            self.archive.add_beacon(reception, frame, state, is_late=True)
        else:
            self._tally["old_beacons"] += 1

    def _listen(self, reception: Reception, frame: BeaconFrame, state: Beacon) -> None:
        """The window of a beacon opens by the clock of the station that received it: only ours."""
        is_ours = frame.node_id == self._node_id and not reception.is_told
        if is_ours and frame.is_listening:
            self._uplink.open_window(reception.utc_ms, state.is_cutdown_armed)

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
        return self._uplink.next_uplink(self._nodes.ours, utc_ms)
