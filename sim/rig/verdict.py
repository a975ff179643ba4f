"""The verdict of the bench rig: compares both databases with each other and with the log.

It reads copies of them independently, without code of the store or the archive.
"""

from __future__ import annotations

import shutil
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgpack

from sim.rig.journal import Journal
from sim.rig.transmissions import SentFrames
from wire.records import Kind, Record, unpack_body

CONFIRMED = 2  # the state of a record that the ground has; payload/ports.py
ANSWER_S_MAX = 600.0  # a command older than this should have been answered
NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class RigFinding:
    """One sentence of the verdict."""

    is_good: bool
    sentence: str

    def __str__(self) -> str:
        return f"{'ok' if self.is_good else 'BROKEN':<8}{self.sentence}"


class StoreRow(NamedTuple):
    """A row of the payload's store."""

    record_id: int
    kind: Kind
    boot: int
    body: dict[str, Any]
    is_confirmed: bool
    is_whole: bool  # its CRC-32 is right


class ArchiveRow(NamedTuple):
    """A row of the station's archive."""

    record_id: int
    kind: Kind
    boot: int
    body: dict[str, Any]


class OutboxRow(NamedTuple):
    """A row of the station's outbox."""

    command_id: int
    state: str
    created_ms: int
    why: str | None


def copy_of(database: Path, folder: Path) -> Path:
    """A copy with its write-ahead log; reading it changes nothing that was flown."""
    folder.mkdir(exist_ok=True)
    for suffix in ("", "-wal"):
        source = Path(f"{database}{suffix}")
        if source.exists():
            shutil.copyfile(source, folder / source.name)
    return folder / database.name


def read_store(path: Path) -> dict[int, StoreRow]:
    """Every record of a payload's store by id. Raises sqlite3.Error when it cannot be read."""
    found = {}
    with closing(sqlite3.connect(path)) as db:
        for *columns, crc, state in db.execute(
            "SELECT id, class, kind, boot, mono_ms, time_ms, quality, body, crc32, state"
            " FROM record ORDER BY id"
        ):
            number, _, kind, boot, *_, body = columns
            own = zlib.crc32(msgpack.packb(columns))
            found[number] = StoreRow(
                number, Kind(kind), boot, unpack_body(body), state == CONFIRMED, own == crc)
    return found


def read_archive(
    path: Path, node_id: int
) -> tuple[dict[int, ArchiveRow], list[OutboxRow], Counter[str]]:
    """(records of the node by id, commands, tallies). Raises sqlite3.Error."""
    with closing(sqlite3.connect(path)) as db:
        home = {
            row[0]: ArchiveRow(row[0], Kind(row[1]), row[2], unpack_body(row[3]))
            for row in db.execute(
                "SELECT record_id, kind, boot, body FROM record WHERE node_id = ?", (node_id,))
        }
        entries = [OutboxRow(*row) for row in db.execute(
            "SELECT id, state, created_ms, why FROM outbox")]
        tallies = Counter(dict(db.execute("SELECT name, value FROM tally").fetchall()))
        return home, entries, tallies


def gaps(aboard: dict[int, StoreRow]) -> set[int]:
    """Numbers that are missing between two of the same life; each life begins at a new block."""
    lives: dict[int, list[int]] = {}
    for row in aboard.values():
        lives.setdefault(row.boot, []).append(row.record_id)
    return {number for ids in lives.values() for number in range(min(ids), max(ids))
            if number not in aboard}


def on_store(
    aboard: dict[int, StoreRow], home: dict[int, ArchiveRow], may_prune: bool
) -> list[RigFinding]:
    """Numbers, checksums, and what the ground confirmed. ``may_prune``: the disk was full once, so
    that what the ground confirmed may have made room.
    """
    first, last = min(aboard, default=0), max(aboard, default=0)
    missing = sorted(gaps(aboard) | (set(home) - set(aboard)))
    pruned = [number for number in missing if may_prune and number in home]
    lost = [number for number in missing if number not in pruned]
    damaged = [row.record_id for row in aboard.values() if not row.is_whole]
    unheard = [row.record_id for row in aboard.values()
               if row.is_confirmed and row.record_id not in home]
    boots = len({row.boot for row in aboard.values()})
    confirmed = sum(row.is_confirmed for row in aboard.values())
    room = f"; {len(pruned)} were deleted on the full disk and are on the ground" if pruned else ""
    return [
        RigFinding(bool(aboard) and not lost, f"the store has {len(aboard)} records of {boots} "
                   f"lives, numbered {first} to {last} without a gap in a life{room}"
                   + _named(", missing", lost)),
        RigFinding(not damaged, "every checksum is right" + _named(", except", damaged)),
        RigFinding(not unheard, f"the ground confirmed {confirmed} of them; each is in the store "
                   "and in the archive" + _named(", except", unheard)),
    ]


