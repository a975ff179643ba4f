"""What the ground said, on a disk that takes its time: done once that is durable, in its order."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.link.inbox import COMMANDS_MAX
from payload.storage.durable_store import STALL_MS
from sim.fakes.card_disk import CardStore
from tests.payload import aboard
from tests.payload.link import test_command_handlers
from tests.payload.storage.slow_card import SlowCard
from wire import commands
from wire.commands import Command, Opcode
from wire.records import Kind

LATENCY_MS = 3_000
NEVER_MS = 1 << 40


class Bench(test_command_handlers.Bench):
    """A flight whose disk is as slow as ``card.latency`` says."""

    def boot(self) -> None:
        self.card = SlowCard()
        super().boot()

    def open_store(self) -> CardStore:
        return self.card.store(self.path / "s.sqlite")

    def run(self, seconds: int) -> None:
        self.told: list[str] = []  # events of this run
        end_ms = self.now_ms + 1_000 * seconds
        while self.due_ms <= end_ms:
            self.now_ms = self.card.now_ms = self.due_ms
            self.due_ms = self.flight.step(self.now_ms)
            self.told += [n.body["event"] for n in self.flight.notes if n.kind is Kind.EVENT]
        self.now_ms = end_ms

    def send_many(self, opcodes: list[Opcode]) -> int:
        """In one second, each from another station or with the next counter of its own; the first
        counter."""
        first = self.next_counter()
        for number, opcode in enumerate(opcodes):
            self.uplink(commands.encode(Command(opcode)), first + number)
        return first

    def results(self) -> list[tuple[str, str]]:
        """(command, result) of all that were answered, durable or not."""
        held = [record for record, _ in self.store._ring.values()]
        records = [*aboard.records(self.store).values(), *held]
        return [(r.body["command"], r.body["result"]) for r in records
                if r.kind is Kind.COMMAND_RESULT]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.run(15)
    return made


def test_a_command_waits_until_it_is_durable_that_it_came(bench: Bench) -> None:
    bench.card.latency = LATENCY_MS
    before = bench.flight.gate.last_counter
    bench.send(Opcode.PING)
    bench.send(Opcode.MUSE_NOW)
    bench.run(1)
    assert bench.results() == [] and bench.flight.gate.last_counter == before
    bench.run(2 * LATENCY_MS // 1000)
    assert bench.results() == [("ping", "ok"), ("muse_now", "ok")], "in their order"
    assert bench.flight.gate.last_counter == bench.counter


def test_a_disk_that_stalls_makes_it_deaf_no_longer_than_until_it_counts_as_failing(
    bench: Bench,
) -> None:
    bench.card.latency = NEVER_MS
    bench.send(Opcode.PING)
    bench.run(STALL_MS // 1000 - 2)
    assert bench.results() == []
    bench.run(4)
    assert bench.results() == [("ping", "ok")]
    bench.send(Opcode.PING)
    bench.run(1)
    assert bench.results() == [("ping", "ok")] * 2, "what RAM knows is enough now"


def test_a_command_that_waited_as_the_power_went_was_never_done_and_may_come_again(
    bench: Bench,
) -> None:
    bench.card.latency = NEVER_MS
    bench.send(Opcode.MUSE_ENABLE, 0)
    bench.run(2)
    bench.kill()
    bench.boot()
    bench.run(15)
    assert bench.results() == [] and bench.flight.power.is_mind_on
    bench.send(Opcode.MUSE_ENABLE, 0)
    bench.run(2)
    assert bench.results() == [("muse_enable", "ok")] and not bench.flight.power.is_mind_on


def test_what_makes_things_safe_does_not_wait_and_withdraws_what_it_overtakes(
    bench: Bench,
) -> None:
    bench.card.latency = NEVER_MS
    for opcode in (Opcode.CUTDOWN_ARM, Opcode.PING, Opcode.CUTDOWN_FIRE, Opcode.CUTDOWN_ABORT):
        bench.send(opcode)
    bench.send(Opcode.TX_OFF, 3)
    bench.run(1)
    assert bench.flight.downlink.is_silent(bench.now_ms)
    assert bench.results() == [
        ("cutdown_arm", "refused"), ("cutdown_fire", "refused"), ("cutdown_abort", "ok"),
        ("tx_off", "ok")]
    assert "cutdown_aborted" in bench.told
    bench.run(STALL_MS // 1000 + 2)
    assert bench.results()[4:] == [("ping", "ok")]


def test_what_makes_things_safe_is_taken_however_many_wait(bench: Bench) -> None:
    bench.card.latency = NEVER_MS
    first = bench.send_many([Opcode.CUTDOWN_ARM] + [Opcode.PING] * (COMMANDS_MAX - 1))
    bench.run(1)
    for number, command in enumerate((Command(Opcode.CUTDOWN_ABORT), Command(Opcode.TX_OFF, (3,)))):
        bench.uplink(commands.encode(command), first + COMMANDS_MAX + number)
    bench.run(1)
    assert bench.flight.downlink.is_silent(bench.now_ms)
    assert bench.results() == [
        ("cutdown_arm", "refused"), ("cutdown_abort", "ok"), ("tx_off", "ok")]


def test_while_too_many_wait_nothing_more_is_taken_and_it_may_come_again(bench: Bench) -> None:
    bench.card.latency = NEVER_MS
    first = bench.send_many([Opcode.PING] * COMMANDS_MAX + [Opcode.MUSE_NOW])
    bench.run(STALL_MS // 1000 + 2)
    assert bench.results() == [("ping", "ok")] * COMMANDS_MAX
    bench.uplink(commands.encode(Command(Opcode.MUSE_NOW)), first + COMMANDS_MAX)
    bench.run(1)
    assert bench.results()[COMMANDS_MAX:] == [("muse_now", "ok")]
