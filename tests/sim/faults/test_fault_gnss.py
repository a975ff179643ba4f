"""Faults 1 to 15 of docs/faults.md, each in a flight: what the payload makes of it."""

from __future__ import annotations

import pytest

from sim.fakes.gnss_settings import M10, Generation
from sim.hardware import Hardware
from sim.world import World
from tests.sim.faults.fault_flights import Seen, fly
from tests.sim.flights import mission
from wire.beacon import FaultBits, Phase
from wire.records import TimeQuality


def _is_lost_and_back(seen: Seen) -> bool:
    return (seen.events["gnss_lost"], seen.events["gnss_returned"]) == (1, 1)


@pytest.mark.parametrize("name", ["gnss.absent", "gnss.replugged", "gnss.wrong_baud"])
def test_fault_01_02_03_no_receiver_is_told_and_returns(name: str) -> None:
    """Gone, gone and back as another, endless garbage: one event each way, and the fault bit."""
    seen = fly(name, 120)
    assert _is_lost_and_back(seen)
    assert seen.bits & FaultBits.GNSS
    assert seen.world.receiver.dynamic_model == 6


@pytest.mark.parametrize("name", ["gnss.bad_checksum", "gnss.long_line", "gnss.oversized_ubx"])
def test_fault_04_05_damage_is_counted_and_ends(name: str) -> None:
    damaged = 0

    def look(world: World) -> None:
        nonlocal damaged
        assert world.flight is not None
        parser = world.flight.navigation._gnss._parser  # type: ignore[union-attr]
        damaged = max(damaged, parser.bad_frames + parser.noise_bytes)

    seen = fly(name, 60, look)
    assert damaged > 10
    assert seen.events["gnss_lost"] == seen.events["gnss_returned"] <= 1


@pytest.mark.parametrize("name", ["gnss.empty_fields", "gnss.stale_place"])
def test_fault_06_words_without_a_fix_are_no_fix(name: str) -> None:
    assert _is_lost_and_back(fly(name, 60))


@pytest.mark.parametrize(("name", "reason"), [
    ("gnss.null_island", "null_island"), ("gnss.latitude_91", None),
    ("gnss.altitude_minus_500", "altitude"), ("gnss.altitude_99999", "altitude")])
def test_fault_07_an_impossible_place_is_refused_for_what_it_is(
    name: str, reason: str | None
) -> None:
    """The driver knows already that there is no latitude 91; the others are navigation's."""
    refused = 0

    def look(world: World) -> None:
        nonlocal refused
        assert world.flight is not None
        refused = max(refused, world.flight.navigation.rejects[reason or ""])
        fix = world.flight.navigation.fix
        assert fix is not None
        assert fix.altitude_m is not None
        assert -100 < fix.altitude_m < 7_000
        assert fix.latitude_deg is not None
        assert 1 < abs(fix.latitude_deg) < 90

    assert _is_lost_and_back(fly(name, 60, look))
    assert reason is None or refused > 40, "not as a jump, which ten seconds of insisting make good"


@pytest.mark.parametrize("name", ["gnss.jump", "gnss.jump_5", "gnss.jump_120",
                                  "gnss.constant_altitude"])
def test_fault_08_the_air_knows_that_it_is_not_at_26_km(name: str) -> None:
    """However long the receiver insists: no height above the true ones, and no false phase."""
    highest_m = 0.0

    def look(world: World) -> None:
        nonlocal highest_m
        assert world.flight is not None
        assert world.flight.phase.phase is not Phase.FLOAT
        highest_m = max(highest_m, world.flight.phase.peak_altitude_m or 0.0)

    fly(name, 240 if name == "gnss.constant_altitude" else 125, look)
    assert 5_000 < highest_m < 6_100


def test_fault_09_a_frozen_receiver_is_called_stale() -> None:
    seen = fly("gnss.freeze", 120)
    assert _is_lost_and_back(seen)
    assert seen.fields["gnss_lost"]["reason"] == "frozen"


@pytest.mark.parametrize(("name", "is_seen"), [
    ("gnss.same_time", False), ("gnss.date_1980", False), ("gnss.date_2006", False),
    ("gnss.date_2046", False), ("gnss.date_2031", True), ("gnss.leap_seconds", True),
    ("gnss.week_wrap", True), ("gnss.midnight", True)])
def test_fault_10_13_no_date_moves_a_clock_that_the_sky_has_set(name: str, is_seen: bool) -> None:
    def look(world: World) -> None:
        assert world.flight is not None
        clock, now_ms = world.flight.clock, world.daemon.now_ms
        assert clock.quality is TimeQuality.GPS
        assert abs((clock.utc_ms(now_ms) or 0) - world.clock.utc_ms) < 3_000

    seen = fly(name, 120, look)
    assert seen.events["clock_stepped"] == 0
    assert (seen.events["clock_contradicted"], seen.events["clock_agrees"]) == (is_seen, is_seen)


@pytest.mark.parametrize("name", ["gnss.reset", "gnss.portable"])
@pytest.mark.parametrize("generation", [None, M10])
def test_fault_11_the_airborne_model_is_asserted_again(
    name: str, generation: Generation | None
) -> None:
    """At once after a reset, within a minute where nothing tells of it."""
    portable_s = 0.0

    def look(world: World) -> None:
        nonlocal portable_s
        if world.receiver.dynamic_model != 6:
            portable_s = world.clock.now_s

    fly(name, 60, look, Hardware(receiver=generation) if generation else None)
    assert portable_s < 400 + 65


def test_fault_12_a_clone_that_refuses_the_model_flies_low() -> None:
    """Below 12 km it is as good as any; the model reads as it is, and is asked for on and on."""
    models = set()

    def look(world: World) -> None:
        assert world.flight is not None
        models.add(world.flight.navigation.dynamic_model_ok)

    seen = fly("gnss.refuses_model", 120, look)
    assert False in models
    assert _is_lost_and_back(seen)


@pytest.mark.parametrize("name", ["gnss.antimeridian", "gnss.equator", "gnss.pole"])
def test_fault_13_a_line_on_the_globe_is_no_jump(name: str) -> None:
    """Told as lost when the place jumps there and back, and not while it crosses the line."""
    seen = fly(name, 120)
    assert (seen.events["gnss_lost"], seen.events["gnss_returned"]) == (2, 2)


def test_fault_14_a_burst_that_nobody_saw_is_still_told() -> None:
    seen = fly("gnss.lock_lost_at_burst", 900, burst_m=9_000.0)
    assert _is_lost_and_back(seen)
    assert seen.events["burst"] == 1


def test_fault_15_a_camera_that_jams_the_receiver_is_left_off() -> None:
    """The receiver's own indicator says so, and from then on no picture is begun."""
    begun, was_busy, was_jammed = 0, False, False

    def look(world: World) -> None:
        nonlocal begun, was_busy, was_jammed
        assert world.flight is not None
        camera, is_jammed = world.flight.camera, world.flight.navigation.is_jammed
        begun += camera.is_busy and not was_busy and was_jammed
        was_busy, was_jammed = camera.is_busy, is_jammed

    plan = mission()
    often = plan.model_copy(update={"cadence": plan.cadence.model_copy(update={"picture_s": 60})})
    seen = fly("gnss.jammed_by_camera", 900, look, flown=often)
    assert seen.events["gnss_jammed"] >= 1
    assert begun == 0
