"""The real store and the real archive, in a process of their own, on ext4 on a disk that is cut.

Needs root, /dev/fuse and loop devices, and says so where one of them is missing. Where the machine
has them and only a program is missing, SPACEPI_REQUIRE_ALL=1 makes that a failure.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.explorer import DEPTH, reports

pytestmark = pytest.mark.thorough
ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("mkfs.ext4", "mount", "umount", "unshare")
STEPS, STATES = 60, 150
WAIT_S = 300


@pytest.fixture(scope="module", autouse=True)
def _machine() -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not Path(device).exists():
            pytest.skip(f"this machine has no {device}")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        say = pytest.fail if os.environ.get("SPACEPI_REQUIRE_ALL") == "1" else pytest.skip
        say(f"not installed: {', '.join(missing)} (Debian: e2fsprogs, mount, util-linux)")


def explore(who: str, work: Path, states: int) -> dict:
    """What the explorer found, or a skip with the call that this machine refuses."""
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", sys.executable, "-m",
         "tests.crash.explore_blocks", who, str(STEPS), str(states), "1", str(work)],
        cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S * DEPTH, check=False,
    )
    if "unshare failed" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    if "no_device" in found:
        pytest.skip(found["no_device"])
    reports.append(
        f"{who} on ext4: {found['states']} crash states of {found['writes']} writes and"
        f" {found['flushes']} flushes, {len(found['broken'])} with a broken promise,"
        f" {found['unmountable']} unmountable"
    )
    return found


@pytest.mark.parametrize("who", ["payload", "station"])
def test_no_acknowledged_record_is_lost_on_a_real_file_system(tmp_path: Path, who: str) -> None:
    found = explore(who, tmp_path, STATES * DEPTH)
    assert not found["broken"], found["broken"][:3]
    assert found["states"] >= 150 and found["flushes"] > STEPS and found["acknowledged"] == 120


def test_the_explorer_sees_what_a_weaker_sync_loses(tmp_path: Path) -> None:
    found = explore("careless", tmp_path, 40)
    assert any("lost" in line for line in found["broken"])
