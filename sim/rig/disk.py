"""The payload's disk on the bench, so small that it can be filled.

As root a tmpfs is mounted where the store lives, and filling it gives the real thing, ENOSPC.
Without root the daemon's files may not grow any more (RLIMIT_FSIZE), which gives EFBIG; what the
store makes of either is the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from payload.storage.retention import RESERVE_BYTES
from sim.rig.processes import Process

DISK_BYTES = RESERVE_BYTES + (16 << 20)  # the store prunes below its reserve
BALLAST = "ballast"
CHUNK_BYTES = 1 << 20


class BenchDisk:
    """The folder of the store. ``how`` says which of the two it is."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._is_mounted = False
        if os.geteuid() == 0 and shutil.which("mount"):
            ended = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "spacepi-bench", folder],
                check=False, stderr=subprocess.DEVNULL,
            )
            self._is_mounted = ended.returncode == 0

    @property
    def how(self) -> str:
        return "tmpfs, ENOSPC" if self._is_mounted else "RLIMIT_FSIZE, EFBIG"

    def fill(self, process: Process) -> None:
        """Not a byte more. ``process`` is the daemon that runs now."""
        if not self._is_mounted:
            process.limit_files(_largest(self._folder))
            return
        with contextlib.suppress(OSError), (self._folder / BALLAST).open("wb", 0) as ballast:
            for size in (CHUNK_BYTES, 4096, 1):
                with contextlib.suppress(OSError):
                    while ballast.write(bytes(size)):
                        pass

    def free(self, process: Process) -> None:
        """Room again."""
        if self._is_mounted:
            (self._folder / BALLAST).unlink(missing_ok=True)
        elif process.is_running:
            process.limit_files(None)

    def close(self) -> None:
        """What is on the mounted disk moves to the one below; the daemon must have ended."""
        if not self._is_mounted:
            return
        (self._folder / BALLAST).unlink(missing_ok=True)
        kept = self._folder.with_name(f"{self._folder.name}.kept")
        shutil.copytree(self._folder, kept)
        subprocess.run(["umount", "-l", self._folder], check=True)
        self._is_mounted = False
        self._folder.rmdir()
        kept.rename(self._folder)


def _largest(folder: Path) -> int:
    return max((path.stat().st_size for path in folder.iterdir()), default=0)
