"""The mind's unit starts what the mission file asks for, and nothing where it asks for nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from payload import mind_start
from wire import mission

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "mission.toml").read_text()
EDDA = "115706a108cfa36b0be43c99c42527fde64f7f04fb9d0d798501c875f661d2ff"


def test_the_worker_is_told_whom_to_trust() -> None:
    plan = mission.parse(TEXT, "m").model_copy(update={"mind": mission.MindSection(
        bundle="persona", threads=3, trusted_keys=("0" * 64, "1" * 64))})
    assert mind_start.worker_command(plan, Path("/var/lib/spacepi"), Path("/run/mind.sock")) == [
        "/usr/bin/env", "OMP_WAIT_POLICY=passive", "MALLOC_MMAP_THRESHOLD_=131072",
        sys.executable, "-m", "payload.mind_worker",
        "--bundle", "/var/lib/spacepi/persona",
        "--socket", "/run/mind.sock", "--threads", "3",
        "--trust", "0" * 64, "--trust", "1" * 64,
    ]


def test_threads_are_the_workers_to_count_unless_the_mission_says_so() -> None:
    """One core stays for the flight core; only the worker knows how many there are."""
    plan = mission.parse(TEXT, "m")
    assert plan.mind.threads is None
    assert "--threads" not in mind_start.worker_command(plan, Path("b"), Path("s"))


def test_it_becomes_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, words: became.append([program, *words]))
    monkeypatch.setattr(sys, "argv", [
        "mind_start", "--mission", str(ROOT / "mission.toml"), "--socket", "s", "--cache", "c"])
    mind_start.main()
    (words,) = became
    assert words[0] == words[1] == "/usr/bin/env" and words[4] == sys.executable
    assert words[-2:] == ["--cache", "c"]
    assert str(ROOT / mission.load(ROOT / "mission.toml").mind.bundle) in words
    assert words[words.index("--trust") + 1] == EDDA


@pytest.mark.parametrize(("text", "status", "says"), [
    (TEXT.replace('bundle = "host', '# bundle = "host'), 3, "mind.bundle is not set"),
    (TEXT.replace("node_id = 7", "node_id = 0"), 2, "payload.node_id"), ("", 2, "is empty"),
    (TEXT.replace(EDDA, EDDA.upper()), 2, "the first entry of mind.trusted_keys"),
    (TEXT.replace(EDDA, EDDA[:-2]), 2, "the first entry of mind.trusted_keys"),
])
def test_a_mission_without_a_mind_and_a_wrong_one(
    tmp_path: Path, text: str, status: int, says: str
) -> None:
    (tmp_path / "mission.toml").write_text(text)
    ended = subprocess.run(
        [sys.executable, "-m", "payload.mind_start", "--mission", "mission.toml", "--socket", "s",
         "--cache", "c"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=60, check=False)
    assert ended.returncode == status
    (sentence,) = ended.stderr.splitlines()
    assert says in sentence
