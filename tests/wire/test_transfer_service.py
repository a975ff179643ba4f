"""What a slot is spent on: lanes, growing blocks, times to live, and flights nobody answers."""

import random
from collections import Counter

import pytest

from tests.wire.air import MTU, NODE, Air, Ear, record
from wire.frames import FrameCounter
from wire.outgoing import REPAIR_ESI_MAX, TTL_MS, Lane
from wire.records import Kind, Priority
from wire.transfer import CLOSE_FRAMES, FLUSH_MS, OUTGOING_BLOCKS_MAX, Sender
from wire.transfer_schedule import LOSS_ASSUMED, PICTURES_AHEAD, REPAIR_SLOT_EVERY

HOUR_MS = 3_600_000


def flood(air: Air, kinds: dict[Kind, float], slots: int, rate: float) -> dict[int, Kind]:
    """``rate`` records of 190 bytes a slot, mixed by weight; what was made."""
    rng = random.Random(1)
    made: dict[int, Kind] = {}
    owed = 0.0
    for _ in range(slots):
        owed += rate
        while owed >= 1:
            owed -= 1
            kind = rng.choices(list(kinds), list(kinds.values()))[0]
            made[len(made) + 1] = kind
            air.push([record(len(made), 165, kind)])
        air.slot()
    return made


def test_events_and_musings_share_blocks_and_the_track_has_its_own() -> None:
    air = Air([Ear(0, 0.0)])
    kinds = (Kind.EVENT, Kind.MUSING, Kind.REPLY, Kind.TRACK, Kind.API_CALL, Kind.THUMBNAIL)
    for number, kind in enumerate(kinds * 3, 1):
        air.push([record(number, 300, kind)])
    air.slots(80)
    lanes = {frame.block: frame.priority for frame in air.sent}
    assert Counter(lanes.values()) == {Lane.PRECIOUS: 1, Lane.ROUTINE: 1, Lane.PICTURE: 3}
    assert air.sent[0].priority == Lane.PRECIOUS


def test_a_growing_block_closes_after_so_many_frames_and_not_after_any_time() -> None:
    air = Air([Ear(0, 0.0)])
    air.ears[0].is_silent = True
    air.push([record(1)])
    air.now_ms += FLUSH_MS
    for _ in range(CLOSE_FRAMES - 1):
        air.now_ms += HOUR_MS
        frame = air.slot()
        assert frame is not None and frame.is_open
    air.slots(2)
    assert not air.sent[-1].is_open
    assert 1 in air.ears[0].heard and not list(air.ears[0].receiver.incomplete_blocks())


def test_a_half_filled_symbol_is_flushed_by_time() -> None:
    air = Air([Ear(0, 0.0)])
    air.push([record(1)])
    assert air.slot() is None
    air.now_ms += FLUSH_MS
    assert air.slot() is not None and 1 in air.ears[0].heard


def test_a_growing_block_is_repeated_when_nothing_else_waits() -> None:
    """One-way: a lost event does not wait for its block to close."""
    air = Air([Ear(0, 0.5)])
    air.ears[0].is_silent = True
    air.push([record(1, 3000, Kind.THUMBNAIL)])
    air.slots(200)  # the picture had all it needs
    air.push([record(2, 60, Kind.EVENT)])
    air.now_ms += FLUSH_MS
    air.slots(40)
    event = [frame for frame in air.sent if frame.priority == Lane.PRECIOUS]
    assert len(event) >= 40 // 5 and all(frame.is_open for frame in event)
    assert 2 in air.ears[0].heard


def test_a_record_too_large_for_a_block_leaves_nothing_behind() -> None:
    """No mission has such small frames."""
    sender = Sender(NODE, 32)
    for number in range(200):
        with pytest.raises(ValueError, match="exceeds a block"):
            sender.push(record(number, 5000, Kind.THUMBNAIL), 0)
    assert sender.outgoing_blocks == 0 and sender.next_block == 0
    sender.push(record(200, 60), 0)
    with pytest.raises(ValueError, match="exceeds a block"):
        sender.push(record(201, 5000), 0)
    assert sender.outgoing_blocks == 1 and sender.backlog_symbols() == 4


def repairs_after(air: Air, age_ms: int, kind: Kind, slots: int) -> int:
    """One block of ``kind``, then, ``age_ms`` later, endless new musings: frames of the first."""
    air.push([record(1, 3000, kind)])
    air.slots(air.sender.backlog_symbols())
    air.now_ms += FLUSH_MS
    air.slots(CLOSE_FRAMES + 2)
    first = air.sent[0].block
    air.now_ms += age_ms
    air.sent.clear()
    for number in range(2, slots + 2):
        air.push([record(number, 250)])
        air.slot()
    return sum(frame.block == first for frame in air.sent)


@pytest.mark.parametrize("kind", [Kind.API_CALL, Kind.TRACK])
def test_a_block_past_its_time_gets_no_repairs_while_anything_fresher_waits(kind: Kind) -> None:
    ttl_ms = TTL_MS[Priority.API if kind is Kind.API_CALL else Priority.TRACK]
    deaf = [Ear(0, 0.98, seed=3)]
    deaf[0].is_silent = True
    blind = Air(deaf)
    blind.sender._schedule.loss = 0.95  # known from before: far from enough
    assert repairs_after(blind, ttl_ms + 1, kind, 200) == 0
    young = Air(deaf)
    young.sender._schedule.loss = 0.95
    assert repairs_after(young, 0, kind, 200) > 0
    blind.sent.clear()
    blind.slots(9000)
    assert {frame.block for frame in blind.sent} >= {0}, "in spare slots it goes on"


