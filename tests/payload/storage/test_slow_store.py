"""The store on a slow card: nobody waits, and only what the card has said is durable."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.storage.durable_store import COMMIT_RECORDS_MAX, RING_RECORDS_MAX, STALL_MS
from payload.storage.ids import DISKLESS_ID
from payload.storage.send_window import LOW_RECORDS, PAGE_RECORDS
from sim.fakes.card_disk import CardStore, DeskStore
from tests.payload import aboard
from tests.payload.storage.slow_card import SlowCard
from wire.records import PRIORITY_OF_KIND, Kind, Priority, TimeQuality

LATENCY_MS = 3_000


def add(store: CardStore, number: int, kind: Kind = Kind.EVENT) -> int:
    return store.append(kind, {"n": number}, 0, 0, TimeQuality.NONE).record_id


def offered(store: CardStore, priority: Priority = Priority.EVENT) -> list[int]:
    return [record.record_id for record in store.queued(priority, 1_000)]


def test_a_record_is_offered_when_the_card_has_it_and_not_before(tmp_path: Path) -> None:
    card = SlowCard()
    store = card.store(tmp_path / "s.sqlite")
    card.latency = LATENCY_MS
    first = add(store, 0)
    store.put("phase", 3)
    assert not store.commit(0) and not store.is_kept(first)
    second = add(store, 1)
    for card.now_ms in range(0, LATENCY_MS, 500):
        assert not store.commit(card.now_ms)
        assert offered(store) == [] and not store.is_failing
        assert (store.get("phase"), store.kept("phase")) == (3, None)
    card.now_ms = LATENCY_MS
    assert not store.commit(LATENCY_MS), "the second one has only now been asked for"
    assert offered(store) == [first] and store.kept("phase") == 3
    card.now_ms = 2 * LATENCY_MS
    assert store.commit(card.now_ms) and offered(store) == [first, second]


def test_a_card_that_stalls_is_failing_and_then_is_not(tmp_path: Path) -> None:
    card = SlowCard()
    store = card.store(tmp_path / "s.sqlite")
    ids = [add(store, 0)]
    assert store.commit(0)
    card.latency = 10 * STALL_MS
    ids.append(add(store, 1))
    store.put("phase", 3)
    assert not store.commit(1)
    card.now_ms = STALL_MS
    assert not store.commit(STALL_MS) and not store.is_failing and offered(store) == ids[:1]
    card.now_ms += 1
    assert not store.commit(card.now_ms) and store.is_failing
    assert offered(store) == ids and store.kept("phase") == 3, "RAM is all there is"
    store.mark_in_flight(ids)
    card.latency, card.now_ms = 0, 20 * STALL_MS
    assert store.commit(card.now_ms) and not store.is_failing
    assert offered(store) == [], "what went out from RAM does not go again"
    assert list(aboard.records(store)) == ids


def test_a_life_that_does_not_wait_for_its_disk_is_one_without_and_is_joined(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.sqlite"
    first = DeskStore(path)
    old = add(first, 0)
    first.put("uplink_counter", 7)
    first.close()
    card = SlowCard()
    card.latency = LATENCY_MS
    store = card.store(path)
    assert not store.open() and store.is_failing
    store.put("uplink_counter", 4)
    fresh = add(store, 1)
    assert not store.commit(0) and fresh >= DISKLESS_ID and offered(store) == [fresh]
    card.now_ms = LATENCY_MS
    card.latency = 0
    assert store.commit(card.now_ms) and not store.is_failing
    assert (store.boot, store.is_counted, store.get("uplink_counter")) == (0, False, 7)
    assert offered(store) == [old, fresh]
    assert add(store, 2) >= DISKLESS_ID, "to the end of this life"
    store.close()
    assert DeskStore(path).boot == 2


def test_a_life_whose_disk_opens_in_time_is_counted(tmp_path: Path) -> None:
    card = SlowCard()
    card.latency = LATENCY_MS
    store = card.store(tmp_path / "s.sqlite")
    assert not store.open()
    card.now_ms = LATENCY_MS
    assert not store.open() and not store.is_counted, "open, and its number is not durable yet"
    card.now_ms = 2 * LATENCY_MS
    assert store.open() and store.is_counted and store.boot == 1


def test_a_power_cut_takes_what_the_card_had_not_said(tmp_path: Path) -> None:
    card, path = SlowCard(), tmp_path / "s.sqlite"
    store = card.store(path)
    kept = add(store, 0)
    assert store.commit(0)
    card.latency = LATENCY_MS
    lost = add(store, 1)
    assert not store.commit(0) and not store.is_kept(lost)
    store.writer.close()
    assert list(aboard.records(DeskStore(path))) == [kept]


def test_what_is_on_its_way_to_the_card_does_not_make_room(tmp_path: Path) -> None:
    """It may be durable at any moment; were it dropped too, it would be both."""
    card = SlowCard()
    store = card.store(tmp_path / "s.sqlite")
    card.latency = LATENCY_MS
    tracks = [add(store, number, Kind.TRACK) for number in range(COMMIT_RECORDS_MAX)]
    assert not store.commit(0)
    events = [add(store, number) for number in range(RING_RECORDS_MAX)]
    assert store.dropped_records == COMMIT_RECORDS_MAX
    card.latency, card.now_ms = 0, LATENCY_MS
    assert store.commit(card.now_ms)
    assert set(aboard.records(store)) == {*tracks, *events[COMMIT_RECORDS_MAX:]}


def test_marks_that_are_made_meanwhile_hold(tmp_path: Path) -> None:
    card = SlowCard()
    store = card.store(tmp_path / "s.sqlite")
    ids = [add(store, number) for number in range(4)]
    assert store.commit(0)
    store.mark_in_flight(ids[:3])
    store.put("phase", 1)
    card.latency = LATENCY_MS
    assert not store.commit(0)
    store.mark_confirmed(ids[:1])
    store.mark_queued(ids[1:2])
    store.mark_in_flight(ids[3:])
    card.latency, card.now_ms = 0, LATENCY_MS
    assert store.commit(card.now_ms)
    assert offered(store) == [ids[1]]
    states = store.writer.db.execute("SELECT state FROM record ORDER BY id").fetchall()
    assert [state for (state,) in states] == [2, 0, 1, 1]


@pytest.mark.parametrize("kind", [Kind.TRACK, Kind.MUSING, Kind.TILE])
@pytest.mark.parametrize("latency_ms", [0, LATENCY_MS])
def test_a_long_queue_passes_by_whole_and_in_order(
    tmp_path: Path, kind: Kind, latency_ms: int
) -> None:
    """A few pages of it, with new ones coming in between; RAM never holds more than one."""
    path, priority, card = tmp_path / "s.sqlite", PRIORITY_OF_KIND[kind], SlowCard()
    store = card.store(path)
    given = [add(store, number, kind) for number in range(5 * PAGE_RECORDS)]
    assert store.commit(0)
    store.close()
    store, sent = card.store(path), []
    card.latency = latency_ms
    for second in range(2_000):
        if second < 3 * PAGE_RECORDS and second % 3 == 0:
            given.append(add(store, second, kind))
        card.now_ms = second * 1_000
        store.commit(card.now_ms)
        waiting = store.queued(priority, 10 * PAGE_RECORDS)
        assert len(waiting) <= PAGE_RECORDS + LOW_RECORDS
        for record in waiting[:1]:
            sent.append(record.record_id)
            store.mark_in_flight([record.record_id])
    assert sorted(sent) == given, "each once"
    if kind is Kind.TRACK:
        assert sent == given, "oldest first"
    else:
        late = sent[4 * PAGE_RECORDS :]
        assert late == sorted(late, reverse=True), "newest first"


def test_what_is_queued_again_goes_again_though_the_queue_is_long(tmp_path: Path) -> None:
    store = DeskStore(tmp_path / "s.sqlite")
    ids = [add(store, number, Kind.TRACK) for number in range(4 * PAGE_RECORDS)]
    assert store.commit(0)
    gone = ids[: 2 * PAGE_RECORDS]
    for record_id in gone:
        store.mark_in_flight([record_id])
        store.commit(0)
    store.mark_queued(gone[5:6])
    store.mark_confirmed(gone[:2])
    store.send_again(gone[1:3])
    assert store.commit(0)
    assert offered(store, Priority.TRACK)[:4] == [gone[1], gone[2], gone[5], ids[len(gone)]]


def test_the_count_is_not_known_until_it_was_counted_and_is_kept_from_then_on(
    tmp_path: Path,
) -> None:
    store = DeskStore(tmp_path / "s.sqlite")
    assert store.unconfirmed_count() is None, "unknown, which is not none"
    ids = [add(store, number) for number in range(9)]
    assert store.commit(0) and store.unconfirmed_count() == store.count() == 9
    store.mark_in_flight(ids)
    store.mark_confirmed(ids[:4])
    assert store.commit(0) and (store.count(), store.unconfirmed_count()) == (9, 5)
    store.mark_confirmed(ids[:5])
    store.send_again(ids[:2])
    add(store, 9)
    assert store.unconfirmed_count() == 6, "those in RAM are counted there"
    assert store.commit(0) and (store.count(), store.unconfirmed_count()) == (10, 7)
    kept = store.writer.db.execute("SELECT count(*), sum(state<2) FROM record").fetchone()
    assert kept == (10, 7)
