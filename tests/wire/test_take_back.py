"""What went since the last report, and perhaps to nobody, goes again."""

from __future__ import annotations

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
