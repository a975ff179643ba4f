"""Several stations with different holes: each is served, none speaks for another."""

import pytest

from tests.wire.air import MTU, NODE, REPORT_EVERY, Air, Ear, record
from wire.frames import (
    DEFICIT_UNKNOWN,
    BlockReport,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    feedback_entries_max,
)
from wire.incoming import Receiver
from wire.outgoing import Lane
from wire.records import Kind, Priority, Record
from wire.session import Session
from wire.transfer import (
    BLOCK_SPAN_MAX,
    FLUSH_MS,
    OUTGOING_BLOCKS_MAX,
    STATION_FRESH_FRAMES,
)
from wire.transfer_schedule import COMPANY_SLOT_EVERY


def greeted(ears: list[Ear]) -> Air:
    """All stations have been heard once, and confirmed one small record."""
    air = Air(ears)
    losses = [ear.loss for ear in ears]
    for ear in ears:
        ear.loss = 0.0
    air.push([record(900_000)])
    while air.sender.outgoing_blocks:
        air.slot()
    for ear, loss in zip(ears, losses, strict=True):
        ear.loss = loss
        ear.heard.clear()
    air.confirmed.clear()
    air.sent.clear()
    return air


def one_block(first: int, count: int = 5) -> list[Record]:
    return [record(number) for number in range(first, first + count)]


def picture(number: int) -> Record:
    """It fills a block of its own."""
    return record(number, 3000, Kind.THUMBNAIL)


def all_out(air: Air, picture: Record) -> int:
    """Push a picture, send each of its symbols once; its block number."""
    air.push([picture])
    frame = air.slot()
    assert frame is not None and frame.esi == 0
    air.slots(frame.block_symbols - 1)
    return frame.block


def test_two_stations_with_different_losses_both_get_everything() -> None:
    air = greeted([Ear(0, 0.5), Ear(1, 0.5)])
    wanted = set(range(1, 201))
    air.push(one_block(1, 200))
    slots = 0
    while not all(wanted <= set(ear.heard) for ear in air.ears):
        air.slot()
        slots += 1
    symbols = len({(frame.block, frame.esi) for frame in air.sent if frame.esi < 64})
    assert slots < 2 * symbols * 1.35, "both in little more than one of them alone would take"
    while air.sender.outgoing_blocks:
        air.slot()
    assert sorted(air.confirmed) == sorted(wanted), "each is confirmed, and once"


def test_a_record_is_confirmed_when_one_station_has_it_and_still_served_to_the_other() -> None:
    air = greeted([Ear(0, 0.0), Ear(1, 0.0)])
    near, far = air.ears
    far.loss = 1.0
    air.push(one_block(1))
    while len(air.confirmed) < 5:
        air.slot()
    assert set(near.heard) == {1, 2, 3, 4, 5} and not far.heard
    air.slots(200)
    assert air.sender.unconfirmed_blocks == 0 and air.sender.outgoing_blocks == 1
    far.loss = 0.0
    while air.sender.outgoing_blocks:
        air.slot()
    assert set(far.heard) == {1, 2, 3, 4, 5} and len(air.confirmed) == 5


def test_a_station_is_waited_for_as_long_as_it_is_fresh() -> None:
    air = greeted([Ear(0, 0.0), Ear(1, 0.0)])
    gone = air.ears[1]
    gone.is_silent, gone.loss = True, 1.0
    came_at = air.sender._stations[1].came_at
    air.push(one_block(1))
    while len(air.confirmed) < 5:
        air.slot()
    while air.sender.outgoing_blocks:
        air.slot()
    assert air.sequence - came_at == STATION_FRESH_FRAMES + 1
    assert set(air.sender._stations) == {0}


def test_an_unknown_station_holds_nothing_up() -> None:
    air = greeted([Ear(0, 0.0)])
    air.push(one_block(1))
    while len(air.confirmed) < 5:
        air.slot()
    assert air.sender.outgoing_blocks == 0 and air.slot() is None


def test_what_is_new_is_kept_for_a_station_that_came_late() -> None:
    air = greeted([Ear(0, 0.0)])
    air.push(one_block(1))
    while len(air.confirmed) < 5:
        air.slot()
    late = Ear(1, 0.0)
    air.ears.append(late)
    air.push(one_block(11))
    while not {11, 12, 13, 14, 15} <= set(late.heard) or air.sender.outgoing_blocks:
        air.slot()
    assert not {1, 2} & set(late.heard), "what was over before it came is not sent again"


