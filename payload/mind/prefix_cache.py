"""Prompt prefixes that a model has evaluated, kept across restarts of the mind worker.

One file each, with its own SHA-256, so that one that a power cut left half-written counts as none.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from payload.mind import worker_log as log

CACHED_PREFIXES_MAX = 4


class PrefixCache:
    """Evaluated prefixes on disk, named by what they depend on; a damaged file is no file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def load(self, key: str) -> bytes | None:
        """The state kept under ``key``, or None."""
        try:
            data = (self._directory / f"{key}.state").read_bytes()
        except OSError:
            return None
        # Not equal when power went away while the card was writing, which needs no fsync therefore.
        return data[32:] if data[:32] == hashlib.sha256(data[32:]).digest() else None

    def save(self, key: str, state: bytes | memoryview) -> None:
        """Keep ``state``, and the newest few besides; a full or read-only disk is no failure."""
        target = self._directory / f"{key}.state"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with target.with_suffix(".half").open("wb") as file:
                file.write(hashlib.sha256(state).digest())
                file.write(state)
            os.replace(target.with_suffix(".half"), target)
            kept = sorted(self._directory.glob("*.state"), key=lambda path: path.stat().st_mtime)
            for old in kept[:-CACHED_PREFIXES_MAX]:
                old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("prefix_not_kept", error=str(error))
