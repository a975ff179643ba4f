"""The whole outbox, page by page: no command that was queued is ever forgotten."""

from __future__ import annotations

from groundstation.archive import outbox
from groundstation.reading import conversations
from groundstation.reading.page_json import QueuedJson
from groundstation.reading.reader import FlightReader


def page(
    reader: FlightReader, name: str, before: int | None, limit: int
) -> list[QueuedJson]:
    """Commands with an id below ``before``, newest first; ``name`` is the payload's."""
    entries = outbox.recent(reader.db, limit, before)
    return conversations.queue_json(reader.db, entries, name, reader.replies)
