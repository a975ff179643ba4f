"""Goal: a studio that was started again knows what runs, what ended, and how.

Method: real processes, the cheapest that there are; one is killed, one is asked by another studio.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

import pytest

from host_training.studio import jobs as jobs_module
from host_training.studio.answers import NotDone
from host_training.studio.jobs import INTERRUPTED, Jobs
from host_training.studio.studio_folder import StudioFolder
from tests.host_training.studio.desk import wait_for

SLOW = ("import pathlib, signal, sys, time\n"
        "from host_training.common.progress_record import recorded\n"
        "with recorded(pathlib.Path(sys.argv[-1])) as report:\n"
        "    report('writing', 0.5, 'half')\n"
        "    time.sleep(120)\n")


@pytest.fixture
def studio(tmp_path: Path) -> StudioFolder:
    made = StudioFolder(tmp_path / "studio")
    made.prepare()
    return made


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In place of Python, one that does what SLOW says; it is told the record as a command is."""
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c \"{SLOW}\" \"$@\"\n")
    script.chmod(0o700)
    monkeypatch.setattr(jobs_module.sys, "executable", str(script))


def test_a_command_that_fails_says_why(studio: StudioFolder) -> None:
    jobs = Jobs(studio)
    jobs.start("scan", ["scan", "nowhere", "--out", studio.seen], {})
    state = wait_for(lambda: not jobs.is_running("scan") and jobs.state("scan"))
    assert state.ended == "failed" and state.sentences == [
        "nowhere: no such directory; spacepi-train init nowhere creates one."]


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN])
def test_one_command_at_a_time_whoever_asks(
    studio: StudioFolder, slow: None, handler: signal.Handlers
) -> None:
    """Also of a studio that runs in the background of a shell, where an interrupt is ignored: its
    stop once did nothing."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        _one_at_a_time(studio)
    finally:
        signal.signal(signal.SIGINT, before)


def _one_at_a_time(studio: StudioFolder) -> None:
    jobs, other = Jobs(studio), Jobs(studio)
    assert not jobs.state("train").is_running and jobs.state("train").ended is None
    jobs.start("train", ["run"], {"size": "small"})
    wait_for(lambda: other.state("train").stage)
    state = other.state("train")
    assert (state.is_running, state.ended, state.share, state.about) == (
        True, None, 0.5, {"size": "small"})
    for kind in ("scan", "train"):
        with pytest.raises(NotDone, match="The training is going on"):
            other.start(kind, ["scan"], {})  # type: ignore[arg-type]
    other.stop("train")
    wait_for(lambda: not other.is_running("train"))
    assert other.state("train").ended == "stopped"
    other.stop("train")  # of what has ended nothing is killed


def test_a_command_that_was_killed_is_interrupted(studio: StudioFolder, slow: None) -> None:
    jobs = Jobs(studio)
    jobs.start("train", ["run"], {})
    wait_for(lambda: jobs.state("train").stage)
    os.kill(jobs._about("train")["pid"], signal.SIGKILL)
    wait_for(lambda: not jobs.is_running("train"))
    state = Jobs(studio).state("train")
    assert (state.ended, state.sentences) == ("interrupted", [INTERRUPTED])


def _slowly(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Every lock is held for a while once it is taken; the event says that one is."""
    taken = threading.Event()
    flock = fcntl.flock

    def slow_flock(lock: TextIO, how: int) -> None:
        flock(lock, how)
        taken.set()
        time.sleep(0.2)  # in which the other asks, unless it waits for its turn

    monkeypatch.setattr(fcntl, "flock", slow_flock)
    return taken


@pytest.mark.parametrize("is_one_studio", [True, False])
def test_who_asks_is_not_taken_for_what_runs(
    studio: StudioFolder, monkeypatch: pytest.MonkeyPatch, is_one_studio: bool
) -> None:
    """A bug: two threads that asked at once saw one another, and a command seemed to run."""
    _slowly(monkeypatch)
    jobs = Jobs(studio)
    askers = [jobs, jobs if is_one_studio else Jobs(studio)]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda asker: asker.is_running("scan"), askers)) == [False, False]


def test_a_start_waits_for_who_asks(
    studio: StudioFolder, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug: a command was refused while the page asked whether one was running."""
    taken = _slowly(monkeypatch)
    jobs = Jobs(studio)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(jobs.is_running, "scan")
        assert taken.wait(10)
        jobs.start("train", ["run"], {})
        assert not asked.result()
    wait_for(lambda: jobs.state("train").stage)
    jobs.stop("train")
    wait_for(lambda: not jobs.is_running("train"))


def test_damaged_notes_about_a_command_are_none(studio: StudioFolder) -> None:
    for text in ("", "{", "\0"):
        (studio.jobs / "train.json").write_text(text)
        assert Jobs(studio).state("train").started_s == 0.0
