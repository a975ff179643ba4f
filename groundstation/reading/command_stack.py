"""The whole outbox, page by page: no command that was queued is ever forgotten."""

from __future__ import annotations

import sqlite3
from typing import Any

from groundstation.archive import outbox
from groundstation.archive.rows import command_json


def page(
    db: sqlite3.Connection, name: str, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Commands with an id below ``before``, newest first; ``name`` is the payload's."""
    return [command_json(entry, name) for entry in outbox.recent(db, limit, before)]
