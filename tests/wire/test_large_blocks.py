"""Small frames: one record may need more symbols than a report can show, and still comes home."""

import random

import pytest

from tests.wire.air import KEY, MTU, NODE, Air, Ear, record
from wire.blocks import symbols_max
from wire.bodies import BODY_BYTES_MAX
from wire.erasure_code import BLOCK_SYMBOLS_MAX as CODE_SYMBOLS_MAX
from wire.frames import (
    BLOCK_SYMBOLS_MAX,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    decode_uplink,
    encode_uplink,
)
from wire.incoming import Receiver
from wire.outgoing import Lane
from wire.records import Kind, Record, TimeQuality, pack_body
from wire.transfer import Sender

SMALL = 60  # the smallest that a mission allows, signed
LARGEST = BODY_BYTES_MAX - 9


@pytest.mark.parametrize("mtu", [SMALL, 64, 100, 142, 143, MTU, 255])
@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.THUMBNAIL])
def test_any_record_fits_a_block_of_any_mission(mtu: int, kind: Kind) -> None:
    """Found while reading: a picture of 4 kB was set aside where frames have 64 bytes."""
    sender = Sender(NODE, mtu)
    body = {"text": random.Random(1).randbytes(LARGEST)}
    assert len(pack_body(body)) == BODY_BYTES_MAX
    late = Record((1 << 32) - 1, kind, (1 << 32) - 1, 1 << 52, TimeQuality.NONE, body)
    sender.push(late, 0)
    assert sender.backlog_symbols() <= symbols_max(mtu) <= CODE_SYMBOLS_MAX
    assert (symbols_max(mtu) > BLOCK_SYMBOLS_MAX) == (mtu < 143)


@pytest.mark.parametrize("has_feedback", [True, False])
@pytest.mark.parametrize("loss", [0.0, 0.4])
def test_pictures_and_lines_come_home_over_small_frames(loss: float, has_feedback: bool) -> None:
    ear = Ear(0, loss, mtu_bytes=SMALL)
    ear.is_silent = not has_feedback
    air, made = Air([ear], mtu_bytes=SMALL), 0
    for size in (4096, LARGEST, 2000):
        for kind in (Kind.THUMBNAIL, Kind.MUSING, Kind.TILE):
            made += 1
            air.push([record(made, 60 if kind is Kind.MUSING else size, kind)])
    while len(ear.heard) < made or (has_feedback and air.sender.unconfirmed_blocks):
        air.slot()
        assert air.sequence < 4000
    assert max(frame.block_symbols for frame in air.sent) == 179
    assert not has_feedback or len(air.confirmed) == made


def test_of_a_large_block_only_what_a_report_shows_is_resent_as_it_is() -> None:
    ear = Ear(0, 0.0, mtu_bytes=SMALL)
    ear.is_silent = True
    air = Air([ear], mtu_bytes=SMALL)
    air.push([record(1, LARGEST, Kind.THUMBNAIL)])
    length = air.sender.backlog_symbols()
    lost = {3, 63, 64, *range(100, 120)}
    for esi in range(length):
        ear.loss = float(esi in lost)
        air.slot()
    report = ear.report()
    assert report is not None and report.reports[0].deficit == len(lost)
    assert report.reports[0].have == (1 << 64) - 1 - (1 << 3) - (1 << 63)
    air.tell(report)
    assert air.sender._blocks[0].needs[0].deficit == len(lost)
    air.slots(len(lost))
    again = [frame.esi for frame in air.sent[length:]]
    assert [esi for esi in again if esi < length] == [3, 63] and len(set(again)) == len(lost)
    assert set(ear.heard) == {1}, "with not one frame more than it lacked"


def test_a_station_that_lacks_most_of_a_large_block_can_say_so() -> None:
    receiver = Receiver(SMALL)
    receiver.on_data(DataFrame(NODE, FrameCounter(1, 1), 2, 0, 179, 178, b"\xffx", False))
    told = receiver.report()
    assert told is not None
    frame = FeedbackFrame(NODE, 0, 16, 0, FrameCounter(1, 1), *told)
    assert decode_uplink(encode_uplink(frame, KEY), KEY) == frame
    assert (told[2][0].deficit, told[2][0].have) == (178, 0)


def test_an_event_that_needs_a_large_block_shares_it_with_nobody() -> None:
    ear = Ear(0, 0.0, mtu_bytes=SMALL)
    air = Air([ear], mtu_bytes=SMALL)
    air.push([record(1, 60, Kind.EVENT), record(2, 6000, Kind.EVENT)])
    air.slots(200)
    air.push([record(3, 60, Kind.EVENT)])
    air.slots(200)
    assert set(ear.heard) == {1, 2, 3}
    sizes = {frame.block: frame.block_symbols for frame in air.sent}
    assert len(sizes) == 3 and max(sizes.values()) > BLOCK_SYMBOLS_MAX
    assert {frame.priority for frame in air.sent} == {Lane.PRECIOUS}
    assert all(frame.block_symbols <= BLOCK_SYMBOLS_MAX for frame in air.sent if frame.is_open)


@pytest.mark.parametrize(("mtu", "length", "is_open"), [
    (SMALL, 180, False), (SMALL, 65, True), (MTU, 65, False), (MTU, 65, True),
])
def test_a_block_larger_than_any_record_needs_is_nobodys(
    mtu: int, length: int, is_open: bool
) -> None:
    receiver = Receiver(mtu)
    for size in (length, length - 1):  # the just-invalid, then the largest that can be
        receiver.on_data(DataFrame(NODE, FrameCounter(1, 1), 0, 0, size, 0, b"\xffx", is_open))
        assert receiver.stray_frames == 1
