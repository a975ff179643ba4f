"""The outbox of the page: what an operator queues and withdraws, and what each client is shown.

Nothing of HTTP but its status codes: 201 queued, 200 withdrawn, 404 no such command, 409 too late,
422 no such thing can be sent, 429 too many wait. Every refusal is one sentence for a person.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from groundstation import command_words
from groundstation.archive import acknowledgements, command_order, command_state, outbox
from groundstation.archive.acknowledgements import Acknowledgement
from groundstation.archive.outbox import OutboxFull, QueuedCommand
from groundstation.archive.rows import CommandJson, command_json
from wire.commands import Opcode
from wire.mission import Mission

STATION = "station"  # the asker's name for the terminal, and for commands


class Answer(NamedTuple):
    """The answer to the client, and its HTTP status."""

    status: int
    body: Mapping[str, Any]


class OutboxDesk:
    """Writes into the archive of the running station; every call is one transaction."""

    def __init__(self, archive_path: Path, mission: Mission, now_ms: Callable[[], int]) -> None:
        self._path = archive_path
        self._mission = mission
        self._ground = mission.ground
        self._name = mission.payload.name
        self._now_ms = now_ms

    def ask(self, text: str, asker: str) -> Answer:
        """Queue a question of this address."""
        return self._post(Opcode.ASK, text, asker)

    def command(self, name: str, arguments: str) -> Answer:
        """Queue a command as an operator types it."""
        try:
            opcode = command_words.find(name)
            command_words.check_setting(opcode, arguments, self._mission)
        except ValueError as error:
            return _refusal(422, _sentence(error))
        if opcode in command_words.NOT_IN_A_FORM:
            return _refusal(422, f"{name} is not sent from this page as a command.")
        return self._post(opcode, arguments, STATION)

    def abort(self) -> Answer:
        """Queue CUTDOWN_ABORT, which withdraws every cutdown that waits."""
        return self._post(Opcode.CUTDOWN_ABORT, "", STATION)

    def withdraw(self, command_id: int) -> Answer:
        """Withdraw a question or a command."""
        with outbox.of_another_process(self._path) as db:
            entry = outbox.one(db, command_id)
            if entry is None:
                return _refusal(404, "No such command in the queue.")
            try:
                entry = outbox.withdraw(db, command_id)
            except ValueError as error:
                needs_abort = command_state.needs_abort(entry)
                return _refusal(409, f"Too late: {error}.", needs_abort=needs_abort)
        outcome = command_state.of_withdrawal(entry, self._name)
        return Answer(200, {**self._json(entry), "told": outcome})

    def acknowledge(self, rule: str, reasons: tuple[str, ...]) -> None:
        """An operator has noticed this alarm: so the other stations of the control room are told.
        While the disk refuses they are not."""
        given = Acknowledgement(rule, self._now_ms(), reasons, self._ground.station)
        with suppress(sqlite3.Error), outbox.of_another_process(self._path) as db:
            acknowledgements.take(db, given)

    def _post(self, opcode: Opcode, text: str, asker: str) -> Answer:
        try:
            entry = outbox.post(
                self._path, opcode, text, self._now_ms(), self._ground.station_number,
                asker=asker, lifetime_s=command_order.lifetime_s(opcode, self._ground))
        except OutboxFull as error:
            return _refusal(429, _sentence(error))
        except ValueError as error:
            return _refusal(422, _sentence(error))
        return Answer(201, self._json(entry))

    def _json(self, entry: QueuedCommand) -> CommandJson:
        return command_json(entry, self._name)


def _sentence(error: ValueError) -> str:
    clause = str(error)
    return f"{clause[0].upper()}{clause[1:]}."


def _refusal(status: int, sentence: str, **more: Any) -> Answer:
    return Answer(status, {"error": sentence, **more})
