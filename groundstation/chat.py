"""``spacepi-ground chat``: a conversation with the payload in a terminal, over the radio.

Each line is queued as a question of one person, as ``ask`` does; then every stage is printed once,
as soon as the archive of the running station shows it, until the answer is here or cannot come.
Whoever leaves before that loses nothing: the question stays queued, and the next chat under the
same name shows what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from groundstation.archive import command_state, delivery, outbox, threads
from groundstation.archive.delivery import DeliveryStage
from groundstation.archive.outbox import QueuedCommand
from groundstation.reading import conversations
from groundstation.reading.page_json import LineJson
from groundstation.reading.reader import FlightReader
from groundstation.sanitise import clean_text

SHOWN_BEFORE = 4  # questions of this person from earlier


class TerminalChat:
    """One person's conversation; reads the archive, and queues through ``post``."""

    def __init__(
        self, reader: FlightReader, name: str, asker: str, now_ms: Callable[[], int],
        post: Callable[[str], QueuedCommand],
    ) -> None:
        """``name`` is the payload's. ``post`` queues a question of this person."""
        self._reader = reader
        self._name = name
        self._asker = asker
        self._now_ms = now_ms
        self._post = post

    def before(self) -> list[str]:
        """The latest questions with what became of each, oldest first."""
        entries = threads.of_person(self._reader.db, self._asker, SHOWN_BEFORE)
        lines: list[str] = []
        for entry in entries:
            lines += [f"you: {clean_text(entry.text)}", *self._outcome(self._current(entry))]
        return lines

    def say(
        self, text: str, wait: Callable[[], None], tell: Callable[[str], None]
    ) -> QueuedCommand:
        """Queue ``text`` and follow it to its end; ``wait`` lets time pass between two looks.

        Raises what ``post`` raises, and whatever ``wait`` does.
        """
        entry = self._post(clean_text(text))
        stage: DeliveryStage | None = None
        while True:
            entry = self._current(entry)
            if delivery.stage(entry) is not stage:
                stage = delivery.stage(entry)
                for line in self._outcome(entry):
                    tell(line)
            if stage in delivery.OVER:
                return entry
            wait()

    def _current(self, entry: QueuedCommand) -> QueuedCommand:
        """As the archive has it now."""
        found = outbox.one(self._reader.db, entry.command_id) or entry
        return found.as_of(self._now_ms())

    def _outcome(self, entry: QueuedCommand) -> Iterable[str]:
        """The reply where it is here, else how far the question has come."""
        reply = conversations.answers_to({entry.command_id}, self._reader.replies).get(
            entry.command_id) if entry.state == "answered" else None
        if reply is not None:
            return [f"{self._name}: {reply['text']}{_origin(reply)}"]
        at_ms = delivery.steps(entry)[-1].at_ms
        when = "" if at_ms is None else f" ({datetime.fromtimestamp(at_ms / 1000, UTC):%H:%M:%S})"
        return [f"  {command_state.in_words(entry, self._name)}{when}"]


def _origin(reply: LineJson) -> str:
    return " (a canned line, not the model's)" if reply["by"] == "canned" else ""
