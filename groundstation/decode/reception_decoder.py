"""The decoder: what each reception changes, in the archive and in what is known of the payloads.

Receptions come in the order in which the raw log holds them, each durable before it is decoded, so
that one whose decoding fails is decoded again later. Each frame goes by its kind: a beacon, data, a
callsign, an INCARNATION frame, one of an impostor, one that cannot be placed yet.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Protocol

import structlog

from groundstation.archive import counters
from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception
from groundstation.archive.retention import Worth
from groundstation.decode import foreign
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
from wire import beacon, frames
from wire.auth import Authenticity
from wire.beacon import Beacon
from wire.bodies import Models
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


class PayloadHeard(Protocol):
    """Is told when this station's own radio hears its payload (``groundstation.uplink``)."""

    def note_heard(self, utc_ms: int) -> None:
        """By whatever frame."""

    def open_window(self, utc_ms: int, is_armed: bool) -> None:
        """By a beacon that says that the payload listens, and whether its cutdown is armed."""


class ReceptionDecoder:
    """Decodes the receptions of one archive; what it knows of the payloads is in memory."""

    def __init__(self, mission: Mission, archive: Archive, downlink_key: bytes | None,
                 models: Models, can_transmit: bool, heard: PayloadHeard) -> None:
        """``downlink_key`` as of ``Ground``; ``models`` are the text models that are here."""
        self._archive = archive
        self._intake = Intake(archive)
        self._callsign = mission.payload.callsign
        self._node_id = mission.payload.node_id
        self._contents = RecordEffects(
            archive, self._node_id, can_transmit, models, mission.ground.station_number)
        signers = {} if downlink_key is None else {self._node_id: downlink_key}
        self._nodes = Nodes(mission, signers, models)
        self._placing = Placing(archive, signers)
        self.relayed = Relayed(mission, archive)
        self._ears = ReceivingStations(archive)
        self._heard = heard
        self._tally: Counter[str] = Counter()
        self._has_heard_impostor = False
        self._is_behind = False  # does the archive hold receptions that are not decoded yet?

    @property
    def ours(self) -> NodeReceiver | None:
        """The receiver of our payload, once it was heard."""
        return self._nodes.ours

    def worth_of(self, reception: Reception) -> Worth:
        """Its worth to the archive, by what is known now."""
        return worth_of(reception, self._placing, self._node_id)

    def decode_new(self, numbered: list[Reception]) -> None:
        """Decode what the archive has just taken, and before it what a refusal left undecoded."""
        try:
            if self._is_behind:
                self._nodes.forget()
                self._placing.forget()
                self.catch_up()
            else:
                self._decode_all(numbered)
        except sqlite3.Error as error:  # they are durable: decoded again with the next ones
            _log.error("archive_refuses", why=str(error), held=0)
            self._tally.clear()
            self._ears.forget()
            self._is_behind = True
        else:
            self._is_behind = False

    def catch_up(self) -> None:
        """Decode what the archive holds undecoded, and feed the frames of REFEED_MS again."""
        archive = self._archive
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
            self.relayed.add(frame.node_id, found, reception)  # cut off between the two, once
        if is_new:
            node.link.on_counter(frame.counter, reception.utc_ms, is_relayed=reception.is_relayed)
            node.link.take_minutes()

    def _decode_all(self, receptions: list[Reception]) -> None:
        with self._archive.batch(is_durable=False):
            for reception in receptions:
                self._admit(reception, self._decode)
            for node in self._nodes:
                self._archive.add_minutes(node.link.take_minutes())
            self._ears.keep()
            self._archive.count(self._tally)
            if self._tally["impostor"]:
                self._archive.note_change("impostor", None)
            self._archive.set_meta("decoded_upto", receptions[-1].reception_id)
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
            other = foreign.keep(self._archive, reception, self._callsign)
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
        if frame.node_id == self._node_id and not reception.is_relayed:
            self._heard.note_heard(reception.utc_ms)
        if isinstance(frame, IdentFrame):
            self._archive.add_node_frames(frame.node_id, 0, reception.utc_ms, reception.utc_ms)
            self._archive.set_ident(frame.node_id, frame.text)
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
        at_ms, is_relayed = reception.utc_ms, reception.is_relayed
        silence = node.link.on_counter(frame.counter, at_ms, is_relayed=is_relayed)
        if silence is not None:
            self._archive.add_silence(frame.node_id, *silence)

    def _on_data(self, reception: Reception, node: NodeReceiver, frame: DataFrame) -> bool:
        """Take a symbol; True when it had never been heard before."""
        sessions = self._placing.sessions(frame.node_id)
        session = frame.session or sessions.claimed(frame.counter.boot)
        sessions.note(session, reception.utc_ms)
        life = sessions.life(session)
        found, is_new = node.on_data(frame, session, life, reception.utc_ms)
        if found:
            self._contents.keep(frame, life, found, reception.utc_ms)
            self._tally.update(self.relayed.add(frame.node_id, found, reception))
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
        is_past = reception.is_relayed and node.link.is_of_the_past(utc_ms)
        if not is_past and node.is_news(frame, state, utc_ms):
            self._on_counter(reception, node, frame)
            self._archive.add_beacon(reception, frame, state)
            if frame.node_id == self._node_id:
                counters.confirm(self._archive.db, state.command_counter, utc_ms)
            self._listen(reception, frame, state)
        elif (reception.is_relayed and is_of_its_time(state.time_of_day_s, utc_ms)
                and not self._archive.has_beacon(frame, utc_ms)):
            node.link.on_late(utc_ms)
            self._archive.add_beacon(reception, frame, state, is_late=True)
        else:
            self._tally["old_beacons"] += 1

    def _listen(self, reception: Reception, frame: BeaconFrame, state: Beacon) -> None:
        """The window of a beacon opens by the clock of the station that received it: only ours."""
        is_ours = frame.node_id == self._node_id and not reception.is_relayed
        if is_ours and frame.is_listening:
            self._heard.open_window(reception.utc_ms, state.is_cutdown_armed)
