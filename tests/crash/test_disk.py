"""The simulated disk: what a sync promises, and what nothing promises."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
from pathlib import Path

import pytest

from tests.crash.disk import SECTOR_BYTES, VERSIONS_MAX, Disk, Operation, Platter, Refusal
from tests.crash.disk_tap import NoTap, tapped

A, B, C = (bytes([letter]) * SECTOR_BYTES for letter in b"ABC")


def states(platter: Platter, name: str = "f", draws: int = 60) -> set[bytes | None]:
    """Everything that the file may be found to hold; None is not there."""
    return {state.get(name) for state in platter.states(random.Random(1), draws)}


def made(*operations: Operation, before: dict[str, bytes] | None = None) -> Platter:
    platter = Platter(before)
    for operation in operations:
        platter.apply(operation)
    return platter


def write(data: bytes, offset: int = 0) -> Operation:
    return Operation("write", "f", data, offset)


SYNC, FORGET = Operation("sync", "f"), Operation("forget", "f")


def test_what_was_synced_is_there_and_what_was_not_may_be_anything_between() -> None:
    platter = made(write(A + A), SYNC, before={"f": b""})
    assert states(platter) == {A + A}
    platter.apply(write(B + B))
    assert states(platter) == {A + A, B + B, A + B, B + A}, "every sector for itself"
    platter.apply(write(C))
    assert {A + A, A + B, B + A, B + B, C + A, C + B} == states(platter, draws=200)
    platter.apply(SYNC)
    assert states(platter) == {C + B}


def test_a_sector_is_never_torn_inside_itself() -> None:
    platter = made(write(b"xy", 100), before={"f": A})
    assert states(platter) == {A, A[:100] + b"xy" + A[102:]}


def test_a_file_may_have_its_new_size_before_its_new_content() -> None:
    platter = made(write(B, SECTOR_BYTES), before={"f": A})
    assert states(platter) == {A, A + B, A + bytes(SECTOR_BYTES)}
    platter = made(Operation("truncate", "f", number=10), before={"f": A})
    assert states(platter) == {A, A[:10], A[:10] + bytes(SECTOR_BYTES - 10)}


def test_a_sync_that_failed_promises_nothing_and_spoils_the_next() -> None:
    platter = made(write(B + B), FORGET, before={"f": A + A})
    platter.apply(SYNC)
    assert states(platter) == {A + A, A + B, B + A, B + B}
    platter.apply(write(B))
    platter.apply(SYNC)
    assert states(platter) == {B + A, B + B}, "only what was written again is there"


def test_names_need_a_sync_of_their_own_and_change_in_order() -> None:
    platter = made(
        Operation("create", "g"), Operation("write", "g", B), Operation("sync", "g"),
        Operation("rename", "g", to="f"), before={"f": A},
    )
    assert states(platter) == {A, B}, "a rename is whole or not at all"
    assert states(platter, "g") == {None, B}
    platter.apply(Operation("sync_names"))
    assert states(platter) == {B} and states(platter, "g") == {None}
    platter.apply(Operation("unlink", "f"))
    assert states(platter) == {B, None}


def test_versions_of_a_sector_are_bounded_and_the_durable_one_stays() -> None:
    platter = made(*(write(bytes([n]) * SECTOR_BYTES) for n in range(100)), before={"f": A})
    found = states(platter, draws=400)
    assert A in found and bytes([99]) * SECTOR_BYTES in found
    assert len(found) <= VERSIONS_MAX + 1


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path, is_traced=True)


def test_files_of_python_go_through_the_tap(disk: Disk) -> None:
    path = disk.root / "log"
    try:
        with tapped(disk):
            with path.open("ab", buffering=0) as file:
                file.write(b"one")
                os.fsync(file.fileno())
                file.write(b"two")
            path.replace(disk.root / "log.old")
            (disk.root / "log.old").unlink()
    except NoTap as error:
        pytest.skip(str(error))
    verbs = [operation.verb for operation in disk.trace]
    assert verbs == ["create", "write", "sync", "write", "rename", "unlink"]
    assert disk.operations == 6 and not list(disk.root.iterdir())


@pytest.mark.parametrize(("refusal", "number"), [
    (Refusal.FULL, errno.ENOSPC), (Refusal.IO_ERROR, errno.EIO), (Refusal.READ_ONLY, errno.EROFS),
])
def test_a_refusal_is_the_error_that_linux_gives(
    disk: Disk, refusal: Refusal, number: int, tap: None
) -> None:
    with tapped(disk):
        file = (disk.root / "log").open("ab", buffering=0)
        disk.refuse = lambda n, verb: refusal if verb in ("write", "sync") else None
        written = 0
        with pytest.raises(OSError, match="Errno") as refused:
            while written < 8:
                written += file.write(b"12345678"[written:])
        assert refused.value.errno == number
        assert written == (7 if refusal is Refusal.FULL else 0), "a full disk takes what fits"
        with pytest.raises(OSError, match="Errno") as refused:
            os.fsync(file.fileno())
        assert refused.value.errno == number
        file.close()


def test_a_cut_leaves_the_folder_in_one_of_the_states(disk: Disk, tap: None) -> None:
    """The way of a simulated world: cut in the middle of a commit, then open what is left."""
    left = set()
    for seed in range(12):
        disk.put({})
        with tapped(disk):
            db = sqlite3.connect(disk.root / "x.sqlite")
            db.execute("PRAGMA journal_mode=WAL")  # a rollback journal promises less than this
            db.execute("CREATE TABLE t (a)")
            db.execute("INSERT INTO t VALUES (1)")
            db.commit()
            last = disk.operations + seed
            disk.refuse = lambda number, verb, last=last: (
                Refusal.POWER_OFF if number > last else None)
            try:
                db.execute("INSERT INTO t VALUES (2)")
                db.commit()
                is_acknowledged = True
            except sqlite3.OperationalError:
                is_acknowledged = False
            assert disk.is_off is not is_acknowledged
            db.close()
            disk.cut(random.Random(seed))
            disk.refuse = lambda number, verb: None
            db = sqlite3.connect(disk.root / "x.sqlite")
            rows = [row[0] for row in db.execute("SELECT a FROM t ORDER BY a")]
            db.close()
        assert rows == [1, 2] if is_acknowledged else rows in ([1], [1, 2])
        left.add(tuple(rows))
    assert left == {(1,), (1, 2)}


@pytest.fixture
def tap() -> None:
    try:
        with tapped():
            pass
    except NoTap as error:
        pytest.skip(str(error))


def test_what_lies_outside_the_folder_is_not_touched(disk: Disk, tmp_path: Path, tap: None) -> None:
    (other := tmp_path / "other").mkdir()
    disk.refuse = lambda number, verb: Refusal.IO_ERROR
    with tapped(disk):
        (other / "file").write_bytes(b"x")
        db = sqlite3.connect(other / "x.sqlite")
        db.execute("CREATE TABLE t (a)")
        db.close()
    assert disk.operations == 0 and os.fsync.__module__ == "posix"
