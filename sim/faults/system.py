"""Faults of the computer itself (research/flight.md §5.9, 70 to 76)."""

from __future__ import annotations

from functools import partial

from payload.flight import PARTS
from payload.store import StoreBusyError
from sim.faults.stage import End, Fault, Stage
from sim.world import WATCHDOG_MS

HOG_EVERY_S, HOG_S = 3.0, (0.3, 1.8)
STALL_S = 600.0  # far longer than the watchdog waits


def _stall(stage: Stage) -> None:
    """SIGSTOP, or a call that does not come back: the supervisor must end it."""
    bites = stage.world.watchdog_bites
    lives = stage.world.boots
    stage.world.stall(stage.now_ms + round(STALL_S * 1000))

    def look() -> None:
        if stage.world.watchdog_bites == bites and stage.world.boots == lives:
            stage.violate("watchdog_honest", "a stalled daemon was not started again")

    stage.after(WATCHDOG_MS / 1000 + 5, look)


def _stuck_part(stage: Stage) -> None:
    stage.world.stick(stage.rng.choice(PARTS))


def _hog(stage: Stage) -> End:
    """Something else takes the processor: every step comes late."""
    def push() -> None:
        late_ms = round(1000 * stage.rng.uniform(*HOG_S))
        stage.world.stall(stage.now_ms + late_ms)

    return stage.every(HOG_EVERY_S, push)


def _second_instance(stage: Stage) -> None:
    """Somebody starts the daemon again by hand while it runs."""
    world = stage.world
    if world.store is None:
        return
    try:
        second = type(world.store)
        world.open_store()
    except StoreBusyError:
        return
    stage.violate("records_kept", f"a second {second.__name__} could be opened")


FAULTS: tuple[Fault, ...] = (
    Fault(70, "core.stall", "the daemon stops for ten minutes", _stall, (60.0, 60.0),
          ("beacon_cadence",)),
    Fault(70, "core.part_stuck", "one part makes no progress any more", _stuck_part, (60.0, 60.0)),
    Fault(72, "core.hog", "another process takes most of the processor", _hog, (60.0, 600.0)),
    Fault(76, "core.second_instance", "the daemon is started twice", partial(_second_instance)),
)