def test_an_old_report_does_not_undo_a_newer_one() -> None:
    ear = Ear(0, 0.0)
    air = greeted([ear])
    ear.is_silent = True
    air.push([picture(1)])
    air.slots(4)
    early = ear.report()
    while 1 not in ear.heard:
        air.slot()
    assert air.tell(ear.report()) == [1] and air.sender.outgoing_blocks == 0
    air.push([picture(2)])
    air.slots(30)
    late = ear.report()
    assert air.tell(late) == [2]
    for old in (early, late):
        assert air.tell(old) == []
    assert air.sender.odd_reports == 2 and air.sender.outgoing_blocks == 0


def test_each_station_counts_for_itself() -> None:
    """The counter of one station is no measure for the reports of another."""
    air = greeted([Ear(0, 0.0), Ear(1, 0.0)])
    ahead, behind = air.ears
    ahead._reports += 1000
    ahead.is_silent = behind.is_silent = True
    air.push([picture(1)])
    air.slots(30)
    assert air.tell(ahead.report()) == [1]
    assert air.sender.outgoing_blocks == 1
    air.tell(behind.report())
    assert air.sender.outgoing_blocks == 0 and air.sender.odd_reports == 0


@pytest.mark.parametrize("has_two_holes", [True, False])
def test_one_coded_symbol_fills_different_holes_and_a_common_one_is_sent_as_it_is(
    has_two_holes: bool,
) -> None:
    air = greeted([Ear(0, 0.0), Ear(1, 0.0)])
    first, second = air.ears
    for ear in air.ears:
        ear.is_silent = True
    air.push([picture(1)])
    for esi in range(air.sender.backlog_symbols()):
        first.loss = float(esi == 3)
        second.loss = float(esi == (9 if has_two_holes else 3))
        air.slot()
    assert not first.heard and not second.heard
    for ear in air.ears:
        air.tell(ear.report())
    repair = air.slot()
    assert repair is not None
    assert repair.esi >= repair.block_symbols if has_two_holes else repair.esi == 3
    assert set(first.heard) == set(second.heard) == {1}


def test_nothing_is_resent_as_it_is_while_the_block_is_new_to_another_station() -> None:
    air = greeted([Ear(0, 0.0), Ear(1, 0.0)])
    first, second = air.ears
    first.is_silent = second.is_silent = True
    air.push([picture(1)])
    for esi in range(air.sender.backlog_symbols()):
        first.loss = float(esi == 3)
        air.slot()
    air.tell(first.report())
    repair = air.slot()
    assert repair is not None and repair.esi >= repair.block_symbols, "who knows what both lack?"


def test_a_far_station_cannot_hold_up_the_near_one() -> None:
    """Saturated: what is home already takes no more than its share of the slots."""

    def heard_by_the_first(ears: list[Ear]) -> int:
        air, number = greeted(ears), 0
        for _ in range(1500):
            while air.sender.backlog_symbols() < 6:
                number += 1
                air.push([record(number)])
            air.slot()
        assert not air.sender.take_expired()
        return len(air.ears[0].heard)

    alone = heard_by_the_first([Ear(0, 0.1)])
    with_a_far_one = heard_by_the_first([Ear(0, 0.1), Ear(1, 0.9)])
    assert with_a_far_one > alone * (1 - 1 / COMPANY_SLOT_EVERY) * 0.9


def test_a_station_that_starts_anew_is_served_again_while_the_block_is_there() -> None:
    air = greeted([Ear(0, 0.0), Ear(1, 1.0)])
    near, far = air.ears
    near.is_silent = far.is_silent = True
    block = all_out(air, picture(1))
    assert air.tell(near.report()) == [1]
    near._reports += 1
    counter = 16 * near._reports
    again = FeedbackFrame(
        NODE, 0, counter, 0, near.last_counter, block, block + 1, (BlockReport(block, 255, 0),)
    )
    assert air.tell(again) == [] and air.sender.outgoing_blocks == 1
    assert 0 in air.sender._blocks[block].needs and air.sender.unconfirmed_blocks == 0


