"""Bugs that hostile bytes found in ``wire`` and ``payload``, each with its story."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import msgpack
import pytest

from payload.devices.gnss_ublox import UbloxGnss
from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.mind.memory import Memory, MemoryAbsent
from payload.mind.persona import load_persona
from payload.prompt import clean_reply
from payload.storage import database, ids
from sim.fakes.card_disk import DeskStore
from tests.bundles import sign_bundle
from tests.groundstation.far_end import MISSION
from tests.hostile import bounds
from tests.hostile.device_decoders import Line
from tests.hostile.payload_decoders import card
from tests.payload.devices.test_gnss_ublox import nmea
from tests.payload.fakes import FakeRadio
from wire import frames, mission, varint
from wire.bundle import BundleError
from wire.frames import DataFrame, FeedbackFrame, FrameCounter
from wire.incoming import Receiver
from wire.mission import MissionError
from wire.modems import rylr
from wire.records import Kind, Priority, TimeQuality

KEY = bytes(32)
SALVAGE_LINES_MAX = 200_000
CLOSED = DataFrame(7, FrameCounter(1, 5), 1, 3, 1, 0, b"\xffx", False)
OPEN = DataFrame(7, FrameCounter(1, 5), 1, 3, 2, 0, b"\xffx", True)


# -- wire --------------------------------------------------------------------------------------


def test_a_varint_of_seventy_bits_is_refused() -> None:
    """Ten bytes hold 70 bits; what was read could not have been written."""
    with pytest.raises(ValueError, match="64 bits"):
        varint.decode(bytes.fromhex("ffffffffffffffffff03"), 0)
    assert varint.decode(varint.encode((1 << 64) - 1), 0)[0] == (1 << 64) - 1


def test_a_block_said_to_be_shorter_than_was_heard_does_not_stop_the_station() -> None:
    """Two open symbols, then a frame that closes the block after one: a deficit of -1, which no
    report can carry, ended the radio's thread. The block is poisoned and begins anew."""
    receiver = Receiver(222)
    for esi in (0, 1):
        receiver.on_data(DataFrame(7, FrameCounter(1, 5), 1, 3, 2, esi, b"\xffx", True))
    receiver.on_data(CLOSED)
    report = receiver.report()
    assert report is not None and report[2][0].deficit == frames.DEFICIT_UNKNOWN
    frames.encode_uplink(FeedbackFrame(7, 0, 1, 0, FrameCounter(1, 5), *report), KEY)
    assert receiver.poisoned_blocks > 0


def test_a_length_that_no_sender_has_does_not_make_a_block_deaf() -> None:
    """One frame that gave a block 200 symbols made it ignore all true ones, for ever."""
    receiver = Receiver(222)
    receiver.on_data(DataFrame(7, FrameCounter(1, 5), 1, 3, 200, 0, b"\xffx", False))
    receiver.on_data(OPEN)
    report = receiver.report()
    assert report is not None and report[2][0].have == 1


class CountedBytes(bytes):
    """Bytes that count how many of them are copied by slicing and joining."""

    copied = 0

    def __getitem__(self, key):  # type: ignore[no-untyped-def]
        found = super().__getitem__(key)
        if isinstance(found, int):
            return found
        CountedBytes.copied += len(found)
        return CountedBytes(found)

    def __radd__(self, other: bytes) -> CountedBytes:
        return CountedBytes(other + bytes(self))


def test_a_flood_of_plus_signs_is_not_copied_once_for_each() -> None:
    """64 KiB of "+" copied the rest of the line at each of them: two gigabytes."""
    CountedBytes.copied, size = 0, 4096
    rylr.Decoder(is_binary=True).feed(CountedBytes(b"+" * size))
    assert size < CountedBytes.copied <= 300 * size


