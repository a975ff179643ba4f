"""The real daemon with a mission, a log and a disk that are not as they should be.

Numbers are those of docs/faults.md. The test plays the modem, as in ``test_daemon``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.fakes.card_disk import DeskStore
from tests.bundles import TRUSTED_KEY, sign_bundle
from tests.payload.test_daemon import ROOT, WAIT_S, Desk
from tests.thorough import sampled
from wire import key_file
from wire.bundle import canonical_json, key_id
from wire.mission import load
from wire.records import Priority

RUN = [sys.executable, "-m", "payload", "run"]
# Root may read and write everything; without these two it is a user like any other.
AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.server.close()


@contextlib.contextmanager
def flying(desk: Desk, command: list[str], stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, cwd=desk.path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL, stderr=stderr,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(WAIT_S)


def as_anybody() -> list[str]:
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    return AS_ANYBODY


def refusal(path: Path, command: list[str]) -> str:
    """The one sentence with which the daemon refuses to start."""
    ended = subprocess.run(
        command, cwd=path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, timeout=WAIT_S, check=False,
    )
    assert ended.returncode == 2, ended
    (sentence,) = ended.stderr.strip().splitlines()
    return sentence


def test_fault_75_a_log_on_a_full_disk_does_not_stop_it(desk: Desk) -> None:
    with open("/dev/full", "wb") as full, flying(desk, RUN, full.fileno()) as process:
        desk.hear(new_records=2, new_beacons=1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    store = DeskStore(desk.path / "data" / "payload.sqlite")
    assert store.queued(Priority.EVENT, 1), "what could not be logged is in the store"
    store.close()


def test_fault_75_a_log_that_nobody_reads_does_not_stop_it(desk: Desk) -> None:
    """Method: its standard error is a pipe without a byte of room."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_end, b"~" * 4096)
    os.set_blocking(write_end, True)
    with flying(desk, RUN, write_end) as process:
        desk.hear(new_records=2, new_beacons=1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    os.close(read_end)
    os.close(write_end)


@pytest.mark.thorough
def test_fault_75_a_closed_standard_error_is_nobodys_else(desk: Desk) -> None:
    """Goal: the store never gets descriptor 2, into which a C library may print."""
    closed = ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *RUN]
    with flying(desk, closed, subprocess.DEVNULL) as process:
        desk.hear(new_records=1, new_beacons=1)
        held = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
        assert held == ["/dev/null"] * 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0


@pytest.mark.parametrize(("old", "new", "words"), sampled([
    ('host = "127.0.0.1"', 'host = ""', "radio.host"),
    ("node_id = 7", 'node_id = "7"', "payload.node_id"),
    ("node_id = 7", "node_id = 7\nflavour = 1", "[payload]: unknown key 'flavour'"),
    ("eco_mv = 3600", "eco_mv = 3000", "must be above"),
    ("[power]", "[power", "is not TOML"),
    ("mtu_bytes = 222", "mtu_bytes = 1e400", "radio.mtu_bytes"),
]))
def test_fault_73_a_mission_file_with_a_mistake_is_one_sentence(
    desk: Desk, old: str, new: str, words: str
) -> None:
    path = desk.path / "mission.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert words in refusal(desk.path, RUN)


def test_fault_74_a_mission_file_that_may_not_be_read_is_one_sentence(desk: Desk) -> None:
    (desk.path / "mission.toml").chmod(0)
    assert "cannot be read (Permission denied)" in refusal(desk.path, [*as_anybody(), *RUN])


def test_fault_74_what_else_may_not_be_read_or_written_is_said_and_flown_without(
    desk: Desk,
) -> None:
    """Key, persona and data folder are all somebody else's; the beacon goes on."""
    key_file.create(desk.path / "mission.key", bytes(range(32)))
    (desk.path / "mission.key").chmod(0)
    bundle = desk.path / load(desk.path / "mission.toml").mind.bundle
    shutil.copytree(ROOT / "host_training" / "examples" / "edda-tiny.bundle", bundle)
    (bundle / "model.gguf").chmod(0)
    (desk.path / "data").mkdir(mode=0o555)
    log = desk.path / "log"
    with log.open("wb") as file, flying(desk, [*as_anybody(), *RUN], file.fileno()) as process:
        desk.hear(new_records=2, new_beacons=1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    words = log.read_text()
    assert "Traceback" not in words
    for event in ("event=no_persona", "event=deaf_to_commands", "event=store_failing"):
        assert words.count(event) == 1, words
    assert list((desk.path / "data").iterdir()) == []


def test_a_foreign_program_that_holds_the_store_is_flown_without_until_it_lets_go(
    desk: Desk,
) -> None:
    """Somebody looks into it with the sqlite3 program: the start failed, and so did each after."""
    path = desk.path / "data" / "payload.sqlite"
    DeskStore(path).close()
    log = desk.path / "log"
    with contextlib.closing(sqlite3.connect(path)) as other, log.open("wb") as file:
        other.execute("BEGIN IMMEDIATE")
        with flying(desk, RUN, file.fileno()) as process:
            desk.hear(new_records=1, new_beacons=1)
            assert "event=store_failing" in log.read_text()
            other.rollback()
            other.close()
            while "event=store_returned" not in log.read_text():
                assert process.poll() is None
                desk.hear(new_records=1, new_beacons=0)
    assert "event=flying boot=0" in log.read_text()


def test_a_bundle_of_a_stranger_is_said_and_flown_without(desk: Desk) -> None:
    """Goal: words and model of nobody we named are not used, and the sentence names the key."""
    bundle = desk.path / load(desk.path / "mission.toml").mind.bundle
    shutil.copytree(ROOT / "host_training" / "examples" / "edda-tiny.bundle", bundle)
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    sign_bundle(bundle, canonical_json({**manifest, "key_id": key_id(TRUSTED_KEY)}))
    log = desk.path / "log"
    with log.open("wb") as file, flying(desk, [*RUN, "--start-mind"], file.fileno()) as process:
        desk.hear(new_records=2, new_beacons=1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    words = log.read_text()
    assert words.count("event=no_persona") == 1 and "event=mind_absent" in words
    assert f"is signed by key {TRUSTED_KEY.hex()}" in words
    assert "mind.trusted_keys of the mission file" in words


@pytest.mark.thorough
def test_no_room_for_temporary_files_is_no_reason_to_stay_on_the_ground(desk: Desk) -> None:
    """The disk of a desk is full when the daemon starts again, and there is no /run of its own."""
    environment = ["env", "-u", "RUNTIME_DIRECTORY", f"TMPDIR={desk.path / 'absent'}"]
    nowhere = (
        "import sys, tempfile; tempfile._candidate_tempdir_list = lambda: []; "
        "sys.argv = ['payload', 'run']; from payload.__main__ import main; main()"
    )
    log = desk.path / "log"
    command = [*environment, sys.executable, "-c", nowhere]
    with log.open("wb") as file, flying(desk, command, file.fileno()):
        desk.hear(new_records=1, new_beacons=1)
    assert log.read_text().count("event=no_run_dir") == 1
