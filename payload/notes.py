"""Notes: what a part of the flight core wants stored. The step turns each into a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from wire.records import Kind

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Note:
    """A record without its number and time, which the store and the clock give."""

    kind: Kind
    body: dict[str, Any]


def event(name: str, severity: Severity = "info", **fields: Any) -> Note:
    """Something happened: ``name`` in snake_case, ``fields`` named with their units."""
    body: dict[str, Any] = {"event": name, "severity": severity}
    if fields:
        body["fields"] = fields
    return Note(Kind.EVENT, body)
