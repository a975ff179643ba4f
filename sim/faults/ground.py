"""The ground station (research/flight.md §5.9, 78 to 81): its clock, its readers, its noise."""

from __future__ import annotations

import json

from groundstation.reader import FlightReader
from sim.faults.stage import End, Fault, Stage

CLOCK_ERRORS_MS = (-86_400_000 * 3, 86_400_000 * 365 * 10, 3_600_000)
NOISE_BYTES, NOISE_FRAME_BYTES = 10_000_000, 65_536
NOISE_EVERY_S = 0.2
PAGE_EVERY_S = 0.1
PAGE_BYTES_MAX = 2_000_000
ENTRIES = 50
RESTART_S = 60.0


def _wrong_clock(stage: Stage) -> End:
    """78: the computer of the station is days or years out."""
    stage.world.air.ground_offset_ms = stage.rng.choice(CLOCK_ERRORS_MS)

    def end() -> None:
        stage.world.air.ground_offset_ms = 0

    return end


def _noise(stage: Stage) -> End:
    """79: ten megabytes of random bytes, in frames of every length."""
    left = NOISE_BYTES

    def strike() -> None:
        nonlocal left
        if left > 0:
            frame = stage.rng.randbytes(stage.rng.randint(0, NOISE_FRAME_BYTES))
            left -= len(frame)
            stage.world.air.ground_hears(frame)

    return stage.every(NOISE_EVERY_S, strike)


def _flooded_page(stage: Stage) -> End:
    """80: a page that asks for everything ten times a second."""
    reader = FlightReader(stage.world.archive_path, stage.world.mission)

    def ask() -> None:
        answer = {"flight": reader.flight(), "entries": reader.entries(None, ENTRIES)}
        size = len(json.dumps(answer))
        if size > PAGE_BYTES_MAX:
            stage.violate("queues_bounded", f"the page was given {size} bytes")

    stop = stage.every(PAGE_EVERY_S, ask)

    def end() -> None:
        stop()
        reader.close()

    return end


def _silent_page(stage: Stage) -> End:
    """80: hours of silence: the page still answers, and says how old everything is."""
    channel = stage.world.channel
    channel.down.is_cut = True
    reader = FlightReader(stage.world.archive_path, stage.world.mission)

    def end() -> None:
        channel.down.is_cut = False
        if not json.dumps(reader.flight()):
            stage.violate("no_crash", "the page has nothing to say in silence")
        reader.close()

    return end


def _restart(stage: Stage) -> None:
    """The station's process is killed and comes back; what it hears twice is kept once."""
    stage.world.restart_ground(RESTART_S)


FAULTS: tuple[Fault, ...] = (
    Fault(78, "ground.wrong_clock", "the station's computer has the wrong date", _wrong_clock,
          (120.0, 1200.0)),
    Fault(79, "ground.noise", "ten megabytes of random bytes", _noise, (120.0, 120.0)),
    Fault(80, "ground.flooded_page", "the page is asked for ten times a second", _flooded_page,
          (10.0, 60.0)),
    Fault(80, "ground.silent_page", "the page is open through hours of silence", _silent_page,
          (600.0, 10_800.0)),
    Fault(81, "ground.restart", "the station is killed and comes back a minute later", _restart,
          (RESTART_S, RESTART_S)),
)