def test_a_musing_is_never_past_its_time() -> None:
    air = Air([])
    air.sender._schedule.loss = 0.95
    assert repairs_after(air, 5 * HOUR_MS, Kind.MUSING, 200) > 0


def test_what_expires_is_given_back_and_nothing_else() -> None:
    air = Air([])
    made = flood(air, {Kind.TRACK: 1}, 6000, 0.9)
    back = air.sender.take_expired()
    kept = {i for b in air.sender._blocks.values() for i in b.writer.record_ids}
    assert back and len(set(back)) == len(back)
    assert set(back) | kept == set(made) and not set(back) & kept
    assert air.sender.outgoing_blocks <= OUTGOING_BLOCKS_MAX


@pytest.mark.parametrize("loss", [0.3, 0.5])
def test_with_nobody_to_hear_the_precious_arrive_though_the_channel_is_too_small(
    loss: float,
) -> None:
    """Load 1.2 of what gets through. The track thins out; the musings and events do not."""
    air = Air([Ear(0, loss)])
    air.ears[0].is_silent = True
    kinds = {Kind.EVENT: 0.05, Kind.MUSING: 0.15, Kind.TRACK: 0.8}
    made = flood(air, kinds, 3000, 1.2 * (1 - loss))
    settled = {number: kind for number, kind in made.items() if number < 0.85 * len(made)}
    total = Counter(settled.values())
    got = Counter(kind for number, kind in settled.items() if number in air.ears[0].heard)
    assert got[Kind.MUSING] >= 0.95 * total[Kind.MUSING]
    assert got[Kind.EVENT] >= 0.95 * total[Kind.EVENT]
    assert 0.25 * total[Kind.TRACK] < got[Kind.TRACK] < 0.95 * total[Kind.TRACK]


def test_with_nobody_to_hear_old_blocks_have_their_share_of_the_slots() -> None:
    air = Air([])
    flood(air, {Kind.TRACK: 1}, 400, 1.5)
    air.sent.clear()
    flood(air, {Kind.TRACK: 1}, 300, 1.5)
    repairs = sum(frame.esi >= frame.block_symbols for frame in air.sent)
    assert repairs == 300 // REPAIR_SLOT_EVERY


def test_with_nobody_to_hear_pictures_are_finished_one_after_another() -> None:
    air = Air([])
    for number in range(1, PICTURES_AHEAD + 1):
        assert air.sender.takes_pictures(air.now_ms)
        air.push([record(number, 2000, Kind.THUMBNAIL)])
        air.slots(air.sender.backlog_symbols())
    assert not air.sender.takes_pictures(air.now_ms)
    air.slots(PICTURES_AHEAD * round(10 * 3.5))
    assert air.sender.takes_pictures(air.now_ms) and air.sender.is_caught_up(air.now_ms)
    sends = Counter(frame.block for frame in air.sent)
    needed = air.sent[0].block_symbols / (1 - LOSS_ASSUMED[Lane.PICTURE])
    assert all(count > needed for count in sends.values())


def test_with_somebody_to_hear_pictures_are_taken_as_they_come() -> None:
    air = Air([Ear(0, 0.5)])
    for number in range(1, 10):
        air.push([record(number, 2000, Kind.THUMBNAIL)])
        air.slots(16)
    assert air.sender._stations and air.sender.takes_pictures(air.now_ms)


def test_the_last_symbol_number_is_used_once_and_then_the_block_is_given_up() -> None:
    air = Air([])
    air.push([record(1, 1000, Kind.THUMBNAIL)])
    air.slots(air.sender.backlog_symbols())
    block = air.sender._blocks[0]
    block.repairs = REPAIR_ESI_MAX - block.writer.symbols - 3
    air.sent.clear()
    air.slots(10)
    assert [frame.esi for frame in air.sent] == [65_532, 65_533, 65_534, 65_535]
    assert air.sender.outgoing_blocks == 0 and air.sender.take_expired() == [1]


def test_a_block_decodes_from_its_very_last_symbols() -> None:
    air = Air([Ear(0, 1.0)])
    ear = air.ears[0]
    ear.is_silent = True
    air.push([record(1, 1000, Kind.THUMBNAIL)])
    symbols = air.sender.backlog_symbols()
    air.slots(symbols)
    air.sender._blocks[0].repairs = REPAIR_ESI_MAX - 2 * symbols
    ear.loss = 0.0
    air.slots(symbols + 2)
    assert air.sent[-1].esi > REPAIR_ESI_MAX - symbols and 1 in ear.heard


def test_a_sender_that_was_never_told_anything_sends_nothing() -> None:
    sender = Sender(NODE, MTU)
    assert sender.next_frame(FrameCounter(1, 1), 1, 0) is None
    assert sender.is_caught_up(0) and sender.takes_pictures(0)


class BurstyEar(Ear):
    """Its losses come eight at a time, in the mean (Gilbert-Elliott)."""

    _is_bad: bool | None = None

    def loses(self) -> bool:
        if self._is_bad is None:
            self._is_bad = self._rng.random() < self.loss
        elif self._rng.random() < (1 if self._is_bad else self.loss / (1 - self.loss)) / 8:
            self._is_bad = not self._is_bad
        return self._is_bad


@pytest.mark.parametrize("is_silent", [True, False])
def test_losses_in_bursts_cost_little_more_than_single_ones(is_silent: bool) -> None:
    """Repairs are spread over the blocks, so that no burst takes all of one."""

    def slots(kind: type[Ear]) -> int:
        total = 0
        for seed in range(6):
            ear = kind(0, 0.5, seed)
            ear.is_silent = is_silent
            air = Air([ear])
            air.push(record(number) for number in range(1, 81))
            while len(ear.heard) < 80:
                air.slot()
            total += air.sequence
        return total

    assert slots(BurstyEar) < 1.35 * slots(Ear)
