"""What this station has still to tell the others: the archive is the queue.

A reception is told once the archive has committed it, and is settled when the broker has
acknowledged it; the number up to which all are settled is in ``meta``. After a loss of the broker,
or a restart, everything behind that is told again. So is the last one that was settled: a broker
that was killed may have acknowledged what it then forgot, and whoever lacks something sees it by
the number ``before`` in what comes next, and asks. What retention deleted meanwhile, and what is
older than AGE_MS_MAX, is passed over.
"""

from __future__ import annotations

import json
import secrets

from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import BY_RADIO
from groundstation.peers.messages import LOG_BYTES, AskMessage, HeardMessage
from groundstation.sanitise import read_json

KEY = "told"
AGE_MS_MAX = 48 * 3600 * 1000
UNSETTLED_MAX = 100  # told and not acknowledged yet
PER_SECOND_MAX = 500  # a backlog must not overflow the queues of the broker and of the others
REWIND_EVERY_MS = 30_000  # who asks in between is answered by what is on its way, or asks again
LOOKED_AT_MAX = 2_000  # receptions in one round, most of them perhaps from other stations


class OutgoingReceptions:
    """The station's own receptions, in the order of their numbers. Methods raise sqlite3.Error."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.log, self._settled = self._load()
        self._position = self._before = 0
        self._unsettled: dict[int, int] = {}  # the broker's number -> the reception's
        self._rewound_ms: int | None = None
        self._second, self._told_in_second = 0, 0
        self.begin()

    def begin(self) -> None:
        """There is a new connection: go on with the last one that is settled."""
        self._unsettled.clear()
        self._go_to(max(0, self._own_before(self._settled + 1) - 1))

    def next(self, now_ms: int) -> list[HeardMessage]:
        """What may be told now, oldest first; each is to be followed by ``note_sent``."""
        if now_ms // 1000 != self._second:
            self._second, self._told_in_second = now_ms // 1000, 0
        room = min(UNSETTLED_MAX - len(self._unsettled), PER_SECOND_MAX - self._told_in_second)
        found: list[HeardMessage] = []
        if room <= 0:
            return found
        rows = self._archive.db.execute(
            "SELECT id, utc_ms, raw, rssi_dbm, snr_db, source FROM reception WHERE id > ?"
            " ORDER BY id LIMIT ?", (self._position, LOOKED_AT_MAX))
        for number, utc_ms, raw, rssi_dbm, snr_db, source in rows:
            if source == BY_RADIO and utc_ms >= now_ms - AGE_MS_MAX:
                if len(found) == room:
                    break
                found.append(HeardMessage(
                    self.log, number, self._before, utc_ms, raw, rssi_dbm, snr_db))
                self._before = number
            self._position = number
        self._told_in_second += len(found)
        return found

    def note_sent(self, token: int, number: int) -> None:
        """The broker has it under ``token``, not acknowledged yet."""
        self._unsettled[token] = number

    def settle(self, tokens: list[int]) -> None:
        """The broker has acknowledged these."""
        for token in tokens:
            self._unsettled.pop(token, None)
        upto = min(self._unsettled.values(), default=self._position + 1) - 1
        if upto > self._settled:
            self._settled = upto
            with self._archive.batch(is_durable=False):
                self._archive.set_meta(KEY, json.dumps([self.log.hex(), upto]))

    def rewind(self, request: AskMessage, now_ms: int) -> bool:
        """Tell everything after a number again; False where that is not done, or not yet."""
        is_early = self._rewound_ms is not None and (
            0 <= now_ms - self._rewound_ms < REWIND_EVERY_MS)
        if request.log != self.log or request.after >= self._position or is_early:
            return False
        self._rewound_ms = now_ms
        self._go_to(request.after)
        return True

    def _go_to(self, number: int) -> None:
        self._position = number
        self._before = self._own_before(number + 1)

    def _own_before(self, number: int) -> int:
        row = self._archive.db.execute(
            "SELECT id FROM reception WHERE id < ? AND source = ? ORDER BY id DESC LIMIT 1",
            (number, BY_RADIO)).fetchone()
        return int(row[0]) if row else 0

    def _load(self) -> tuple[bytes, int]:
        """The name of the archive, and up to which number all is settled."""
        try:
            name, upto = read_json(self._archive.meta(KEY) or "")
            log = bytes.fromhex(name)
            if len(log) == LOG_BYTES and isinstance(upto, int):
                return log, min(upto, self._archive.last_reception_id())
        except (ValueError, TypeError):
            pass  # the first time, or unreadable: told from the beginning
        log = secrets.token_bytes(LOG_BYTES)
        with self._archive.batch():
            self._archive.set_meta(KEY, json.dumps([log.hex(), 0]))
        return log, 0