def on_sent(aboard: dict[int, StoreRow], sent: SentFrames, gone: set[int]) -> list[RigFinding]:
    """What was sent is what is stored. ``gone`` are ids that cannot be asked for any more."""
    wrong = [record.record_id for record in sent.records.values()
             if record.record_id not in gone and not _is_same(aboard.get(record.record_id), record)]
    unsigned = sent.counts["unsigned"]
    twice = sorted(set(sent.two_meanings) - gone)
    frames = sum(sent.counts.values()) - unsigned
    return [
        RigFinding(
            bool(sent.records) and not wrong, f"{len(sent.records)} records went out at the radio "
            "port; each is identical in the store" + _named(", except", wrong)),
        RigFinding(not twice, "every repeated number had the same content"
                   + _named(", except", twice)),
        RigFinding(not unsigned, f"{frames} frames went out, each signed where the mission signs"
                   + (f", but {unsigned}" if unsigned else "")),
    ]


def on_archive(
    aboard: dict[int, StoreRow], home: dict[int, ArchiveRow], tallies: Counter[str], gone: set[int]
) -> list[RigFinding]:
    """What came home is what is stored."""
    wrong = [row.record_id for row in home.values()
             if row.record_id not in gone and not _is_same(aboard.get(row.record_id), row)]
    bad = tallies["conflicts"] + tallies["impostor"]
    share = len(home) / max(1, len(aboard))
    return [
        RigFinding(bool(home) and not wrong, f"{len(home)} records are on the ground ({share:.0%}; "
                   "the rest is waiting in the payload); each is identical to the store"
                   + _named(", except", wrong)),
        RigFinding(not bad, f"conflicts {tallies['conflicts']}, impostors {tallies['impostor']}"),
    ]


def on_log(aboard: dict[int, StoreRow], journal: Journal) -> list[RigFinding]:
    """Each event that the daemon logged had been committed before."""
    kept: dict[int, Counter[str]] = {}
    for row in aboard.values():
        if row.kind is Kind.EVENT:
            kept.setdefault(row.boot, Counter())[str(row.body.get("event"))] += 1
    logged = {boot: count for boot, count in journal.logged.items()
              if boot not in journal.distrusted}
    lost = [f"{name} of boot {boot}" for boot, count in logged.items()
            for name in count - kept.get(boot, Counter())]
    total = sum(sum(count.values()) for count in logged.values())
    return [
        RigFinding(not lost, f"{total} events in its log; each had been committed"
                   + _named(", except", lost)),
        RigFinding(not journal.tracebacks, "no traceback in any log"
                   + _named(", but from", journal.tracebacks)),
    ]


def on_beacons(sent: SentFrames, heard: int) -> list[RigFinding]:
    """Was the beacon ever late?"""
    return [RigFinding(bool(sent.counts["BeaconFrame"]) and not sent.late, (
        f"{sent.counts['BeaconFrame']} beacons sent, {heard} heard, none late; longest start "
        f"to first beacon {sent.longest_start_s:.1f} s"
    ) + _named("; too late", sent.late))]


def on_commands(
    entries: list[OutboxRow], queued: list[int], now_ms: int, was_cut_off: bool
) -> list[RigFinding]:
    """Were the commands answered? ``queued`` are the ids that a person was told; ``was_cut_off``:
    the link was out for so long that it excuses.
    """
    states = Counter(entry.state for entry in entries)
    failed = [entry.why or "?" for entry in entries if entry.state == "failed"]
    waiting = [entry for entry in entries if entry.state in ("queued", "sent")]
    late = sum(now_ms - entry.created_ms > ANSWER_S_MAX * 1000 for entry in waiting)
    lost = sorted(set(queued) - {entry.command_id for entry in entries})
    summary = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return [
        RigFinding(not lost, f"{len(queued)} commands were queued; the station kept each"
                   + _named(", except", lost)),
        RigFinding(
            not failed and (was_cut_off or not late),
            f"{len(entries)} commands: {summary or 'none'}" + _named("; failed", failed)
            + (f"; {late} unconfirmed for {ANSWER_S_MAX / 60:.0f} minutes" if late else ""),
        ),
    ]


def _is_same(row: StoreRow | None, other: Record | ArchiveRow) -> bool:
    return row is not None and (
        row.kind, row.boot, row.body) == (other.kind, other.boot, other.body)


def _named(words: str, which: Iterable[object]) -> str:
    named = list(which)
    if not named:
        return ""
    rest = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    return f"{words}: {', '.join(map(str, named[:NAMED_MAX]))}{rest}"
