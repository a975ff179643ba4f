"""A station on a slow link: what it sends fits the listening window, and silence is no alarm."""

from __future__ import annotations

import math
from pathlib import Path

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import (
    MASTER_KEY,
    SIGNED_MISSION,
    START_MS,
    FarEnd,
    state_at,
)
from wire.airtime_budget import AirtimeBudget
from wire.auth import Direction, derive_key
from wire.frames import FeedbackFrame, decode_uplink, feedback_entries_max
from wire.mission import CadenceSection, Mission
from wire.mission_radio import RadioSection
from wire.records import Kind

KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)


def plan(rate_bps: int, duty_percent: int) -> Mission:
    return SIGNED_MISSION.model_copy(update={"cadence": CadenceSection(), "radio": RadioSection(
        kind="kiss-tcp", rate_bps=rate_bps, duty_percent=duty_percent)})


def station(path: Path, found: Mission) -> Ground:
    return Ground(found, Archive(path / "a.sqlite", is_durable=False), KEY,
                  found.downlink_key(MASTER_KEY))


def test_a_report_lists_what_fits_the_window(tmp_path: Path) -> None:
    """At 300 bit/s a full report takes seven seconds, and the payload listens for three."""
    found = plan(300, 100)
    budget, ground, far = AirtimeBudget(found), station(tmp_path, found), FarEnd(KEY, found)
    ground.receive(far.tell(), START_MS)
    for number in range(12):
        far.push(Kind.THUMBNAIL, START_MS, {"image": bytes([number]) * 40 + bytes(range(256)) * 2})
    for number in range(24):
        data = far.data(START_MS)
        if data is not None and number % 2:
            ground.receive(data, START_MS)
    ground.receive(far.beacon(state_at(0), is_listening=True), START_MS)
    sent = ground.next_uplink(START_MS)
    assert sent is not None and budget.airtime.on_air_ms(len(sent)) < budget.window_ms
    report = decode_uplink(sent, KEY, far.session)
    assert isinstance(report, FeedbackFrame)
    entries = feedback_entries_max(budget.report_bytes_max)
    assert 3 <= len(report.reports) <= entries < feedback_entries_max(found.symbol_mtu_bytes)


def test_a_question_that_no_window_holds_is_given_up_and_says_so(tmp_path: Path) -> None:
    ground, far = station(tmp_path, plan(300, 100)), FarEnd(KEY, SIGNED_MISSION)
    ground.ask("W" * 100, START_MS)
    ground.ask("How is it?", START_MS)
    for second in (0, 30):
        at_ms = START_MS + 1000 * second
        ground.receive(far.beacon(state_at(second), is_listening=True), at_ms)
        ground.next_uplink(at_ms)
    rows = ground.archive.db.execute("SELECT state, why FROM outbox ORDER BY rowid").fetchall()
    assert [tuple(row) for row in rows] == [
        ("failed", "too long for a listening window of this link"), ("sent", None)]


def test_it_answers_in_the_pause_of_the_duty_cycle(tmp_path: Path) -> None:
    found = plan(300, 10)
    ground, far = station(tmp_path, found), FarEnd(KEY, SIGNED_MISSION)
    ground.ask("W" * 100, START_MS)
    ground.receive(far.beacon(state_at(0), is_listening=True), START_MS)
    assert AirtimeBudget(found).window_ms > 16_000
    assert ground.next_uplink(START_MS + 9_000) is not None


def test_a_link_that_is_slow_is_not_called_silent(tmp_path: Path) -> None:
    found = plan(2400, 1)
    ground, far = station(tmp_path, found), FarEnd(KEY, SIGNED_MISSION)
    every_s = math.ceil(AirtimeBudget(found).least_ms / 1000)
    for at_s in (0, every_s, 3 * every_s - 5, 6 * every_s):
        ground.receive(far.beacon(state_at(at_s)), START_MS + 1000 * at_s)
    reader = FlightReader(ground.archive.path, found)
    assert len(reader.silences(9)) == 1, "the last pause, of three intervals"
    state = reader.flight()
    assert state["beacon"]["expected_every_s"] == every_s > 180
    assert reader.history()["gap_ms"] > 2 * 1000 * (every_s - 1)
    carries = state["carries"]
    assert state["beacon_ground_s"] == every_s == math.ceil(carries["beacon_every_ms"] / 1000)
    assert 50 < carries["musings"] < 80
    assert 1 < carries["pictures"] < 2
    quiet = found.model_copy(update={"radio": RadioSection(kind="none")})
    assert FlightReader(ground.archive.path, quiet).flight()["carries"] is None
