"""Two stations and one room: what each of them has afterwards, and who sends what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sql

from groundstation.archive import acknowledgements
from groundstation.control_room import tables
from groundstation.outbox_desk import OutboxDesk
from groundstation.reading.alarms import Alarm, AlarmBoard
from groundstation.uplink.sending_rights import LEASES_MAX
from tests.groundstation.control_room.rooms import (
    UPLINK_KEY,
    RoomStation,
    mission_of,
    settle,
    window,
)
from tests.groundstation.far_end import SIGNED_MISSION, Channel, FarEnd
from tests.groundstation.peers.stations import Clock, Station, flight, state_at_noon
from wire import commands, frames
from wire.commands import Opcode
from wire.frames import CommandFrame

Join = Callable[..., RoomStation]
LOW_MV, CRITICAL_MV = SIGNED_MISSION.power.low_mv, SIGNED_MISSION.power.critical_mv


@pytest.fixture
def far() -> FarEnd:
    return FarEnd(UPLINK_KEY, SIGNED_MISSION)


def listening(far: FarEnd, clock: Clock) -> Callable[[], bytes]:
    return lambda: far.beacon(state_at_noon(clock.now()), is_listening=True)


def test_two_stations_with_half_of_the_frames_each_have_what_both_heard(
    join: Join, clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    both = [join("hill", 0), join("car", 1)]
    union = Station(tmp_path_factory.mktemp("union"), "all", clock, None)
    ears = [Channel(0.5, 31), Channel(0.5, 32)]
    for number, (at_ms, frame) in enumerate(flight(300)):
        clock.utc_ms = max(clock.utc_ms, at_ms)
        hearers = [s for s, ear in zip(both, ears, strict=True) if ear.carries()]
        for each in (*hearers, union) if hearers else ():
            each.hear(frame)
        if number % 3 == 0:
            for each in both:
                each.turn()
        if number == 150:
            both[0].restart()
    settle(clock, *both)
    assert both[0].heard() == both[1].heard()
    assert len(set(both[0].heard())) == len(both[0].heard()), "nothing doubled"
    assert {row[2] for row in both[0].heard()} == {row[2] for row in union.receptions()}
    assert [s.records() for s in both] == [union.rows(
        "SELECT life, record_id, kind, body FROM record ORDER BY life, record_id")] * 2


def test_an_empty_archive_is_given_all_back_its_own_too(join: Join, clock: Clock) -> None:
    hill, car = join("hill", 0), join("car", 1)
    for number, (at_ms, frame) in enumerate(flight(60)):
        clock.utc_ms = max(clock.utc_ms, at_ms)
        (hill if number % 2 else car).hear(frame)
    settle(clock, hill, car)
    before, records = hill.heard(), hill.records()
    hill.close()
    for file in hill.path.parent.glob("hill*"):
        file.unlink()
    clock.utc_ms += 100_000
    with car.engine.begin() as tx:  # a minute passes by the clock of the database
        tx.execute(sql.update(tables.station).values(seen_ms=0))
    again = join("hill", 0)
    settle(clock, again, car)
    assert again.heard() == before and again.records() == records
    assert car.heard() == before


def test_a_question_that_one_queues_the_other_sends(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    desk, car = join("desk", 0), join("car", 1)
    car.hear(far.tell())
    number = desk.ask("How cold is it?")
    settle(clock, desk, car)
    assert car.state(number) == "queued" and car.entry(number).asker != "10.0.0.9"
    assert window(clock, listening(far, clock), car) == [], "its lease is asked for first"
    settle(clock, desk, car)
    sent = window(clock, listening(far, clock), car)
    assert len(sent) == 1
    far.hear(sent[0], clock.now())
    settle(clock, desk, car)
    assert (desk.state(number), desk.entry(number).sender) == ("sent", "car")
    for _ in range(4):
        clock.utc_ms += 10_000
        car.hear(listening(far, clock)())
        if (data := far.data(clock.now())) is not None:
            car.hear(data)
        settle(clock, desk, car)
    assert [desk.state(number), car.state(number)] == ["answered", "answered"]
    assert desk.entry(number).asker == "10.0.0.9"


def test_two_that_hear_never_both_send(join: Join, clock: Clock, far: FarEnd) -> None:
    both = [join("hill", 0), join("car", 1)]
    for each in both:
        each.hear(far.tell())
    questions = [each.ask(f"Question {n}?", f"10.0.0.{n}") for n in range(6) for each in both]
    settle(clock, *both)
    for _ in range(60):
        for data in window(clock, listening(far, clock), *both):
            far.hear(data, clock.now())
        settle(clock, *both, seconds=4)
    assert sorted(far.questions) == sorted(questions)
    assert far.commands_heard == len(questions), "each went out once"
    assert {each.state(n) for each in both for n in questions} <= {"confirmed", "answered"}


def test_a_question_of_a_station_that_has_gone_is_taken_over(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    hill, car = join("hill", 0), join("car", 1)
    for each in (hill, car):
        each.hear(far.tell())
    question, reboot = hill.ask("Still there?"), hill.queue(Opcode.REBOOT)
    settle(clock, hill, car)
    window(clock, listening(far, clock), hill)
    settle(clock, hill, car)
    assert window(clock, listening(far, clock), hill) != []  # nobody aboard hears it
    hill.turn()
    for _ in range(3):
        window(clock, listening(far, clock), car)
        settle(clock, car)
    assert car.entry(question).attempts <= 1 and not car.ground.rights._leases
    clock.utc_ms += 70_000
    with car.engine.begin() as tx:
        tx.execute(sql.update(tables.outbox).values(held_until_ms=0))
    window(clock, listening(far, clock), car)
    settle(clock, car)
    assert set(car.ground.rights._leases) == {question}, "a reboot never changes hands"
    assert hill.state(reboot) in ("queued", "sent")


def test_an_abort_goes_out_from_everywhere_at_once(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    both = [join("hill", 0), join("car", 1)]
    for each in both:
        each.hear(far.tell())
    abort = both[0].queue(Opcode.CUTDOWN_ABORT)
    settle(clock, *both, seconds=1)
    window(clock, listening(far, clock), *both)
    assert [each.entry(abort).attempts for each in both] == [1, 1]


def test_an_abort_at_one_withdraws_the_cutdown_that_waits_at_another(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    """The other station's ARM waited behind the ABORT, armed the payload again and let it fire."""
    hill, car = join("hill", 0), join("car", 1)
    for each in (hill, car):
        each.hear(far.tell())
        each.turn()
    cutdown = [car.queue(Opcode.CUTDOWN_ARM), car.queue(Opcode.CUTDOWN_FIRE)]
    clock.utc_ms += 5_000
    abort = hill.queue(Opcode.CUTDOWN_ABORT)  # the car has no way to the room meanwhile
    settle(clock, hill)
    clock.utc_ms += 1_000
    settle(clock, car, hill)
    assert [each.state(n) for each in (car, hill) for n in cutdown] == ["withdrawn"] * 4
    assert car.entry(cutdown[0]).why == "a cutdown_abort was queued at another station"
    assert car.state(abort) == "queued"
    clock.utc_ms += 61_000
    again = car.queue(Opcode.CUTDOWN_ARM)
    settle(clock, hill, car, hill)
    for each in (hill, car):
        each.restart()
    settle(clock, hill, car)
    assert [each.state(again) for each in (hill, car)] == ["queued"] * 2, "queued after it"


