"""Faults 77 to 81, flown: the station's clock, its noise, its page, SondeHub."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest

from groundstation.reading.reader import FlightReader
from sim.fakes.sondehub import SimSondeHub
from sim.faults import ground, sondehub
from sim.trials import trial
from tests.sim.faults.short_hops import fly, hop


@pytest.mark.parametrize("name", ["sondehub.answers", "sondehub.restart"])
def test_fault_77_and_81_every_position_is_settled_with_sondehub_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers: list[SimSondeHub] = []

    def watched(rng: random.Random) -> SimSondeHub:
        servers.append(SimSondeHub(rng))
        return servers[-1]

    monkeypatch.setattr(sondehub, "SimSondeHub", watched)
    outcome, _ = fly(hop(name, 400.0))
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    (server,) = servers
    assert sum(server.settled.values()) > 30 and server.unsettled, "it was told, and tried again"
    assert set(server.stored) | set(server.settled) == set(server.settled)
    wanted = {"killed", "take"} if name == "sondehub.restart" else {
        "take", "take_some", "refuse", "break", "be_busy", "show_log_in", "be_silent",
        "forget_to_answer"}
    assert server.answers.keys() >= wanted


@pytest.mark.parametrize("name", [
    "ground.wrong_clock", "ground.noise", "ground.flooded_page", "ground.silent_page",
    "ground.restart",
])
def test_fault_78_to_81_everything_is_in_the_archive_once(name: str) -> None:
    outcome, seen = fly(hop(name))
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    assert seen.frames["beacon"] > 30


def test_fault_79_a_flood_fills_the_raw_log_and_nothing_signed_is_lost(tmp_path: Path) -> None:
    scenario = hop("ground.noise_flood")
    outcome = trial.fly(scenario, tmp_path)
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    with closing(FlightReader(tmp_path / "archive.sqlite", scenario.mission)) as reader:
        link = reader.flight()["link"]
    assert link["forgotten"] > 1_000 and link["dropped"] == 0
    bound = scenario.mission.ground.raw_log_mb * 1_000_000
    sizes = [file.stat().st_size for file in ground._log_files(tmp_path / "archive.raw")]
    assert len(sizes) > 5 and sum(sizes) < bound * ground.LOG_SLACK
