"""Commands (research/flight.md §5.9, 52 to 57): replays, floods, nonsense that is well signed."""

from __future__ import annotations

from functools import partial

from sim.faults.stage import End, Fault, Stage
from wire import auth, frames
from wire.frames import CommandFrame

FLOOD_EVERY_S = 0.01
REPLAY_EVERY_S = 2.0
AHEAD = 60_000
# Opcode and arguments as bytes: unknown, none, not a list, too many, of the wrong type, not a
# number, negative, text that is not UTF-8, a list that claims four billion elements.
NONSENSE = (
    b"\xff\x90", b"", b"\x01", b"\x01\xc0", b"\x02\x93\x01\xa1a\x02", b"\x02\x92\xa1a\x01",
    b"\x02\x92\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\xa1a", b"\x02\x92\xff\xa1a",
    b"\x02\x92\x01\xa2\xc3\x28", b"\x02\xdd\xff\xff\xff\xff", b"\x02\x92\x01\xa0",
    b"\x02\x92\x01\xd9\xc8" + b"a" * 200, b"\x01" + b"\x91" * 40,
)


def _replay(stage: Stage) -> End:
    """Every frame that the station ever sent comes again, old ones and the very last."""
    world = stage.world

    def strike() -> None:
        if world.strangers.overheard:
            world.air.payload_hears(stage.rng.choice(world.strangers.overheard))
            world.air.payload_hears(world.strangers.overheard[-1])

    return stage.every(REPLAY_EVERY_S, strike)


def _flood(stage: Stage) -> End:
    """A hundred frames a second with a bad signature and tempting counters."""
    world, rng = stage.world, stage.rng

    def strike() -> None:
        body = frames.encode_uplink(
            CommandFrame(world.mission.payload.node_id, 0, rng.randrange(1 << 32), b"\x04\x90"),
            bytes(32))
        world.air.payload_hears(body[: -auth.MAC_BYTES] + rng.randbytes(auth.MAC_BYTES))

    return stage.every(FLOOD_EVERY_S, strike)


def _counter_ahead(stage: Stage) -> None:
    """The station's counter jumps: its clock was wrong, and is put right."""
    archive = stage.world.archive
    if archive is not None:
        archive.take_counter(stage.world.air.ground_utc_ms + AHEAD * 1000, "feedback")
    _ping(stage)


def _ping(stage: Stage) -> None:
    stage.issue(partial(
        CommandFrame, stage.world.mission.payload.node_id, 0, body=b"\x01\x90"))


def _nonsense(stage: Stage) -> None:
    """Signed by the station, and not a command."""
    for number, body in enumerate(NONSENSE):
        send = partial(CommandFrame, stage.world.mission.payload.node_id, 0, body=body)
        stage.after(1 + 5 * number, partial(stage.issue, send))


FAULTS: tuple[Fault, ...] = (
    Fault(52, "commands.replay", "everything the station ever sent comes again", _replay,
          (60.0, 600.0)),
    Fault(52, "commands.counter_ahead", "the station's counter jumps by 60 000", _counter_ahead,
          (1.0, 1.0)),
    Fault(53, "commands.flood", "a hundred badly signed frames a second", _flood, (10.0, 60.0)),
    Fault(55, "commands.nonsense", "well signed bytes that are no command", _nonsense,
          (90.0, 90.0)),
)
