"""The station's transmissions: one frame in a listening window, a command or a report.

After a few commands in a row a report goes first, but never before an abort or a cutdown that has
not been sent yet. A command's counter is drawn when it is sent; where counters have run ahead of
the clock, because many frames were sent in a short time, commands wait until the clock has caught
up.

Where payloads take turns, a window is also known by the clock: each slot begins with a beacon that
listens. The station speaks then if it has heard the payload in the last rounds, though not this
beacon; its own clock has to be right to half a second.

Sans-I/O apart from the archive, and without a clock: every call carries its UTC in ms.
"""

from __future__ import annotations

import sqlite3

import structlog

from groundstation.archive import command_order, counters, outbox, threads
from groundstation.archive.archive import Archive
from groundstation.archive.command_order import Precedence
from groundstation.archive.outbox import QueuedCommand
from groundstation.decode.node_receiver import NodeReceiver
from groundstation.uplink.sending_rights import SendingRights
from wire import auth, commands, frames
from wire.airtime_budget import UPLINK_MARGIN_MS, AirtimeBudget
from wire.commands import Opcode
from wire.frames import COMMAND_OVERHEAD_BYTES, CommandFrame, FeedbackFrame
from wire.mission import Mission
from wire.mission_swarm import SLOT_LATE_MS

COMMANDS_IN_A_ROW_MAX = 3  # then a report goes first
SLOT_ROUNDS = 2  # without the payload for so many rounds, only a beacon opens a window
LEAD_S_MAX = 120  # of a command's counter before the clock; the payload allows AHEAD_S_MAX
_log = structlog.get_logger()