def test_a_station_that_lost_what_it_had_and_hears_only_later_blocks_is_served_again() -> None:
    """It begins with an empty archive. That it had said to have the block no longer counts: what it
    says now is newer, and costs nobody else more than a share of the slots."""
    air = greeted([Ear(0, 0.0), Ear(1, 1.0)])
    near, far = air.ears
    near.is_silent = far.is_silent = True
    block = all_out(air, picture(1))
    assert air.tell(near.report()) == [1]
    near.receiver, near.heard, near.loss = Receiver(MTU), {}, 1.0
    air.push([picture(2)])
    while all(frame.block != block + 1 for frame in air.sent):
        air.slot()
    near.loss = 0.0
    near.hear(air.sent[-1])
    report = near.report()
    assert report is not None and report.first == block + 1, "it never heard of the first"
    assert air.tell(report) == [] and air.sender._blocks[block].is_home
    assert 0 in air.sender._blocks[block].needs
    while 1 not in near.heard:
        air.slot()
    assert 1 not in air.tell(near.report()), "it was confirmed before"


@pytest.mark.parametrize(("node", "station", "session"), [
    (NODE + 1, 0, None), (NODE, 16, None), (NODE, 255, None), (NODE, 0, Session(1, 1)),
])
def test_reports_of_others_change_nothing(
    node: int, station: int, session: Session | None
) -> None:
    air = greeted([Ear(0, 0.0)])
    air.ears[0].is_silent = True
    block = all_out(air, picture(1))
    report = FeedbackFrame(
        node, station, 10_000, 0, FrameCounter(1, air.sequence), block, block + 1, (), session
    )
    assert air.tell(report) == [] and air.sender.odd_reports == 1
    assert air.sender.unconfirmed_blocks == 1 and set(air.sender._stations) == {0}


@pytest.mark.thorough
def test_sixteen_stations_are_the_most_and_the_blocks_stay_bounded() -> None:
    air = greeted([Ear(number, 0.3) for number in range(16)])
    number = 0
    for _ in range(1500):
        while air.sender.backlog_symbols() < 6:
            number += 1
            air.push([record(number, 40)])
        air.slot()
        assert air.sender.outgoing_blocks <= OUTGOING_BLOCKS_MAX
    assert len(air.sender._stations) == 16
    assert all(len(block.needs) <= 16 for block in air.sender._blocks.values())
    assert all(ear.heard for ear in air.ears)


def test_a_station_that_begins_to_hear_late_is_known_to_lack_what_went_before() -> None:
    """Soak seed 5, an orbit: what was sent to nobody counted as probably heard, for hours."""
    air = Air([Ear(0, 1.0)])
    air.push([picture(number) for number in range(1, 11)])
    air.slots(600)
    assert air.sender.short_blocks(Priority.IMAGE, air.now_ms) == 0, "planned for, blindly"
    air.ears[0].loss = 0.0
    air.push([record(11)])
    air.now_ms += FLUSH_MS
    heard = air.slot()
    assert heard is not None and heard.priority == Lane.PRECIOUS
    air.tell(air.ears[0].report())
    assert air.sender.short_blocks(Priority.IMAGE, air.now_ms) == 10
    air.slots(sum(symbols_of(air, block) for block in range(10)) + 2 * REPORT_EVERY)
    assert set(range(1, 11)) <= set(air.ears[0].heard)


def test_a_report_without_room_says_nothing_of_the_blocks_before_it() -> None:
    air = Air([Ear(0, 1.0)])
    air.push([picture(number) for number in range(1, 31)])
    air.slots(1200)
    newest = air.sent[-1].counter
    entries = tuple(
        BlockReport(block, DEFICIT_UNKNOWN, 0)
        for block in range(30 - feedback_entries_max(MTU), 30)
    )
    air.tell(FeedbackFrame(NODE, 0, 16, 0, newest, entries[0].block, 30, entries))
    assert air.sender.short_blocks(Priority.IMAGE, air.now_ms) == len(entries)


class DeafToOneBlock(Ear):
    def hear(self, frame: DataFrame) -> None:
        if frame.block != 0:
            super().hear(frame)


def test_what_receivers_will_have_forgotten_is_given_up_and_goes_into_new_blocks() -> None:
    """Else a station calls it a stray, hears it for nothing, and never speaks of it."""
    air = Air([DeafToOneBlock(0, 0.0)])
    air.push([record(1)])
    for number in range(2, BLOCK_SPAN_MAX + 1):
        air.push([picture(number)])
        air.slots(20)
    assert not air.sender.take_expired() and air.sender.unconfirmed_blocks <= 3
    air.push([picture(BLOCK_SPAN_MAX + 1)])
    assert air.sender.take_expired() == [1]


def symbols_of(air: Air, block: int) -> int:
    return next(frame.block_symbols for frame in air.sent if frame.block == block)
