"""How long a training takes on this computer: its work, over a speed that is measured here.

The work of each stage was counted once, in seconds of a core times the speed of that core; it grows
with the writing. The speed is that of multiplying matrices, which most of a training consists of.
Both are rough, so the page says "about"; once a stage is on its way, its own pace counts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from host_training.studio.jobs import JobState

MEASURE_S = 1.0  # long enough for other programs to have had their turn
SIDE = 768  # of the matrices: 7 MB of them, 0.9 GFLOP a product
MOVED_MIN = 0.04  # of a stage, before its pace is believed
PACE_MIN, PACE_MAX = 0.2, 5.0  # of a stage, times what was expected
LATER_MAX = 2.0  # of those after it, of which a slow stage says less: they are other work
STEP_S = 30.0  # the time left is rounded to this


@dataclass(frozen=True, slots=True)
class StageWork:
    """GFLOP that take as long: whatever the writing is, and for each kilobyte of it."""

    fixed: float
    per_kb: float


Work = dict[str, StageWork]  # stage -> its work, in the order of the stages
# Counted on a core that multiplies 44 GFLOP a second: of REAL the codec with 55 and 146 kB of
# writing, the training with 55, in fp32. Its examination is that of the flying Edda, half an hour,
# less what its fewer lines save; SMALL is REAL by the number of parameters and of passes.
SMALL: Work = {
    "writing": StageWork(500, 2), "codec": StageWork(450, 22), "train": StageWork(500, 150),
    "quantise": StageWork(500, 5), "evaluate": StageWork(4000, 5)}
REAL: Work = {
    "writing": StageWork(500, 2), "codec": StageWork(450, 22), "train": StageWork(2000, 870),
    "quantise": StageWork(5000, 100), "evaluate": StageWork(50_000, 0)}


def speed_gflop_s() -> float:
    """Of this process on this computer, as busy as it is now."""
    import numpy as np  # the page opens without it

    one = np.ones((SIDE, SIDE), np.float32)
    one @ one  # the library starts its threads
    began_s, products = time.monotonic(), 0
    while (took_s := time.monotonic() - began_s) < MEASURE_S:
        one @ one
        products += 1
    return 2e-9 * SIDE**3 * products / took_s


class Gauge:
    """Keeps the last measured speed, so that a training begins with the time stated before it."""

    def __init__(self) -> None:
        self._gflop_s: float | None = None

    def measured(self) -> float:
        """The speed now."""
        self._gflop_s = speed_gflop_s()
        return self._gflop_s

    def latest(self) -> float:
        """The speed measured last; measured now if it never was."""
        return self._gflop_s or self.measured()


def expected_s(work: Work, n_bytes: int, gflop_s: float) -> dict[str, float]:
    """Seconds of each stage.

    Args:    n_bytes: of the writing that is learnt.
    """
    return {stage: (one.fixed + one.per_kb * n_bytes / 1000) / gflop_s
            for stage, one in work.items()}


def left_s(job: JobState, expected: dict[str, float]) -> float | None:
    """Seconds until a running training has ended; None where nothing was expected.

    Args:    expected: as it was when it was started.
    """
    stage = job.stage.partition("-")[0]
    stages = list(expected)
    if not job.is_running or not expected:
        return None
    if stage not in expected:  # before the first one
        return _in_steps(sum(expected.values()))
    later = sum(expected[one] for one in stages[stages.index(stage) + 1 :])
    moved, took_s = job.share - job.since_share, job.at_s - job.since_s
    pace = 1.0
    if moved >= MOVED_MIN and expected[stage] > 0:
        pace = min(PACE_MAX, max(PACE_MIN, took_s / moved / expected[stage]))
    return _in_steps(expected[stage] * (1 - job.share) * pace + later * min(pace, LATER_MAX))


def _in_steps(seconds: float) -> float:
    return round(seconds / STEP_S) * STEP_S
