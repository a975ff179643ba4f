"""SHA-256 of files; the hash of a large one is cached until the file changes.

A model takes a small board seconds to read, and a process that was killed must be back before
that. So a digest is kept under the file's device, inode, size, and times of change and of its
inode's change, and the file is read again when any of these is another.

Covers: a file that was replaced, renamed over, cut, or written to since it was read, whatever time
it was given afterwards. Does not cover: who may write the remembered digests may write what they
like, as may root; and a card that forgets bits below the file system is found out only by reading.
A caller that must detect that reads without a cache: ``FileHashes()``.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

READ_ANYWAY_BYTES = 4 << 20  # a file up to this size is read each time
REMEMBERED_MAX = 8
FILE_BYTES_MAX = 64 << 10


class FileHashes:
    """Digests by what the file system says of a file; kept in ``path``, or not at all."""

    def __init__(self, path: Path | None = None) -> None:
        """``path`` may be missing, damaged or not writable: then every file is read."""
        self._path = path

    def sha256(self, file: BufferedReader) -> str:
        """Hex digest of all of ``file``, which stands at its beginning afterwards.

        Raises OSError as reading does.
        """
        before = _identity(file)
        is_large = os.fstat(file.fileno()).st_size > READ_ANYWAY_BYTES
        known = self._load() if is_large else {}
        digest = known.pop(before, None)
        if digest is None:
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            if is_large and _identity(file) == before:
                self._save({**known, before: digest})
        return digest

    def _load(self) -> dict[str, str]:
        if self._path is None:
            return {}
        try:
            with self._path.open("rb") as file:
                table = json.loads(file.read(FILE_BYTES_MAX))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(table, dict):
            return {}
        return {key: value for key, value in table.items() if isinstance(value, str)}

    def _save(self, table: dict[str, str]) -> None:
        """The newest few. A disk that does not take them is no failure."""
        if self._path is None:
            return
        kept = dict(list(table.items())[-REMEMBERED_MAX:])
        half = self._path.with_name(self._path.name + ".half")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            half.write_text(json.dumps(kept), encoding="utf-8")
            os.replace(half, self._path)


def _identity(file: BufferedReader) -> str:
    found = os.fstat(file.fileno())
    return (f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns}"
            f" {found.st_ctime_ns}")
