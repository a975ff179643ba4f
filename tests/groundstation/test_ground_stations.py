"""Two stations and one payload: each has its own numbers, and neither speaks for the other."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from tests.groundstation.far_end import (
    MASTER_KEY,
    SIGNED_MISSION,
    START_MS,
    Channel,
    FarEnd,
    state_at,
)
from wire import frames
from wire.airtime import Airtime
from wire.auth import COUNTER_MAX, Direction, derive_key, is_of_station, next_counter
from wire.commands import Opcode
from wire.mission import Mission
from wire.records import EPOCH_2025_MS, Kind

KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)
DOWNLINK_KEY = SIGNED_MISSION.downlink_key(MASTER_KEY)


WINDOW_S = 5  # in which three full frames of the example's link go one after another


def mission_of(station_number: int) -> Mission:
    return SIGNED_MISSION.model_copy(update={
        "ground": SIGNED_MISSION.ground.model_copy(update={"station_number": station_number}),
        "radio": SIGNED_MISSION.radio.model_copy(update={"listen_s": WINDOW_S}),
    })


def station(path: Path, number: int) -> Ground:
    archive = Archive(path / f"station-{number}.sqlite", is_durable=False)
    return Ground(mission_of(number), archive, KEY, DOWNLINK_KEY)


@pytest.mark.parametrize("number", [0, 1, 7, 15])
def test_a_station_uses_only_counters_of_its_own(tmp_path: Path, number: int) -> None:
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    taken = [
        archive.take_counter(START_MS + 700 * i, "feedback", station=number) for i in range(40)
    ]
    assert taken == sorted(set(taken)) and all(counter % 16 == number for counter in taken)
    seconds = (START_MS - EPOCH_2025_MS) // 1000
    assert seconds <= taken[0] < seconds + 16
    archive.close()


def test_an_archive_that_moves_to_another_station_goes_on_above_its_last_counter(
    tmp_path: Path,
) -> None:
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    first = archive.take_counter(START_MS, "feedback", station=9)
    second = archive.take_counter(START_MS, "feedback", station=2)
    assert second > first and second % 16 == 2
    archive.close()


@pytest.mark.parametrize("number", range(16))
def test_the_last_counters_there_are(number: int) -> None:
    last = next_counter(number, COUNTER_MAX)
    assert COUNTER_MAX - 16 < last <= COUNTER_MAX and is_of_station(last, number)
    assert next_counter(number, last) == last


def test_no_two_stations_give_their_questions_the_same_id(tmp_path: Path) -> None:
    grounds = [station(tmp_path, number) for number in (0, 1, 2)]
    ids = [ground.ask("Hello?", START_MS) for ground in grounds for _ in range(5)]
    assert len(set(ids)) == 15
    posted = outbox.post(tmp_path / "station-2.sqlite", Opcode.ASK, "And?", START_MS, 2)
    assert posted.command_id % 16 == 2 and posted.command_id not in ids


def test_stations_answer_one_after_another_in_the_same_window(tmp_path: Path) -> None:
    grounds = [station(tmp_path, number) for number in (0, 1, 2)]
    far = FarEnd(KEY, SIGNED_MISSION)
    beacon = far.beacon(state_at(0), is_listening=True)
    starts = []
    for ground in grounds:
        ground.ask("Hello?", START_MS)
        ground.receive(beacon, START_MS)
        starts.append(next(
            ms for ms in range(1000 * WINDOW_S)
            if ground.next_uplink(START_MS + ms) is not None
        ))
    air_ms = Airtime.of(SIGNED_MISSION.radio).on_air_ms(SIGNED_MISSION.radio.mtu_bytes)
    assert starts[0] == 0
    assert all(b - a >= air_ms for a, b in pairwise(starts))
    assert starts[-1] + air_ms <= 1000 * WINDOW_S


def test_every_station_number_has_a_turn_in_the_window(tmp_path: Path) -> None:
    for number in range(16):
        ground = station(tmp_path, number)
        ground.ask("Hello?", START_MS)
        ground.receive(FarEnd(KEY, SIGNED_MISSION).beacon(state_at(0), is_listening=True), START_MS)
        tries = (ground.next_uplink(START_MS + ms) for ms in range(0, 1000 * WINDOW_S, 200))
        assert any(data is not None for data in tries), number
        ground.archive.close()


def test_the_beacon_tells_whose_frame_was_taken(tmp_path: Path) -> None:
    ours, theirs = station(tmp_path, 0), station(tmp_path, 1)
    far = FarEnd(KEY, SIGNED_MISSION)
    for ground in (ours, theirs):
        ground.ask("Is it cold?", START_MS)
        ground.receive(far.beacon(state_at(0), is_listening=True), START_MS)
    lost, taken = ours.next_uplink(START_MS + 1300), theirs.next_uplink(START_MS + 1300)
    assert lost is not None and taken is not None
    far.hear(taken, START_MS + 1000)
    assert far.last_counter % 16 == 1
    shown = far.beacon(state_at(10))
    for ground in (ours, theirs):
        ground.receive(shown, START_MS + 10_000)
    states = [
        ground.archive.db.execute("SELECT state FROM outbox").fetchone()[0]
        for ground in (ours, theirs)
    ]
    assert states == ["sent", "confirmed"]


def test_the_beacon_may_show_the_counter_of_an_earlier_attempt(tmp_path: Path) -> None:
    """The beacon after the first attempt was lost; a second went out before the next was heard."""
    ground, far = station(tmp_path, 2), FarEnd(KEY, SIGNED_MISSION)
    ground.ask("Hello?", START_MS)
    ground.receive(far.beacon(state_at(0), is_listening=True), START_MS)
    first = ground.next_uplink(START_MS + 2500)
    assert first is not None
    far.hear(first, START_MS + 1000)
    unaware = FarEnd(KEY, SIGNED_MISSION)
    unaware.sequence = far.sequence
    ground.receive(unaware.beacon(state_at(20), is_listening=True), START_MS + 20_000)
    assert ground.next_uplink(START_MS + 22_500) is not None
    far.sequence = unaware.sequence
    ground.receive(far.beacon(state_at(30)), START_MS + 30_000)
    row = ground.archive.db.execute("SELECT state, attempts FROM outbox").fetchone()
    assert tuple(row) == ("confirmed", 2)


def test_both_archives_are_whole_over_links_that_lose_different_frames(tmp_path: Path) -> None:
    grounds = [station(tmp_path, number) for number in (0, 1)]
    downs = [Channel(0.4, 11), Channel(0.5, 12)]
    ups = [Channel(0.4, 13), Channel(0.5, 14)]
    far = FarEnd(KEY, SIGNED_MISSION)
    for i in range(2600):
        now = START_MS + i * 1000
        if i < 900 and i % 15 == 0:
            far.push(Kind.MUSING, now, {"text": f"thought {i}", "alt": i, "by": "model"})
        if i % 20 in (1, 2):
            for ground, up in zip(grounds, ups, strict=True):
                data = ground.next_uplink(now)
                if data is not None and up.carries():
                    frame = frames.decode_uplink(data, KEY, far.session)
                    assert frame is not None and is_of_station(frame.counter, frame.station)
                    far.hear(data, now)
            continue
        if i % 10 == 0:
            data = far.beacon(state_at(i), is_listening=i % 20 == 0)
        else:
            data = far.tell() if i % 60 == 3 else far.data(now)
        for ground, down in zip(grounds, downs, strict=True):
            if data is not None and down.carries():
                ground.receive(data, now)
    wanted = {record.record_id for record in far.pushed}
    for ground in grounds:
        rows = ground.archive.db.execute("SELECT record_id FROM record").fetchall()
        assert {row[0] for row in rows} == wanted
    assert len(far.confirmed) >= len(wanted) - 3
