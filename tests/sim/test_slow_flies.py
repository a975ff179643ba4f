"""Whole flights on slow links: every check holds, and a payload that only sends beacons is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payload.link.downlink import Downlink
from payload.link.transmitter import Transmitter
from sim.scenario import Scenario, draw
from sim.trials import liveness, trial
from tests.sim.flights import mission
from tests.sim.module_flights import over
from wire.airtime_budget import AirtimeBudget

SLOW_SEEDS = (2, 14)  # 2400 bit/s at 1 % and 100 bit/s at 10 %, both with plain framing


def scenario(seed: int) -> Scenario:
    """As drawn, with somebody who answers and weather as usual."""
    drawn = draw(seed, mission())
    conditions = replace(drawn.conditions, has_uplink=True, down_loss=0.3, up_loss=0.3)
    return replace(drawn, conditions=conditions)


def test_the_seed_draws_slow_links_that_are_accepted() -> None:
    drawn = [draw(seed, mission()).mission for seed in range(300)]
    assert all(AirtimeBudget(plan).flaw() is None for plan in drawn)
    slow = [plan for plan in drawn if plan.radio.duty_percent < 100 or plan.radio.rate_bps < 1_200]
    assert 30 < len(slow) < 75
    assert {plan.radio.framing for plan in slow} == {"ax25", "plain"}
    assert {"beacon_low_s" in plan.cadence.model_fields_set for plan in slow} == {False, True}


def test_a_mission_over_a_lora_module_is_drawn_with_a_modem() -> None:
    """A module has no 293 bit/s: drawing it ended the command."""
    drawn = [draw(seed, over("E22")).mission for seed in range(60)]
    assert all(AirtimeBudget(plan).flaw() is None for plan in drawn)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", SLOW_SEEDS)
def test_a_slow_flight_holds_every_check(seed: int) -> None:
    plan = scenario(seed).mission.radio
    assert plan.framing == "plain" and plan.duty_percent < 100
    outcome = trial.fly(scenario(seed))
    assert outcome.violations == ()
    assert outcome.counts["words_only"] == 1 and outcome.counts["musing"] > 1


@pytest.mark.thorough
def test_beacons_that_take_all_the_time_are_seen(monkeypatch) -> None:
    """The payload as it was: a beacon as often as asked, whatever it takes."""
    monkeypatch.setattr(liveness, "DRAIN_FACTOR", 1)
    monkeypatch.setattr(Downlink, "beacon_every_ms", lambda *_: 10_000)
    monkeypatch.setattr(Downlink, "_may_identify", lambda *_: False)
    send = Downlink._send_beacon

    def greedy(self: Downlink, *arguments: object) -> int:
        due_ms = send(self, *arguments)  # type: ignore[arg-type]
        self._beacons_in_a_row = 0
        return due_ms

    monkeypatch.setattr(Downlink, "_send_beacon", greedy)
    assert trial.fly(scenario(SLOW_SEEDS[0])).broken >= {"archive_complete", "callsign_told"}


@pytest.mark.thorough
def test_a_pause_that_is_not_kept_is_seen(monkeypatch) -> None:
    send = Transmitter.send

    def hasty(self: Transmitter, data: bytes, now_ms: int) -> bool:
        is_sent = send(self, data, now_ms)
        self.busy_until_ms = now_ms + self.airtime.on_air_ms(len(data))
        return is_sent

    monkeypatch.setattr(Transmitter, "send", hasty)
    assert "duty_kept" in trial.fly(scenario(SLOW_SEEDS[1])).broken
