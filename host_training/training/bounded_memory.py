"""Keeps the memory of a training on a processor from growing with its steps.

Batches of changing length leave gaps in the heap that the next one does not fit into, and oneDNN
keeps a kernel for every length it has met, 1024 of them unless told otherwise. With freed memory
given back, LoRA on SmolLM2-135M in batches of 8 rows grew by 11 MB a step over forty steps with
1024 kernels, and by 0.2 with 32.
"""

from __future__ import annotations

import ctypes
import os
import sys

KERNELS_MAX = 32


def limit_kernels() -> None:
    """Keep few of oneDNN's kernels; a user's own setting stands. It is read at their first use."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS_MAX))


def give_back() -> None:
    """Return what is free; does nothing where the C library is not glibc.

    glibc keeps it where something lies above it. It takes 0.15 s of a step of 9.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
