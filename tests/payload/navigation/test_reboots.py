"""Promise P7: four recorded flights, rebooted at any instant, know their phase within a minute.

Each is flown thinned, as it lies here, and whole where the recording is (tests/recordings.py).

The truth is what the same recording says without a reboot. Between touching the ground and being
told LANDED, which takes two minutes and among trees more, DESCENT and LANDED are both true.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import msgpack
import pytest

from payload.navigation.gnss import Navigation
from payload.navigation.phase import PhaseMachine
from payload.ports import GnssFix
from tests import recordings
from tests.payload.flights import FakeGnss, Row, recorded
from tests.thorough import sampled
from wire import earth
from wire.beacon import Phase

REBOOTS = 40
OFF_S = (5, 90)
SAVE_EVERY_S = 10  # as payload.flight does
RIGHT_AFTER_FIXES = 60  # one a second: promise P7
MARGIN_S = 30  # a reboot may tell launch or burst so much earlier or later
AROUND_S = 600  # reboots fall from so long before the launch to so long after the landing
CLOSE_S, SPARSE = 200, 8  # far from all that matters one fix in eight is enough, and quicker
AT_REST_M = 120.0


class Life:
    """Navigation and phase machine from one boot to the next."""

    def __init__(self, saved: dict[str, Any] | None, boot_s: int) -> None:
        self.boot_s = boot_s
        self.machine = PhaseMachine(saved, 0)
        self._gnss = FakeGnss()
        self._navigation = Navigation(self._gnss)

    def step(self, row: Row) -> None:
        now_ms = row.now_ms - self.boot_s * 1000
        if row.fix is not None:
            self._gnss.queue.append(replace(row.fix, taken_ms=now_ms))
        self._navigation.poll(now_ms, row.pressure_hpa)
        self.machine.update(self._navigation.fix, row.pressure_hpa, now_ms)

    def saved(self) -> dict[str, Any]:
        """As the store packs it."""
        return dict(msgpack.unpackb(msgpack.packb(self.machine.saved())))


@dataclass(frozen=True)
class Flown:
    """A recording and what it is without a reboot, by the second."""

    rows: list[Row]
    right: list[frozenset[Phase]]  # the phases that are true in this second
    is_close: list[bool]  # to a change
    saves: list[dict[str, Any]]  # what a cut in this second would leave behind
    changes_s: list[int]
    touch_down_s: int
    peak_m: float

    @property
    def landed_s(self) -> int:
        return self.changes_s[-1]

    def sparse(self, boot_s: int, until_s: int | None) -> Iterator[tuple[int, Row]]:
        """The rows from ``boot_s`` on, all of them near a boot and near a change."""
        end_s = min(len(self.rows), self.landed_s + AROUND_S)
        for second in range(boot_s, end_s if until_s is None else min(end_s, until_s)):
            if second < boot_s + CLOSE_S or self.is_close[second] or second % SPARSE == 0:
                yield second, self.rows[second]


@cache
def flown(path: Path) -> Flown:
    rows = list(recorded(path))
    life = Life(None, 0)
    phases, saves = [], [life.saved()]
    for second, row in enumerate(rows):
        before = life.machine.phase
        life.step(row)
        phases.append(life.machine.phase)
        is_due = second % SAVE_EVERY_S == 0 or life.machine.phase is not before
        saves.append(life.saved() if is_due else saves[-1])
    changes = [s for s in range(1, len(rows)) if phases[s] is not phases[s - 1]]
    assert [phases[s] for s in changes] == [Phase.ASCENT, Phase.DESCENT, Phase.LANDED]
    places = [(s, _place(row.fix)) for s, row in enumerate(rows) if row.fix is not None]
    _, end = places[-1]
    away_s = [s for s, place in places if earth.distance_m(place, end) > AT_REST_M][-1]
    peak_m = life.machine.peak_altitude_m
    assert peak_m is not None and changes[1] < away_s < changes[2]
    right = [{phase} for phase in phases]
    for change_s in changes:
        for second in range(change_s - MARGIN_S, change_s + MARGIN_S):
            right[second] |= {phases[change_s - 1], phases[change_s]}
    for second in range(away_s, changes[2]):
        right[second] |= {Phase.DESCENT, Phase.LANDED}
    is_close = [any(abs(s - change_s) < CLOSE_S for change_s in changes) for s in range(len(rows))]
    true = [frozenset(allowed) for allowed in right]
    return Flown(rows, true, is_close, saves, changes, away_s, peak_m)


def _place(fix: GnssFix) -> tuple[float, float]:
    assert fix.latitude_deg is not None and fix.longitude_deg is not None
    return fix.latitude_deg, fix.longitude_deg


def fly_on(flight: Flown, life: Life, until_s: int | None = None) -> None:
    """Let ``life`` live until ``until_s``; after a minute of fixes its phase must be right."""
    fixes = 0
    for second, row in flight.sparse(life.boot_s, until_s):
        life.step(row)
        fixes += row.fix is not None
        if fixes > RIGHT_AFTER_FIXES:
            phase = life.machine.phase
            assert phase in flight.right[second], (
                f"boot at {life.boot_s} s: {phase.name} at {second} s")


def cuts(flight: Flown, seed: str) -> list[tuple[int, int]]:
    """(second of the cut, seconds without power), at random and right around each change."""
    rng = random.Random(seed)
    first_s, last_s = max(30, flight.changes_s[0] - AROUND_S), flight.landed_s + AROUND_S // 2
    drawn = [rng.randrange(first_s, last_s) for _ in range(REBOOTS - 12)]
    for change_s in (*flight.changes_s, flight.touch_down_s):
        drawn += [max(30, change_s + rng.randint(-90, 10)) for _ in range(3)]
    return [(cut_s, rng.randint(*OFF_S)) for cut_s in sorted(drawn)]


@pytest.mark.parametrize("path", sampled(recordings.ALL), ids=recordings.name)
def test_a_reboot_at_forty_instants_of_a_recorded_flight(path: Path) -> None:
    """Each alone: right a minute after a fix and from there on, and LANDED at the end."""
    flight = flown(path)
    for cut_s, off_s in cuts(flight, path.name):
        life = Life(flight.saves[cut_s], cut_s + off_s)
        fly_on(flight, life)
        assert life.machine.phase is Phase.LANDED, cut_s
        is_peak_seen = not cut_s - SAVE_EVERY_S <= flight.changes_s[1] <= cut_s + off_s + 60
        if is_peak_seen and life.boot_s < flight.landed_s:
            assert life.machine.peak_altitude_m == pytest.approx(flight.peak_m, abs=60), cut_s


@pytest.mark.parametrize("path", sampled(recordings.ALL), ids=recordings.name)
def test_forty_reboots_in_one_recorded_flight(path: Path) -> None:
    """All in one flight: what a life saves is what the next one begins with."""
    flight = flown(path)
    instants = cuts(flight, path.name)
    life = Life(None, 0)
    for cut_s, off_s in instants:
        if cut_s <= life.boot_s:  # still without power
            continue
        fly_on(flight, life, cut_s)
        life = Life(life.saved(), cut_s + off_s)
    fly_on(flight, life)
    assert life.machine.phase is Phase.LANDED
