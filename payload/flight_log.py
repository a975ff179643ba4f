"""Writes the events and texts that a step noted to the log; the numbers are in the store."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from payload.notes import Note
from wire.records import Kind

log = structlog.get_logger("payload")


def tell(notes: Iterable[Note]) -> None:
    """One line for each event, at its severity, and for each text."""
    for note in notes:
        body = note.body
        if note.kind is Kind.EVENT:
            write = {"info": log.info, "warning": log.warning, "error": log.error}
            write[body["severity"]](body["event"], **body.get("fields", {}))
        elif "text" in body:
            log.info(note.kind.name.lower(), text=body["text"])
