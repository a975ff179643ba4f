"""The radio link (research/flight.md §5.9, 42 to 51): what the air does and others say in it."""

from __future__ import annotations

import random
from functools import partial

from sim.faults.stage import End, Fault, Stage
from wire import frames, kiss
from wire.frames import BLOCK_SYMBOLS_MAX, BlockReport, DataFrame, FeedbackFrame, FrameCounter

STRIKE_EVERY_S = 0.5
FOREIGN_NODE = 99
MONSTER_BYTES = 65_536
UNFINISHED_BLOCKS = 10_000
FEND = 0xC0


def _random_bytes(rng: random.Random, bytes_max: int) -> bytes:
    return rng.randbytes(rng.randint(0, bytes_max))


def _odd_frames(stage: Stage) -> End:
    """48: nothing, half a frame, two in one, 64 kB, storms of frame ends."""
    rng, world = stage.rng, stage.world

    def strike() -> None:
        whole = frames.encode_downlink(_data(rng, FOREIGN_NODE))
        odd = rng.choice((
            b"", whole[: rng.randrange(len(whole))], whole + whole, rng.randbytes(MONSTER_BYTES),
            bytes((FEND,)) * 300, kiss.encode(whole)[:-1] + b"\xdb", _random_bytes(rng, 300),
        ))
        world.air.payload_hears(odd)
        world.air.ground_hears(odd)

    return stage.every(STRIKE_EVERY_S, strike)


def _flipped(stage: Stage) -> End:
    """47: frames of the station and of the payload, a bit of each turned over."""
    rng, world = stage.rng, stage.world

    def strike() -> None:
        if world.strangers.overheard:
            world.air.payload_hears(_flip(rng, rng.choice(world.strangers.overheard)))
        if world.air.last_frame is not None:
            world.air.ground_hears(_flip(rng, world.air.last_frame))

    return stage.every(STRIKE_EVERY_S, strike)


def _flip(rng: random.Random, frame: bytes) -> bytes:
    at, bit = rng.randrange(len(frame)), rng.randrange(8)
    return frame[:at] + bytes((frame[at] ^ 1 << bit,)) + frame[at + 1 :]


def _foreign(stage: Stage) -> End:
    """50: somebody else flies this very format, here and now."""
    return stage.every(
        STRIKE_EVERY_S,
        lambda: stage.world.air.ground_hears(
            frames.encode_downlink(_data(stage.rng, FOREIGN_NODE))),
    )


def _data(rng: random.Random, node_id: int) -> DataFrame:
    return DataFrame(
        node_id, FrameCounter(rng.randrange(16), rng.randrange(4096)), rng.randrange(4),
        rng.randrange(1 << 16), rng.randint(1, BLOCK_SYMBOLS_MAX), rng.randrange(1 << 16),
        rng.randbytes(rng.randint(1, 60)), rng.random() < 0.3,
    )


def _unfinished(stage: Stage) -> None:
    """49: ten thousand blocks of another payload, none of which is ever finished."""
    for block in range(UNFINISHED_BLOCKS):
        frame = DataFrame(
            FOREIGN_NODE, FrameCounter(1, block & 0xFFF), 1, block, BLOCK_SYMBOLS_MAX, 0,
            b"\xff" + block.to_bytes(2, "big"), False)
        stage.world.air.ground_hears(frames.encode_downlink(frame))


def _forged_report(stage: Stage) -> End:
    """51: "I have everything", by somebody without the key."""
    def strike() -> None:
        report = FeedbackFrame(
            stage.world.mission.payload.node_id, 0, stage.rng.randrange(1 << 31), 0,
            FrameCounter(0, 4095), 0, 65_535, ())
        stage.world.air.payload_hears(frames.encode_uplink(report, stage.rng.randbytes(32)))

    return stage.every(STRIKE_EVERY_S, strike)


def _confused_report(stage: Stage) -> None:
    """51: the station itself reports on blocks that were never sent."""
    world = stage.world
    entries = tuple(BlockReport((40_000 + i) & 0xFFFF, 64, 0) for i in range(3))
    stage.issue(partial(
        FeedbackFrame, world.mission.payload.node_id, 0, loss=255,
        last_counter=FrameCounter(15, 4095), first=40_000, upto=40_003, reports=entries))


FAULTS: tuple[Fault, ...] = (
    Fault(47, "link.flipped", "every frame comes again with one bit wrong", _flipped),
    Fault(48, "link.odd_frames", "empty, cut, doubled and monstrous frames", _odd_frames),
    Fault(49, "link.unfinished", "ten thousand blocks that are never finished", _unfinished,
          (1.0, 1.0)),
    Fault(50, "link.foreign", "another payload speaks our format on our frequency", _foreign),
    Fault(51, "link.forged_report", "somebody without the key acknowledges everything",
          _forged_report),
    Fault(51, "link.confused_report", "a signed report about blocks that never were",
          _confused_report, (1.0, 1.0)),
)
