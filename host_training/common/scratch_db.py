"""A temporary SQLite file: fast, small in memory, and not kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Self

from host_training.errors import TrainingError

CACHE_KIB = 16_384


class Scratch:
    """A database that always begins empty, even if an interrupted run left a file.

    As a context manager it raises TrainingError when the disk is full or another run has the file.
    On every exit the file is deleted, because it contains people's words in plain text.
    """

    def __init__(self, path: Path | None, schema: str) -> None:
        """``path`` None: a temporary file, deleted with the last connection.

        Args:    schema: CREATE TABLE statements.
        """
        self._path = path
        try:
            if path is not None and path.exists():
                _clear(path)
            self._database = sqlite3.connect(path or "", timeout=0)
            self._database.executescript(
                # made again after a crash, so nothing is synced; a journal in memory would
                # hold every page that is touched before the next commit
                "PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE;"
                f"PRAGMA cache_size=-{CACHE_KIB};{schema}")
        except sqlite3.OperationalError as error:
            raise self._refusal(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, *trace: object) -> None:
        self._database.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        if isinstance(error, sqlite3.OperationalError):
            raise self._refusal(error) from error

    def _refusal(self, error: sqlite3.OperationalError) -> TrainingError:
        place = self._path or "a temporary file"
        return TrainingError(f"{place}: cannot be written ({error}); is the disk full, or is "
                             "another run using this folder?")


def _clear(path: Path) -> None:
    """Remove an interrupted run's file. Raises OperationalError while another run writes it."""
    left = sqlite3.connect(path, timeout=0)
    try:
        left.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        pass  # torn when the power went: nothing was synced
    finally:
        left.close()
    path.unlink()
