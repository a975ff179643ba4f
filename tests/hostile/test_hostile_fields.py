"""Frames that are rightly made and say what no honest end would: Hypothesis draws every field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from groundstation.archive.archive import Archive
from groundstation.decode.nodes import FOREIGN_NODES_MAX
from groundstation.ground import Ground
from payload.link.uplink_gate import parse
from tests.groundstation.far_end import MISSION, START_MS, FarEnd
from tests.hostile import bounds, examples, seals
from tests.hostile.ground_decoders import read_all
from tests.hostile.test_every_decoder import few
from tests.hostile.wire_decoders import receiver_take, sender_take
from wire import commands, frames, records
from wire.blocks import symbols_max
from wire.commands import Opcode
from wire.frames import (
    BLOCK_SYMBOLS_MAX,
    BeaconFrame,
    BlockReport,
    CommandFrame,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    IdentFrame,
)
from wire.incoming import RECEIVER_BLOCKS_MAX, Receiver
from wire.records import Kind

LATE_MS = 3 * 3600 * 1000
COUNTERS = st.builds(FrameCounter, st.integers(0, 15), st.integers(0, 4095))
ENDS = st.sampled_from((0, 1, 2, 255, 256, 499, 500, 501, 502, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF))
NUMBERS = st.one_of(ENDS, st.integers(0, 0xFFFF))
SYMBOL_NUMBERS = st.one_of(st.integers(0, 70), ENDS)
LENGTHS = st.one_of(st.integers(1, 8), st.sampled_from((63, 64, 65, 255, 256)))
RAW = st.one_of(st.binary(min_size=1, max_size=60), st.just(bytes(209)), st.just(b"\xff" * 209))
SYMBOLS = st.one_of(RAW, st.builds(
    lambda pointer, number, kind: bytes((pointer,)) + bytes(pointer) + records.encode(
        examples.record(number, kind), None),
    st.integers(0, 30), st.integers(0, 2**32 - 1), st.sampled_from(Kind),
))
DATA = st.builds(
    DataFrame, node_id=st.just(7), counter=COUNTERS, priority=st.integers(0, 3), block=NUMBERS,
    block_symbols=LENGTHS, esi=SYMBOL_NUMBERS, symbol=SYMBOLS, is_open=st.booleans(),
)
DOWNLINK = st.one_of(
    DATA, DATA.map(lambda frame: frame),
    st.builds(BeaconFrame, st.sampled_from((7, 7, 9)), COUNTERS,
              st.binary(min_size=24, max_size=24), st.booleans()),
    st.builds(IdentFrame, st.integers(0, 255), st.text(max_size=40)),
)
REPORTS = st.builds(
    FeedbackFrame, node_id=st.just(7), station=st.integers(0, 20),
    counter=st.integers(0, 2**32 - 1), loss=st.integers(0, 255), last_counter=COUNTERS,
    first=NUMBERS, upto=NUMBERS, reports=st.lists(
        st.builds(BlockReport, NUMBERS, st.integers(0, 255), st.integers(0, 2**64 - 1)),
        max_size=12).map(tuple),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(max_size=20),
    st.binary(max_size=20), st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=8)),
    st.builds(msgpack.Timestamp, st.integers(-(2**40), 2**40), st.integers(0, 10**9 - 1)),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=8,
)
KEYS = sorted({key for fields in records.BODY_FIELDS.values() for key in fields})
BODIES = st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=6)), VALUES, max_size=8)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Ground]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    yield Ground(MISSION, archive, seals.UPLINK_KEY)
    archive.close()
    structlog.reset_defaults()


@few(1)
@given(st.lists(DATA, max_size=30))
def test_data_frames_with_any_fields_can_be_reported_on(heard: list[DataFrame]) -> None:
    take = receiver_take()
    for frame in heard:
        take(frames.encode_downlink(frame))


@few(1)
@given(st.sets(st.integers(0, 9)),
       st.lists(st.tuples(st.integers(1, 10), st.integers(0, 9)), max_size=4))
def test_a_block_that_is_said_to_be_shorter_than_was_heard_can_be_reported_on(
    heard: set[int], claims: list[tuple[int, int]]
) -> None:
    """First it grows, then closed frames name lengths that do not agree with it."""
    take = receiver_take()
    frame = DataFrame(7, FrameCounter(1, 5), 1, 3, 10, 0, b"\xffx", True)
    for esi in heard:
        take(frames.encode_downlink(frame._replace(esi=esi)))
    for length, esi in claims:
        closed = frame._replace(block_symbols=length, esi=esi, is_open=False)
        take(frames.encode_downlink(closed))


@few(1)
@given(st.lists(REPORTS, min_size=1, max_size=5))
def test_reports_with_any_claims_confirm_only_what_was_sent(heard: list[FeedbackFrame]) -> None:
    take = sender_take()
    for report in heard:
        take(frames.encode_uplink(report, seals.UPLINK_KEY))


@few(20)
@given(st.lists(DOWNLINK, max_size=12))
def test_a_station_survives_frames_with_any_fields(
    station: Ground, heard: list[frames.Downlink]
) -> None:
    """One station for all of them: it grows old with what it heard."""
    for at, frame in enumerate(heard):
        station.receive(frames.encode_downlink(frame), START_MS + at * 1000)
        station.next_uplink(START_MS + at * 1000 + 1)
    read_all(station.archive)


@few(20)
@given(st.lists(st.tuples(st.sampled_from(Kind), BODIES), min_size=1, max_size=6))
def test_a_page_and_its_exports_show_any_record(
    station: Ground, tmp_path: Path, said: list[tuple[Kind, dict[str, object]]]
) -> None:
    """Bodies of any shape travel the whole way: sender, frames, archive, page, files."""
    taken = station.archive.db.execute("SELECT COALESCE(MAX(record_id), 0) FROM record")
    number = int(taken.fetchone()[0]) + 1
    width = examples.MTU - 14
    for at, (kind, body) in enumerate(said):
        packed = records.encode(examples.record(number + at, kind, {**body, "n": at}), None)
        pieces = [packed[i : i + width] for i in range(0, len(packed), width)]
        for esi, piece in enumerate(pieces):
            pointer = b"\0" if esi == 0 else b"\xff"
            frame = DataFrame(7, FrameCounter(1, 5), 1, (number + at) & 0xFFFF, len(pieces) + 1,
                              esi, pointer + piece, True)
            station.receive(frames.encode_downlink(frame), START_MS + number + at)
    count = station.archive.db.execute("SELECT COUNT(*) FROM record").fetchone()[0]
    assert count >= number - 1 + len(said), "a record was not read"
    read_all(station.archive, tmp_path / "out")


@few(1)
@given(st.sampled_from(Opcode), st.one_of(VALUES, st.lists(SCALARS, max_size=3)))
def test_commands_with_any_arguments_are_commands_or_a_reason(
    opcode: Opcode, arguments: object
) -> None:
    command = parse(CommandFrame(7, 0, 1, bytes((opcode,)) + msgpack.packb(arguments)))
    if isinstance(command, str):
        assert 0 < len(command) <= 80
        records.pack_body({"why": command})
    else:
        assert commands.decode(commands.encode(command)) == command


# -- a hostile evening, told one by one --------------------------------------------------------


def test_a_report_that_claims_everything_confirms_nothing_unsent() -> None:
    """Forged with the right key: all blocks there are, complete. What never left stays queued."""
    far = FarEnd(seals.UPLINK_KEY)
    far.sender.session = None  # as the claims
    sent = [far.push(Kind.THUMBNAIL, START_MS, {"image": bytes(900)}).record_id]
    while far.sender.backlog_symbols():
        far.data(START_MS)
    far.push(Kind.THUMBNAIL, START_MS, {"image": bytes(900)})
    far.push(Kind.MUSING, START_MS, {"text": "unsent"})
    for first, upto in ((0, 0xFFFF), (1, 0x7FFF), (500, 503), (7, 2)):
        claim = FeedbackFrame(7, 0, 9, 0, FrameCounter(1, 9), first, upto, ())
        confirmed = far.sender.on_report(claim, far.sequence)
        assert set(confirmed) <= set(sent)
    assert far.sender.unconfirmed_blocks == 2


def fill(receiver: Receiver, mtu: int, blocks: int) -> int:
    """Bytes held after the most that can be of a block: all but one symbol, and a coded one."""
    width, length = mtu - 14, symbols_max(mtu)
    frame = DataFrame(7, FrameCounter(1, 5), 1, 0, length, 0, b"", False)

    def pour() -> None:
        for block in range(blocks):
            for esi in (*range(length - 2), length):
                symbol = b"\xff" + (block * 64 + esi).to_bytes(4, "big") * (width // 4)
                receiver.on_data(frame._replace(block=block, esi=esi, symbol=symbol))

    return bounds.bytes_used(pour)[0]


def test_large_blocks_over_small_frames_are_bounded() -> None:
    held = fill(Receiver(60), 60, blocks=10)
    assert 300_000 < held < 10 * 100_000, "so 25 MB of the most that are kept"


@pytest.mark.thorough
def test_blocks_that_never_complete_a_thousand_times_over_are_bounded() -> None:
    """First the most that can be held of each, then a thousand beginnings."""
    receiver = Receiver(examples.MTU)
    frame = DataFrame(7, FrameCounter(1, 5), 1, 0, BLOCK_SYMBOLS_MAX, 0, b"\xffx", False)
    held = fill(receiver, examples.MTU, RECEIVER_BLOCKS_MAX + 20)
    assert 1 << 20 < held < 16 << 20, held
    for block in range(RECEIVER_BLOCKS_MAX, 1000):
        receiver.on_data(frame._replace(block=block))
    assert len(list(receiver.incomplete_blocks())) == RECEIVER_BLOCKS_MAX
    assert receiver.abandoned_blocks == 1000 - RECEIVER_BLOCKS_MAX


@pytest.mark.parametrize("step", [0xFFFE, 0x7FFF, 300])
def test_a_block_number_far_ahead_costs_no_more_work_than_the_next_one(step: int) -> None:
    """All the numbers there are in one jump, and in many."""
    receiver = Receiver(examples.MTU)
    made = [DataFrame(7, FrameCounter(1, 5), 1, block, 2, 0, b"\xffx", False)
            for block in range(0, 0xFFFF, step)]
    lines = bounds.lines_run(lambda: [receiver.on_data(frame) for frame in made])
    assert lines < len(made) * 1000, lines
    assert len(list(receiver.incomplete_blocks())) <= RECEIVER_BLOCKS_MAX


def test_three_hours_late_twice_and_backwards_it_is_the_same_flight(station: Ground) -> None:
    """A recording of the whole flight played three hours later changes nothing."""
    for at, data in enumerate(examples.flight()):
        station.receive(data, START_MS + at * 1000)
    before = station.archive.db.execute("SELECT * FROM record ORDER BY id").fetchall()
    for at, data in enumerate((*examples.flight(), *examples.flight()[::-1])):
        station.receive(data, START_MS + LATE_MS + at * 1000)
    assert station.archive.db.execute("SELECT * FROM record ORDER BY id").fetchall() == before
    read_all(station.archive)


def test_other_payloads_are_counted_and_cost_no_memory(station: Ground) -> None:
    """Two hundred strangers on our frequency, with our format."""
    for node_id in range(8, 208):
        frame = DataFrame(node_id, FrameCounter(1, 5), 1, 3, 2, 0, b"\xffx", True)
        station.receive(frames.encode_downlink(frame), START_MS + node_id)
    tally = dict(station.archive.db.execute("SELECT name, value FROM tally").fetchall())
    assert tally == {"too_many_nodes": 200 - FOREIGN_NODES_MAX}
    assert station.next_uplink(START_MS + 300) is None
