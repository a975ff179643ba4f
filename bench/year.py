"""What a year in orbit does to memory, store and counters, with every check held.

One payload flies over three stations with a third of the frames lost and a reset a month. Every
thirty days a row tells how many records there are, how large the files are, how much the flight
core holds in memory at most, and how far each number that only rises has come. At the end, for each
such number, the day on which it is used up at the rate that was flown.

Every twenty days the station queues new elements, as an operator does. Without them the payload
believes none any more after 60 days, and transmits as if a station always listened.

    python -m bench.year [DAYS [FOLDER]]     a year takes an hour of a core
"""

from __future__ import annotations

import gc
import sqlite3
import sys
import tempfile
import types
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from groundstation.archive.command_order import LIFETIME_S_MAX
from payload.storage.ids import DISKLESS_ID
from sim.balloon import SITES
from sim.clock import part_rng
from sim.daemon import Observer
from sim.faults.play import Player
from sim.orbit import Orbit, draw_elements, renewed
from sim.scenario import ORBIT_CADENCE, ORBIT_HARDWARE, ORBIT_MIND_S, Conditions, stations_at
from sim.trials import liveness
from sim.trials.swarm_days import DAY_S, DayCount
from sim.trials.swarm_trial import drawn_resets
from sim.verify.checks import Checks
from sim.world import World
from wire import mission
from wire.auth import COUNTER_AHEAD_MAX
from wire.commands import Opcode
from wire.frames import BLOCKS_MAX, DataFrame, decode_downlink
from wire.mission_orbit import OrbitSection, OrbitStation
from wire.orbit import OrbitError
from wire.records import EPOCH_2025_MS

MISSION = Path(__file__).resolve().parent.parent / "mission.toml"
DAYS, ROW_DAYS, ELEMENTS_DAYS = 365, 30, 20
SEED = 1
START_UTC_MS = 1_790_000_000_000
LOSS, RESETS_A_DAY = 0.3, 1 / 30
REVOLUTIONS_A_DAY = 17.0  # at most
HARDWARE = replace(ORBIT_HARDWARE, has_brownout=True)
SCAN_EVERY_MS = 30 * 86_400_000  # whole disks: a year's are large,
LOOK_EVERY_MS = 86_400_000  # and so is the way on the page
NOT_HELD = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)
ELSEWHERE = ("sim.", "bench.", "groundstation.", "logging", "structlog")


class YearRow(NamedTuple):
    """At the end of a day. Sizes in MB of 10^6 bytes; memory is the most since the row before."""

    day: int
    records: int
    waiting: int  # of them, not confirmed
    store_mb: float
    archive_mb: float
    core_mb: float  # of objects, without the interpreter and its modules
    record_id: int
    blocks: int  # of this session so far
    boot: int
    words_said: int
    words_home: int
    charge_min_pct: float
    beacon_gap_s: float


class _Blocks(Observer):
    """Counts the blocks of the session that sends."""

    def __init__(self) -> None:
        self.newest = self.most = 0

    def on_send(self, frame: bytes) -> None:
        decoded = decode_downlink(frame)
        if isinstance(decoded, DataFrame):
            # A coded frame of an older block is no new session: those reach back 256 at most.
            begins_anew = decoded.block < self.newest - 1_000
            self.newest = decoded.block if begins_anew else max(self.newest, decoded.block)
            self.most = max(self.most, self.newest)

    def on_boot(self) -> None:
        self.newest = 0

    def on_step(self) -> None:
        pass

    def on_uplink(self, frame: bytes) -> None:
        pass

    def on_crash(self, error: Exception) -> None:
        pass


def orbit(days: int) -> Orbit:
    """The first that is drawn and does not come down in this time."""
    rng = part_rng(SEED, "bench year")
    stations: tuple[OrbitStation, ...] = stations_at(rng, rng.sample(SITES, 3))
    end_ms = START_UTC_MS + (days + 1) * 86_400_000
    while True:
        elements = draw_elements(rng, stations[0], START_UTC_MS)
        try:
            elements.at(end_ms)
        except OrbitError:
            continue
        return Orbit(START_UTC_MS, elements, stations, REVOLUTIONS_A_DAY * (days + 1))


