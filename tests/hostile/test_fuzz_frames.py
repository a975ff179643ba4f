"""The coverage-guided fuzzer of frames runs a fixed number of times from a fixed seed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNS = 3_000
SEED = 20_261
COVERAGE_MIN = 350  # edges of wire that are reached; 0 would mean that nothing was instrumented


def need_atheris() -> None:
    """Skips where Atheris is not installed (it has no wheel for every Python); CI has it."""
    if importlib.util.find_spec("atheris") is not None:
        return
    if os.environ.get("SPACEPI_REQUIRE_ALL") == "1":
        pytest.fail("Atheris is not installed and SPACEPI_REQUIRE_ALL is set")
    pytest.skip("Atheris is not installed")


@pytest.mark.thorough
def test_coverage_guided_frames_find_nothing(tmp_path: Path) -> None:
    need_atheris()
    command = [
        sys.executable, "-m", "tests.hostile.fuzz_frames", f"-runs={RUNS}", f"-seed={SEED}",
        f"-artifact_prefix={tmp_path}/",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    covered = re.search(rf"#{RUNS}\s+DONE\s+cov: (\d+)", done.stderr)
    assert covered is not None and int(covered[1]) >= COVERAGE_MIN, done.stderr[-1000:]
