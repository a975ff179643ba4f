"""The recorder: observes what a store was given, what it sent and what became durable.

A flight has none. The simulator's outlives the store, and holds it to what it promised.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from payload.ports import Commit
from wire.records import Record


class Recorder:
    """Called after each; this one records nothing."""

    def appended(self, record: Record, is_reserved: bool) -> None:
        """``is_reserved``: the disk knows that numbers up to this one may have been given."""

    def put(self, key: str, value: Any) -> None:
        """By the owner of ``key``; what was restored from a disk is not reported."""

    def laid(self, record_ids: Collection[int], is_failing: bool) -> None:
        """Into a block: nothing holds these records back any more."""

    def kept(self, commit: Commit) -> None:
        """The disk has said so."""

    def pruned(self, record_ids: Collection[int]) -> None:
        """Confirmed records that made room for new ones."""

    def dropped(self, record_ids: Collection[int]) -> None:
        """Relayed records beyond their bound, which are counted."""
