"""The payload's store in simulation: the real writer, without its thread, on a simulated card.

What is asked is done when the card's latency is over, and not before: a power cut in between finds
nothing of it on the disk. Without latency the answer is there at once.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import cast

from payload.ports import Commit, Committed, Opened, Opening, StoreRefused
from payload.storage.durable_store import Store
from payload.storage.recorder import Recorder
from payload.storage.writer import Writer
from sim.fakes.sd_card import Card, CardConnection


class CardWriter(Writer):
    """The writer that flies, on a card that may refuse."""

    def __init__(
        self, path: Path, card: Card, is_durable: bool = True, recorder: Recorder | None = None
    ) -> None:
        super().__init__(path, is_durable, card.free_bytes, recorder)
        self.card = card

    def connect(self) -> sqlite3.Connection:
        if not self.card.may_open:
            raise self.card.error("unable to open database file", "SQLITE_CANTOPEN")
        return cast(sqlite3.Connection, CardConnection(super().connect(), self.card))


class CardDisk:
    """``payload.ports.Disk``."""

    def __init__(
        self, writer: Writer, card: Card, now_ms: Callable[[], int] = lambda: 0
    ) -> None:
        """``now_ms`` is any clock that rises."""
        self.writer = writer
        self._card = card
        self._now_ms = now_ms
        self._request: Opening | Commit | None = None
        self._due_ms = 0

    def start(self, request: Opening | Commit) -> None:
        assert self._request is None, "one request at a time"
        self._request = request
        latency_ms = self._card.latency_ms()
        self._card.delayed += latency_ms > 0
        self._due_ms = self._now_ms() + latency_ms

    def hurry(self) -> int:
        """Be done now; how many ms sooner that is."""
        early_ms = max(0, self._due_ms - self._now_ms())
        self._due_ms -= early_ms
        return early_ms if self._request is not None else 0

    def poll(self) -> Opened | Committed | StoreRefused | None:
        if self._request is None or self._now_ms() < self._due_ms:
            return None
        request, self._request = self._request, None
        answer = self.writer.serve(request)
        self.writer.chore()
        return answer


class CardStore(Store):
    """The real store on such a disk, which is named here so that tests can look at it."""

    def __init__(
        self, disk: CardDisk, chance: random.Random | None, recorder: Recorder | None = None
    ) -> None:
        self.disk = disk
        self.writer = disk.writer
        super().__init__(disk, chance, recorder)

    def close(self) -> None:
        """The life ends in order."""
        self.end(0)
        self.writer.close()


class DeskStore(CardStore):
    """The same, ready as it is made."""

    def __init__(
        self, path: Path, is_durable: bool = True, chance: random.Random | None = None,
        card: Card | None = None,
    ) -> None:
        """As ``Store`` and ``Writer``. Without a ``card`` nothing is ever refused."""
        writer = Writer(path, is_durable) if card is None else CardWriter(path, card, is_durable)
        super().__init__(CardDisk(writer, card or Card()), chance)
