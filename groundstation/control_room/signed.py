"""What stations tell one another through the control room, signed with the key of the uplink.

Whoever can write into the database can therefore withhold an entry, but neither invent nor alter
one: a row whose MAC is wrong is no entry. Who asked a question is told as a word that only its own
station can trace.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import msgpack

from groundstation.archive.acknowledgements import Acknowledgement
from groundstation.archive.outbox import QueuedCommand
from groundstation.archive.shared_outbox import STATES
from groundstation.sanitise import clean_text, read_json
from wire.auth import is_of_station
from wire.commands import Opcode

WHY_CHARS_MAX = 100
REASONS_MAX = 64  # of an acknowledgement
Row = Mapping[Any, Any]  # column -> value
_LABEL = b"spacepi-1 control room"
_FIELDS = tuple(field.name for field in fields(QueuedCommand))
_OF_ACKNOWLEDGEMENT = ("rule", "at_ms", "reasons", "station")
_COLUMNS = ("id", *_FIELDS[1:])  # of the table ``outbox``, in the same order


class Signer:
    """Of one station, with the uplink key of its mission."""

    def __init__(self, uplink_key: bytes, station: str, number: int) -> None:
        """``station`` and ``number`` are those of the mission file."""
        self._key = hmac.new(uplink_key, _LABEL, hashlib.sha256).digest()
        self._station = station
        self._number = number

    # -- entries of the outbox ----------------------------------------------------------------

    def shared(self, entry: QueuedCommand) -> QueuedCommand:
        """An entry of this station's archive as the others are told of it."""
        is_sent = entry.attempts > 0
        state = entry.state
        is_own = is_of_station(entry.command_id, self._number)
        if state == "expired" and not is_own:  # by another clock than the one that dated it
            state = "sent" if is_sent else "queued"
        asker = entry.asker
        if is_own:
            word = hmac.new(self._key, asker.encode(), hashlib.sha256).hexdigest()[:8]
            asker = f"{self._station} {word}"
        return replace(
            entry, state=state, asker=asker,
            why=clean_text(entry.why, WHY_CHARS_MAX) or None,
            sender=(entry.sender or self._station) if is_sent else "")

    def adopted(self, entry: QueuedCommand) -> QueuedCommand:
        """An entry that was told, as this station's archive keeps it."""
        is_own = entry.sender == self._station
        return replace(entry, sender="") if is_own else entry

    def row(self, entry: QueuedCommand) -> dict[str, Any]:
        """The row of the table ``outbox``, without who holds it."""
        values = [getattr(entry, name) for name in _FIELDS]
        values[_FIELDS.index("opcode")] = int(entry.opcode)
        return {**dict(zip(_COLUMNS, values, strict=True)), "mac": self._mac("entry", values)}

    def entry(self, row: Row) -> QueuedCommand | None:
        """The entry in a row; None where no holder of the key wrote it, or another version did."""
        values = [row[name] for name in _COLUMNS]
        if not self._is_genuine("entry", values, row["mac"]):
            return None
        try:
            found = QueuedCommand(*values)
            found = replace(found, opcode=Opcode(found.opcode))
        except ValueError:
            return None
        return found if found.state in STATES else None

    # -- acknowledgements ---------------------------------------------------------------------

    def acknowledgement_row(self, given: Acknowledgement) -> dict[str, Any]:
        """The row of the table ``acknowledgement``."""
        reasons = json.dumps(sorted(given.reasons))
        values = [given.rule, given.at_ms, reasons, given.station]
        return {**dict(zip(_OF_ACKNOWLEDGEMENT, values, strict=True)),
                "mac": self._mac("acknowledgement", values)}

    def acknowledgement(self, row: Row) -> Acknowledgement | None:
        """The acknowledgement in a row; None where no holder of the key wrote it."""
        values = [row[name] for name in _OF_ACKNOWLEDGEMENT]
        if not self._is_genuine("acknowledgement", values, row["mac"]):
            return None
        rule, at_ms, reasons, station = values
        return Acknowledgement(rule, at_ms, tuple(read_json(reasons))[:REASONS_MAX], station)

    def _mac(self, kind: str, values: list[Any]) -> bytes:
        return hmac.new(self._key, msgpack.packb([kind, *values]), hashlib.sha256).digest()

    def _is_genuine(self, kind: str, values: list[Any], mac: object) -> bool:
        try:
            return isinstance(mac, bytes) and hmac.compare_digest(self._mac(kind, values), mac)
        except (TypeError, ValueError, OverflowError):  # values that no station writes
            return False
