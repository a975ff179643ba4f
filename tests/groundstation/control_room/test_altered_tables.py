"""Tables of a control room that a stranger has made anew: no thread ends of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sql

from groundstation.control_room import tables
from groundstation.control_room.room import RoomRefuses
from tests.groundstation.control_room.rooms import RoomStation
from tests.groundstation.far_end import SIGNED_MISSION

Join = Callable[..., RoomStation]


@pytest.mark.parametrize("row", [
    "'name', 1, '{}', {}, 0", "NULL, 1, '{}', {}, 0", "NULL, NULL, NULL, NULL, NULL",
    "'name', 1, '{:9999}', {}, 0",
])
def test_a_room_whose_table_was_altered_refuses(join: Join, row: str) -> None:
    """The thread of the room ended for good at the first value of another type."""
    hill = join("hill", 0)
    hill.turn()
    payload = SIGNED_MISSION.payload
    alter(hill.engine, "room", "id BIGINT, name TEXT, version BIGINT, callsign TEXT,"
          " node_id BIGINT, number BIGINT", f"1, {row.format(payload.callsign, payload.node_id)}")
    hill.exchange.leave()
    with pytest.raises(RoomRefuses, match="its tables were altered"):
        hill.turn()


@pytest.mark.parametrize("columns, row", [
    ("station TEXT, utc_ms TEXT", "'car', 'noon'"), ("station TEXT, utc_ms REAL", "'car', 1.5"),
    ("station TEXT, utc_ms BIGINT", "'car', NULL"), ("station BYTEA, utc_ms BIGINT", "'car', 5"),
    ("station TEXT, utc_ms BIGINT", "NULL, 5"),
])
def test_receptions_in_a_table_that_was_altered_are_left_out(
    join: Join, columns: str, row: str
) -> None:
    """They ended the thread of the room, or the one that receives."""
    hill = join("hill", 0)
    hill.turn()
    alter(hill.engine, "reception", f"number BIGINT, log BYTEA, {columns}, raw BYTEA,"
          " rssi_dbm REAL, snr_db REAL", f"1, '1', {row}, 'noise', NULL, NULL")
    with hill.engine.begin() as tx:
        tx.execute(sql.update(tables.room).values(number=1))
    hill.turn()
    assert hill.heard() == []


def alter(engine: sql.Engine, table: str, columns: str, row: str) -> None:
    """A stranger makes this table anew, with one row."""
    with engine.begin() as tx:
        tx.exec_driver_sql(f"DROP TABLE {table}")
        tx.exec_driver_sql(f"CREATE TABLE {table}({columns})")
        tx.exec_driver_sql(f"INSERT INTO {table} VALUES ({row})")
