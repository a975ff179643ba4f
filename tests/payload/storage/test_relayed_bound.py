"""What is kept for other payloads is bounded on the disk, and is the first to go."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.storage import durable_store, retention, writer
from sim.fakes.card_disk import DeskStore
from wire.records import Kind, Priority, TimeQuality

PARCEL = {"frames": [b"\x69\x08"], "ages": [0]}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "RELAYED_MAX", 5)


def keep(kept: DeskStore, kind: Kind, count: int) -> list[int]:
    """Durable records of a kind."""
    body = PARCEL if kind is Kind.RELAYED else {"text": "Cold.", "by": "model"}
    ids = []
    for _ in range(count):
        ids.append(kept.append(kind, body, 0, 0, TimeQuality.NONE).record_id)
        assert kept.commit(0)
    return ids


def ids_on_disk(path: Path, kind: Kind) -> list[int]:
    opened = writer.database.read(path, kind)
    return [record.record_id for record in opened]


def test_the_oldest_parcel_is_dropped_and_counted(tmp_path: Path) -> None:
    kept = DeskStore(tmp_path / "s.sqlite", is_durable=False)
    own, parcels = keep(kept, Kind.MUSING, 8), keep(kept, Kind.RELAYED, 8)
    assert kept.dropped_records == 3
    assert kept.unconfirmed_count() == kept.count() == 8 + 5
    kept.close()
    assert ids_on_disk(tmp_path / "s.sqlite", Kind.RELAYED) == parcels[3:]
    assert ids_on_disk(tmp_path / "s.sqlite", Kind.MUSING) == own


def test_what_is_confirmed_does_not_count_and_what_is_on_its_way_counts_and_stays(
    tmp_path: Path
) -> None:
    """Of a swarm 1004 parcels waited on the seventh day: those on their way once did not count."""
    kept = DeskStore(tmp_path / "s.sqlite", is_durable=False)
    first = keep(kept, Kind.RELAYED, 5)
    kept.mark_confirmed(first[:2])
    kept.mark_in_flight(first[2:3])
    later = keep(kept, Kind.RELAYED, 2)
    assert kept.dropped_records == 0
    later += keep(kept, Kind.RELAYED, 1)
    assert kept.dropped_records == 1
    kept.close()
    assert ids_on_disk(tmp_path / "s.sqlite", Kind.RELAYED) == [*first[:3], first[4], *later]


def test_the_newest_goes_first(tmp_path: Path) -> None:
    kept = DeskStore(tmp_path / "s.sqlite", is_durable=False)
    ids = keep(kept, Kind.RELAYED, 3)
    assert [record.record_id for record in kept.queued(Priority.RELAY, 9)] == ids[::-1]
    kept.close()


def test_in_ram_too_own_records_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes nothing: at the ring's bound a parcel makes room for a musing."""
    monkeypatch.setattr(durable_store, "RING_RECORDS_MAX", 4)
    folder = tmp_path / "gone"
    folder.write_text("no folder")
    kept = DeskStore(folder / "s.sqlite", is_durable=False)
    for kind in (Kind.RELAYED, Kind.MUSING, Kind.MUSING, Kind.MUSING, Kind.MUSING):
        kept.append(kind, PARCEL, 0, 0, TimeQuality.NONE)
    assert kept.dropped_records == 1
    assert not kept.queued(Priority.RELAY, 9) and len(kept.queued(Priority.MUSING, 9)) == 4
