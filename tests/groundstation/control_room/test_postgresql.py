"""The same with threads over a real PostgreSQL, which is killed, hangs, refuses and is full: the
stations go on, and afterwards nothing is lost, doubled or sent twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
import sqlalchemy as sql
from structlog.testing import capture_logs

from groundstation.archive import connections
from groundstation.control_room import joining, room_thread, tables
from groundstation.control_room.room import ControlRoom
from groundstation.errors import StationError
from groundstation.ground import Ground
from groundstation.uplink.sending_rights import SendingRights
from tests.groundstation.control_room.postgresql import PASSWORD, PostgreSql
from tests.groundstation.control_room.rooms import UPLINK_KEY, RoomStation, mission_of, window
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, Channel, FarEnd
from tests.groundstation.peers.stations import Clock, Station, flight, state_at_noon

PATIENCE_S = 60
Open = Callable[..., RoomStation]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns and attempts follow each other at once, and a server that hangs is soon found out."""
    monkeypatch.setattr(room_thread, "EVERY_S", 0.01)
    monkeypatch.setattr(room_thread, "_wait", lambda state: 0.02)
    monkeypatch.setattr(room_thread, "STATEMENT_MS", 1_000)
    monkeypatch.setattr(room_thread, "CONNECT_S", 2)
    monkeypatch.setattr(room_thread, "TRANSACTION_MS", 1 << 40)  # by a clock that jumps


class LiveStation(RoomStation):
    """One whose exchange has its thread, as in ``spacepi-ground serve``."""

    def __init__(self, folder: Path, name: str, number: int, clock: Clock, url: str,
                 stop: threading.Event, password: str = PASSWORD) -> None:
        self._stop, self._folder = stop, folder
        secret = folder / f"{name}.password"
        secret.write_text(password + "\n")
        secret.chmod(0o600)
        self._mission = mission_of(name, number, url, password_file=secret.name)
        super().__init__(folder, name, number, clock, None)  # type: ignore[arg-type]

    def restart(self) -> None:
        from groundstation.archive.archive import Archive

        self._archive = Archive(self.path, is_durable=False)
        self.ground = Ground(
            self._mission, self._archive, UPLINK_KEY, self._mission.downlink_key(MASTER_KEY),
            rights=SendingRights(self._mission, self.clock.uptime_ms))
        thread = joining.start(
            self.ground, self._mission, self._folder, self.clock.now, self.clock.uptime_ms,
            self._stop)
        assert thread is not None
        self.poll, self.exchange = thread.poll, thread.exchange

    @property
    def why(self) -> str | None:
        """Why the room is not reached, as the page is told; None before it is known."""
        self.poll()
        found = connections.read(self.ground.archive.db, connections.CONTROL_ROOM)
        return None if found is None else found["why"]


@pytest.fixture
def live(tmp_path: Path, postgresql: PostgreSql) -> Iterator[Open]:
    """A live station of this name and number."""
    clock, stop = Clock(), threading.Event()
    stations: list[LiveStation] = []

    def start(name: str, number: int, url: str = postgresql.url, **options: str) -> LiveStation:
        stations.append(LiveStation(tmp_path, name, number, clock, url, stop, **options))
        return stations[-1]

    yield start
    stop.set()
    for thread in threading.enumerate():
        if thread.name == "control room":
            thread.join(PATIENCE_S)
    for each in stations:
        each.close()


def until(is_done: Callable[[], bool], *stations: RoomStation) -> None:
    """Poll until then."""
    last_s = monotonic() + PATIENCE_S
    while not is_done():
        assert monotonic() < last_s, [each.why for each in stations]
        for each in stations:
            each.poll()
        threading.Event().wait(0.005)


