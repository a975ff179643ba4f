"""The landing as it is told in flight: when, where, and across a reboot."""

from __future__ import annotations

import json
from itertools import pairwise

import msgpack
import pytest

from payload.navigation.landing_report import EVERY_MS, Forecast
from payload.notes import Note
from payload.ports import GnssFix
from wire.beacon import Phase
from wire.winds import LAYERS_MAX

EAST_DEG_PER_S = 0.0001  # some 7 m/s at 52 degrees


def fix_at(now_ms: int, altitude_m: float) -> GnssFix:
    longitude_deg = 4.0 + EAST_DEG_PER_S * now_ms / 1000
    return GnssFix(now_ms, 3, 9, None, 52.0, longitude_deg, altitude_m, 0.0, 7.0, 90.0)


def climb(forecast: Forecast, seconds: int, phase: Phase = Phase.ASCENT) -> list[tuple[int, Note]]:
    """5 m/s up from 100 m, in the wind."""
    told = []
    for now_ms in range(0, seconds * 1000, 1000):
        fix = fix_at(now_ms, 100.0 + now_ms / 200)
        told += [(now_ms, note) for note in forecast.update(fix, phase, 5.0, 100.0, now_ms)]
    return told


def test_it_is_told_every_five_minutes_on_the_way_up() -> None:
    told = climb(Forecast(5.0, None), 1_300)
    times = [now_ms for now_ms, _ in told]
    assert len(times) >= 4
    gaps = {after - before for before, after in pairwise(times)}
    assert gaps == {EVERY_MS[Phase.ASCENT]}
    last = told[-1][1].body
    here_deg = 4.0 + EAST_DEG_PER_S * times[-1] / 1000
    assert last["land_lat"] == pytest.approx(52.0e7, abs=1e3)
    assert last["land_lon"] / 1e7 == pytest.approx(
        here_deg + EAST_DEG_PER_S * last["land_s"], abs=0.002), "the same wind carries it down"
    assert last["land_dir"] == 90 and last["land_along"] >= last["land_across"] > 0


def test_every_minute_on_the_way_down_and_the_fall_is_measured() -> None:
    forecast = Forecast(5.0, None)
    climb(forecast, 1_000)
    times, seconds = [], []
    for step in range(300):
        now_ms, altitude_m = 1_000_000 + step * 1000, 5_000.0 - 10.0 * step
        for note in forecast.update(
            fix_at(now_ms, altitude_m), Phase.DESCENT, -10.0, 100.0, now_ms
        ):
            times.append(now_ms)
            seconds.append(note.body["land_s"])
    assert {b - a for a, b in pairwise(times)} == {EVERY_MS[Phase.DESCENT]}
    left_s = (5_000 - 10 * (times[-1] - 1_000_000) / 1000 - 100) / 10
    assert seconds[-1] == pytest.approx(left_s, rel=0.15), "10 m/s, and not the mission's 5"


@pytest.mark.parametrize("phase", [
    Phase.BOOT, Phase.GROUND, Phase.LANDED, Phase.INFLIGHT_UNKNOWN])
def test_nothing_is_told_or_learnt_where_it_does_not_fly(phase: Phase) -> None:
    forecast = Forecast(5.0, None)
    assert climb(forecast, 700, phase) == [] and forecast.saved() == []


def test_the_winds_outlive_a_reboot_and_damage_does_not_hurt() -> None:
    forecast = Forecast(5.0, None)
    climb(forecast, 1_000)
    kept = msgpack.unpackb(msgpack.packb(forecast.saved()))
    assert json.dumps(Forecast(5.0, kept).saved()) == json.dumps(forecast.saved())
    again = Forecast(5.0, kept)
    told = again.update(fix_at(0, 3_000.0), Phase.DESCENT, -10.0, 100.0, 0)
    told += again.update(fix_at(12_000, 2_900.0), Phase.DESCENT, -10.0, 100.0, 12_000)
    assert len(told) == 1, "without having measured anything itself"
    for damaged in (None, "x", {1: 2}, [[1, 2]], [["a", 1, 2]], 7):
        assert Forecast(5.0, damaged).saved() == []


def test_what_is_saved_is_bounded() -> None:
    forecast = Forecast(5.0, [[layer, 99.9, -99.9] for layer in range(-5, 500)])
    assert len(forecast.saved()) == LAYERS_MAX
    assert len(msgpack.packb(forecast.saved())) < 5_000


@pytest.mark.thorough
def test_without_a_fresh_fix_nothing_is_told() -> None:
    forecast = Forecast(5.0, None)
    climb(forecast, 299)
    told = [forecast.update(None, Phase.ASCENT, None, 100.0, ms) for ms in range(299_000, 900_000)]
    assert not any(told)
