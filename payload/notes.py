"""Notes: what a part of the flight core wants stored. The step turns each into a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wire.bodies import Body
from wire.record_bodies import EventBody, Severity
from wire.records import BODY_FIELDS, Kind


@dataclass(frozen=True, slots=True)
class Note:
    """A record without its number and time, which the store and the clock give."""

    kind: Kind
    body: Body  # that of the kind, see wire.record_bodies

    def __post_init__(self) -> None:
        assert self.body.keys() <= BODY_FIELDS[self.kind].keys(), self


def event(name: str, severity: Severity = "info", **fields: Any) -> Note:
    """Something happened: ``name`` in snake_case, ``fields`` named with their units."""
    body = EventBody(event=name, severity=severity)
    if fields:
        body["fields"] = fields
    return Note(Kind.EVENT, body)
