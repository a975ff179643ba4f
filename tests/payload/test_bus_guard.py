"""The bus that kills: lives on one store, ended where the watchdog would end them."""

from __future__ import annotations

from pathlib import Path

from payload.bus_guard import KEY, REST_MS, TRIALS_MAX, BusGuard
from sim.fakes.card_disk import DeskStore


def _killed(store: DeskStore) -> None:
    """A life that ends inside its first use of the bus."""
    guard = BusGuard(store)
    assert guard.update(0) == []
    assert not guard.may_use()  # the first step is the beacon's
    store.commit(0)
    assert guard.update(1000) == []
    assert guard.may_use()


def test_two_trials_that_never_came_back_and_the_bus_rests(tmp_path: Path) -> None:
    """Goal: fault 16. Method: kill just as often, then look at the life after, to its end."""
    store = DeskStore(tmp_path / "s.sqlite", is_durable=False)
    for _ in range(TRIALS_MAX):
        _killed(store)
    guard = BusGuard(store)
    assert [note.body["event"] for note in guard.update(0)] == ["bus_left_alone"]
    assert not guard.may_use()
    assert guard.update(REST_MS - 1) == []
    assert not guard.may_use()
    assert [note.body["event"] for note in guard.update(REST_MS)] == ["bus_tried_again"]
    assert guard.may_use()
    assert store.get(KEY) == TRIALS_MAX  # were it killed now, the next life would rest again
    guard.survived()
    assert store.get(KEY) == 0
    store.close()


def test_one_kill_or_a_bus_that_came_back_is_forgiven(tmp_path: Path) -> None:
    """Goal: no rest for bad luck. Method: killed, lived, killed; then nonsense."""
    store = DeskStore(tmp_path / "s.sqlite", is_durable=False)
    for _ in range(3):
        _killed(store)
        guard = BusGuard(store)
        assert guard.update(0) == []
        guard.may_use()
        assert not guard.may_use(), "the trial is not durable yet"
        store.commit(0)
        assert guard.may_use()
        guard.survived()
    store.put(KEY, "many")
    assert BusGuard(store).update(0) == []
    store.close()


def test_a_disk_that_fails_does_not_keep_the_bus_from_its_use(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    store = DeskStore(tmp_path / "blocked" / "s.sqlite")
    _killed(store)
    assert store.is_failing
