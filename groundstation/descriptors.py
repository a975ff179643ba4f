"""A bound on the files and sockets of the process, below what select() can take.

A library may still use select(), as pyserial does, and it fails on a descriptor of 1024 and above.
With the bound there is none. The station's own parts take half of it at most.
"""

from __future__ import annotations

import resource

DESCRIPTORS_MAX = 1024


def bound_descriptors() -> None:
    """As many as that, or as this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_MAX, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
