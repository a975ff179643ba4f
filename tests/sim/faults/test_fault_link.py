"""Faults 42 to 51, flown: what becomes visible when the radio or the air goes wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sim.trials import trial
from sim.world import World
from tests.sim.faults.short_hops import Seen, fly, hop
from wire.beacon import FaultBits


def _fly(name: str, duration_s: float | None = None) -> tuple[World, Seen]:
    worlds: list[World] = []
    outcome, seen = fly(hop(name, duration_s), worlds.append)
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    return worlds[0], seen


def test_fault_42_a_modem_that_never_finishes_is_lost_once_and_returns_once() -> None:
    _, seen = _fly("radio.stuck_sending")
    assert (seen.events["radio_lost"], seen.events["radio_returned"]) == (1, 1)
    assert FaultBits.RADIO in seen.bits


def test_fault_42_frames_that_never_leave_are_sent_again() -> None:
    world, _ = _fly("radio.drops")
    assert world.radio.dropped_frames > 10


def test_fault_43_a_modem_that_is_pulled_out_is_lost_once_and_returns_once() -> None:
    _, seen = _fly("radio.unplugged")
    assert (seen.events["radio_lost"], seen.events["radio_returned"]) == (1, 1)


def test_fault_43_a_modem_that_is_absent_at_the_start_is_found_later() -> None:
    world, seen = _fly("radio.absent")
    assert world.boots == 2
    assert (seen.events["radio_lost"], seen.events["radio_returned"]) == (1, 1)


def test_fault_44_half_of_everything_is_lost_and_all_comes_home() -> None:
    world, _ = _fly("link.half_lost")
    assert world.channel.counts["down_faded"] > 50


@pytest.mark.thorough
def test_fault_44_nine_of_ten_are_lost_and_all_comes_home() -> None:
    world, _ = _fly("link.nearly_all_lost")
    assert world.channel.counts["down_faded"] > 150


def test_fault_45_one_way_only_either_way() -> None:
    down, _ = _fly("link.downlink_only")
    up, _ = _fly("link.uplink_only")
    assert down.channel.counts["up_cut"] > 3 and up.channel.counts["down_cut"] > 100


def test_fault_45_a_deaf_modem_goes_on_sending() -> None:
    _, seen = _fly("radio.deaf")
    assert seen.frames["beacon"] > 30 and FaultBits.RADIO not in seen.bits


def test_fault_46_doubles_delays_and_lateness_change_nothing() -> None:
    for name, what in (("doubled", "duplicated"), ("reordered", "reordered"), ("late", "late")):
        world, _ = _fly(f"link.{name}")
        assert world.channel.counts[f"down_{what}"] > 10, name


def test_fault_46_a_recording_that_is_played_again_tells_nothing_new(tmp_path: Path) -> None:
    """Eight old frames made the station forget a block, one made it miss 1,597 frames."""
    outcome = trial.fly(hop("link.replayed"), tmp_path)
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    with closing(sqlite3.connect(tmp_path / "archive.sqlite")) as db:
        tally = dict(db.execute("SELECT name, value FROM tally").fetchall())
    assert tally["old_data"] > 50 and tally["old_beacons"] > 5


def test_fault_47_flipped_bits_are_never_taken_for_records() -> None:
    world, _ = _fly("link.bit_errors")
    assert world.channel.counts["down_flipped"] > 10
    _fly("link.flipped")


def test_fault_48_cut_joined_and_odd_frames() -> None:
    world, _ = _fly("link.cut_and_joined")
    assert world.channel.counts["down_joined"] > 10
    assert world.channel.counts["down_truncated"] > 10
    _fly("link.odd_frames")
    _fly("link.kiss_noise")


def test_fault_49_blocks_that_are_never_finished_or_contradict_each_other() -> None:
    _fly("link.unfinished")
    _fly("link.conflicting")


def test_fault_50_another_payload_in_our_format() -> None:
    _fly("link.foreign")
    world, _ = _fly("link.strangers")
    assert world.channel.counts["foreign"] > 10


def test_fault_51_a_forged_and_a_confused_acknowledgement() -> None:
    _, seen = _fly("link.forged_report")
    assert seen.commands == 0
    _fly("link.confused_report")
