"""Gives freed memory back to the system, which glibc keeps where something lies above it.

Batches of changing length leave gaps that the next one does not fit into. SmolLM2-135M in batches
of 16 rows, on a processor: 3.1 GB after six steps and 6.5 after an epoch, of which 1.4 are in use.
Returning the rest takes 0.15 s of a step of 9.
"""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Do it; nothing happens where the C library is not glibc."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