@pytest.mark.parametrize("value", ["[" * 3000, "{a=" * 3000, "1" * 5000])
def test_a_mission_too_deep_or_too_long_is_one_sentence(value: str) -> None:
    """tomllib raises RecursionError and a plain ValueError for these."""
    with pytest.raises(MissionError, match=r"m: (is not TOML|TOML is nested too deeply)"):
        mission.parse(f"a = {value}", "m")


# -- the card ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _ids_from_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "FIRST_IDS", 1)


def _spoiled(path: Path, *statements: str, is_schema: bool = False) -> DeskStore:
    """A store with six records of which bits have changed since they were written."""
    store = DeskStore(path)
    for number in range(6):
        store.append(Kind.MUSING, {"text": f"line {number}"}, 0, 0, TimeQuality.NONE)
    store.put("phase", {"version": 1})
    store.commit(0)
    store.close()
    with sqlite3.connect(path) as database:
        if is_schema:
            database.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            database.execute(statement)
    database.close()
    return DeskStore(path)


def _offered(store: DeskStore) -> list[int]:
    return sorted(record.record_id for record in store.queued(Priority.MUSING, 100))


@pytest.mark.parametrize("change", [
    "kind = 127", "kind = 'x'", "boot = -1", "time_ms = 1e300", "quality = 9", "body = 'no'",
])
def test_a_flipped_bit_in_any_column_costs_that_record_only(tmp_path: Path, change: str) -> None:
    """A kind of 127 raised ValueError in every step from then on."""
    store = _spoiled(tmp_path / "s.sqlite", f"UPDATE record SET {change} WHERE id = 3")
    assert _offered(store) == [1, 2, 4, 5, 6]
    assert store.musings == tuple(f"line {n}" for n in (0, 1, 3, 4, 5))


def test_a_damaged_id_does_not_number_what_comes_after(tmp_path: Path) -> None:
    """A record that claimed the id 2^40 made the ground refuse every later one."""
    store = _spoiled(tmp_path / "s.sqlite", "UPDATE record SET id = 1 << 40 WHERE id = 6")
    new = store.append(Kind.EVENT, {"event": "boot"}, 0, 0, TimeQuality.NONE)
    assert new.record_id == 7
    assert _offered(store) == [1, 2, 3, 4, 5] and store.damaged_records == 1


@pytest.mark.parametrize("value", ["X'C1'", "X'0101'", "X'A5'", "'text'", "17"])
def test_a_damaged_saved_state_is_none_and_the_boot_goes_on(tmp_path: Path, value: str) -> None:
    """msgpack raised at every start: a flight computer that never came up again."""
    store = _spoiled(tmp_path / "s.sqlite", f"UPDATE small SET value = {value}")
    assert store.get("phase") is None and store.boot == 2, "the boot number is in the records too"
    assert _offered(store) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("change", [
    ("value BLOB", "valve BLOB"), ("state, class", "state, clbss"), ("mono_ms", "mono_mt"),
    ("TABLE record", "TABLE recorc"),
])
def test_a_changed_name_in_the_schema_is_damage(tmp_path: Path, change: tuple[str, str]) -> None:
    """quick_check finds nothing wrong with it; the first query then raised, at every start."""
    old, new = change
    store = _spoiled(
        tmp_path / "s.sqlite", f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}')",
        is_schema=True)
    store.append(Kind.EVENT, {"event": "boot"}, 0, 0, TimeQuality.NONE)
    assert store.commit(0) and store.salvaged_from is not None
    assert store.queued(Priority.EVENT, 1)


def test_a_schema_that_is_no_text_is_damage(tmp_path: Path) -> None:
    """sqlite3 quotes it in its message, and raised UnicodeDecodeError instead."""
    path = tmp_path / "s.sqlite"
    _spoiled(path).close()
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE \xff\xff\xff\xff\xff"))
    store = DeskStore(path)
    assert store.salvaged_from is not None and store.commit(0)


