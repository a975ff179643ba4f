"""Bugs planted on purpose: if the soak did not find them, it would not find others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from groundstation import precedence
from groundstation.outbox import Letter
from payload import downlink
from payload.commands import UplinkGate
from payload.downlink import Downlink
from payload.health import Health
from payload.ports import Commit, Committed, Opened, Opening, PageRead, Refused
from payload.storage.store import Store
from payload.storage.writer import Writer
from sim import soak
from sim.card_disk import CardDisk
from sim.world import World
from tests.sim.flights import ROOT
from tests.sim.short_hops import fly, hop
from wire import auth
from wire.records import Priority, Record

SEEDS = range(12)


def _first_seed_that_breaks(check: str) -> tuple[int, str]:
    for seed in SEEDS:
        result = soak.fly(seed, ROOT / "mission.toml")
        for violation in result.violations:
            if violation.check == check:
                return seed, str(violation)
    pytest.fail(f"no seed of {SEEDS} breaks {check}")


def test_a_symbol_number_used_again_after_a_reboot_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The block numbers are never written down: the next boot begins at the same one."""
    monkeypatch.setattr(Downlink, "_reserve_blocks", lambda self: None)
    monkeypatch.setattr(Downlink, "_may_open_block", lambda self: True)
    monkeypatch.setattr(downlink, "_first_block", lambda store: 0)
    seed, line = _first_seed_that_breaks("numbers_unique")
    assert "with two contents" in line, (seed, line)


def test_an_acknowledgement_before_the_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk says yes at once and writes every tenth time."""
    serve = Writer.serve
    late: list[Commit] = []

    def hasty(self: Writer, request: Opening | Commit) -> Opened | Committed | Refused:
        if isinstance(request, Commit) and request.has_content and self.is_checked:
            late.append(request)
            if len(late) % 10:
                return Committed(True, (PageRead((), None),) * len(request.pages), (), 0, 0, 0)
        answer = serve(self, request)
        for kept in late[:-1] if isinstance(request, Commit) else ():
            serve(self, kept)
        late.clear()
        return answer

    monkeypatch.setattr(Writer, "serve", hasty)
    seed, line = _first_seed_that_breaks("records_kept")
    assert "are gone" in line, (seed, line)


def test_a_commit_that_the_step_waits_for_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the store did before it stood behind a port: on a slow card the beacon is late."""
    poll = CardDisk.poll
    worlds: list[World] = []

    def wait(self: CardDisk) -> Opened | Committed | Refused | None:
        if worlds[0].flight is not None:
            worlds[0].watchdog.block(self.hurry())
        return poll(self)

    def look(world: World) -> None:
        """One stall in the ascent, of a length that the watchdog lets pass."""
        worlds.append(world)
        latencies_ms = iter([26_000])
        world.at(200_000, lambda: setattr(
            world.card, "latency_ms", lambda: next(latencies_ms, 0)))

    monkeypatch.setattr(CardDisk, "poll", wait)
    outcome, _ = fly(replace(hop("store.stall"), faults=()), look)
    assert outcome.broken == {"beacon_cadence"}


def test_a_record_that_is_sent_before_it_is_durable_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queued = Store.queued

    def hasty(self: Store, priority: Priority, limit: int) -> list[Record]:
        held = [record for record, _ in self._ring.values() if record.priority is priority]
        return (queued(self, priority, limit) + [
            record for record in held if self._is_queued(record.record_id)])[:limit]

    monkeypatch.setattr(Store, "queued", hasty)
    outcome, _ = fly(hop("store.slow"))
    assert any("before the disk had them" in str(v) for v in outcome.violations)


def test_a_watchdog_petted_without_progress_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def always(self: Health, now_ms: int) -> bool:
        return True

    monkeypatch.setattr(Health, "may_pet", always)
    outcome, _ = fly(hop("core.part_stuck"))
    assert "watchdog_honest" in outcome.broken


def test_a_gate_that_takes_what_comes_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "is_fresh", lambda counter, last_counter: True)
    outcome, _ = fly(hop("commands.replay"))
    assert "only_authentic" in outcome.broken


def test_a_first_life_that_believes_what_was_sent_before_it_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its memory of counters never begins, so nothing is too early for it."""
    monkeypatch.setattr(UplinkGate, "_begin_memory", lambda self, time_s, boot_s: None)
    outcome, _ = fly(hop("commands.replay_wiped"))
    assert {"only_authentic", "cutdown_safe"} <= outcome.broken


def test_letters_without_a_lifetime_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Letter, "is_alive", lambda self, utc_ms: True)
    outcome, _ = fly(hop("commands.long_silence", 200.0))
    assert "cutdown_safe" in outcome.broken


def test_an_abort_that_waits_its_turn_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "of", lambda opcode: precedence.Precedence.COMMAND)
    outcome, _ = fly(hop("commands.crowd"))
    assert "cutdown_safe" in outcome.broken


@pytest.mark.parametrize(("fault", "lasts_s"), [
    ("commands.replay_wiped", None), ("commands.long_silence", 200.0), ("commands.crowd", None),
])
def test_the_same_faults_break_nothing_without_a_bug(fault: str, lasts_s: float | None) -> None:
    outcome, _ = fly(hop(fault, lasts_s))
    assert outcome.violations == ()


def test_the_same_seeds_find_nothing_without_them() -> None:
    """The checks hold where nothing is planted: a check that always cries is none."""
    cried: list[Any] = []
    for seed in SEEDS[:4]:
        result = soak.fly(seed, ROOT / "mission.toml")
        cried += [v for v in result.violations
                  if v.check in ("numbers_unique", "records_kept", "watchdog_honest")]
    assert cried == []
