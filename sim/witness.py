"""The witness: notes what the store promised, so that it can be held to it.

A ``WitnessedStore`` is the real store; it only tells the ledger what it was given and when it said
that a commit had returned. The ledger outlives reboots, as a person with a notebook beside the box
would.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payload.store import Store
from wire.records import Kind, Record, TimeQuality, pack_body

READ_ROWS = 2_000


@dataclass(slots=True)
class Ledger:
    """What was promised so far. ``acknowledged`` is record id -> CRC-32 of its body."""

    acknowledged: dict[int, int] = field(default_factory=dict)
    appended: int = 0
    reused_ids: list[int] = field(default_factory=list)
    given_ids: set[int] = field(default_factory=set)  # of records in RAM in the present boot


class WitnessedStore(Store):
    """``payload.store.Store`` with a ledger beside it."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self._ledger = ledger
        ledger.given_ids.clear()
        super().__init__(path, is_durable=False)

    def append(
        self, kind: Kind, body: dict[str, Any], mono_ms: int, time_ms: int, quality: TimeQuality
    ) -> Record:
        record = super().append(kind, body, mono_ms, time_ms, quality)
        ledger = self._ledger
        ledger.appended += 1
        if record.record_id in ledger.acknowledged or record.record_id in ledger.given_ids:
            ledger.reused_ids.append(record.record_id)
        ledger.given_ids.add(record.record_id)
        return record

    def commit(self, now_ms: int) -> bool:
        promised = {r.record_id: zlib.crc32(pack_body(r.body)) for r, _ in self._ring}
        is_durable = super().commit(now_ms)
        if is_durable:
            self._ledger.acknowledged.update(promised)
            self._ledger.given_ids.difference_update(promised)
        return is_durable

    @property
    def ring_records(self) -> int:
        """Records that wait in RAM."""
        return len(self._ring)

    def rows(self) -> Iterator[tuple[int, int, bytes]]:
        """(id, kind, body as it is on the disk now), in order."""
        after_id = 0
        while self._db is not None:
            found = self._db.execute(
                "SELECT id, kind, body FROM record WHERE id > ? ORDER BY id LIMIT ?",
                (after_id, READ_ROWS),
            ).fetchall()
            if not found:
                return
            yield from found
            after_id = found[-1][0]
