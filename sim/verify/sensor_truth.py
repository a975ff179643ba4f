"""The true values behind the payload's sensor readings, and its true track.

Kept outside the payload: what it says is held against this (``sim.verify.truth``). A sensor's truth
is noted at the instants at which it answered, so one that is dead has none.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from sim.balloon import AirState, Trajectory
from sim.clock import SimClock

if TYPE_CHECKING:
    from sim.world import World

# What is older is told as unknown (docs/protocol.md, Beacon state).
SENSE_AGE_MS = 10_000
PATH_SECONDS_MAX = 512


T = TypeVar("T")


class TruthLog(Generic[T]):
    """What the truth was at each answer of one sensor."""

    def __init__(self, clock: SimClock, truth: Callable[[], T]) -> None:
        self._clock = clock
        self._truth = truth
        self._answers: deque[tuple[int, T]] = deque()

    def note(self) -> None:
        """The sensor answers now."""
        self._answers.append((self._clock.now_ms, self._truth()))

    def recent(self) -> list[T]:
        """The truth at each answer of the last SENSE_AGE_MS."""
        while self._answers and self._clock.now_ms - self._answers[0][0] > SENSE_AGE_MS:
            self._answers.popleft()
        return [truth for _, truth in self._answers]


class SensorTruth:
    """What the sensors of ``world`` were shown. Inside it is the processor that is measured, where
    no chip is in the box."""

    def __init__(self, world: World) -> None:
        body = world.body
        self._air = TruthLog(world.clock, body.air)
        self._supply_mv = TruthLog(world.clock, body.supply_mv)
        has_inside = world.mission.sensors.inside != "none"
        self._inside_c = TruthLog(world.clock, body.inside_c if has_inside else body.soc_c)
        world.outside.on_answer = self._air.note
        world.power.on_answer = self._supply_mv.note
        (world.taps["inside"] if has_inside else world.board).on_answer = self._inside_c.note

    def of(self, name: str) -> list[float]:
        """The truth behind this field of a beacon, oldest first; none of a silent sensor."""
        if name == "battery_mv":
            return self._supply_mv.recent()
        if name == "inside_c":
            return self._inside_c.recent()
        airs = self._air.recent()
        return [air[0] if name == "outside_c" else air[1] / 100 for air in airs]


class TrueTrack:
    """Where a payload is, second by second."""

    def __init__(self, trajectory: Trajectory) -> None:
        self._trajectory = trajectory
        self._states: dict[int, AirState] = {}

    def between(self, from_s: float, to_s: float) -> list[AirState]:
        """The states of every whole second from the one before ``from_s`` to that after ``to_s``.
        """
        if len(self._states) > PATH_SECONDS_MAX:
            self._states.clear()
        return [self._at(second) for second in range(math.floor(from_s), math.ceil(to_s) + 1)]

    def _at(self, second: int) -> AirState:
        state = self._states.get(second)
        if state is None:
            state = self._states[second] = self._trajectory.state(second)
        return state
