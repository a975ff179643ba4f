"""How the tests are shared out over the workers of ``make test``: the longest files first.

A file goes to one worker, which makes what its tests share once. So do the files that share what
takes long to make. The seeds of the soak are flown by whoever is free.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling

APART = ("tests/sim/trials/test_soak.py",)
TRAINED = (  # the run of ``made``
    "tests/host_training/test_pipeline.py",
    "tests/host_training/bundle/test_rehearsal.py",
    "tests/host_training/training/test_remote_job.py",
)
# The others follow by their folders, of which wire has the shortest tests.
LONGEST = (
    "tests/payload/test_daemon_slow_disk.py",
    *TRAINED,
    *APART,
    "tests/host_training/training/",
    "tests/groundstation/web/",
    "tests/crash/",
    "tests/payload/test_daemon",
    "tests/sim/",
)


class Spread(LoadScopeScheduling):
    """Hands out what belongs together, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        if file in TRAINED:
            return TRAINED[0]
        return nodeid if file in APART else file


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """As they are to be begun; what is as long stays in its order."""
    return sorted(items, key=lambda item: next(
        (rank for rank, start in enumerate(LONGEST) if item.nodeid.startswith(start)),
        len(LONGEST)))
