"""A payload and a station of one mission in a perfect air, and what of it is in the archive."""

from __future__ import annotations

import msgpack

from groundstation.ground import Ground
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, START_MS, FarEnd, state_at
from wire import auth
from wire.auth import Direction
from wire.records import Kind

UPLINK_KEY = auth.derive_key(MASTER_KEY, 7, Direction.UPLINK)
KEY = SIGNED_MISSION.downlink_key(MASTER_KEY)
OTHER = 0x77777770  # another incarnation than the far end's own


def proving(archive):
    return Ground(SIGNED_MISSION, archive, UPLINK_KEY, KEY)


def listening(archive):
    """A public listener: it has no key of this payload."""
    return Ground(SIGNED_MISSION, archive, None)


def payload(**options):
    return FarEnd(UPLINK_KEY, SIGNED_MISSION, **options)


def tally(archive, name):
    row = archive.db.execute("SELECT value FROM tally WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def texts(archive, table="record"):
    rows = archive.db.execute(f"SELECT body FROM {table} ORDER BY life, record_id")
    return [msgpack.unpackb(body)["text"] for (body,) in rows]


def known(archive):
    """(life, incarnation, newest boot) of our payload."""
    rows = archive.db.execute(
        "SELECT life, incarnation, boot FROM incarnation WHERE node_id = 7 ORDER BY life")
    return [tuple(row) for row in rows]


def derived(archive):
    """What was made of the raw log, without the numbers of rows."""
    wanted = ("incarnation", "unplaced", "record", "record_conflict", "tally", "link_minute",
              "silence", "boot_clock", "picture", "tile")
    return {table: sorted(tuple(row)[0 if table in ("incarnation", "unplaced") else 1:]
                          for row in archive.db.execute(f"SELECT * FROM {table}"))
            for table in wanted}


class Air:
    """Time passes with every frame, half a second each."""

    def __init__(self, ground, now_ms=START_MS):
        self.ground = ground
        self.now_ms = now_ms

    def send(self, data):
        self.now_ms += 500
        if data is not None:
            self.ground.receive(data, self.now_ms)
        return data

    def muse(self, far, count, words="line"):
        """Lines that are thought, and sent at once."""
        for number in range(count):
            far.push(Kind.MUSING, self.now_ms, {"text": f"{words} {number} of {far.session}"})
            self.frames(far, 12)
        far.sender.withdraw(())  # closes its blocks
        self.frames(far, 12)

    def frames(self, far, count):
        for _ in range(count):
            self.send(far.data(self.now_ms))

    def report(self, far):
        """What the ground says in a listening window."""
        self.now_ms += 30_000
        self.send(far.beacon(state_at(self.now_ms / 1000 % 5000), is_listening=True))
        data = self.ground.next_uplink(self.now_ms + 10)
        return None if data is None else data