class UplinkScheduler:
    """Chooses what to transmit and when; nothing when ``key`` is None."""

    def __init__(
        self, mission: Mission, archive: Archive, key: bytes | None,
        rights: SendingRights | None = None,
    ) -> None:
        """``rights`` where several stations share the outbox; without them every entry is ours."""
        self._mission = mission
        self._rights = rights
        self._budget = AirtimeBudget(mission)
        self._archive = archive
        self._key = key
        self._node_id = mission.payload.node_id
        self._station = mission.ground.station_number
        self._window_ms: int | None = None  # when a beacon last said that it listens
        self._is_window_used = False
        self._is_armed = False  # the cutdown, as that beacon said
        self._heard_ms: int | None = None  # the latest frame of our payload
        self._slot_used_ms = 0  # when the latest window by the clock was used
        self._last_report_ms: int | None = None
        self._commands_in_a_row = 0

    def open_window(self, utc_ms: int, is_armed: bool) -> None:
        """A beacon reported that the payload listens now, and whether its cutdown is armed."""
        self._window_ms = utc_ms
        self._is_armed = is_armed
        self._is_window_used = False

    def note_heard(self, utc_ms: int) -> None:
        """Our payload was received here, by whatever frame."""
        self._heard_ms = utc_ms

    def next_uplink(self, node: NodeReceiver | None, utc_ms: int) -> bytes | None:
        """The frame to transmit now, or None. ``node`` is the receiver of our payload.

        At most one per listening window, so that the counter in the next beacon shows whether it
        was accepted. Its own counter is durable before the bytes are returned; while the disk
        refuses it, nothing is sent.
        """
        if self._key is None or not self._is_window_open(utc_ms):
            return None
        try:
            entry, data = self._next_command(utc_ms), None
            is_report_due = self._commands_in_a_row >= COMMANDS_IN_A_ROW_MAX
            if entry is not None and (_is_pressing(entry) or not is_report_due):
                data, entry = self._signed(entry, utc_ms), None
            if data is None:
                data = self._report(node, utc_ms)
            if data is None and entry is not None:
                data = self._signed(entry, utc_ms)
        except sqlite3.Error as error:
            _log.error("uplink_withheld", why=str(error))
            data = None
        self._is_window_used = data is not None
        if data is not None:
            self._slot_used_ms = utc_ms
        return data

    def _is_window_open(self, utc_ms: int) -> bool:
        budget = self._budget
        air_ms = budget.airtime.on_air_ms(budget.uplink_bytes_max)
        last_start_ms = budget.window_ms - air_ms
        # As many stations answer one after another, each with time to notice its turn.
        turns = 1 + (last_start_ms - UPLINK_MARGIN_MS) // air_ms
        first_start_ms = self._station % turns * air_ms
        if self._window_ms is not None and not self._is_window_used and (
                first_start_ms <= utc_ms - self._window_ms <= last_start_ms):
            return True
        return self._station % turns == 0 and self._is_slot_window(utc_ms, last_start_ms)

    def _is_slot_window(self, utc_ms: int, last_start_ms: int) -> bool:
        """Does our payload listen now by the clock, which may be late there by SLOT_LATE_MS?"""
        swarm, budget = self._mission.swarm, self._budget
        if swarm is None or swarm.slot_s is None or self._heard_ms is None:
            return False
        is_heard = 0 <= utc_ms - self._heard_ms <= SLOT_ROUNDS * swarm.round_ms
        if not is_heard or budget.window_every_ms > swarm.round_ms:
            return False
        since_ms = swarm.since_slot_ms(self._node_id, utc_ms)
        beacon_ms = budget.silence_ms - budget.window_ms
        is_open = beacon_ms + SLOT_LATE_MS <= since_ms <= beacon_ms + last_start_ms
        return is_open and utc_ms - self._slot_used_ms > since_ms

    def _next_command(self, utc_ms: int) -> QueuedCommand | None:
        """The command that may be sent in this window; those that can never be sent are abandoned.
        """
        db = self._archive.db
        waiting = [entry for entry in outbox.waiting(db) if entry.is_alive(utc_ms)]
        in_order = command_order.in_order(waiting, outbox.last_sent_ms(db))
        for entry in in_order:
            is_fire = entry.opcode is Opcode.CUTDOWN_FIRE
            arming = outbox.arming_before(db, entry.command_id) if is_fire else None
            why = command_order.hopeless(entry, arming, utc_ms)
            may_send = self._may_send(entry)
            if why is not None:
                if may_send:  # else it is for another station to say
                    with self._archive.batch():
                        outbox.fail(db, entry.command_id, why)
            elif self._may_go(entry, arming):
                if may_send:
                    return entry if self._has_counter(entry, utc_ms) else None
                assert self._rights is not None
                self._rights.wish(entry)
        return None

    def _may_send(self, entry: QueuedCommand) -> bool:
        return self._rights is None or self._rights.may_send(self._archive.db, entry)

    def _may_go(self, entry: QueuedCommand, arming: QueuedCommand | None) -> bool:
        """The payload takes a FIRE only from the station whose ARM it took."""
        is_of_others = arming is not None and not counters.has_sent(
            self._archive.db, arming.command_id)
        return not is_of_others and command_order.may_go(entry, arming, self._is_armed)

    def _has_counter(self, entry: QueuedCommand, utc_ms: int) -> bool:
        """An ABORT is accepted whatever its counter."""
        counter = counters.next_free(self._archive.db, utc_ms, entry.kind, self._station)
        is_abort = command_order.of(entry.opcode) is Precedence.ABORT
        return is_abort or counter - outbox.seconds_of(utc_ms) <= LEAD_S_MAX

    def _signed(self, entry: QueuedCommand, utc_ms: int) -> bytes | None:
        assert self._key is not None
        try:
            body = self._body(entry, utc_ms)
        except ValueError as error:  # it was sound when it was queued: the disk is not
            with self._archive.batch():
                outbox.fail(self._archive.db, entry.command_id, str(error))
            return None
        if COMMAND_OVERHEAD_BYTES + len(body) > self._budget.uplink_bytes_max:
            with self._archive.batch():
                outbox.fail(self._archive.db, entry.command_id,
                            "too long for a listening window of this link")
            return None
        with self._archive.batch():
            current = outbox.one(self._archive.db, entry.command_id)
            # It was called back just now, or offered to the other stations.
            if current is None or not current.is_waiting or not self._may_send(current):
                return None
            counter = self._archive.take_counter(
                utc_ms, entry.kind, entry.command_id, self._station)
        self._commands_in_a_row += 1
        frame = CommandFrame(self._node_id, self._station, counter, body)
        return frames.encode_uplink(frame, self._key)

    def _body(self, entry: QueuedCommand, utc_ms: int) -> bytes:
        """Where a window has no room for the number of the question before, without it."""
        body = commands.encode(threads.command(self._archive.db, entry, utc_ms))
        is_too_long = COMMAND_OVERHEAD_BYTES + len(body) > self._budget.uplink_bytes_max
        return commands.encode(entry.command(utc_ms)) if is_too_long else body

    def _report(self, node: NodeReceiver | None, utc_ms: int) -> bytes | None:
        """None before ``report_every_s`` have passed since the last, and as many seconds as its
        counter takes; a clock that was set back must not keep it waiting for as long as it had run
        ahead. None too where nothing is verified: a forger could make this station confirm what it
        never received."""
        every_ms = max(self._mission.ground.report_every_s, auth.STATIONS_MAX) * 1000
        if self._last_report_ms is not None and 0 <= utc_ms - self._last_report_ms < every_ms:
            return None
        report = node.report() if node else None
        if report is None or self._key is None:
            return None
        self._last_report_ms = utc_ms
        self._commands_in_a_row = 0
        counter = self._archive.take_counter(utc_ms, "feedback", station=self._station)
        frame = FeedbackFrame(
            self._node_id, self._station, counter, round(255 * report.loss), report.last_counter,
            report.first, report.upto, report.reports, report.session,
        )
        return frames.encode_uplink(frame, self._key)


def _is_pressing(entry: QueuedCommand) -> bool:
    """An abort or a cutdown that was not sent yet."""
    return command_order.of(entry.opcode) <= Precedence.CUTDOWN and entry.attempts == 0
