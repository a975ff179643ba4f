"""Gives freed memory back to the system, which glibc keeps where something lies above it.

Batches of changing length leave gaps that the next one does not fit into. SmolLM2-135M in batches
of 16 rows, on a processor: 3.1 GB after six steps, of which 1.4 were in use; an epoch without this
came to 6.5. Returning the rest takes 0.15 s of a step of 9.
"""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return what is free; does nothing where the C library is not glibc."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
