"""What went since the last report, and perhaps to nobody, goes again."""

from __future__ import annotations

from collections.abc import Collection

from tests.wire.air import Air, Ear, record
from wire.outgoing import Lane
from wire.records import Kind


def deaf() -> Air:
    """Ten musings went once, in a pass in which nobody heard anything."""
    air = Air([Ear(0, 0.0)])
    air.ears[0].is_silent = True
    air.ears[0].loss = 1.0
    air.push(record(number, 190) for number in range(1, 11))
    air.now_ms += 60_000
    air.slots(10)
    return air


def sources(air: Air, since: int) -> list[tuple[int, int]]:
    return [(each.block, each.esi) for each in air.sent[since:] if each.esi < each.block_symbols]


def test_text_goes_again_as_it_went_and_uncoded() -> None:
    air = deaf()
    first = sources(air, 0)
    air.ears[0].loss = 0.0
    air.sender.take_back(0, air.now_ms)
    air.slots(len(first))
    assert sources(air, 10)[: len(first)] == first
    assert len(air.ears[0].heard) >= len(first) - 1


def test_what_is_new_goes_before_it_and_is_not_held_up() -> None:
    air = deaf()
    air.sender.take_back(0, air.now_ms)
    assert air.sender.backlog_symbols() == 0, "what is repeated leaves room for what is new"
    air.push([record(99, 190, Kind.EVENT)])
    air.now_ms += 60_000
    air.slot()
    assert air.sent[-1].block > air.sent[0].block and air.sent[-1].esi == 0


def test_what_a_report_spoke_of_is_not_taken_back() -> None:
    air = deaf()
    air.ears[0].loss, air.ears[0].is_silent = 0.0, False
    air.sender.take_back(0, air.now_ms)
    air.slots(40)
    assert air.tell(air.ears[0].report()) or air.confirmed
    begun = len(air.sent)
    air.sender.take_back(air.sequence, air.now_ms)
    air.slots(5)
    assert sources(air, begun) == []


def test_a_picture_goes_on_with_its_repairs() -> None:
    air = Air([Ear(0, 1.0)])
    air.push([record(1, 900, Kind.THUMBNAIL)])
    air.slots(8)
    air.sender.take_back(0, air.now_ms)
    air.slot()
    assert air.sent[-1].priority == Lane.PICTURE and air.sent[-1].esi >= air.sent[-1].block_symbols


def test_a_report_on_what_was_taken_back_counts() -> None:
    """All of it was heard, and only its report was not: nothing has to go again."""
    air = deaf_to_reports()
    air.sender.take_back(0, air.now_ms)
    assert air.tell(air.ears[0].report()) == list(range(1, 11))
    assert air.sender.odd_reports == 0 and air.sender.outgoing_blocks == 0


def test_only_what_a_report_misses_of_what_was_taken_back_goes_again() -> None:
    air = deaf_to_reports(lost={2, 5})
    begun = len(air.sent)
    air.sender.take_back(0, air.now_ms)
    air.slots(1)  # the first of it went again before the report
    assert air.tell(air.ears[0].report()) == []
    air.slots(2)
    assert [esi for _, esi in sources(air, begun)] == [0, 2, 5]
    assert air.tell(air.ears[0].report()) == list(range(1, 11))


def test_what_no_report_spoke_of_goes_again_to_its_end_over_several_passes() -> None:
    air = deaf()
    for _ in range(3):
        reported_upto = air.sequence
        air.sender.take_back(0, air.now_ms)
        air.slots(4)
    air.sender.take_back(reported_upto + 2, air.now_ms)
    begun = len(air.sent)
    air.slots(4)
    assert [esi for _, esi in sources(air, begun)] == [2, 3, 4, 5]


def deaf_to_reports(lost: Collection[int] = ()) -> Air:
    """Ten musings went once, in a closed block; all but ``lost`` were heard, and no report came."""
    air = Air([Ear(0, 0.0)])
    air.ears[0].is_silent = True
    air.push(record(number, 190) for number in range(1, 11))
    air.sender.withdraw([])  # closes what grows
    while len(air.sent) < 10:
        air.ears[0].loss = float(len(air.sent) in lost)
        air.slots(1)
    air.ears[0].loss = 0.0
    return air