def test_what_the_room_does_not_know_is_sent_without_it(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    hill, car = join("hill", 0), join("car", 1)
    for each in (hill, car):
        each.hear(far.tell())
        each.turn()
    question = hill.ask("Alone?")  # the database is away
    sent = window(clock, listening(far, clock), hill)
    assert len(sent) == 1
    settle(clock, hill, car)
    assert car.entry(question).state == "sent"
    window(clock, listening(far, clock), car)
    settle(clock, hill, car)
    assert window(clock, listening(far, clock), car) == [], "its sender has the lease"


def test_without_the_room_for_an_hour_nobody_sends_what_the_other_may(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    both = hill, car = [join("hill", 0), join("car", 1)]
    for each in both:
        each.hear(far.tell())
    leased, waiting = hill.ask("Leased?", "10.0.0.1"), hill.queue(Opcode.PING)
    settle(clock, *both)
    window(clock, listening(far, clock), hill)
    with hill.engine.begin() as tx:  # it has the lease of one alone
        tx.execute(sql.update(tables.outbox).where(tables.outbox.c.id == waiting)
                   .values(holder="van", held_until_ms=0, state="answered"))
    settle(clock, hill)
    assert set(hill.ground.rights._leases) == {leased}
    assert len(window(clock, listening(far, clock), *both)) == 1, "within the lease"
    clock.utc_ms += 61_000 + hill.ground.rights.lease_ms
    lone = car.ask("Lone?", "10.0.0.2")
    abort = hill.queue(Opcode.CUTDOWN_ABORT)
    for _ in range(360):
        window(clock, listening(far, clock), *both)
        clock.utc_ms += 4_000
    assert [hill.entry(n).attempts for n in (leased, waiting)] == [1, 0]
    assert [car.entry(n).attempts for n in (leased, waiting)] == [0, 0]
    assert car.entry(lone).attempts > 0 < hill.entry(abort).attempts
    settle(clock, *both, hill)
    assert all(each.entry(lone).attempts and each.entry(abort).attempts for each in both)


def test_withdrawn_at_one_it_is_withdrawn_at_the_other(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    from groundstation.archive import outbox

    hill, car = join("hill", 0), join("car", 1)
    question = hill.ask("Never mind?")
    settle(clock, hill, car)
    with outbox.of_another_process(car.path) as db:
        outbox.withdraw(db, question)
    settle(clock, car, hill)
    assert hill.state(question) == "withdrawn"


def test_a_station_without_the_key_shares_receptions_alone(join: Join, clock: Clock) -> None:
    hill, ear = join("hill", 0), join("ear", 1, key=None)
    hill.ask("Anybody?")
    for _, frame in flight(6):
        ear.hear(frame)
    settle(clock, hill, ear)
    assert len(hill.heard()) == 6 and ear.rows("SELECT * FROM outbox") == []


def test_arm_and_fire_go_out_once_and_from_one_station(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    desk, hill, car = join("desk", 0), join("hill", 1), join("car", 2)
    taken: list[tuple[Opcode, int]] = []

    def listening() -> bytes:
        is_armed = [opcode for opcode, _ in taken] == [Opcode.CUTDOWN_ARM]
        state = replace(state_at_noon(clock.now()), is_cutdown_armed=is_armed)
        return far.beacon(state, is_listening=True)

    for each in (hill, car):
        each.hear(far.tell())
    desk.queue(Opcode.CUTDOWN_ARM)
    clock.utc_ms += 1_000
    desk.queue(Opcode.CUTDOWN_FIRE)
    for _ in range(12):
        settle(clock, desk, hill, car, seconds=2)
        for data in window(clock, listening, hill, car):
            frame = frames.decode_uplink(data, UPLINK_KEY, far.session)
            if isinstance(frame, CommandFrame):
                far.last_counter = frame.counter
                taken.append((commands.decode(frame.body).opcode, frame.station))
    assert [opcode for opcode, _ in taken] == [Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE]
    assert taken[0][1] == taken[1][1]


def test_questions_that_nobody_hears_do_not_keep_a_command_waiting(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    """Eight leases of questions were all there were, for as long as the questions lived."""
    hill, car = join("hill", 0), join("car", 1)
    hill.hear(far.tell())
    for number in range(LEASES_MAX + 2):
        car.ask(f"Question {number}?", f"10.0.0.{number}")
    for _ in range(2):
        settle(clock, car, hill)
        window(clock, listening(far, clock), hill)
    assert len(hill.ground.rights._leases) == LEASES_MAX
    safe = car.queue(Opcode.SAFE_ENTER)
    for _ in range(3):
        settle(clock, car, hill)
        window(clock, listening(far, clock), hill)
    assert hill.entry(safe).attempts > 0


def test_a_reboot_stays_with_its_sender_in_a_room_that_was_restored(
    join: Join, clock: Clock, far: FarEnd
) -> None:
    """The copy knew nothing of its lease, so another station rebooted the payload again."""
    hill, car = join("hill", 0), join("car", 1)
    for each in (hill, car):
        each.hear(far.tell())
    reboot = car.queue(Opcode.REBOOT)
    settle(clock, car, hill)
    with hill.engine.begin() as tx:
        copy = dict(tx.execute(sql.select(tables.outbox)).mappings().one())
        number = tx.execute(sql.select(tables.room.c.number)).scalar_one()
    for _ in range(2):
        window(clock, listening(far, clock), hill)
        settle(clock, hill, car)
    assert car.entry(reboot).sender == "hill"
    with hill.engine.begin() as tx:
        tx.execute(sql.update(tables.outbox).values(**copy))
        tx.execute(sql.delete(tables.reception).where(tables.reception.c.number > number))
        tx.execute(sql.update(tables.room).values(number=number))
    for each in (hill, car):
        each.exchange.leave()
    for _ in range(3):
        settle(clock, car)
        window(clock, listening(far, clock), car)
    assert car.rows("SELECT * FROM uplink WHERE what = 'command'") == []


def test_an_acknowledgement_at_one_quiets_the_other(join: Join, clock: Clock) -> None:
    hill, car = join("hill", 0), join("car", 1)
    boards = {each.name: board_of(each, LOW_MV) for each in (hill, car)}
    clock.utc_ms += 1_000
    OutboxDesk(hill.path, mission_of("hill", 0), clock.now).acknowledge(
        "low_battery", boards["hill"].reasons("low_battery"))
    settle(clock, hill, car, hill)
    assert [alarm.is_acknowledged for alarm in heard(boards["car"], car, LOW_MV)] == [True]
    worse = heard(boards["car"], car, CRITICAL_MV)
    assert [alarm.is_acknowledged for alarm in worse] == [False], "nobody has noticed that"


def test_an_acknowledgement_of_tomorrow_quiets_nobody(join: Join, clock: Clock) -> None:
    """A station whose clock is a day ahead acknowledged all that was raised elsewhere for a day."""
    hill, car = join("hill", 0), join("car", 1)
    board = board_of(car, LOW_MV)
    OutboxDesk(hill.path, mission_of("hill", 0), lambda: clock.now() + 86_400_000).acknowledge(
        "low_battery", board.reasons("low_battery"))
    settle(clock, hill, car, hill)
    assert [alarm.is_acknowledged for alarm in heard(board, car, LOW_MV)] == [False]


def test_a_room_that_was_restored_from_a_copy_is_filled_again(join: Join, clock: Clock) -> None:
    hill, car = join("hill", 0), join("car", 1)
    for _, frame in flight(20):
        hill.hear(frame)
    question = hill.ask("Are you there?")
    settle(clock, hill, car)
    with hill.engine.begin() as tx:
        tx.execute(sql.delete(tables.reception).where(tables.reception.c.number > 5))
        tx.execute(sql.delete(tables.outbox))
        tx.execute(sql.update(tables.room).values(number=5))
    for each in (hill, car):
        each.exchange.leave()  # it was stopped for that
    settle(clock, hill, car)
    with hill.engine.begin() as tx:
        kept = tx.execute(sql.select(tables.reception.c.raw)).scalars().all()
        assert tx.execute(sql.select(tables.outbox.c.id)).scalars().all() == [question]
    assert sorted(kept) == sorted(frame for _, frame in flight(20))
    assert len(car.heard()) == 20


def board_of(station: RoomStation, battery_mv: float) -> AlarmBoard:
    board = AlarmBoard(mission_of(station.name, station.number))
    assert [alarm.is_acknowledged for alarm in heard(board, station, battery_mv)] == [False]
    return board


def heard(board: AlarmBoard, station: RoomStation, battery_mv: float) -> list[Alarm]:
    """The alarms at a station, whose payload has this battery."""
    now_ms = station.clock.now()
    board.hear({
        "beacon": {"utc_ms": now_ms, "battery_mv": battery_mv, "faults": 0, "phase": "GROUND",
                   "expected_every_s": 10, "latitude_deg": None, "longitude_deg": None,
                   "altitude_m": None, "climb_mps": None},
        "phases": [], "change_id": now_ms,
        "acknowledged": acknowledgements.known(station.ground.archive.db)})
    return board.look(now_ms)
