"""A small value of the wrong type is an absent one: no start fails for it, whatever the key."""

from __future__ import annotations

import ast
import random
import sqlite3
from pathlib import Path
from typing import Any

import msgpack
import pytest

from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.storage import database, small_state
from sim.fakes.card_disk import DeskStore
from tests.payload.fakes import FakeGnss, FakeRadio
from tests.thorough import sampled
from tests.wire.orbits import iss
from wire import mission

ROOT = Path(__file__).resolve().parents[3]
MISSION = mission.load(ROOT / "mission.toml")
SOUND: dict[str, Any] = {
    "answered": {7: [60_000_021, 311], 0: [1, (1 << 31) + 5]},
    "boot": 12,
    "bus_trials": 2,
    "charge": 811,
    "conversation": [20_600, 1_780_000_000_000, False, [
        [8, 1_780_000_000_000, 2, [7, 9, 1_780_000_000_000, True]], [9, 0, 0, None]]],
    "elements": 2 * iss().text,
    "firsts": {"at_ms": 1_790_000_040_000, "is_whole": True, "coldest_c": -41.0,
               "reported_c": -31.5, "ground_hpa": 1002.0, "cloud_hpa": None, "asked_ms": None,
               "happened": ["first-cloud"], "last_lines": {"cloud": "White, and no walls."}},
    "hearsay": [[3, "town", "Hay is a town.", 1_780_000_000_000], [4, "news", "None.", None]],
    "ids_upto": 2048,
    "incarnation": 0x3FA0C1D2,
    "machine_boot": "5a2c0f3e-6f0b-4a39-9d0e-7a0c5a1b2c3d",
    "phase": {"version": 1, "phase": 2},
    "picture": 44,
    "plain_text_models": [0xFFFFFFFF],
    "questions": [[[5, "How is it?", 1, 4], [6, "And?", 0, None]], [4, 3],
                  [[3, None, "Who?", "A voice."], [4, 3, "Are you?", None]]],
    "settings": {1: 30},
    "switches": {"mind": True, "camera": False},
    "unproven_starts": 1,
    "uplink_counter": 60_000_021,
    "uplink_counters": {"since": 54_310_400, "commands": {5: 60_000_021},
                        "ahead": {70_000_005: 5}},
    "utc_ms": 1_780_000_000_000,
    "winds": [[12, 3.5, -1], [13, 0.0, 2.25]],
}
HOSTILE = (
    None, True, -1, 1 << 62, -(1 << 62), 1.5, float("nan"), float("inf"), "x", b"x", [], [1],
    [None], [True], {}, {"a": 1}, {1: 2}, {1: "x"}, {1: None}, {"mind": 5}, [[1, 2]], [{}],
    {"since": None}, {"since": 5, "commands": 5}, {"ahead": {5: -1}}, {"commands": {"5": 5}},
    [[], None], [[1], [2]], [[[5, 6, 7]], []], [[["5", "text", 0]], []], list(range(64)),
    [[1, "town", 5, None]], [[1, "town", "x"]], [[-1, "town", "x", None]],
)


def flight_of(store: DeskStore) -> Flight:
    return Flight(
        MISSION, FlightPorts(gnss=FakeGnss(), radio=FakeRadio()), store, None, None, b"k" * 32,
        random.Random(1))


