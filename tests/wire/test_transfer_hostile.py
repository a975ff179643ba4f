"""Hostile and odd input at both ends of the transfer: counted, bounded, survived."""

import gc
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.thorough import sampled
from tests.wire.air import KEY, MTU, NODE, Air, Ear, record
from wire.blocks import BlockReader, BlockWriter
from wire.frames import (
    BLOCKS_MAX,
    FEEDBACK_ENTRY_BYTES,
    FEEDBACK_OVERHEAD_BYTES,
    BlockReport,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    encode_uplink,
)
from wire.incoming import FRAMES_REMEMBERED_MAX, RECEIVER_BLOCKS_MAX, Receiver
from wire.outgoing import Outgoing
from wire.records import Kind
from wire.transfer import OUTGOING_BLOCKS_MAX


def alive(kind: type) -> int:
    """How many objects of ``kind`` there are."""
    gc.collect()
    return sum(type(thing) is kind for thing in gc.get_objects())


def data(block: int, esi: int, symbol: bytes, length: int = 64, boot: int = 1) -> DataFrame:
    return DataFrame(NODE, FrameCounter(boot, esi & 0xFFF), 1, block, length, esi, symbol, False)


@pytest.mark.parametrize("blocks", sampled([RECEIVER_BLOCKS_MAX + 100, 1000]))
def test_blocks_that_never_complete_leave_no_more_than_the_bound(blocks: int) -> None:
    before = alive(BlockReader), alive(BlockWriter), alive(Outgoing)
    air = Air([Ear(0, 1.0)])
    ear = air.ears[0]
    for number in range(1, blocks + 1):
        air.push([record(number, 300, Kind.THUMBNAIL)])
        while air.sender.backlog_symbols():
            frame = air.slot()
            if frame is not None and frame.esi == 1:  # all that is ever heard of a block
                ear.hear(frame)
        air.tell(ear.report())
        assert air.sender.outgoing_blocks <= OUTGOING_BLOCKS_MAX
    assert not ear.heard and air.sender.next_block == blocks
    assert alive(BlockReader) - before[0] <= RECEIVER_BLOCKS_MAX
    assert alive(BlockWriter) - before[1] <= OUTGOING_BLOCKS_MAX
    assert alive(Outgoing) - before[2] <= OUTGOING_BLOCKS_MAX
    assert ear.receiver.abandoned_blocks == blocks - RECEIVER_BLOCKS_MAX
    assert len(air.sender._schedule._resends) <= 256


def test_abandoned_blocks_are_never_called_complete() -> None:
    """The receiver's give-up: what fell out of its memory lies before every run it speaks of."""
    receiver = Receiver(MTU)
    for block in range(60_000, 60_000 + 3 * RECEIVER_BLOCKS_MAX):
        receiver.on_data(data(block, 3, b"\xff"))
    abandoned = {60_000 + n for n in range(2 * RECEIVER_BLOCKS_MAX)}
    spoken = set()
    for _ in range(100):
        told = receiver.report()
        assert told is not None
        first, upto, entries = told
        run = set(range(first, upto))
        assert not run & abandoned
        assert run == {entry.block for entry in entries}, "none of them is complete"
        spoken |= run
    assert len(spoken) == RECEIVER_BLOCKS_MAX, "all that are kept have their turn"


def test_every_other_report_is_of_the_newest_blocks() -> None:
    receiver = Receiver(MTU)
    for block in range(100):
        receiver.on_data(data(block, 3, b"\xff"))
    each = (MTU - FEEDBACK_OVERHEAD_BYTES) // FEEDBACK_ENTRY_BYTES
    ends = [told[1] for _ in range(12) if (told := receiver.report()) is not None]
    assert ends[0::2] == [100] * 6
    older = list(range(100 - each, 0, -each))
    assert ends[1::2] == (older * 2)[:6]


