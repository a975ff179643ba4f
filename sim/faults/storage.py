"""Storage faults (docs/faults.md, 35 to 41): the memory card and its data."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from payload.storage import small_state
from payload.storage.database import row_of, small_row
from payload.storage.retention import PRUNE_RECORDS
from sim.clock import part_rng
from sim.fakes.card_disk import DeskStore
from sim.fakes.sd_card import FREE_BYTES, CardFault, no_latency
from sim.faults.stage import End, Fault, Stage
from sim.world import BOOT_DELAY_MS
from wire.records import Kind, Record, TimeQuality

OFF_S = BOOT_DELAY_MS / 1000
OLD_ROWS = 200_000
BAD_ROWS = 20
YEARS_10_S = 315_576_000
JUMP_EVERY_S = 20.0
FLIPPED_BYTES = 40
SLOW_MS, STALL_MS, SLOW_START_MS = (100, 3_000), (3_000, 60_000), (100, 20_000)  # of a request
# Whoever is started meanwhile believes the receiver.
WRONG_TIME = ("told_truth.time",)
# A file that lost everything takes counters and phase with it; the beacon still has to come.
WHOLLY_LOST = ("only_authentic", "phase_right")
UNHEARD_S = 90.0  # the station is away for so long from the start of the next life
OTHER_BOOTS_MAX = 3


def _card(stage: Stage, fault: CardFault) -> End:
    """35 to 37: what is written fails until it is over, and nothing that was promised is lost."""
    card, daemon = stage.world.card, stage.world.daemon
    refused, delayed, boots = card.refused, card.delayed, daemon.boots
    card.fault = fault

    def end() -> None:
        card.fault = None
        was_running = daemon.flight is not None and daemon.boots == boots
        if was_running and (card.refused, card.delayed) == (refused, delayed):
            stage.violate("queues_bounded", f"the card was {fault} and nobody noticed")

    return end


def _absent_at_boot(stage: Stage) -> End:
    """35: the card is not there when the payload starts, and appears later."""
    end = _card(stage, CardFault.GONE)
    stage.world.reboot()
    return end


def _slow(stage: Stage, range_ms: tuple[int, int]) -> End:
    """Every request of the store takes its time; 37, for a sync that ends after all."""
    card, rng = stage.world.card, part_rng(stage.world.seed, "card")
    card.latency_ms = partial(rng.randint, *range_ms)

    def end() -> None:
        card.latency_ms = no_latency

    return end


def _stall(stage: Stage) -> None:
    """The next one does, once."""
    card, rng = stage.world.card, part_rng(stage.world.seed, "card")

    def once() -> int:
        card.latency_ms = no_latency
        return rng.randint(*STALL_MS)

    card.latency_ms = once


def _slow_at_boot(stage: Stage) -> End:
    """The payload starts on it: its disk may open too late for this life."""
    end = _slow(stage, SLOW_START_MS)
    stage.world.reboot()
    return end


def while_off(stage: Stage, damage: Callable[[Stage, Path], None]) -> None:
    """Cut the power, let ``damage`` change the disk, and switch on again."""
    stage.world.power_off()
    path = stage.world.payload_path
    stage.check_home()
    _checkpoint(path)
    damage(stage, path)
    stage.lose_unreadable()
    stage.world.power_on()


def _checkpoint(path: Path) -> None:
    """Bring what is in the log into the file, so that damage to it is not undone by the log."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def vanished(stage: Stage, path: Path) -> None:
    """The file is gone with all that belongs to it: the next life is a first one."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def _swapped(stage: Stage, path: Path) -> None:
    """Another card, on which the payload was started before: its next boot has the number that
    the next one of the old card would have had, or a few more."""
    boots = _boots(path) + stage.rng.randrange(OTHER_BOOTS_MAX)
    vanished(stage, path)
    for _ in range(boots):
        DeskStore(path, is_durable=False, chance=stage.rng).close()


def _boots(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT key, value, crc32 FROM small").fetchall()
    return int(small_state.read(rows).get("boot", 0))


def _vanished_unheard(stage: Stage) -> None:
    """The station is started anew, too, and misses the words that tell which life this is."""
    world = stage.world
    while_off(stage, vanished)
    world.restart_ground(OFF_S + UNHEARD_S)


def _zero_length(stage: Stage, path: Path) -> None:
    path.write_bytes(b"")


def _all_nul(stage: Stage, path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _truncated(stage: Stage, path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 - 100])


def _flipped(stage: Stage, path: Path) -> None:
    """Bits anywhere behind the first page; which rows they hit is found by reading them."""
    data = bytearray(path.read_bytes())
    for _ in range(FLIPPED_BYTES):
        at = stage.rng.randrange(4096, len(data))
        data[at] ^= 1 << stage.rng.randrange(8)
    path.write_bytes(bytes(data))


def _future(stage: Stage, path: Path) -> None:
    """A newer spacepi wrote here: a table, a key and a kind of record that nobody knows yet."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA user_version=99")
        db.execute("CREATE TABLE IF NOT EXISTS tomorrow (what TEXT)")
        db.execute(
            "INSERT OR REPLACE INTO small VALUES (?,?,?)", small_row("orbit", {"turns": 3}))
        last_id = db.execute("SELECT max(id) FROM record").fetchone()[0] or 0
        columns = list(row_of(_old(last_id + 1), 0))
        columns[2] = 250  # the kind
        db.execute(f"INSERT INTO record VALUES ({','.join('?' * 10)})", columns)


