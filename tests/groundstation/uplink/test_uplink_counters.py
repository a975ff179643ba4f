"""Uplink counters: how they are drawn, and what the payload shows of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from groundstation.archive import command_state, counters, outbox
from groundstation.uplink.uplink_scheduler import LEAD_S_MAX
from tests.groundstation.far_end import SIGNED_MISSION
from tests.groundstation.uplink.outbox_station import Station
from wire.commands import AHEAD_S_MAX, Opcode
from wire.frames import FeedbackFrame
from wire.records import EPOCH_2025_MS, Kind

ABORT = Opcode.CUTDOWN_ABORT


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path)
    yield made
    made.archive.close()


@pytest.mark.parametrize(("ago_s", "taken", "state"), [
    (65_536, 65_536, "sent"), (65_536 - AHEAD_S_MAX, 0, "sent"),
    (65_535 - AHEAD_S_MAX, 0, "confirmed"), (10, 0, "confirmed"),
])
def test_an_old_command_is_not_confirmed_by_anothers_low_16_bits(
    station: Station, ago_s: int, taken: int, state: str
) -> None:
    """Found in a review: a ping that was never heard counted as taken 65,536 s later."""
    command_id = station.queue(Opcode.PING, lifetime_s=86_400)
    assert station.window() is Opcode.PING
    counter = station.said.counter
    station.now_ms = EPOCH_2025_MS + 1000 * (counter + ago_s)
    station.far.last_counter = counter + taken
    station.beacon()
    assert station.state(command_id) == state


def test_a_beacon_of_the_past_confirms_nothing_that_was_sent_later(station: Station) -> None:
    """As when an archive is decoded again."""
    command_id = station.queue(Opcode.PING)
    assert station.window(is_heard=True) is Opcode.PING
    station.now_ms -= 60_000
    station.beacon()
    assert station.state(command_id) == "sent"


def test_the_low_bits_of_a_report_confirm_no_command(station: Station) -> None:
    command_id = station.queue(Opcode.PING)
    assert station.window() is Opcode.PING
    counter = station.archive.take_counter(station.now_ms, "feedback")
    station.far.last_counter = counter
    station.beacon()
    assert station.state(command_id) == "sent"


def test_counters_do_not_run_away_from_the_clock(station: Station) -> None:
    """A window every five seconds, and sixteen counters to each: the payload would refuse them."""
    for number in range(8):
        station.queue(Opcode.ASK, f"{number}?")
    leads = []
    for number in range(240):
        station.push(Kind.MUSING, {"text": f"{number}", "by": "model"})
        if station.window(after_s=1) is not None:
            now_s = outbox.seconds_of(station.now_ms)
            leads.append(station.said.counter - now_s)
    assert len(leads) > 60 and max(leads) <= LEAD_S_MAX + 16 <= AHEAD_S_MAX
    station.queue(ABORT)
    assert station.window(after_s=5) is ABORT


def test_reports_do_not_either(tmp_path: Path) -> None:
    """One takes sixteen counters, which are seconds, also where it is wanted every five."""
    ground = SIGNED_MISSION.ground.model_copy(update={"report_every_s": 5})
    station = Station(tmp_path, SIGNED_MISSION.model_copy(update={"ground": ground}))
    leads = []
    for number in range(60):
        station.push(Kind.MUSING, {"text": f"{number}", "by": "model"})
        if station.window(after_s=1) is FeedbackFrame:
            leads.append(station.said.counter - outbox.seconds_of(station.now_ms))
    assert len(leads) >= 15 and max(leads) < 16
    station.archive.close()


def test_after_a_clock_ten_years_ahead_commands_follow_it_again(station: Station) -> None:
    """A payload that knows the time took none of those; what it is known to have taken counts."""
    ten_years_ms = 10 * 365 * 86_400_000
    db, now_ms = station.archive.db, station.now_ms
    station.queue(Opcode.PING)
    station.now_ms += ten_years_ms
    lost = station.queue(Opcode.PING)
    assert station.window() is Opcode.PING
    far_ahead = station.said.counter
    report = station.archive.take_counter(station.now_ms, "feedback")
    assert counters.next_free(db, now_ms, "command") < outbox.seconds_of(now_ms) + 16
    assert counters.next_free(db, now_ms, "feedback") > report
    outbox.confirm(db, lost, station.now_ms)
    assert counters.next_free(db, now_ms, "command") > far_ahead


def test_no_counter_is_drawn_twice_when_the_clock_goes_back(station: Station) -> None:
    drawn = [station.archive.take_counter(station.now_ms + 1000 * back_s, "command")
             for back_s in (3000, 2990, 0, 0, 2980, 3000, 0)]
    assert len(set(drawn)) == 7


def test_a_command_that_was_refused_for_its_age_has_failed_and_says_why(station: Station) -> None:
    command_id = station.queue(Opcode.PING)
    assert station.window() is Opcode.PING
    why = "1200 s old by GNSS time, 900 s are allowed"
    station.push(Kind.EVENT, {"event": "command_refused", "severity": "warning", "fields": {
        "counter": station.said.counter, "why": why, "command": "ping", "refused_commands": 1}})
    assert station.state(command_id) == "failed"
    assert command_state.in_words(station.entry(command_id), "EDDA") == f"failed: {why}"


@pytest.mark.parametrize("fields", [
    None, 5, [], {}, {"counter": "x"}, {"counter": -1}, {"counter": 1 << 63}, {"counter": 5.0},
])
def test_a_refusal_that_makes_no_sense_changes_nothing(station: Station, fields: object) -> None:
    command_id = station.queue(Opcode.PING)
    station.window()
    station.push(Kind.EVENT, {"event": "command_refused", "severity": "warning", "fields": fields})
    assert station.state(command_id) == "sent"
