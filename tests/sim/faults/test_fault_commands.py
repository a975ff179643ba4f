"""Faults 52 to 57: what commands may not do, in a world, in short flights with every check on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sim import scenario
from sim.balloon import SITES, Launch
from sim.fault_schedule import Scheduled
from sim.faults import catalogue
from sim.scenario import Conditions, Scenario
from sim.trials import trial
from sim.trials.trial import TrialOutcome
from sim.world import World
from tests.sim.flights import mission
from wire.frames import decode_downlink
from wire.records import Kind

PAD_S = 120
IN_AIR_S = 330.0
UTC_MS = 1_780_000_000_000


@dataclass
class Seen:
    """Notes and frames of one flight, with their instants in s."""

    outcome: TrialOutcome | None = None
    notes: list[tuple[float, Kind, dict[str, Any]]] = field(default_factory=list)
    sent_s: list[float] = field(default_factory=list)
    rises: int = 0

    def results(self, command: str) -> list[str]:
        bodies = [body for _, kind, body in self.notes if kind is Kind.COMMAND_RESULT]
        return [str(b.get("why", b["result"])) for b in bodies if b["command"] == command]

    def events(self, name: str) -> list[float]:
        return [at_s for at_s, kind, body in self.notes
                if kind is Kind.EVENT and body["event"] == name]


class Observer:
    """Writes down into ``seen``."""

    def __init__(self, world: World, seen: Seen, look: Callable[[World], None]) -> None:
        self._world, self._seen, self._look = world, seen, look
        world.observers.append(self)

    def on_step(self) -> None:
        assert self._world.flight is not None
        at_s = self._world.clock.now_s
        self._seen.notes += [(at_s, n.kind, n.body) for n in self._world.flight.notes]
        self._seen.rises = self._world.pin.rises
        self._look(self._world)

    def on_send(self, frame: bytes) -> None:
        if decode_downlink(frame) is not None:
            self._seen.sent_s.append(self._world.clock.now_s)

    def on_boot(self) -> None: ...
    def on_uplink(self, frame: bytes) -> None: ...
    def on_crash(self, error: Exception) -> None: ...


def hop(
    name: str, at_s: float, tmp_path: Path, burst_m: float = 2_500.0,
    look: Callable[[World], None] = lambda _: None, lasts_s: float | None = None,
) -> Seen:
    """A quarter of an hour up and down, with one fault; ``look`` is called at every step."""
    plan = mission()
    plan = plan.model_copy(update={"flight": plan.flight.model_copy(update={"cutdown_pin": 17})})
    conditions = Conditions(
        site=SITES[0], launch=Launch(UTC_MS, PAD_S, burst_m, 5.0, 6.0, 300.0), charge=1.0,
        down_loss=0.05, up_loss=0.05, burst_s=1.0)
    seen = Seen()
    flown = Scenario(3, "calm", plan, conditions, (Scheduled(at_s, name, lasts_s),))

    def watch(world: World) -> None:
        Observer(world, seen, look)

    seen.outcome = trial.fly(flown, tmp_path, watch)
    assert seen.outcome.violations == ()
    return seen


def test_fault_52_a_counter_at_its_end_locks_nobody_out(tmp_path: Path) -> None:
    """Nor does it begin again: of seven only the one that is for now is taken."""
    seen = hop("commands.counter_wrap", IN_AIR_S, tmp_path)
    assert seen.results("beacon_now") == ["ok"]
    assert len(seen.events("command_refused")) == 1, "told once"


def test_fault_52_a_station_whose_clock_was_ahead_commands_on(tmp_path: Path) -> None:
    """Its reports have run ahead by 60,000 s; a command of now is taken all the same."""
    seen = hop("commands.counter_ahead", IN_AIR_S, tmp_path)
    assert seen.results("ping") == ["ok"]


def test_fault_52_arm_and_fire_are_not_taken_again_after_the_card_was_wiped(
    tmp_path: Path,
) -> None:
    """One was taken, one was lost; nobody aboard remembers, and both are younger than 3 minutes."""
    seen = hop("commands.replay_wiped", IN_AIR_S, tmp_path)
    assert seen.results("cutdown_arm") == ["ok"], "the operator's, and no other"
    assert seen.results("cutdown_fire") == [] and seen.rises == 0


def test_fault_53_a_flood_of_bad_signatures_is_answered_with_silence(tmp_path: Path) -> None:
    """A hundred a second: counted, none answered, and no beacon late."""
    refused = 0

    def look(world: World) -> None:
        nonlocal refused
        assert world.flight is not None
        refused = max(refused, world.flight.gate.bad_frames)

    seen = hop("commands.flood", IN_AIR_S, tmp_path, look=look)
    assert refused > 500
    assert not [note for note in seen.notes if note[1] is Kind.COMMAND_RESULT]


def test_fault_55_signed_nonsense_is_refused_with_a_reason(tmp_path: Path) -> None:
    seen = hop("commands.nonsense", IN_AIR_S, tmp_path)
    results = [body for _, kind, body in seen.notes if kind is Kind.COMMAND_RESULT]
    assert len(results) >= 5
    assert all(body["result"] != "ok" for body in results), results


def test_fault_54_fire_without_arm_does_nothing(tmp_path: Path) -> None:
    seen = hop("commands.fire_alone", IN_AIR_S, tmp_path)
    assert seen.results("cutdown_fire") == ["not armed"] * 3
    assert seen.rises == 0


def test_fault_54_an_arming_ends_after_a_minute(tmp_path: Path) -> None:
    seen = hop("commands.arm_expired", IN_AIR_S, tmp_path)
    assert seen.results("cutdown_arm") == ["ok"]
    assert seen.results("cutdown_fire") == ["not armed"]
    assert seen.rises == 0


def test_fault_54_on_the_ground_nothing_is_armed(tmp_path: Path) -> None:
    seen = hop("commands.fire_on_ground", 40.0, tmp_path)
    assert set(seen.results("cutdown_arm")) == {"not in phase ground"}
    assert set(seen.results("cutdown_fire")) == {"not armed"}
    assert seen.rises == 0


def test_fault_54_a_reboot_forgets_the_arming(tmp_path: Path) -> None:
    seen = hop("commands.arm_then_reboot", IN_AIR_S, tmp_path)
    assert seen.results("cutdown_arm") == ["ok"]
    assert seen.results("cutdown_fire") == ["not armed"]
    assert seen.rises == 0


def test_fault_54_what_waited_too_long_to_arm_and_fire_is_never_sent(tmp_path: Path) -> None:
    seen = hop("commands.long_silence", 200.0, tmp_path, lasts_s=240.0)
    assert not seen.results("cutdown_arm") and not seen.results("cutdown_fire")
    assert seen.outcome is not None and seen.rises == 0


def test_fault_54_an_abort_goes_up_before_24_questions(tmp_path: Path) -> None:
    seen = hop("commands.crowd", IN_AIR_S, tmp_path)
    answered_s = [(at_s, body["command"]) for at_s, kind, body in seen.notes
                  if kind is Kind.COMMAND_RESULT]
    assert answered_s[0][1] == "cutdown_abort" and answered_s[0][0] < IN_AIR_S + 120
    assert "ask" in {name for _, name in answered_s}


def test_fault_56_nothing_is_sent_when_it_is_off_and_then_everything_again(tmp_path: Path) -> None:
    seen = hop("commands.tx_off", 200.0, tmp_path)
    assert seen.results("tx_off") == ["ok"]
    off_s, on_s = seen.events("tx_off")[0], seen.events("tx_on")[0]
    assert on_s - off_s == pytest.approx(300.0, abs=2.0)
    assert not [at_s for at_s in seen.sent_s if off_s + 3 < at_s < on_s]
    assert [at_s for at_s in seen.sent_s if on_s <= at_s <= on_s + 3], "at once"


def test_fault_57_no_setting_leaves_its_range(tmp_path: Path) -> None:
    seen = hop("commands.settings", IN_AIR_S, tmp_path)
    results = seen.results("setting_set")
    assert len(results) == 2 * 11 + 2 and "ok" not in results
    assert "cadence.beacon_flight_s is 5..60" in results
    assert "radio.listen_every_s is 5..120" in results


def test_every_scenario_has_a_pin_to_watch() -> None:
    assert scenario.draw(1, mission()).mission.flight.cutdown_pin is not None
    assert {54, 56, 57} <= {fault.number for fault in catalogue.ALL.values()}
