"""The database of a control room: SQLite in memory's place, and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from tests.groundstation.control_room.postgresql import PASSWORD, PostgreSql
from tests.groundstation.control_room.rooms import RoomStation
from tests.groundstation.peers.stations import Clock
from tests.thorough import sampled


@pytest.fixture(scope="session")
def _server() -> Iterator[PostgreSql]:
    server = PostgreSql()
    yield server
    server.remove()


@pytest.fixture
def postgresql(_server: PostgreSql) -> PostgreSql:
    """A server with an empty database ``flight``."""
    _server.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return _server


@pytest.fixture(params=sampled(["sqlite", "postgresql"]))  # test_postgresql.py is quick
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sql.Engine]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        made = sql.create_engine(f"sqlite:///{tmp_path / 'room.sqlite'}")
    else:
        server: PostgreSql = request.getfixturevalue("postgresql")
        url = sql.make_url(server.url).set(drivername="postgresql+psycopg", password=PASSWORD)
        made = sql.create_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def join(tmp_path: Path, engine: sql.Engine, clock: Clock) -> Iterator[Callable[..., RoomStation]]:
    """A station of this name and number in the room."""
    stations: list[RoomStation] = []

    def make(name: str, number: int, **options: Any) -> RoomStation:
        stations.append(RoomStation(tmp_path, name, number, clock, engine, **options))
        return stations[-1]

    yield make
    for each in stations:
        each.close()