@pytest.mark.parametrize("lost", [4287, 4901])
def test_a_salvage_ends_whatever_the_highest_id_claims(tmp_path: Path, lost: int) -> None:
    """One byte lost from the file, all others moved up: no page could be read, and the salvage
    counted one by one to a highest id of about 2^50."""
    path = tmp_path / "s.sqlite"
    data = card()[0]
    path.write_bytes(data[:lost] + data[lost + 1 :])
    opened: list[DeskStore] = []
    bounds.lines_run(lambda: opened.append(DeskStore(path)), SALVAGE_LINES_MAX)
    assert opened[0].salvaged_from is not None and opened[0].commit(0)


def test_a_card_that_cannot_be_renamed_on_is_a_failing_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged store on a card gone read-only raised OSError at every start."""
    (tmp_path / "s.sqlite").write_bytes(b"damaged" * 1000)

    def refuse(self: Path, target: str) -> Path:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)
    store = DeskStore(tmp_path / "s.sqlite")
    assert store.is_failing
    record = store.append(Kind.EVENT, {"event": "boot"}, 0, 0, TimeQuality.NONE)
    assert store.queued(Priority.EVENT, 9) == [record]


# -- devices and workers -----------------------------------------------------------------------


@pytest.mark.parametrize("number", ["1e300", "-1e300", "1_0", "1e400", "9" * 12])
def test_a_speed_of_1e300_knots_does_not_stop_the_flight(tmp_path: Path, number: str) -> None:
    """float() reads it, the track record then held an integer of 300 digits that nothing can pack,
    and every step raised OverflowError while the receiver said so."""
    line = Line()
    store = DeskStore(tmp_path / "s.sqlite", is_durable=False)
    flight = Flight(MISSION, FlightPorts(gnss=UbloxGnss(line), radio=FakeRadio()), store, None,
                    None, None, random.Random(1))
    for second in range(5):
        place = f"5204.{1234 + second},N,01312.4321,E"
        line.data = nmea(f"GNGGA,12000{second}.00,{place},1,09,0.9,1234.5,M,45.0,M,,") + nmea(
            f"GNRMC,12000{second}.00,A,{place},{number},{number},211126,,,A")
        flight.step(second * 1000)
    assert flight.navigation.fix is not None and flight.navigation.fix.speed_mps is None
    assert not store.is_failing


def test_a_memory_whose_schema_is_no_text_is_absent(tmp_path: Path) -> None:
    """UnicodeDecodeError instead of MemoryAbsent kept the payload from starting."""
    path = tmp_path / "memory.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE VIRTUAL TABLE memory USING fts5(text)")
    database.close()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"CREATE VIRTUAL", b"CREATE " + b"\xff" * 7))
    with pytest.raises(MemoryAbsent):
        Memory(path)


@pytest.mark.parametrize("said", [
    'The <"|im_end|>lamp is lit tonight.', 'The lamp " is lit tonight.',
    '"The lamp is lit tonight.',
])
def test_a_lone_quotation_mark_leaves_a_clean_line(said: str) -> None:
    """It was taken out after the cleaning: two blanks stayed, or a control token was put together.
    """
    assert clean_reply(said) == "The lamp is lit tonight."


def test_a_persona_nested_too_deeply_is_one_sentence(tmp_path: Path) -> None:
    """RecursionError instead of BundleError kept the payload from starting."""
    (tmp_path / "persona.json").write_text('{"name": ' + "[" * 3000)
    with pytest.raises(BundleError, match="persona file"):
        load_persona(tmp_path, [sign_bundle(tmp_path)])


def test_the_crc_of_a_row_is_of_everything_in_it() -> None:
    """Method: each column changed in turn."""
    row = database.with_crc((1, 2, 4, 1, 0, 0, 0, msgpack.packb({"text": "x"})))
    assert database.is_whole(row)
    for at in range(len(row)):
        for value in (99, None, "1", b"", 1.5):
            assert not database.is_whole((*row[:at], value, *row[at + 1 :])), (at, value)
