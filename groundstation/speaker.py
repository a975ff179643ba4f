"""The station's turn to speak: one frame in a listening window, a letter or a report.

Sans-I/O apart from the archive, and without a clock: every call carries its UTC in ms.
"""

from __future__ import annotations

import sqlite3

import structlog

from groundstation import outbox
from groundstation.archive import Archive
from groundstation.outbox import ATTEMPTS_MAX
from groundstation.receiver import NodeReceiver
from wire import commands, frames
from wire.frames import CommandFrame, FeedbackFrame
from wire.mission import Mission

LETTERS_IN_A_ROW_MAX = 3  # then a report goes first
_log = structlog.get_logger()


class Speaker:
    """Chooses what to transmit and when; with ``key`` None it never does."""

    def __init__(self, mission: Mission, archive: Archive, key: bytes | None) -> None:
        self._mission = mission
        self._archive = archive
        self._key = key
        self._node_id = mission.payload.node_id
        self._station = mission.ground.station_number
        self._window_ms: int | None = None  # when a beacon last said that it listens
        self._is_window_used = False
        self._last_report_ms: int | None = None
        self._letters_in_a_row = 0

    def open_window(self, utc_ms: int) -> None:
        """A beacon said that the payload listens now."""
        self._window_ms = utc_ms
        self._is_window_used = False

    def next_uplink(self, node: NodeReceiver | None, utc_ms: int) -> bytes | None:
        """The frame to transmit now, or None. ``node`` is our payload as it was heard.

        At most one per listening window, so that the counter in the next beacon says whether it
        was taken. Its own counter is durable before the bytes are returned; while the disk
        refuses it, nothing is sent.
        """
        if self._key is None or not self._is_window_open(utc_ms):
            return None
        try:
            if self._letters_in_a_row >= LETTERS_IN_A_ROW_MAX:
                data = self._report(node, utc_ms) or self._letter(utc_ms)
            else:
                data = self._letter(utc_ms) or self._report(node, utc_ms)
        except sqlite3.Error as error:
            _log.error("uplink_withheld", why=str(error))
            data = None
        self._is_window_used = data is not None
        return data

    def _is_window_open(self, utc_ms: int) -> bool:
        if self._window_ms is None or self._is_window_used:
            return False
        radio = self._mission.radio
        air_ms = radio.mtu_bytes * 8000 // radio.rate_bps
        last_start_ms = max(radio.listen_s * 1000 // 2, radio.listen_s * 1000 - air_ms)
        turns = 1 + (last_start_ms - 1) // air_ms  # as many stations answer one after another
        first_start_ms = self._station % turns * air_ms
        return first_start_ms <= utc_ms - self._window_ms < last_start_ms

    def _letter(self, utc_ms: int) -> bytes | None:
        letter = outbox.next_waiting(self._archive.db)
        while letter is not None and letter.attempts >= ATTEMPTS_MAX:
            with self._archive.batch():
                outbox.fail(
                    self._archive.db, letter.letter_id, f"no sign of it after {ATTEMPTS_MAX} tries"
                )
            letter = outbox.next_waiting(self._archive.db)
        if letter is None or self._key is None:
            return None
        try:
            body = commands.encode(letter.command())
        except ValueError as error:  # it was sound when it was queued: the disk is not
            with self._archive.batch():
                outbox.fail(self._archive.db, letter.letter_id, str(error))
            return None
        self._letters_in_a_row += 1
        counter = self._archive.take_counter(utc_ms, letter.kind, letter.letter_id, self._station)
        frame = CommandFrame(self._node_id, self._station, counter, body)
        return frames.encode_uplink(frame, self._key)

    def _report(self, node: NodeReceiver | None, utc_ms: int) -> bytes | None:
        """None before ``report_every_s`` have passed since the last; a clock that was set back
        must not keep it waiting for as long as it had run ahead. None too where nothing is proved:
        whoever can say anything could make this station confirm what it never had."""
        every_ms = self._mission.ground.report_every_s * 1000
        if self._last_report_ms is not None and 0 <= utc_ms - self._last_report_ms < every_ms:
            return None
        report = node.report() if node else None
        if report is None or self._key is None:
            return None
        self._last_report_ms = utc_ms
        self._letters_in_a_row = 0
        counter = self._archive.take_counter(utc_ms, "feedback", station=self._station)
        frame = FeedbackFrame(
            self._node_id, self._station, counter, round(255 * report.loss), report.last_counter,
            report.first, report.upto, report.reports, report.session,
        )
        return frames.encode_uplink(frame, self._key)
