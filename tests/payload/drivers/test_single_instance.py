"""One payload to a store: told from anybody else who has the file open."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from payload.drivers.single_instance import AnotherPayload, SingleInstance
from sim.fakes.card_disk import DeskStore
from tests.payload.test_daemon import ROOT, WAIT_S

HOLDER = """
import sys
from pathlib import Path
from payload.drivers.single_instance import SingleInstance
held = SingleInstance(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_one_is_refused_in_one_sentence_until_the_first_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "data" / "s.sqlite"
    first = SingleInstance(path)
    with pytest.raises(AnotherPayload, match=r"s\.sqlite: another payload has this store open"):
        SingleInstance(path)
    with pytest.raises(AnotherPayload):
        SingleInstance(tmp_path / "data" / ".." / "data" / "s.sqlite")
    SingleInstance(tmp_path / "other.sqlite").close()
    first.close()
    SingleInstance(path).close()


def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(AnotherPayload):
        SingleInstance(path)
    holder.kill()
    holder.communicate(timeout=WAIT_S)
    SingleInstance(path).close()


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "SELECT count(*) FROM record"])
def test_somebody_with_the_sqlite3_program_is_no_payload(tmp_path: Path, statement: str) -> None:
    """The start failed. It is flown without the disk, and the disk joins when it is free."""
    path = tmp_path / "s.sqlite"
    DeskStore(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute(statement).fetchall()
        SingleInstance(path).close()
        store = DeskStore(path)
        assert store.is_failing and not store.is_counted
    assert store.commit(5_000) and not store.is_failing
    store.close()
