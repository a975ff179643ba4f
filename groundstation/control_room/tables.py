"""The tables of a shared control room, and the clock of its database.

    room             one row: of which payload it is, and the last number that was given
    station          the stations that use it
    reception        what each of them received, as it was on the air
    outbox           the questions and commands of all of them, each with the station that sends it
    acknowledgement  the last acknowledgement of each alarm

``number`` and ``changed`` are drawn from the one row of ``room``, which every writer locks until it
commits: they become visible in their order, so a reader that remembers the last one misses none.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sql
from sqlalchemy.ext.compiler import compiles

from groundstation.archive.rawlog import RAW_BYTES_MAX

VERSION = 1
POSTGRESQL_MIN = 12
NAME_BYTES, LOG_BYTES, DIGEST_BYTES = 8, 8, 16
TEXT_CHARS_MAX = 400
_tables = sql.MetaData()

room = sql.Table(
    "room", _tables,
    sql.Column("id", sql.SmallInteger, primary_key=True, autoincrement=False),
    sql.Column("name", sql.LargeBinary, nullable=False),
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("callsign", sql.Text, nullable=False),
    sql.Column("node_id", sql.Integer, nullable=False),
    sql.Column("number", sql.BigInteger, nullable=False),
)
station = sql.Table(
    "station", _tables,
    sql.Column("number", sql.SmallInteger, primary_key=True, autoincrement=False),
    sql.Column("name", sql.Text, nullable=False, unique=True),
    sql.Column("log", sql.LargeBinary, nullable=False),
    sql.Column("seen_ms", sql.BigInteger, nullable=False),
)
reception = sql.Table(
    "reception", _tables,
    sql.Column("number", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("log", sql.LargeBinary, nullable=False),
    sql.Column("station", sql.Text, nullable=False),
    sql.Column("utc_ms", sql.BigInteger, nullable=False),
    sql.Column("digest", sql.LargeBinary, nullable=False),
    sql.Column("raw", sql.LargeBinary, nullable=False),
    sql.Column("rssi_dbm", sql.Double),
    sql.Column("snr_db", sql.Double),
    sql.UniqueConstraint("station", "utc_ms", "digest"),
    sql.CheckConstraint(f"length(raw) <= {RAW_BYTES_MAX}"),
)
outbox = sql.Table(
    "outbox", _tables,
    sql.Column("id", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("opcode", sql.Integer, nullable=False),
    sql.Column("text", sql.Text, nullable=False),
    sql.Column("asker", sql.Text, nullable=False),
    sql.Column("state", sql.Text, nullable=False),
    sql.Column("created_ms", sql.BigInteger, nullable=False),
    sql.Column("expires_ms", sql.BigInteger, nullable=False),
    sql.Column("attempts", sql.Integer, nullable=False),
    sql.Column("last_sent_ms", sql.BigInteger),
    sql.Column("confirmed_ms", sql.BigInteger),
    sql.Column("answered_ms", sql.BigInteger),
    sql.Column("counter", sql.BigInteger),
    sql.Column("why", sql.Text),
    sql.Column("sender", sql.Text, nullable=False),
    sql.Column("mac", sql.LargeBinary, nullable=False),
    sql.Column("changed", sql.BigInteger, nullable=False, index=True),
    sql.Column("holder", sql.Text),
    sql.Column("held_until_ms", sql.BigInteger),
    sql.CheckConstraint(f"length(text) <= {TEXT_CHARS_MAX}"),
)
acknowledgement = sql.Table(
    "acknowledgement", _tables,
    sql.Column("rule", sql.Text, primary_key=True),
    sql.Column("at_ms", sql.BigInteger, nullable=False),
    sql.Column("reasons", sql.Text, nullable=False),
    sql.Column("station", sql.Text, nullable=False),
    sql.Column("mac", sql.LargeBinary, nullable=False),
)


class now_ms(sql.sql.expression.FunctionElement[int]):  # noqa: N801, it reads as a function of SQL
    """UTC in ms by the database's clock: the only one that all stations share."""

    type = sql.BigInteger()
    inherit_cache = True


@compiles(now_ms, "postgresql")
def _of_postgresql(element: now_ms, compiler: Any, **kw: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"


@compiles(now_ms, "sqlite")
def _of_sqlite(element: now_ms, compiler: Any, **kw: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


def create(connection: sql.Connection) -> None:
    """Make the tables that are not there yet."""
    _tables.create_all(connection)
