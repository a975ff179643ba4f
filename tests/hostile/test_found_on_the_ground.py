"""Bugs that hostile bytes found on the ground and at the desk, each with its story."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgpack
import pytest
import structlog

from groundstation.archive import rawlog, record_table, schema
from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import RAW_BYTES_MAX, Reception
from groundstation.archive.track import Point, in_order
from groundstation.decode import intake, payload_summaries
from groundstation.export import ccsds
from groundstation.export.export import write_all
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from host_training.common.messages import Notes
from host_training.common.persona_dir import read_persona
from host_training.errors import TrainingError
from host_training.importers.notebook import import_notebook
from tests.groundstation.far_end import MISSION, SIGNED_MISSION, START_MS, FarEnd, state_at
from tests.host_training.conftest import telegram_export, write_persona
from tests.hostile import examples, seals
from tests.hostile.desk_decoders import imported
from tests.hostile.ground_decoders import read_all
from tests.hostile.registry import HUGE
from wire import frames, records
from wire.auth import Authenticity
from wire.frames import DataFrame, FrameCounter
from wire.records import BODY_BYTES_MAX, Kind, Record, TimeQuality

HEARD = Reception(START_MS, b"\x45", reception_id=1)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


def _open(path: Path) -> tuple[Archive, Ground]:
    archive = Archive(path, is_durable=False)
    return archive, Ground(MISSION, archive, seals.UPLINK_KEY)


# -- the station -------------------------------------------------------------------------------


def test_a_block_that_shrinks_does_not_end_the_station(tmp_path: Path) -> None:
    """The same as aboard, through the whole station: next_uplink raised struct.error."""
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground = Ground(SIGNED_MISSION, archive, seals.UPLINK_KEY, seals.DOWNLINK_KEY)
    far = FarEnd(seals.UPLINK_KEY, SIGNED_MISSION)
    ground.receive(far.tell(), START_MS)
    frame = DataFrame(7, FrameCounter(1, 5), 1, 3, 2, 0, b"\xffx", True, session=far.session)
    heard = [frame, frame._replace(esi=1), frame._replace(is_open=False, block_symbols=1)]
    for at, each in enumerate(heard):
        ground.receive(frames.encode_downlink(each, seals.DOWNLINK_KEY), START_MS + at)
    ground.receive(far.beacon(state_at(0), is_listening=True), START_MS + 10)
    assert ground.next_uplink(START_MS + 20) is not None
    archive.close()


def _summary(latitude: bytes) -> bytes:
    return b'{"type":"PAYLOAD_SUMMARY","callsign":"N0CALL","latitude":%b,"longitude":1}' % latitude


@pytest.mark.parametrize("source", ["radio", payload_summaries.SOURCE])
@pytest.mark.parametrize("latitude", [
    HUGE, b"-" + HUGE, b"1" * 5000, b"1e400", b"NaN", b"-Infinity", b"[" * 3000 + b"]" * 3000,
    b'1,"latitude":2',
], ids=lambda latitude: latitude[:12].decode())
def test_no_number_in_an_unsigned_packet_ends_the_station(
    tmp_path: Path, latitude: bytes, source: str
) -> None:
    """An integer of 310 digits was asked whether it is finite, which makes a float of it first. The
    packet was in the archive, so that the station ended again at every start, and in a rebuild."""
    archive, ground = _open(tmp_path / "flight.sqlite")
    ground.receive(_summary(latitude), START_MS, source=source)
    ground.receive(_summary(b"52.5"), START_MS + 1000, source=source)
    archive.close()
    for _ in range(2):
        archive, ground = _open(tmp_path / "flight.sqlite")
        archive.rebuild()
        archive.close()
    archive, ground = _open(tmp_path / "flight.sqlite")
    assert [row["latitude_deg"] for row in archive.db.execute("SELECT * FROM sighting")] == [52.5]
    assert not intake.listed(archive.db)
    archive.close()


def _entry(*fields: object) -> bytes:
    body = msgpack.packb(fields)
    return struct.pack(">2sII", rawlog.MARK, len(body), zlib.crc32(body)) + body


@pytest.mark.parametrize("fields", [
    (1 << 63, START_MS, "s", b"x", None, None, "radio"),
    (1, 1 << 62, "s", b"x", None, None, "radio"),
    (1, -5, "s", b"x", None, None, "radio"),
    (1, START_MS, "s", b"x", [1], None, "radio"),
    (1, START_MS, "s", b"x", float("nan"), None, "radio"),
    (1, START_MS, ["s"], b"x", None, None, "radio"),
    (True, START_MS, "s", b"x", None, None, "radio"),
])
def test_a_raw_log_that_says_what_no_station_wrote_is_stepped_over(
    tmp_path: Path, fields: tuple[object, ...]
) -> None:
    """A whole entry with a right CRC and a number of 2^63 kept the station from starting."""
    (tmp_path / "flight.raw").write_bytes(_entry(*fields) + rawlog.pack(HEARD))
    archive, _ = _open(tmp_path / "flight.sqlite")
    assert archive.last_reception_id() == 1
    archive.close()
    assert [reception for reception, _ in rawlog.read(tmp_path / "flight.raw")] == [HEARD]


@pytest.mark.parametrize("length", [RAW_BYTES_MAX, RAW_BYTES_MAX + 1, 70_000])
def test_a_reception_of_any_length_is_in_the_raw_log_too(tmp_path: Path, length: int) -> None:
    """One of 64 KiB was written to the raw log as an entry that its reader stepped over."""
    archive, ground = _open(tmp_path / "flight.sqlite")
    ground.receive(b"\xff" * length, START_MS)
    kept = [reception.raw for reception in archive.receptions()]
    archive.close()
    logged = [reception.raw for reception, _ in rawlog.read(tmp_path / "flight.raw")]
    assert kept == logged == [b"\xff" * min(length, RAW_BYTES_MAX)]


def _spoil(path: Path, statement: str, is_schema: bool = False) -> None:
    with sqlite3.connect(path) as database:
        if is_schema:
            database.execute("PRAGMA writable_schema = ON")
        database.execute(statement)
    database.close()


def test_a_changed_name_in_the_archive_is_damage_and_it_is_made_again(tmp_path: Path) -> None:
    """"no such column" came in the first batch that was decoded, at every start."""
    path = tmp_path / "flight.sqlite"
    archive, ground = _open(path)
    for at, data in enumerate(examples.flight()):
        ground.receive(data, START_MS + at * 1000)
    before = archive.db.execute("SELECT COUNT(*) FROM record").fetchone()[0]
    archive.close()
    _spoil(path, "UPDATE sqlite_master SET sql = replace(sql, 'frames', 'fralls')", True)
    again, _ = _open(path)
    assert again.db.execute("SELECT COUNT(*) FROM record").fetchone()[0] == before > 0
    assert path.with_name("flight.sqlite.damaged-1").exists()
    again.close()


def test_an_archive_whose_schema_is_no_text_is_made_again(tmp_path: Path) -> None:
    """sqlite3 quotes it in its message, and raised UnicodeDecodeError instead."""
    path = tmp_path / "flight.sqlite"
    archive, _ = _open(path)
    archive.close()
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE \xff\xff\xff\xff\xff"))
    again, _ = _open(path)
    read_all(again)
    again.close()


@pytest.mark.parametrize("statement", [
    "UPDATE reception SET station = CAST(X'6DFFFF' AS TEXT)",
    "UPDATE outbox SET opcode = 0", "UPDATE outbox SET opcode = 99",
    "UPDATE outbox SET text = X'FF'", "UPDATE outbox SET text = ''",
])
def test_a_damaged_row_of_the_archive_does_not_stop_the_station(
    tmp_path: Path, statement: str
) -> None:
    """A station name that is no UTF-8, a letter with an opcode of 0: each raised at every start."""
    path = tmp_path / "flight.sqlite"
    archive, ground = _open(path)
    ground.ask("How is it?", START_MS)
    beacon = next(d for d in examples.flight() if d[0] >> 2 & 0xF == 1)
    ground.receive(beacon, START_MS)
    archive.close()
    _spoil(path, statement)
    archive, ground = _open(path)
    read_all(archive)
    for second in range(1, 4):
        later = seals.crc32(beacon[:2] + bytes((second,)) + beacon[3:])
        ground.receive(later, START_MS + second * 1000)
        assert ground._uplink._is_window_open(START_MS + second * 1000 + 1)
        ground.next_uplink(START_MS + second * 1000 + 1)
    read_all(archive)
    archive.close()


# -- the page and the exports ------------------------------------------------------------------


def test_two_places_at_one_time_of_which_one_has_no_altitude_are_in_order() -> None:
    """Sorting compared None with a number, and the page showed no way at all."""
    with_altitude, without = Point(5, 52.0, 13.0, 900.0), Point(5, 52.0, 13.0, None)
    assert len(in_order([with_altitude, without])) == len(in_order([without, with_altitude])) == 1


def test_a_record_from_before_all_time_is_dated_by_when_it_was_heard(tmp_path: Path) -> None:
    """Records of a boot without a clock at both ends of the range: the export raised for the
    year -283 000, and wrote no file."""
    archive, _ = _open(tmp_path / "flight.sqlite")
    body = {"text": "when?", "lat": 52e7, "lon": 13e7}
    with archive.batch():
        for number, time_ms in ((1, (1 << 53) - 1), (2, 1 - (1 << 53)), (3, 5000)):
            record = Record(number, Kind.MUSING, 1, time_ms, TimeQuality.NONE, body)
            record_table.add(archive, 7, [record], START_MS, Authenticity.UNSIGNED)
    with closing(FlightReader(archive.path, MISSION)) as reader:
        assert [entry["when_ms"] for entry in reader.entries(None, 9)] == [START_MS] * 3
        assert write_all(reader, tmp_path / "out")
    archive.close()


def test_a_body_of_short_floats_can_be_exported() -> None:
    """4-byte floats become 8-byte ones: a body of legal length grew past what may be sent, and the
    export of the whole flight ended in an assertion."""
    packed = msgpack.packb({"x": [0.5] * 1500}, use_single_float=True)
    assert len(packed) < BODY_BYTES_MAX < len(msgpack.packb(records.unpack_body(packed)))
    record = examples.record(1, Kind.EVENT, records.unpack_body(packed))
    assert ccsds.unpack(ccsds.pack(record, 0)) == [record]


# -- the desk ----------------------------------------------------------------------------------


def test_a_chat_of_no_known_kind_is_a_group(tmp_path: Path) -> None:
    """A list where the type of a chat should be raised TypeError."""
    export = telegram_export()
    export["chats"]["list"][0]["type"] = [1]  # type: ignore[index]
    (tmp_path / "result.json").write_text(json.dumps(export))
    messages, _ = imported(tmp_path)
    assert {message.chat_kind for message in messages} == {"group"}


@pytest.mark.parametrize("seconds", [10**30, -1, 253_402_300_800, True])
def test_a_date_that_no_calendar_has_is_set_aside(tmp_path: Path, seconds: int) -> None:
    """10^30 seconds went on to the memory's table, which raised OverflowError hours later."""
    export = telegram_export()
    export["chats"]["list"][0]["messages"][1]["date_unixtime"] = seconds  # type: ignore[index]
    (tmp_path / "result.json").write_text(json.dumps(export))
    messages, notes = imported(tmp_path)
    assert len(messages) == 3 and "date_unixtime" in notes.bad[0].reason


