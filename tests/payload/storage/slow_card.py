"""A store on a card that takes as long as the test says, by a clock that the test moves."""

from __future__ import annotations

from pathlib import Path

from payload.storage.writer import Writer
from sim.fakes.card_disk import CardDisk, CardStore
from sim.fakes.sd_card import Card


class SlowCard(Card):
    """``latency`` is that of every request from now on, ms; ``now_ms`` only rises."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.latency = 0
        self.latency_ms = lambda: self.latency

    def store(self, path: Path) -> CardStore:
        """One life's; with latency it is not open yet."""
        writer = Writer(path, is_durable=False)
        return CardStore(CardDisk(writer, self, lambda: self.now_ms), None)