@pytest.mark.thorough
def test_a_receiver_that_was_deaf_long_learns_what_is_alive_now() -> None:
    """Found while reading: reports began with the oldest incomplete blocks. When the sender had
    given those up, no report ever came to those that it still had."""
    air = Air([Ear(0, 0.9)])
    ear = air.ears[0]
    ear.is_silent = True
    number = 0
    for _ in range(6000):
        while air.sender.backlog_symbols() < 6:
            number += 1
            air.push([record(number, 190, Kind.TRACK)])
        air.slot()
    assert len(list(ear.receiver.incomplete_blocks())) > 40 and air.sender.take_expired()
    ear.loss, ear.is_silent = 0.2, False
    air.slots(4500)
    assert air.sender.unconfirmed_blocks == 0


def test_the_numbers_of_a_session_end_and_do_not_wrap() -> None:
    """The owner goes on in another session, to which nothing of this one belongs."""
    air = Air([Ear(0, 0.3)])
    air.sender.next_block = BLOCKS_MAX - 3
    for number in range(1, 4):
        assert not air.sender.is_used_up
        air.push([record(number, 500, Kind.THUMBNAIL)])
    assert air.sender.is_used_up
    with pytest.raises(AssertionError):
        air.push([record(4, 500, Kind.THUMBNAIL)])
    air.slots(100)
    assert max(frame.block for frame in air.sent) == BLOCKS_MAX - 1
    assert set(air.confirmed) == {1, 2, 3}, "the report names the number behind the last"
    receiver = Receiver(MTU)
    receiver.on_data(data(BLOCKS_MAX, 3, b"\xff"))
    assert receiver.stray_frames == 1 and receiver.report() is None


def test_what_was_not_confirmed_is_given_back_when_a_session_ends() -> None:
    air = Air([Ear(0, 0.0)])
    air.push([record(number, 700, Kind.THUMBNAIL) for number in (1, 2)])
    while not air.confirmed:
        air.slot()
    air.ears[0].is_silent = True
    air.push([record(number, 700, Kind.THUMBNAIL) for number in (3, 4)] + [record(5)])
    air.slots(2)
    assert sorted({*air.confirmed, *air.sender.give_up()}) == [1, 2, 3, 4, 5]


def test_frames_three_hours_late_do_no_harm() -> None:
    air = Air([Ear(0, 0.3)])
    ear, old, number = air.ears[0], [], 0
    while air.sequence < 10_800:  # three hours of a frame a second
        while air.sender.backlog_symbols() < 6 and air.sequence < 10_700:
            number += 1
            air.push([record(number, 700, Kind.THUMBNAIL)])
        frame = air.slot()
        if frame is not None and air.sequence < 300:
            old.append(frame)
    before, heard = ear.receiver.report(), set(ear.heard)
    for frame in old:
        assert not ear.receiver.on_data(frame)
        if random.Random(frame.esi).random() < 0.5:
            for live in air.sent[-3:]:
                ear.receiver.on_data(live)
    assert ear.receiver.report() == before and set(ear.heard) == heard
    assert ear.receiver.old_frames == len(old)
    air.push([record(900_000, 700, Kind.THUMBNAIL)])
    air.slots(100)
    assert 900_000 in ear.heard


def long_block(number: int, symbols: int = 40) -> list[DataFrame]:
    """The frames of a closed block that a payload made."""
    writer = BlockWriter(MTU)
    at = 0
    while writer.symbols < symbols and writer.add(record(1000 * number + at)):
        at += 1
    writer.close()
    return [
        DataFrame(NODE, FrameCounter(1, (50 * number + esi) & 0xFFF), 0, number, writer.symbols,
                  esi, writer.symbol(esi), False)
        for esi in range(writer.symbols)
    ]


def test_eight_genuine_old_frames_do_not_make_a_receiver_forget() -> None:
    """About a second of air in a listening window: 30 of 40 symbols were forgotten, and the next
    real frames were dropped as strays."""
    receiver, old = Receiver(MTU), [long_block(number, 2)[0] for number in range(8)]
    for number in range(600):
        for frame in long_block(number, 2):
            receiver.on_data(frame)
    live = long_block(600)
    for frame in live[:30]:
        receiver.on_data(frame)
    new, before = receiver.new_frames, receiver.report()
    for frame in old * 3:
        assert receiver.on_data(frame) == []
    assert receiver.report() == before and receiver.new_frames == new
    assert receiver.old_frames == 24 and receiver.abandoned_blocks == 0
    heard = [found for frame in live[30:] for found in receiver.on_data(frame)]
    assert heard and list(receiver.incomplete_blocks()) == []
    assert receiver.old_frames == 24 and receiver.stray_frames == 0