def put_row(path: Path, row: tuple[Any, ...]) -> None:
    db = sqlite3.connect(path)
    db.execute("INSERT OR REPLACE INTO small VALUES (?,?,?)", row)
    db.commit()
    db.close()


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The database of a life that ended in order."""
    path = tmp_path_factory.mktemp("flown") / "payload.sqlite"
    store = DeskStore(path, is_durable=False)
    flight = flight_of(store)
    for now_ms in range(0, 20_000, 1000):
        flight.step(now_ms)
    flight.end(20_000)
    store.close()
    return path.read_bytes()


@pytest.mark.parametrize("key", sampled(sorted(SOUND), quick=6))
def test_no_value_of_any_key_stops_a_start(key: str, flown: bytes, tmp_path: Path) -> None:
    """Goal: every hostile value under a true CRC. Five keys raised TypeError or ValueError."""
    for number, value in enumerate((*HOSTILE, SOUND[key])):
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(flown)
        put_row(path, database.small_row(key, value))
        store = DeskStore(path, is_durable=False)
        flight = flight_of(store)
        for now_ms in range(0, 12_000, 1000):
            flight.step(now_ms)
        store.close()


def test_a_value_that_is_no_msgpack_is_absent(flown: bytes, tmp_path: Path) -> None:
    path = tmp_path / "payload.sqlite"
    for blob in (b"", b"\xc1", b"\x81\x90\x01", b"\x01\x01", b"\xd6\xff"):
        path.write_bytes(flown)
        put_row(path, database.with_crc(("picture", blob)))
        store = DeskStore(path, is_durable=False)
        assert store.get("picture") is None and store.get("boot") == 2
        store.close()


@pytest.mark.parametrize("key", sorted(SOUND))
def test_what_a_life_leaves_is_read_again(key: str) -> None:
    kept = msgpack.unpackb(msgpack.packb(SOUND[key]), strict_map_key=False)
    assert small_state.is_sound(key, kept)
    assert small_state.read([database.small_row(key, kept)]) == {key: kept}


def test_everything_a_flight_saved_is_sound(flown: bytes, tmp_path: Path) -> None:
    path = tmp_path / "payload.sqlite"
    path.write_bytes(flown)
    db = sqlite3.connect(path)
    rows = db.execute("SELECT key, value, crc32 FROM small").fetchall()
    db.close()
    assert small_state.read(rows).keys() == {row[0] for row in rows}


def test_a_counter_of_the_wrong_type_is_a_forgotten_one(flown: bytes, tmp_path: Path) -> None:
    """Goal: it waits for the sky's time as after a loss, and does not begin at 0."""
    path = tmp_path / "payload.sqlite"
    path.write_bytes(flown)
    counters = {"since": 0, "commands": {5: "60000021"}}
    put_row(path, database.small_row("uplink_counters", counters))
    store = DeskStore(path, is_durable=False)
    assert store.has_forgotten("uplink_counters")
    store.close()


def test_a_key_of_a_newer_version_is_kept_as_it_is(flown: bytes, tmp_path: Path) -> None:
    path = tmp_path / "payload.sqlite"
    path.write_bytes(flown)
    put_row(path, database.small_row("of_tomorrow", [{"a": None}]))
    store = DeskStore(path, is_durable=False)
    assert store.get("of_tomorrow") == [{"a": None}]
    store.close()


def test_every_key_that_the_payload_names_has_its_type_here() -> None:
    named: set[str] = set()
    for path in (ROOT / "payload").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named |= set(_keys_assigned(node)) | set(_keys_used(node))
    assert named == set(small_state.KEYS) == set(SOUND)


def _keys_assigned(node: ast.AST) -> list[str]:
    """``_MEMORY_KEY = "uplink_counters"`` and the like."""
    if not isinstance(node, ast.Assign):
        return []
    target, value = node.targets[0], node.value
    names = target.elts if isinstance(target, ast.Tuple) else [target]
    values = value.elts if isinstance(value, ast.Tuple) else [value]
    return [
        constant.value for name, constant in zip(names, values, strict=False)
        if isinstance(name, ast.Name) and name.id.endswith("KEY")
        and isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    ]


def _keys_used(node: ast.AST) -> list[str]:
    """The text in ``store.put("boot", ...)`` and ``store.get("utc_ms")``."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return []
    owner = ast.unparse(node.func.value)
    is_store = owner.endswith("store") or (owner == "self" and node.func.attr in ("put", "get"))
    return [
        argument.value for argument in node.args[:1]
        if is_store and node.func.attr in ("put", "get", "has_forgotten")
        and isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