def test_two_stations_over_a_server_that_is_killed_in_the_middle(
    live: Open, postgresql: PostgreSql, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hill, car = both = live("hill", 0), live("car", 1)
    clock, far = hill.clock, FarEnd(UPLINK_KEY, SIGNED_MISSION)
    union = Station(tmp_path_factory.mktemp("union"), "all", clock, None)
    ears = [Channel(0.5, 31), Channel(0.5, 32)]
    until(lambda: all(each.why == "" for each in both), *both)

    def listening() -> bytes:
        return far.beacon(state_at_noon(clock.now()), is_listening=True)

    asked: list[int] = []
    with capture_logs() as logs:
        car.hear(far.tell())
        for number, (at_ms, frame) in enumerate(flight(120)):
            clock.utc_ms = max(clock.utc_ms, at_ms)
            hearers = [s for s, ear in zip(both, ears, strict=True) if ear.carries()]
            for each in (*hearers, union) if hearers else ():
                each.hear(frame)
            for each in both:
                each.poll()
            if number % 10 == 0:
                asked.append(hill.ask(f"Question {number}?", f"10.0.0.{number}"))
                for data in window(clock, listening, car):
                    far.hear(data, clock.now())
            if number == 40:
                postgresql.kill()
                until(lambda: bool(hill.why and car.why), *both)
            if number == 70:
                postgresql.start()
                until(lambda: hill.why == car.why == "", *both)

        def is_sent() -> bool:
            for data in window(clock, listening, car):
                far.hear(data, clock.now())
            return sorted(far.questions) == asked

        until(is_sent, *both)
        until(lambda: hill.heard() == car.heard()
              and all(hill.state(n) == car.state(n) != "queued" for n in asked), *both)
    assert len(set(hill.heard())) == len(hill.heard()), "nothing doubled"
    assert {row[2] for row in union.receptions()} <= {row[2] for row in hill.heard()}
    assert far.commands_heard == len(asked), "each went out once"
    events = [log["event"] for log in logs if "room" in log]
    assert events.count("control_room_unreachable") == events.count("control_room_returned") == 2


@pytest.mark.parametrize(("url", "password", "said"), [
    ("postgresql://room@127.0.0.1:1/flight", PASSWORD, "Connection refused"),
    (None, "wrong", 'password authentication failed for user "room"'),
    ("other", PASSWORD, 'database "other" does not exist'),
], ids=["refuses", "password", "database"])
def test_a_server_that_is_not_reached_is_one_sentence_and_the_station_goes_on(
    live: Open, postgresql: PostgreSql, url: str | None, password: str, said: str
) -> None:
    if url == "other":
        url = postgresql.url.replace("/flight", "/other")
    with capture_logs() as logs:
        hill = live("hill", 0, url or postgresql.url, password=password)
        until(lambda: hill.why is not None, hill)
        question = hill.ask("Still there?")
        far = FarEnd(UPLINK_KEY, SIGNED_MISSION)
        hill.hear(far.tell())
        sent = window(hill.clock, lambda: far.beacon(
            state_at_noon(hill.clock.now()), is_listening=True), hill)
    assert hill.why == said
    assert len(hill.heard()) == 2 and len(sent) == 1 and hill.state(question) == "sent"
    assert [log["event"] for log in logs if log["log_level"] == "warning"] == [
        "control_room_unreachable"]


@pytest.mark.parametrize(("break_it", "mend_it", "said"), [
    ("UPDATE room SET version = 2", "UPDATE room SET version = 1",
     "it was made by another spacepi (version 2; this one uses 1)"),
    ("UPDATE room SET callsign = 'N1CALL'", "UPDATE room SET callsign = 'N0CALL'",
     "it is that of another payload; each flight needs a database of its own"),
    ("UPDATE station SET name = 'van', number = 0", "DELETE FROM station",
     'ground.station = "hill" and ground.station_number = 0 are not free: station 0 is "van"'),
    ("UPDATE station SET log = 'another'", "DELETE FROM station",
     'another machine is station "hill" in it now; ground.station and ground.station_number must '
     "differ at each station"),
    ("ALTER TABLE room RENAME COLUMN number TO count",
     "ALTER TABLE room RENAME COLUMN count TO number", "column room.number does not exist"),
    ("ALTER DATABASE flight SET default_transaction_read_only = on",
     "ALTER DATABASE flight SET default_transaction_read_only = off",
     "cannot execute UPDATE in a read-only transaction"),
    ("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
     " 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;"
     "CREATE TRIGGER full_disk BEFORE INSERT ON reception EXECUTE FUNCTION full_disk()",
     "DROP TRIGGER full_disk ON reception", "could not extend file: No space left on device"),
], ids=["version", "payload", "number taken", "two machines", "other tables", "read-only", "full"])
def test_a_room_that_refuses_is_one_sentence_and_is_caught_up_with(
    live: Open, postgresql: PostgreSql, break_it: str, mend_it: str, said: str
) -> None:
    hill = live("hill", 0)
    until(lambda: hill.why == "", hill)
    postgresql.ask(break_it)
    postgresql.stop()
    postgresql.start()
    for _, frame in flight(5):
        hill.hear(frame)
    until(lambda: hill.why == said, hill)
    assert hill.ground.receive_many([]) and len(hill.heard()) == 5
    postgresql.ask(mend_it)
    postgresql.stop()
    postgresql.start()
    until(lambda: hill.why == "", hill)
    until(lambda: postgresql.ask("SELECT count(*) FROM reception") == [(5,)], hill)


def test_a_database_that_is_slow_is_given_up_for_the_time(
    live: Open, postgresql: PostgreSql
) -> None:
    hill = live("hill", 0)
    until(lambda: hill.why == "", hill)
    with postgresql.connect() as another:
        another.execute("BEGIN; LOCK TABLE room")
        until(lambda: hill.why == "canceling statement due to statement timeout", hill)
        another.execute("COMMIT")
    until(lambda: hill.why == "", hill)


def test_a_server_that_hangs_is_hung_up_on(
    live: Open, postgresql: PostgreSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_thread, "TRANSACTION_MS", 30_000)
    hill = live("hill", 0)
    until(lambda: hill.why == "", hill)
    postgresql.pause(is_paused=True)
    try:
        def is_lost() -> bool:
            hill.clock.utc_ms += 1_000
            return bool(hill.why)

        until(is_lost, hill)
    finally:
        postgresql.pause(is_paused=False)
    for _, frame in flight(5):
        hill.hear(frame)
    until(lambda: hill.why == "", hill)
    until(lambda: postgresql.ask("SELECT count(*) FROM reception") == [(5,)], hill)


def test_two_that_claim_at_once_have_no_two_voices(
    live: Open, postgresql: PostgreSql
) -> None:
    """Neither saw what the other had not committed, and then neither could keep its lease."""
    hill = live("hill", 0)
    until(lambda: hill.why == "", hill)
    one, other = hill.ask("One?"), hill.ask("Another?")
    until(lambda: postgresql.ask("SELECT count(*) FROM outbox") == [(2,)], hill)
    engine = sql.create_engine(
        sql.make_url(postgresql.url).set(drivername="postgresql+psycopg", password=PASSWORD))
    car = ControlRoom(engine, mission_of("car", 1), b"car", None)
    claimed: list[bool] = []
    claiming = threading.Thread(target=lambda: claimed.append(car.claim(other, 60_000)))
    with engine.begin() as tx:  # as far as the hill's claim has come
        tx.execute(sql.select(tables.room.c.id).with_for_update())
        tx.execute(sql.update(tables.outbox).where(tables.outbox.c.id == one)
                   .values(holder="hill", held_until_ms=tables.now_ms() + 60_000))
        claiming.start()
        until(lambda: not claiming.is_alive() or postgresql.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") != [(0,)], hill)
    claiming.join()
    engine.dispose()
    assert claimed == [False]


def test_the_password_is_read_from_a_file_of_ones_own(live: Open, tmp_path: Path) -> None:
    hill = live("hill", 0)
    (tmp_path / "hill.password").chmod(0o644)
    with pytest.raises(StationError, match="other users can read this password"):
        joining.start(hill.ground, hill._mission, tmp_path, hill.clock.now, hill.clock.uptime_ms,
                      threading.Event())


def test_what_it_cannot_begin_with_is_one_sentence(
    join: Callable[..., RoomStation], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It was a traceback at the start of the station."""
    hill = join("hill", 0)

    def start(url: str) -> None:
        joining.start(hill.ground, mission_of("hill", 0, url), tmp_path, hill.clock.now,
                      hill.clock.uptime_ms, threading.Event())

    with pytest.raises(StationError, match=r"^\[ground.control_room\]: Received non-integer port"):
        start("postgresql://room@127.0.0.1/flight?port=many")

    def without_libpq(*_: object, **__: object) -> None:
        raise ImportError("no pq wrapper available.")

    monkeypatch.setattr(room_thread.sql, "create_engine", without_libpq)
    with pytest.raises(StationError, match=r"^\[ground.control_room\]: no pq wrapper available"):
        start("postgresql://room@127.0.0.1/flight")


def test_what_a_stranger_writes_is_noise(live: Open, postgresql: PostgreSql) -> None:
    hill = live("hill", 0)
    until(lambda: hill.why == "", hill)
    question = hill.ask("Who is there?")
    until(lambda: postgresql.ask("SELECT id FROM outbox") == [(question,)], hill)
    last = "(SELECT number FROM room)"
    columns = ", ".join(column.name for column in tables.outbox.columns)
    postgresql.ask(f"""
        UPDATE room SET number = number + 10;
        INSERT INTO outbox({columns}) SELECT 17, 'command', 18, '', '', 'queued', created_ms,
            expires_ms, 0, NULL, NULL, NULL, NULL, NULL, '', mac, {last}, NULL, NULL FROM outbox;
        INSERT INTO outbox({columns}) SELECT 33, kind, opcode, text, asker, state, created_ms,
            expires_ms, 0, NULL, NULL, NULL, NULL, NULL, '', '', {last}, NULL, NULL FROM outbox
            WHERE id <> 17;
        UPDATE outbox SET state = 'withdrawn', text = 'Nobody?', changed = {last} WHERE id > 33;
        INSERT INTO reception VALUES
            ({last} - 9, '1', 'car', {hill.clock.now()}, '1', 'noise', NULL, NULL),
            ({last} - 8, '1', '<img src=x>', {hill.clock.now()}, '2', 'noise', NULL, NULL),
            ({last} - 7, '1', 'car', -5, '3', 'noise', NULL, NULL),
            ({last} - 6, '1', 'car', 9223372036854775807, '4', 'noise', NULL, NULL),
            ({last} - 5, '1', 'car', {hill.clock.now()}, '5', '', NULL, NULL),
            ({last} - 4, '1', 'car', {hill.clock.now()}, '6', 'noise', 'NaN', 'Infinity');
    """)
    until(lambda: len(hill.heard()) == 1, hill)
    until(lambda: hill.exchange.notices.counts["unreadable"] >= 6, hill)
    assert [row[0] for row in hill.rows("SELECT id FROM outbox")] == [question]
    assert hill.entry(question).text == "Who is there?" and hill.state(question) == "queued"
    assert hill.exchange.notices.counts["of_other_stations"] == 1
    until(lambda: postgresql.ask(f"SELECT text FROM outbox WHERE id = {question}")
          == [("Who is there?",)], hill)
