"""The recorder reads what a payload that is switched off left on its disk, whole or not."""

import random
from pathlib import Path

from payload.link.uplink_gate import LAST_KEY
from payload.storage.durable_store import RETRY_MS
from sim.fakes.card_disk import DeskStore
from sim.fakes.sd_card import Card, CardFault
from sim.verify.recording_store import Ledger, RecordedStore, rows_of_switched_off
from wire.records import EPOCH_2025_MS, Kind, TimeQuality

PAGE_BYTES = 4_096


def test_a_counter_that_a_returning_disk_remembers_was_not_taken_again(tmp_path: Path) -> None:
    """Seed 775: lives without a disk had taken newer ones, and the check cried."""
    path, ledger, card = tmp_path / "s.sqlite", Ledger(), Card()
    first = RecordedStore(path, ledger, card, random.Random(0))
    first.put(LAST_KEY, 160)
    first.close()
    assert ledger.taken_counters == [160]
    card.fault = CardFault.GONE
    second = RecordedStore(path, ledger, card, random.Random(1))
    second.put("phase", {})
    card.fault = None
    assert not second.commit(RETRY_MS - 1) and second.commit(RETRY_MS)
    assert second.get(LAST_KEY) == 160
    assert ledger.taken_counters == [160]


def test_of_a_damaged_store_the_rows_before_the_damage_are_told(tmp_path: Path) -> None:
    """A soak stopped at a seed whose battery died before its damaged disk could be salvaged."""
    path = tmp_path / "s.sqlite"
    store = DeskStore(path)
    for number in range(400):
        body = {"text": f"{number} " + "x" * 200}
        store.append(Kind.MUSING, body, number, EPOCH_2025_MS, TimeQuality.NONE)
    assert store.commit(0)
    store.close()
    first = store.newest_id - 399
    assert [row[0] for row in rows_of_switched_off(path)] == list(range(first, first + 400))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // PAGE_BYTES * PAGE_BYTES
    data[middle : middle + 4 * PAGE_BYTES] = bytes(4 * PAGE_BYTES)
    path.write_bytes(data)
    told = [row[0] for row in rows_of_switched_off(path)]
    assert 0 < len(told) < 400 and told == list(range(first, first + len(told)))
