"""Conditions after the faults have stopped: the backlog is delivered, the modes are normal.

The weather is healed first (TigerBeetle heals its network before it asks for progress): all faults
end, the air is good, there is power, and somebody near answers. Then the world runs on until
everything that was promised before is on the ground, or far more time has passed than that takes.
New pictures would come before old ones for ever where the radio is slow, and new musings, which go
newest first, so the station does what its operator would: once all is well it has the camera rest,
and the mind where the link is slow.

    archive_complete   the ground's archive holds what the store promised, byte for byte; where the
                       link is too slow for all of it in DRAIN_S_MAX, the words and the events
    archive_true       it holds nothing else, under no incarnation of an earlier life, and tells of
                       no more frames than were sent
    all_decoded        no reception made a decoder of the station raise
    recovered          no fault bit is left of a fault that is over
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection
from contextlib import closing
from typing import Any

from groundstation.decode import intake
from sim.faults.stage import Stage
from sim.orbit import Orbit
from sim.verify.checks import Checks
from sim.verify.recording_store import RecordedStore, Row, rows_of_switched_off
from sim.world import World
from wire.airtime_budget import AirtimeBudget
from wire.beacon import FaultBits
from wire.commands import Opcode
from wire.records import Kind, pack_body, unpack_body

NAMES = ("archive_complete", "archive_true", "all_decoded", "recovered")
HEALED_LOSS = 0.05
DRAIN_SLICE_S = 120.0
DRAIN_S_MIN = 1_800.0
DRAIN_S_MAX = 12 * 3_600.0  # nobody waits longer beside a payload that has landed
DRAIN_FACTOR = 6  # times as long as the backlog takes on a perfect channel
WORDS = (Kind.EVENT, Kind.COMMAND_RESULT, Kind.MUSING, Kind.REPLY, Kind.QUESTION)
RECORD_BYTES = 30  # of a record on the air, beside its body
RECOVER_S = 900.0  # the camera rests for ten minutes after its third strike
# In this world a server that never answers is no fault.
OUTSIDE_FAULTS = FaultBits.API


def settle(stage: Stage, checks: Checks) -> None:
    """Heal, let the backlog come home, and look at what there is. Closes nothing."""
    world = stage.world
    world.heal(HEALED_LOSS)
    begin_s = world.clock.now_s
    promised = checks.ledger.owed()
    drain_s = _drain_s(world, tuple(Kind))
    is_slow = drain_s > DRAIN_S_MAX
    if is_slow:
        kinds = {row[0]: row[1] for row in _aboard(world)}
        promised = {i: crc for i, crc in promised.items() if kinds.get(i) in WORDS}
        drain_s = _drain_s(world, WORDS)
        checks.counts["words_only"] += 1
    end_s = begin_s + drain_s
    while world.clock.now_s < end_s:
        world.run_until(world.clock.now_s + DRAIN_SLICE_S)
        has_waited = world.clock.now_s - begin_s >= RECOVER_S
        is_recovered = has_waited or _faults_left(world) == FaultBits(0)
        if is_recovered and not promised.keys() - _heard(world):
            break
        power = None if world.flight is None else world.flight.power
        if is_recovered and power is not None and power.is_camera_on:
            stage.command(Opcode.CAMERA_ENABLE, 0)
        elif is_recovered and power is not None and power.is_mind_on and is_slow:
            stage.command(Opcode.MUSE_ENABLE, 0)
    checks.counts["drain_s"] = round(world.clock.now_s - begin_s)
    checks.scan()
    checks.shown.look()
    _compare(world, checks, promised)
    with closing(sqlite3.connect(world.archive_path)) as db:
        for found in intake.listed(db):
            checks.violate("all_decoded", f"reception {found.reception_id}: {found.error}")
    _look_at_faults(world, checks)


def _look_at_faults(world: World, checks: Checks) -> None:
    if world.flight is None:
        checks.violate("recovered", "the payload is not running")
        return
    left = _faults_left(world)
    if left:
        checks.violate("recovered", f"fault bits {left!r} remain set")


def _faults_left(world: World) -> FaultBits | None:
    """Fault bits that should be gone; None while the payload does not run."""
    flight = world.flight
    if flight is None:
        return None
    left = flight.faults(flight.situation(world.daemon.now_ms)) & ~OUTSIDE_FAULTS
    if isinstance(world.trajectory, Orbit):  # there is no air to measure
        left &= ~FaultBits.OUTSIDE
    if flight.power.thermal.forbids_pictures:  # in a vacuum it may stay so
        left &= ~FaultBits.CAMERA
    return left


def _heard(world: World) -> set[int]:
    """Record ids in the archive of our payload."""
    return {record_id for (record_id,) in _rows(world, "record_id")}


def _rows(world: World, columns: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(world.archive_path)) as db:
        return db.execute(
            f"SELECT {columns} FROM record WHERE node_id = ?",
            (world.mission.payload.node_id,),
        ).fetchall()


def _aboard(world: World) -> list[Row]:
    """What the payload keeps."""
    store = world.store
    assert store is None or isinstance(store, RecordedStore)
    return rows_of_switched_off(world.payload_path) if store is None else list(store.rows())


def _drain_s(world: World, kinds: Collection[int]) -> float:
    """How long records of these kinds may take. Whatever may be sent again counts, whether it was
    heard or not: after a flight that heard no station it cannot tell (soak seeds 190 and 253)."""
    backlog_bytes = sum(
        RECORD_BYTES + len(body) for _, kind, body, is_home in _aboard(world)
        if not is_home and kind in kinds)
    hour = AirtimeBudget(world.mission).hour()
    return DRAIN_S_MIN + DRAIN_FACTOR * backlog_bytes * 3_600 / hour.word_bytes


def _compare(world: World, checks: Checks, promised: dict[int, int]) -> None:
    if world.archive is not None:
        world.archive.db.commit()
    rows = _aboard(world)
    checks.check_home(rows)
    aboard = {record_id: (kind, body) for record_id, kind, body, _ in rows}
    heard = {row[0]: row[1:] for row in _rows(world, "record_id, kind, body")}
    missing = sorted(promised.keys() - heard.keys())
    if missing:
        kinds = sorted({aboard[i][0] for i in missing if i in aboard})
        checks.violate(
            "archive_complete",
            f"{len(missing)} of {len(promised)} records were never delivered, first {missing[0]}, "
            f"kinds {kinds}",
        )
    lost = checks.ledger.lost
    for record_id, (kind, body) in heard.items():
        kept = aboard.get(record_id)
        if record_id in lost and record_id not in checks.ledger.acknowledged:
            if zlib.crc32(pack_body(unpack_body(body))) != lost[record_id]:
                checks.violate("archive_true", f"record {record_id} differs from what was lost")
            continue
        if kept is None and record_id in checks.ledger.pruned_ids | checks.ledger.dropped_ids:
            continue
        if kept is None and record_id in checks.ledger.ram_ids:  # it went out as the disk failed
            continue
        if kept is None:
            checks.violate("archive_true", f"record {record_id} was never on the disk")
        elif kept[0] != kind or not _is_same(kept[1], body):
            checks.violate("archive_true", f"record {record_id} differs from what was stored")
    _look_at_lives(world, checks)
    _look_at_link(world, checks)


def _look_at_lives(world: World, checks: Checks) -> None:
    """No record stands in a life that was over before it was made."""
    ledger = checks.ledger
    with closing(sqlite3.connect(world.archive_path)) as db:
        rows = db.execute(
            "SELECT record_id, incarnation FROM record JOIN incarnation USING (node_id, life)"
            " WHERE node_id = ?", (world.mission.payload.node_id,),
        ).fetchall()
    for record_id, incarnation in rows:
        made_in = ledger.made_in.get(record_id, 0)
        if incarnation not in ledger.incarnations[made_in:]:
            checks.violate("archive_true", f"record {record_id} of life {made_in + 1} stands under "
                           f"the incarnation {incarnation:08x} of an earlier one")


def _look_at_link(world: World, checks: Checks) -> None:
    """A station cannot have heard and missed more frames than there were."""
    with closing(sqlite3.connect(world.archive_path)) as db:
        heard, lost = db.execute(
            "SELECT COALESCE(SUM(heard), 0), COALESCE(SUM(lost), 0) FROM link_minute"
            " WHERE node_id = ?", (world.mission.payload.node_id,),
        ).fetchone()
    sent = checks.counts["numbered"] + world.radio.dropped_frames
    if heard + lost > sent:
        checks.violate("archive_true", f"{heard} frames heard and {lost} lost, of {sent} sent")


def _is_same(aboard: bytes, heard: bytes) -> bool:
    return aboard == heard or pack_body(unpack_body(aboard)) == pack_body(unpack_body(heard))