def test_a_number_of_five_thousand_digits_in_an_export_is_one_sentence(tmp_path: Path) -> None:
    """Python reads at most 4300 digits, and says so with a ValueError of its own."""
    (tmp_path / "result.json").write_text('{"messages": [' + "1" * 5000 + "]}")
    messages, notes = imported(tmp_path)
    assert not messages and notes.n_bad == 1, notes.bad


@pytest.mark.parametrize("data", [b"ID,Contents\n\xff\n", b"ID\n" + b"x" * 200_000])
def test_a_discord_table_that_is_none_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    """UnicodeDecodeError, and the field limit of the csv module."""
    (tmp_path / "messages" / "c1").mkdir(parents=True)
    (tmp_path / "messages" / "c1" / "messages.csv").write_bytes(data)
    messages, notes = imported(tmp_path)
    assert not messages and "messages.csv" in notes.bad[0].file


@pytest.mark.parametrize("text", ["", "# Only a title\n", "---\nauthor: Ada\n---\n"])
def test_a_notebook_without_entries_has_none(tmp_path: Path, text: str) -> None:
    """A strict zip of no headings with one end raised ValueError."""
    (tmp_path / "empty.md").write_text(text)
    assert import_notebook(tmp_path / "empty.md", Notes()) == []


@pytest.mark.parametrize("value", ["[" * 3000, "1" * 5000])
def test_a_persona_file_too_deep_or_too_long_is_one_sentence(tmp_path: Path, value: str) -> None:
    """As the mission file."""
    directory = write_persona(tmp_path / "ada")
    (directory / "persona.toml").write_text(f"name = {value}\n")
    with pytest.raises(TrainingError, match=r"persona\.toml"):
        read_persona(directory)


def test_the_archive_knows_its_own_shape() -> None:
    """The check that finds a changed name must pass what was just made."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(schema.SCHEMA)
        schema.prepare(database, "new")
