"""Millions of inputs over the list of decoders: how many each gets, which they are, what came.

An input is a tape for a fresh decoder. Which tape it is depends on the seed, the decoder's name and
the input's number only, not on how the work was cut into slices or on how fast a machine is. A
slice is fed in a process of its own, so that a crash, an endless loop or a bomb of memory is a
finding like any other; ``tests.hostile.__main__`` starts those.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from tests.hostile.decoders import feed, is_understood
from tests.hostile.finding import Finding, error_of, place_of, smaller
from tests.hostile.mutations import damaged, hostile
from tests.hostile.registry import Decoder, Tape

FAMILY = 64  # a tape is drawn once, which costs as much as feeding fifty, and then damaged
DRAWN_FROM_BYTES = 4096
SLICE_INPUTS = 10_000
INPUT_CPU_S_MAX = 20  # a signal ends the process then, whatever it does
ADDED_BYTES_MAX = 1 << 30  # of address space above that of the process before its first input


@dataclass
class Tally:
    """What came of a decoder's inputs so far."""

    inputs: int = 0
    understood: int = 0
    cpu_s: float = 0.0  # drawing the inputs and feeding them
    slowest_s: float = 0.0  # CPU time of feeding one
    growth_bytes: int = 0  # of a process's memory at its peak, over one slice
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Takes in what another process counted; the same finding is kept once."""
        self.inputs += other.inputs
        self.understood += other.understood
        self.cpu_s += other.cpu_s
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.growth_bytes = max(self.growth_bytes, other.growth_bytes)
        for finding in other.findings:
            self.found(finding)

    def found(self, finding: Finding) -> None:
        """Keeps ``finding`` if it is the first one of its place."""
        if place_of(finding.error) not in {place_of(each.error) for each in self.findings}:
            self.findings.append(finding)


def shares(decoders: Sequence[Decoder], cases: int) -> list[int]:
    """How many of ``cases`` inputs each decoder gets: as cost to the power of -2/3, so that an
    expensive one gets fewer inputs and more of the time. They add up to ``cases``."""
    weights = [decoder.cost ** (-2 / 3) for decoder in decoders]
    ends = [round(cases * sum(weights[:at]) / sum(weights)) for at in range(len(weights) + 1)]
    return [end - start for start, end in pairwise(ends)]


class Inputs:
    """The inputs of one decoder under one seed, by number."""

    def __init__(self, decoder: Decoder, seed: int) -> None:
        self._decoder, self._seed = decoder, seed
        self._tapes = decoder.examples()
        self._drawn: list[Tape] = []

        @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(hostile(decoder))
        def draw(tape: Tape) -> None:
            self._drawn.append(tape)

        self._draw = draw.hypothesis.fuzz_one_input  # type: ignore[attr-defined]

    def numbered(self, first: int, count: int) -> Iterator[Tape]:
        """``count`` inputs from number ``first`` on."""
        for family in range(first // FAMILY, -(-(first + count) // FAMILY)):
            for number, tape in enumerate(self._family(family), family * FAMILY):
                if first <= number < first + count:
                    yield tape

    def _family(self, number: int) -> Iterator[Tape]:
        rng = random.Random(f"{self._seed} {self._decoder.name} {number}")
        self._drawn.clear()
        self._draw(rng.randbytes(DRAWN_FROM_BYTES))
        tape = self._drawn[0] if self._drawn else rng.choice(self._tapes)
        yield tape
        for _ in range(FAMILY - 1):
            yield damaged(self._decoder, tape, rng)


def run(
    decoder: Decoder, tapes: Iterator[Tape], place: Path, begun: Callable[[], None]
) -> Tally:
    """Feeds ``tapes``, each within its bounds; ``begun`` is called before each.

    The bounds of CPU time and memory are the process's own, and stay when this returns.
    """
    tally = Tally()
    for tape in decoder.examples():  # tables and caches of the first use are nobody's input
        feed(decoder, tape, place)
    start_bytes, start_s = _bound_memory(), time.thread_time()
    for tape in tapes:
        begun()
        _bound_time()
        fed_s = time.thread_time()
        error = None
        try:
            tally.understood += is_understood(feed(decoder, tape, place), tape)
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is a finding
            error = error_of(raised)
        tally.inputs += 1
        tally.slowest_s = max(tally.slowest_s, time.thread_time() - fed_s)
        if error is not None:
            tally.found(_reduced(decoder, tape, place, error))
    tally.cpu_s = time.thread_time() - start_s
    tally.growth_bytes = max(0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
                             - start_bytes)
    return tally


def _reduced(decoder: Decoder, tape: Tape, place: Path, error: str) -> Finding:
    def is_same(candidate: Tape) -> bool:
        _bound_time()
        try:
            feed(decoder, candidate, place)
        except Exception as raised:  # noqa: BLE001
            return place_of(error_of(raised)) == place_of(error)
        return False

    return Finding(decoder.name, error, smaller(tape, is_same))


def _bound_memory() -> int:
    """Bounds the address space from here on; the bytes in memory now."""
    total, resident = map(int, Path("/proc/self/statm").read_text().split()[:2])
    page = resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (total * page + ADDED_BYTES_MAX, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return resident * page


def _bound_time() -> None:
    """Gives the process INPUT_CPU_S_MAX seconds more from now."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(time.process_time()) + 1 + INPUT_CPU_S_MAX, hard))
