"""Work and memory of a call, counted and never timed.

Covers: endless loops, loops in Python that grow faster than their input, buffers that grow.
Does not cover: time spent inside C (a regular expression, sqlite, a long copy).
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

LINES_MAX = 30_000_000  # no packet of ours is worth more; an endless loop ends here


class EndlessWork(AssertionError):
    """More lines were run than anything here can need."""


def lines_run(function: Callable[[], object], lines_max: int = LINES_MAX) -> int:
    """How many lines of Python ``function`` runs. Raises EndlessWork at ``lines_max``."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        if event == "line":
            count += 1
            if count > lines_max:
                raise EndlessWork(f"{count} lines, now {frame.f_code.co_filename}:{frame.f_lineno}")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def bytes_used(function: Callable[[], object]) -> tuple[int, int]:
    """(still allocated after ``function``, most allocated during it), both above the start."""
    gc.collect()
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        function()
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return after - before, peak - before
