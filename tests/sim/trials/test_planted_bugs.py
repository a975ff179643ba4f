"""Bugs planted on purpose: if the soak did not find them, it would not find others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from groundstation.archive import command_order
from groundstation.archive.outbox import QueuedCommand
from groundstation.decode.link import NodeLink
from payload.health import Health
from payload.link.announcer import Announcer
from payload.link.downlink import Downlink
from payload.link.uplink_gate import UplinkGate
from payload.ports import Commit, Committed, Opened, Opening, PageRead, StoreRefused
from payload.storage import durable_store as store_module
from payload.storage.durable_store import Store
from payload.storage.writer import Writer
from sim.fakes.card_disk import CardDisk
from sim.trials import soak
from sim.world import World
from tests.sim.faults.short_hops import fly, hop
from tests.sim.flights import ROOT
from wire import auth
from wire.frames import FrameType
from wire.records import Priority, Record
from wire.session import Session
from wire.transfer import Sender

SEEDS = range(12)


def _first_seed_that_breaks(check: str) -> tuple[int, str]:
    for seed in SEEDS:
        result = soak.fly(seed, ROOT / "mission.toml")
        for violation in result.violations:
            if violation.check == check:
                return seed, str(violation)
    pytest.fail(f"no seed of {SEEDS} breaks {check}")


@pytest.mark.thorough
def test_a_boot_that_does_not_count_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is the same in every life of a store: its symbols get two contents."""
    begin = Downlink._new_sender

    def uncounted(self: Downlink, session: Session) -> Sender:
        return begin(self, session._replace(boot=1))

    monkeypatch.setattr(Downlink, "_new_sender", uncounted)
    seed, line = _first_seed_that_breaks("numbers_unique")
    assert "was begun twice" in line or "with two contents" in line, (seed, line)


@pytest.mark.thorough
def test_an_incarnation_that_is_not_drawn_anew_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every store that begins empty has the same one, as if there were none."""
    monkeypatch.setattr(store_module, "draw_incarnation", lambda chance: 0x1234)
    outcome, _ = fly(hop("store.vanished"))
    assert "numbers_unique" in outcome.broken


@pytest.mark.thorough
def test_a_session_that_no_mac_covers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The station restarts as the store vanishes and misses the words that tell the new life: what
    comes verifies in the old one, and is confirmed in it."""
    monkeypatch.setattr(Session, "covering", lambda self, message: message)
    outcome, _ = fly(hop("store.vanished_unheard"))
    assert {"archive_true", "records_kept"} & outcome.broken


@pytest.mark.thorough
def test_reports_that_no_session_covers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is home of the life before is confirmed in this one, whose announcement got lost; the
    four bits of both are the same, as one time in sixteen."""
    heard: list[Announcer] = []

    def of_the_first_life(self: Announcer, now_ms: int) -> bool:
        if not heard:
            heard.append(self)
        return self is heard[0] and is_due(self, now_ms)

    def every_session(self: Session, message: bytes) -> bytes:
        return message if message[0] >> 2 & 0xF == FrameType.FEEDBACK else covering(self, message)

    covering, is_due = Session.covering, Announcer.is_due
    monkeypatch.setattr(Announcer, "is_due", of_the_first_life)
    monkeypatch.setattr(Session, "boot_bits", 3)
    monkeypatch.setattr(Session, "covering", every_session)
    monkeypatch.setattr(Sender, "_is_credible", lambda self, report: True)
    outcome, _ = fly(hop("store.vanished_unheard"))
    assert "records_kept" in outcome.broken


@pytest.mark.thorough
def test_a_link_that_believes_old_frames_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording of the payload, played to the station, makes it miss frames that never were."""
    monkeypatch.setattr(NodeLink, "_steps_max", lambda self, passed_ms: 4095)
    outcome, _ = fly(hop("link.replayed", 600.0))
    assert "archive_true" in outcome.broken


@pytest.mark.thorough
def test_an_acknowledgement_before_the_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk says yes at once and writes every tenth time."""
    serve = Writer.serve
    late: list[Commit] = []

    def hasty(self: Writer, request: Opening | Commit) -> Opened | Committed | StoreRefused:
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


@pytest.mark.thorough
def test_a_commit_that_the_step_waits_for_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the store did before it stood behind a port: on a slow card the beacon is late."""
    poll = CardDisk.poll
    worlds: list[World] = []

    def wait(self: CardDisk) -> Opened | Committed | StoreRefused | None:
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


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_a_gate_that_takes_what_comes_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "is_fresh", lambda counter, last_counter: True)
    outcome, _ = fly(hop("commands.replay"))
    assert "only_authentic" in outcome.broken


@pytest.mark.thorough
def test_a_first_life_that_believes_what_was_sent_before_it_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its memory of counters never begins, so nothing is too early for it."""
    monkeypatch.setattr(UplinkGate, "_begin_memory", lambda self, time_s, boot_s: None)
    outcome, _ = fly(hop("commands.replay_wiped"))
    assert {"only_authentic", "cutdown_safe"} <= outcome.broken


@pytest.mark.thorough
def test_commands_without_a_lifetime_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QueuedCommand, "is_alive", lambda self, utc_ms: True)
    outcome, _ = fly(hop("commands.long_silence", 200.0))
    assert "cutdown_safe" in outcome.broken


@pytest.mark.thorough
def test_an_abort_that_waits_its_turn_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_order, "of", lambda opcode: command_order.Precedence.COMMAND)
    outcome, _ = fly(hop("commands.crowd"))
    assert "cutdown_safe" in outcome.broken
