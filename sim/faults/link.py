"""Radio link faults (docs/faults.md, 42 to 51): channel impairments and other senders."""

from __future__ import annotations

import random
from functools import partial

from sim.faults.stage import End, Fault, Stage
from wire import frames
from wire.frames import BLOCK_SYMBOLS_MAX, BlockReport, DataFrame, FeedbackFrame, FrameCounter
from wire.modems import kiss

STRIKE_EVERY_S = 0.5
REPLAY_EVERY_S = 1.0
RECORDED_MAX = 20_000
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


def _replayed(stage: Stage) -> End:
    """46: somebody has recorded the payload and plays it again, the oldest first."""
    recorder = _Recorder()
    stage.world.observers.append(recorder)
    stop = stage.every(REPLAY_EVERY_S, lambda: recorder.play(stage))

    def end() -> None:
        stop()
        stage.world.observers.remove(recorder)

    return end


class _Recorder:
    """Listens to the payload, and to nothing else."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._played = 0

    def play(self, stage: Stage) -> None:
        """One after the other, at the pace of a listening window, and any other between them."""
        if self._frames:
            next_one = self._frames[self._played % len(self._frames)]
            self._played += 1
            for frame in (next_one, stage.rng.choice(self._frames)):
                stage.world.air.ground_hears(frame)

    def on_send(self, frame: bytes) -> None:
        if len(self._frames) < RECORDED_MAX:
            self._frames.append(frame)

    def on_boot(self) -> None:
        """The recording goes on."""

    def on_step(self) -> None:
        """Nothing to hear."""

    def on_uplink(self, frame: bytes) -> None:
        """Of the payload alone."""

    def on_crash(self, error: Exception) -> None:
        """The checks note it."""


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
    if world.flight is None:
        return
    entries = tuple(BlockReport((40_000 + i) & 0xFFFF, 64, 0) for i in range(3))
    stage.issue(partial(
        FeedbackFrame, world.mission.payload.node_id, 0, loss=255,
        last_counter=FrameCounter(15, 4095), first=40_000, upto=40_003, reports=entries,
        session=world.flight.downlink.session))


# -- the radio and the weather of the channel ----------------------------------------------------


def _radio(stage: Stage, flag: str) -> End:
    """42, 43, 45: a flag of the modem, until it is over."""
    radio = stage.world.radio
    assert getattr(radio, flag) is False, flag
    setattr(radio, flag, True)
    return partial(setattr, radio, flag, False)


def _absent_at_boot(stage: Stage) -> End:
    """43: the modem is not there when the payload starts, and is plugged in later."""
    end = _radio(stage, "is_unplugged")
    stage.world.reboot()
    return end


def _faded(stage: Stage, loss: float, burst_s: float) -> End:
    """44: both directions lose this share."""
    world = stage.world
    losses = world.conditions.down_loss, world.conditions.up_loss
    legs = world.channel.down, world.channel.up
    for leg in legs:
        leg.fading.set(loss, burst_s)

    def end() -> None:
        for leg, usual in zip(legs, losses, strict=True):
            leg.fading.set(usual, world.conditions.burst_s)

    return end


def _one_way(stage: Stage, leg: str) -> End:
    """45: nothing gets through in this direction."""
    cut = getattr(stage.world.channel, leg)
    cut.is_cut = True

    def end() -> None:
        cut.is_cut = False

    return end


def _worn(stage: Stage, **rates: float) -> End:
    """46 to 48: this share of the frames in both directions arrives changed, doubled or late."""
    legs = stage.world.channel.down, stage.world.channel.up
    ends = [stage.overrides.set(leg.wear, **rates) for leg in legs]

    def end() -> None:
        for heal in ends:
            heal()

    return end


def _strangers(stage: Stage, **per_hour: float) -> End:
    """50: others are on the air, so many times an hour."""
    strangers = stage.world.strangers
    for name, rate in per_hour.items():
        setattr(strangers, name, rate)

    def end() -> None:
        for name in per_hour:
            setattr(strangers, name, 0.0)

    return end


def _kiss_noise(stage: Stage) -> End:
    """48: a serial line that gives storms of frame ends, half escapes and no end for a megabyte."""
    decoder, rng = kiss.Decoder(), stage.rng

    def strike() -> None:
        whole = rng.randbytes(40)
        decoder.feed(rng.choice((
            bytes((FEND,)) * MONSTER_BYTES, b"\xc0\x00abc\xdb", rng.randbytes(MONSTER_BYTES),
            bytes(MONSTER_BYTES), b"\xdb" * 999,
        )))
        # One frame end ends the junk; the frame behind it is whole again.
        if whole not in decoder.feed(bytes((FEND,)) + kiss.encode(whole)):
            stage.violate("queues_bounded", "a KISS frame behind junk was lost")

    return stage.every(STRIKE_EVERY_S, strike)


def _conflicting(stage: Stage) -> End:
    """49: symbols of our own blocks whose count and index contradict what we sent."""
    rng, world = stage.rng, stage.world

    def strike() -> None:
        esi = rng.choice((0, 63, 64, 65_535))
        count = rng.choice((1, 2, BLOCK_SYMBOLS_MAX))
        world.air.ground_hears(frames.encode_downlink(DataFrame(
            world.mission.payload.node_id, FrameCounter(rng.randrange(16), rng.randrange(4096)),
            rng.randrange(4), rng.randrange(8), count, esi, rng.randbytes(60), False)))

    return stage.every(STRIKE_EVERY_S, strike)


NO_RADIO = ("beacon_cadence", "callsign_told")  # it goes behind the first beacon after
FAULTS: tuple[Fault, ...] = (
    Fault(42, "radio.stuck_sending", "the end of a transmission is never reported",
          partial(_radio, flag="is_stuck_sending"), (60.0, 300.0), NO_RADIO),
    Fault(42, "radio.drops", "frames are accepted but never transmitted",
          partial(_radio, flag="drops_silently"), (60.0, 300.0),
          (*NO_RADIO, "numbers_unique")),  # their numbers are missing for whoever listens
    Fault(43, "radio.absent", "no modem at the start; it appears later", _absent_at_boot,
          (60.0, 300.0), NO_RADIO),
    Fault(43, "radio.unplugged", "the modem is unplugged and plugged in again",
          partial(_radio, flag="is_unplugged"), (60.0, 300.0), NO_RADIO),
    Fault(44, "link.half_lost", "half of all frames are lost in both directions",
          partial(_faded, loss=0.5, burst_s=6.0), (300.0, 3600.0)),
    Fault(44, "link.nearly_all_lost", "nine of ten frames are lost in long bursts",
          partial(_faded, loss=0.9, burst_s=40.0), (300.0, 1800.0)),
    Fault(45, "link.downlink_only", "nothing reaches the payload",
          partial(_one_way, leg="up"), (300.0, 3600.0)),
    Fault(45, "link.uplink_only", "nothing reaches the station",
          partial(_one_way, leg="down"), (300.0, 3600.0)),
    Fault(45, "radio.deaf", "the modem neither sends nor receives",
          partial(_radio, flag="is_deaf"), (60.0, 1200.0)),
    Fault(46, "link.doubled", "every other frame arrives twice", partial(_worn, duplicated=0.5),
          (60.0, 1200.0)),
    Fault(46, "link.reordered", "frames overtake each other", partial(_worn, reordered=0.5),
          (60.0, 1200.0)),
    Fault(46, "link.late", "frames arrive up to three hours late", partial(_worn, late=0.3),
          (60.0, 1200.0)),
    Fault(46, "link.replayed", "recorded frames of the payload are replayed", _replayed,
          (300.0, 3600.0)),
    Fault(47, "link.bit_errors", "every other frame has flipped bits", partial(_worn, flipped=0.5),
          (60.0, 1200.0)),
    Fault(48, "link.cut_and_joined", "frames arrive truncated, or two joined",
          partial(_worn, truncated=0.3, joined=0.3), (60.0, 1200.0)),
    Fault(48, "link.kiss_noise", "storms of frame ends and incomplete escapes on the modem's line",
          _kiss_noise, (10.0, 60.0)),
    Fault(50, "link.strangers", "another payload and noise, a frame every two seconds",
          partial(_strangers, foreign_per_hour=1_200.0, noise_per_hour=600.0), (120.0, 900.0)),
    Fault(47, "link.flipped", "every frame is repeated with one bit flipped", _flipped),
    Fault(48, "link.odd_frames", "empty, truncated, duplicated and oversized frames", _odd_frames),
    Fault(49, "link.unfinished", "ten thousand blocks that are never completed", _unfinished,
          (1.0, 1.0)),
    Fault(49, "link.conflicting", "contradictory symbols in the payload's name",
          _conflicting),
    Fault(50, "link.foreign", "another payload uses our format on our frequency", _foreign),
    Fault(51, "link.forged_report", "forged reports without the key acknowledge everything",
          _forged_report),
    Fault(51, "link.confused_report", "a signed report about blocks that never existed",
          _confused_report, (1.0, 1.0)),
)