def fly(days: int, folder: Path) -> list[YearRow]:
    """Print the rows as they come, and what was violated; the rows."""
    plan = mission.load(MISSION)
    plan = plan.model_copy(update={
        "cadence": plan.cadence.model_copy(update=ORBIT_CADENCE),
        "mind": plan.mind.model_copy(update={"every_s": ORBIT_MIND_S})})
    path = orbit(days)
    known = plan.model_copy(update={
        "orbit": OrbitSection(tle=path.elements.lines, stations=path.stations)})
    conditions = Conditions(
        site=SITES[0], orbit=path, hardware=HARDWARE, down_loss=LOSS, up_loss=LOSS)
    world = World(known, SEED, "scripted", folder, conditions=conditions)
    checks, blocks, count = Checks(world, SCAN_EVERY_MS, LOOK_EVERY_MS), _Blocks(), DayCount(world)
    world.observers.append(blocks)
    player = Player(world, checks, drawn_resets(SEED, RESETS_A_DAY, days * DAY_S))
    rows: list[YearRow] = []
    said = home = printed = first_id = 0
    core_mb, charge_min_pct, gap_s = 0.0, 100.0, 0.0
    print("  ".join(YearRow._fields), flush=True)
    for day in range(1, days + 1):
        world.run_until(day * DAY_S)
        if day % ELEMENTS_DAYS == 0:
            _queue_elements(world, path)
        today = count.end_day(day, (day - 1) * DAY_S)
        said, home = said + today.words_said, home + today.words_home
        if world.store is not None:  # it may be off
            core_mb = max(core_mb, held_bytes([world.flight, vars(world.store)]) / 1e6)
        charge_min_pct = min(charge_min_pct, today.charge_min_pct)
        gap_s = max(gap_s, today.beacon_gap_s)
        first_id = first_id or _ask(world, "SELECT min(id) FROM record")
        if day % ROW_DAYS == 0 or day == days:
            row = _row(world, day, core_mb, blocks.newest)._replace(
                words_said=said, words_home=home, charge_min_pct=charge_min_pct,
                beacon_gap_s=gap_s)
            print("  ".join(f"{value:.6g}" if isinstance(value, float) else str(value)
                            for value in row), flush=True)
            rows.append(row)
            core_mb, charge_min_pct, gap_s = 0.0, 100.0, 0.0
        for violation in checks.violations[printed:]:
            print(violation, flush=True)
        printed = len(checks.violations)
    player.clear()
    liveness.settle(player.stage, checks)
    for violation in checks.violations[printed:]:
        print(violation)
    print(f"violations: {checks.counts['violations']}")
    for line in _used_up(rows, first_id, blocks.most):
        print(line)
    world.close()
    return rows


def _queue_elements(world: World, path: Orbit) -> None:
    assert world.ground is not None
    utc_ms = world.air.ground_utc_ms
    world.ground.archive.queue(
        Opcode.ELEMENTS, renewed(path.elements, utc_ms).text, utc_ms,
        world.mission.ground.station_number, lifetime_s=LIFETIME_S_MAX)


def _row(world: World, day: int, core_mb: float, blocks: int) -> YearRow:
    """Without what is counted by day."""
    records, waiting, newest_id = (_ask(world, f"SELECT {what} FROM record") for what in (
        "count(*)", "sum(state < 2)", "max(id)"))
    return YearRow(day, records, waiting, _size_mb(world.out_dir, "payload"),
                   _size_mb(world.out_dir, "archive"), core_mb, newest_id, blocks, world.boots,
                   0, 0, 0.0, 0.0)


def _ask(world: World, query: str) -> int:
    """Of the payload's store, which it has locked while it runs."""
    if world.store is not None and world.store.writer.db is not None:
        return int(world.store.writer.db.execute(query).fetchone()[0])
    with closing(sqlite3.connect(world.payload_path)) as db:
        return int(db.execute(query).fetchone()[0])


def _size_mb(folder: Path, name: str) -> float:
    return sum(path.stat().st_size for path in folder.glob(f"{name}*")) / 1e6


def held_bytes(root: object) -> int:
    """Bytes of all that hangs on ``root``, without code and without what is not aboard."""
    seen: set[int] = set()
    queue: list[Any] = [root]
    held = 0
    while queue:
        each = queue.pop()
        if id(each) in seen or isinstance(each, NOT_HELD):
            continue
        if type(each).__module__.startswith(ELSEWHERE):
            continue
        seen.add(id(each))
        held += sys.getsizeof(each)
        queue += gc.get_referents(each)
    return held


def _used_up(rows: list[YearRow], first_id: int, most_blocks: int) -> list[str]:
    """A line for each number that only rises: its rate, and when it is used up."""
    days, newest_id = rows[-1].day, rows[-1].record_id
    ids_a_day = (newest_id - first_id) / days
    left_days = days + (DISKLESS_ID - newest_id) / ids_a_day
    return [
        f"record ids: {ids_a_day:.0f} a day, {newest_id} of {DISKLESS_ID}: used up "
        f"{_date(left_days)}",
        f"blocks: {most_blocks} at most in one session, of {BLOCKS_MAX}, after which the life goes "
        "on under another incarnation",
        f"boots: {rows[-1].boot} in {days} days, of {1 << 32}",
        f"uplink counters, seconds since 2025: {_counter_date(1 << 32)}; one that is more than "
        f"{COUNTER_AHEAD_MAX} s ahead of the last is refused, after 34 years without a command",
    ]


def _date(days: float) -> str:
    start = datetime.fromtimestamp(START_UTC_MS / 1000, UTC)
    try:
        return f"in {start + timedelta(days=days):%Y-%m}"
    except OverflowError:
        return f"after {days / 365.25:.0f} years"


def _counter_date(seconds: int) -> str:
    return f"used up in {datetime.fromtimestamp(EPOCH_2025_MS / 1000 + seconds, UTC):%Y-%m}"


def main() -> None:
    days = int(sys.argv[1]) if len(sys.argv) > 1 else DAYS
    if len(sys.argv) > 2:
        fly(days, Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        fly(days, Path(folder))


if __name__ == "__main__":
    main()
