"""The known sessions of one payload, and the ones to which a frame can belong.

An incarnation (``wire.session``) that becomes known gets a row in the archive and the number of a
*life*, 0 for the first: records are kept under it, so that two stores of one payload never mix.
Only its newest boot is kept. The four bits of a frame counter leave two boots near that one; where
the payload signs, the MAC of DATA says which, and an INCARNATION frame need not be heard after
every reboot.

Where nothing is verified, sessions are claims: what an INCARNATION frame says is believed, and a
DATA frame is taken for the fewest boots away from what is known. Before any claim the incarnation
is UNKNOWN; the first claim that agrees with its four bits gives it its name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice

import structlog

from wire.session import BITS, Session

INCARNATIONS_MAX = 16  # tried for a frame; the one announced longest ago is left out
EVER_MAX = 256  # sessions tried for a frame of which only the worth is needed
CLAIMS_MAX = 64  # incarnations of a payload that verifies nothing; further ones are not believed
UNKNOWN = 0  # no incarnation: none is known yet
_TURN = 1 << BITS
_log = structlog.get_logger()


class Sessions:
    """Of the payload ``node_id``. The caller holds a batch of the archive where it notes one."""

    def __init__(self, db: sqlite3.Connection, node_id: int, is_verified: bool) -> None:
        self.node_id = node_id
        self._db = db
        self._is_verified = is_verified
        rows = db.execute(
            "SELECT life, incarnation, boot FROM incarnation WHERE node_id = ?"
            " ORDER BY life DESC LIMIT ?", (node_id, INCARNATIONS_MAX),
        ).fetchall()[::-1]
        self._lives: dict[int, int] = {incarnation: life for life, incarnation, _ in rows}
        # The newest boot of each; the one announced last is last.
        self._boots: dict[int, int] = {incarnation: boot for _, incarnation, boot in rows}
        self._fitting: dict[int, list[Session]] = {}  # as found, until another session is noted

    def fitting(self, boot_bits: int) -> list[Session]:
        """The sessions that a frame with these bits may be of, the likeliest first: the fewest
        boots away from a known one, then of the incarnation announced last."""
        known = self._fitting.get(boot_bits)
        if known is None:
            known = self._fitting[boot_bits] = self._find_fitting(boot_bits)
        return known

    def _find_fitting(self, boot_bits: int) -> list[Session]:
        found: list[tuple[int, Session]] = []
        for incarnation, newest in reversed(self._boots.items()):
            ahead = (boot_bits - Session(incarnation, newest).boot_bits) % _TURN
            steps = (ahead, ahead - _TURN) if ahead else (0, _TURN)
            found += [(abs(step), Session(incarnation, newest + step))
                      for step in steps if newest + step >= 0]
        return [session for _, session in sorted(found, key=lambda each: each[0])]

    def ever(self, boot_bits: int) -> Iterator[Session]:
        """Every session up to the newest boots that a frame with these bits may be of, incarnations
        of long ago included; at most EVER_MAX of them, the latest first."""
        rows = self._db.execute(
            "SELECT incarnation, boot FROM incarnation WHERE node_id = ? ORDER BY life DESC",
            (self.node_id,),
        )
        sessions = (Session(incarnation, boot) for incarnation, newest in rows
                    for boot in range(newest, -1, -1))
        fitting = (session for session in sessions if session.boot_bits == boot_bits)
        return islice(fitting, EVER_MAX)

    def claimed(self, boot_bits: int) -> Session:
        """The session that an unverified frame with these bits is taken for."""
        return next(iter(self.fitting(boot_bits)), Session(UNKNOWN, boot_bits))

    def knows(self, session: Session) -> bool:
        """Was this incarnation noted?"""
        return session.incarnation in self._lives

    def life(self, session: Session) -> int:
        """The number of the life; the incarnation was noted."""
        return self._lives[session.incarnation]

    def note(self, session: Session, utc_ms: int) -> bool:
        """It was announced, or a frame of it was heard. False when it is one claim too many, and
        not accepted."""
        newest = self._boots.get(session.incarnation)
        if newest is None:
            self._fitting.clear()
            return self._begin(session, utc_ms)
        if session.boot > newest:
            self._fitting.clear()
            self._boots[session.incarnation] = session.boot
            self._db.execute(
                "UPDATE incarnation SET boot = ? WHERE node_id = ? AND incarnation = ?",
                (session.boot, self.node_id, session.incarnation),
            )
        return True

    def names_unknown(self, session: Session) -> int | None:
        """Whether ``session``, announced by an INCARNATION frame, is the one whose incarnation was
        unknown: then that has its name from now on, and this is what was taken for its boot."""
        boot = self._boots.get(UNKNOWN)
        if boot is None or session.incarnation in self._boots:
            return None
        if Session(UNKNOWN, boot).boot_bits != session.boot_bits:
            return None
        self._fitting.clear()
        del self._boots[UNKNOWN]
        self._boots[session.incarnation] = session.boot
        self._lives[session.incarnation] = self._lives.pop(UNKNOWN)
        self._db.execute(
            "UPDATE incarnation SET incarnation = ?, boot = ?"
            " WHERE node_id = ? AND incarnation = ?",
            (session.incarnation, session.boot, self.node_id, UNKNOWN),
        )
        return boot

    def _begin(self, session: Session, utc_ms: int) -> bool:
        """An incarnation that is not among the latest; perhaps it was once."""
        incarnation, boot = session.incarnation, session.boot
        row = self._db.execute(
            "SELECT life, boot FROM incarnation WHERE node_id = ? AND incarnation = ?",
            (self.node_id, incarnation),
        ).fetchone()
        life = self._lives[incarnation] = self._next_life() if row is None else row[0]
        if row is None and life >= CLAIMS_MAX and not self._is_verified:
            del self._lives[incarnation]
            return False
        self._boots[incarnation] = boot if row is None else max(boot, row[1])
        self._db.execute(
            "INSERT INTO incarnation(node_id, life, incarnation, boot, first_ms)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET boot = MAX(boot, excluded.boot)",
            (self.node_id, life, incarnation, boot, utc_ms),
        )
        if row is None:
            self._db.execute("INSERT INTO change(what, ref) VALUES ('incarnation', NULL)")
        if row is None and life > 0:
            _log.warning("incarnation_new", node_id=self.node_id, incarnation=f"{incarnation:08x}",
                         boot=boot, why="its store was empty, damaged or absent; its records are "
                                        "kept apart from the earlier ones")
        if len(self._boots) > INCARNATIONS_MAX:
            oldest = next(iter(self._boots))
            del self._boots[oldest], self._lives[oldest]
        return True

    def _next_life(self) -> int:
        row = self._db.execute(
            "SELECT COALESCE(MAX(life) + 1, 0) FROM incarnation WHERE node_id = ?", (self.node_id,)
        ).fetchone()
        return int(row[0])
