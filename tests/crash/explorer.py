"""The crash explorer: every instant of a recorded run, and what the disk may hold after it."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from tests.crash.disk import Disk, Operation, Platter
from tests.crash.disk_tap import tapped

P = TypeVar("P")
DEPTH = int(os.environ.get("SPACEPI_CRASH_DEPTH", "1"))  # 20 takes minutes and finds no more so far
reports: list[str] = []  # printed when the tests are over


@dataclass
class Recording(Generic[P]):
    """What a run did to its disk, and what had been promised when."""

    trace: list[Operation]
    promises: list[tuple[int, P]]  # (operations done before it, promise), oldest first
    before: dict[str, bytes] = field(default_factory=dict)  # what was on the disk


@dataclass(frozen=True)
class State(Generic[P]):
    """One thing that a cut may leave: ``at`` operations were done; ``promise`` had been given."""

    at: int
    draw: int
    files: dict[str, bytes]
    promise: P


@dataclass
class Findings:
    """What was explored, and every state in which a promise was broken."""

    states: int = 0
    cut_points: int = 0
    broken: list[str] = field(default_factory=list)

    def __iadd__(self, other: Findings) -> Findings:
        self.states += other.states
        self.cut_points += other.cut_points
        self.broken += other.broken
        return self

    def report(self, what: str) -> None:
        """Say it at the end of the tests."""
        reports.append(f"{what}: {self.states} crash states at {self.cut_points} cut points,"
                       f" {len(self.broken)} with a broken promise")


def explore_cut(
    disk: Disk, folder: Path, found: Findings, check: Callable[[Path], str | None]
) -> None:
    """What a power cut now may leave on ``disk``. ``check`` says which promise is broken there."""
    found.cut_points += 1
    for files in disk.states(random.Random(1), torn=2):
        left = Disk(folder)
        left.put(files)
        with tapped(left):
            wrong = check(folder)
        found.states += 1
        if wrong is not None:
            found.broken.append(wrong)


def states(recording: Recording[P], torn: int, seed: int) -> Iterator[State[P]]:
    """Every state that differs from those before it, cut by cut."""
    rng, platter = random.Random(seed), Platter(recording.before)
    seen: set[tuple[tuple[str, int], ...]] = set()
    promises = list(recording.promises)
    promise = promises.pop(0)[1]
    for at in range(len(recording.trace) + 1):
        while promises and promises[0][0] <= at:
            promise = promises.pop(0)[1]
            seen.clear()  # the same files may now be too little
        for draw, files in enumerate(platter.states(rng, torn)):
            digest = tuple(sorted((name, zlib.crc32(data)) for name, data in files.items()))
            if digest not in seen:
                seen.add(digest)
                yield State(at, draw, files, promise)
        if at < len(recording.trace):
            platter.apply(recording.trace[at])


def explore(
    recording: Recording[P], folder: Path, check: Callable[[Path, P], str | None], torn: int,
    seed: int,
) -> Findings:
    """Put every state into ``folder`` and let ``check`` say what is wrong with it, or None."""
    found, points = Findings(), set()
    for state in states(recording, torn, seed):
        disk = Disk(folder)
        disk.put(state.files)
        with tapped(disk):
            wrong = check(folder, state.promise)
        found.states += 1
        points.add(state.at)
        if wrong is not None:
            found.broken.append(f"seed {seed}, operation {state.at}, draw {state.draw}: {wrong}")
    found.cut_points = len(points)
    return found