def _bad_rows(stage: Stage, path: Path) -> None:
    """39: rows of the right length whose checksum is wrong, in the middle of good ones."""
    with closing(sqlite3.connect(path)) as db, db:
        ids = [i for (i,) in db.execute("SELECT id FROM record WHERE state<2 ORDER BY id")]
        hit = stage.rng.sample(ids, min(len(ids), BAD_ROWS))
        db.executemany("UPDATE record SET crc32=crc32+1 WHERE id=?", [(i,) for i in hit])


def _old(record_id: int) -> Record:
    return Record(record_id, Kind.EVENT, 1, 0, TimeQuality.NONE, {"event": "old"})


def _many_rows(stage: Stage) -> End:
    """40: the rows of a long life are aboard and the card is nearly full: pruning must not hang."""
    world = stage.world
    world.power_off()
    with closing(sqlite3.connect(world.payload_path)) as db, db:
        last_id = db.execute("SELECT max(id) FROM record").fetchone()[0] or 0
        template = list(row_of(_old(0), 0))
        template[-1] = 2  # confirmed long ago
        db.executemany(
            f"INSERT INTO record VALUES ({','.join('?' * 10)})",
            ([last_id + 1 + n, *template[1:]] for n in range(OLD_ROWS)),
        )
    world.power_on()
    return _nearly_full(stage)


def _nearly_full(stage: Stage) -> End:
    """40: less room than is kept free: what is confirmed makes room, slice by slice."""
    world = stage.world
    world.card.room_bytes = 1 << 20

    def end() -> None:
        world.card.room_bytes = FREE_BYTES
        rows = stage.pruned_at_once_max
        if rows > PRUNE_RECORDS:  # the world's clock stands still meanwhile, a real one would not
            stage.violate("watchdog_honest", f"{rows} rows were pruned in one step")

    return end


def _clock_jumps(stage: Stage, seconds: tuple[int, ...]) -> End:
    """41: the clock jumps by years and back while everything is logged."""
    receiver = stage.world.receiver

    def jump() -> None:
        receiver.date_offset_s = 0 if receiver.date_offset_s else stage.rng.choice(seconds)

    stop = stage.every(JUMP_EVERY_S, jump)

    def end() -> None:
        stop()
        receiver.date_offset_s = 0

    return end


def _damage(name: str, what: str, damage: Callable[[Stage, Path], None], number: int = 38,
            excuses: tuple[str, ...] = ()) -> Fault:
    return Fault(number, name, what, partial(while_off, damage=damage), (OFF_S, OFF_S), excuses)


FAULTS: tuple[Fault, ...] = (
    Fault(35, "store.full", "no space is left on the card", partial(_card, fault=CardFault.FULL),
          (60.0, 900.0)),
    Fault(35, "store.absent", "the card is absent at the start and appears later",
          _absent_at_boot, (60.0, 300.0)),
    Fault(36, "store.read_only", "the card is remounted read-only",
          partial(_card, fault=CardFault.READ_ONLY), (60.0, 900.0)),
    Fault(37, "store.sync_error", "every sync fails",
          partial(_card, fault=CardFault.SYNC), (60.0, 900.0)),
    Fault(37, "store.io_error", "every read and write fails",
          partial(_card, fault=CardFault.IO), (60.0, 900.0)),
    Fault(37, "store.slow", "every commit takes up to three seconds", partial(
        _slow, range_ms=SLOW_MS), (60.0, 900.0)),
    Fault(37, "store.stall", "one commit takes up to a minute", _stall, (60.0, 60.0)),
    Fault(37, "store.stalls", "every commit takes up to a minute", partial(
        _slow, range_ms=STALL_MS), (60.0, 900.0)),
    Fault(37, "store.slow_start", "the card is slow as the payload starts", _slow_at_boot,
          (60.0, 300.0)),
    _damage("store.vanished", "the database is missing, as on a new card", vanished,
            excuses=WHOLLY_LOST),
    _damage("store.swapped", "another card with the same number of starts", _swapped,
            excuses=WHOLLY_LOST),
    Fault(38, "store.vanished_unheard", "the database is missing, and the station restarts as well",
          _vanished_unheard, (OFF_S + UNHEARD_S, OFF_S + UNHEARD_S), WHOLLY_LOST),
    _damage("store.zero_length", "the database is an empty file", _zero_length,
            excuses=WHOLLY_LOST),
    _damage("store.all_nul", "the database has its length but contains only zeros", _all_nul,
            excuses=WHOLLY_LOST),
    _damage("store.truncated", "the second half of the database is missing", _truncated,
            excuses=WHOLLY_LOST),
    _damage("store.flipped", "bits of the database are flipped", _flipped,
            excuses=WHOLLY_LOST),
    _damage("store.future", "a newer spacepi wrote to the database", _future),
    _damage("store.bad_rows", "rows in the middle have a wrong checksum", _bad_rows, 39),
    Fault(40, "store.many_rows", "200,000 old records on a card that is nearly full", _many_rows,
          (120.0, 600.0)),
    Fault(40, "store.nearly_full", "less free space than the reserve", _nearly_full,
          (120.0, 900.0)),
    Fault(41, "clock.jumps", "the clock jumps ten years ahead and back",
          partial(_clock_jumps, seconds=(YEARS_10_S, -YEARS_10_S)), (60.0, 600.0),
          WRONG_TIME),
    Fault(41, "clock.hours", "the clock jumps by hours and back",
          partial(_clock_jumps, seconds=(-7_200, 7_200, 86_400)), (60.0, 600.0),
          WRONG_TIME),
)
