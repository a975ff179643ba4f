"""The whole outbox, page by page: no command that was queued is ever forgotten."""

from __future__ import annotations

from typing import Any

from groundstation.archive import outbox
from groundstation.reading import conversations
from groundstation.reading.reader import FlightReader


def page(
    reader: FlightReader, name: str, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Commands with an id below ``before``, newest first; ``name`` is the payload's."""
    entries = outbox.recent(reader.db, limit, before)
    return conversations.queue_json(reader.db, entries, name, reader.replies)