def test_after_a_long_silence_a_frame_far_ahead_is_believed_at_once() -> None:
    """Its MAC proves that this payload made it in this session; unverified, it is a stray."""
    receiver, careful = Receiver(MTU), Receiver(MTU)
    for frame in long_block(3, 5)[:4]:
        receiver.on_data(frame)
        careful.on_data(frame)
    ahead = long_block(5_000, 5)
    assert receiver.on_data(ahead[0]) and receiver.report()[1] == 5_001
    assert careful.on_data(ahead[0], RECEIVER_BLOCKS_MAX) == []
    assert careful.stray_frames == 1 and careful.report()[1] == 4


def test_a_frame_is_new_once() -> None:
    """By another road or by somebody's hand: the same symbol in the same frame is not new; sent
    again by the payload it is, whether anybody needed it or not."""
    receiver, frames = Receiver(MTU), long_block(1, 4)
    for frame in frames * 3:
        receiver.on_data(frame)
    assert receiver.new_frames == len(frames) and receiver.report()[2] == ()
    receiver.on_data(frames[0]._replace(counter=FrameCounter(1, 3000)))
    assert receiver.new_frames == len(frames) + 1
    for number in range(FRAMES_REMEMBERED_MAX + 500):
        receiver.on_data(frames[0]._replace(esi=number % 5000, counter=FrameCounter(
            1, number // 5000), block=2))
    assert len(receiver._heard) == FRAMES_REMEMBERED_MAX


def test_duplicates_and_reordering_change_nothing() -> None:
    air = Air([Ear(0, 1.0)])
    air.ears[0].is_silent = True
    air.push([record(number, 400, Kind.MUSING) for number in range(1, 60)])
    air.slots(400)
    late = air.sent * 3
    random.Random(9).shuffle(late)
    ear = Ear(1, 0.0)
    for frame in late:
        ear.hear(frame)
    assert set(ear.heard) >= set(range(1, 58)) and ear.receiver.poisoned_blocks == 0


def test_a_confused_station_that_claims_everything_only_marks() -> None:
    """Signed, fresh and wrong. What it claims is confirmed; the other station is served on."""
    air = Air([Ear(0, 0.0), Ear(1, 0.0)])
    honest, confused = air.ears
    air.push([record(900_000)])
    while air.sender.outgoing_blocks or not air.sequence:
        air.slot()
    honest.loss = confused.loss = 1.0
    honest.is_silent = confused.is_silent = True
    air.confirmed.clear()
    air.push([record(number, 600, Kind.THUMBNAIL) for number in range(1, 6)])
    air.slots(air.sender.backlog_symbols())
    air.push([record(6, 600, Kind.THUMBNAIL)])  # not sent
    for counter, (first, upto) in enumerate(((0, 0x7FFF), (0x8000, 0x7FFF), (5, 2)), 9_000):
        wild = FeedbackFrame(
            NODE, 1, 16 * counter + 1, 255, FrameCounter(1, air.sequence), first, upto, ()
        )
        encode_uplink(wild, KEY)
        air.tell(wild)
    assert sorted(air.confirmed) == [1, 2, 3, 4, 5], "not what was never sent"
    assert air.sender.odd_reports >= 1
    honest.loss, honest.is_silent = 0.0, False
    air.slots(400)
    assert {1, 2, 3, 4, 5} <= set(honest.heard)
    assert air.sender.take_expired() == []


def test_a_report_on_blocks_that_were_never_sent_is_nothing() -> None:
    air = Air([Ear(0, 0.0)])
    air.ears[0].is_silent = True
    air.push([record(1, 900, Kind.THUMBNAIL)])
    air.slots(2)
    entries = tuple(BlockReport(n, 200, (1 << 64) - 1) for n in (40_000, 7, 1))
    wild = FeedbackFrame(NODE, 0, 16, 0, FrameCounter(1, 4000), 1, 40_001, entries)
    assert air.tell(wild) == []
    air.ears[0].is_silent = False
    air.slots(100)
    assert air.confirmed == [1]


@pytest.mark.parametrize("kind", ["content", "length", "pointer", "beyond"])
def test_a_hundred_poisoned_symbols_in_a_row_and_the_block_still_arrives(kind: str) -> None:
    air = Air([Ear(0, 0.0)])
    ear, rng = air.ears[0], random.Random(4)
    air.push([record(number, 300) for number in range(1, 30)])
    air.slots(10)
    genuine = air.sent[-1]
    latest = dict(ear.heard)
    for _ in range(100):
        symbol = rng.randbytes(len(genuine.symbol))
        changes = {
            "content": {"symbol": symbol, "esi": rng.randrange(40), "is_open": False},
            "length": {"block_symbols": rng.randrange(1, 257), "is_open": rng.random() < 0.5},
            "pointer": {
                "esi": genuine.esi + 1, "block_symbols": genuine.esi + 2,
                "symbol": rng.randbytes(1) + genuine.symbol[1:],
            },
            "beyond": {"esi": rng.randrange(64, 65_536), "symbol": symbol},
        }[kind]
        poisoned = genuine._replace(**changes)  # type: ignore[arg-type]
        latest |= {found.record_id: found for found in ear.receiver.on_data(poisoned)}
        told = ear.receiver.report()
        assert told is not None
        encode_uplink(FeedbackFrame(NODE, 0, 16, 0, FrameCounter(1, 1), *told), KEY)
    # A wrong symbol may be read before it contradicts the others; the right one comes after it.
    ear.is_silent, ear.loss = True, 1.0
    for _ in range(600):
        frame = air.slot()
        assert frame is not None
        latest |= {found.record_id: found for found in ear.receiver.on_data(frame)}
    assert all(latest.get(number) == record(number, 300) for number in range(1, 30))
    assert not list(ear.receiver.incomplete_blocks())
    assert ear.receiver.poisoned_blocks + ear.receiver.stray_frames > 0


_FRAMES = st.builds(
    DataFrame, st.just(NODE), st.builds(FrameCounter, st.integers(0, 3), st.integers(0, 4095)),
    st.integers(0, 3), st.sampled_from([0, 1, 2, 250, 300, 32_768, 65_534, 65_535]),
    st.integers(1, 256), st.sampled_from([0, 1, 2, 3, 63, 64, 255, 256, 65_535]),
    st.binary(max_size=250), st.booleans(), session=st.none(),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_FRAMES, max_size=60))
def test_any_frames_leave_a_receiver_whose_reports_can_be_sent(frames: list[DataFrame]) -> None:
    receiver = Receiver(MTU)
    for frame in frames:
        receiver.on_data(frame)
        told = receiver.report()
        if told is not None:
            report = FeedbackFrame(NODE, 0, 16, 0, FrameCounter(1, 1), *told)
            assert len(encode_uplink(report, KEY)) <= MTU
    assert len(receiver._readers) <= RECEIVER_BLOCKS_MAX


_REPORTS = st.builds(
    FeedbackFrame, st.sampled_from([NODE, NODE + 1]), st.integers(0, 17),
    st.integers(0, (1 << 32) - 1), st.integers(0, 255),
    st.builds(FrameCounter, st.integers(0, 2), st.integers(0, 4095)),
    st.integers(0, 65_535), st.integers(0, 65_535),
    st.lists(
        st.builds(
            BlockReport, st.integers(0, 12), st.integers(0, 255), st.integers(0, (1 << 64) - 1)
        ),
        max_size=8,
    ).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_REPORTS, max_size=20))
def test_any_reports_leave_a_sender_that_goes_on(reports: list[FeedbackFrame]) -> None:
    air = Air([])
    number = 0
    for report in reports:
        for kind in (Kind.MUSING, Kind.TRACK, Kind.THUMBNAIL):
            number += 1
            air.push([record(number, 300, kind)])
        air.slots(5)
        air.tell(report)
        assert air.sender.outgoing_blocks <= OUTGOING_BLOCKS_MAX
    assert len(air.confirmed) == len(set(air.confirmed))
    assert len(air.sender._stations) <= 16
