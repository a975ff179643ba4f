"""Feeds slices in processes of their own, several at once, and survives whatever they die of."""

from __future__ import annotations

import itertools
import multiprocessing
import pickle
import shutil
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import structlog

from tests.hostile.campaign import INPUT_CPU_S_MAX, SLICE_INPUTS, Inputs, Tally, run, shares
from tests.hostile.decoders import empty_place
from tests.hostile.finding import Finding
from tests.hostile.registry import Decoder, Tape

LOOK_S = 1.0  # between two looks at how far the processes are
DEATHS_MAX = 20  # of processes that feed one decoder; the rest of its inputs is left out then
_FORK = multiprocessing.get_context("fork")  # a child has all modules already


@dataclass(frozen=True)
class Slice:
    """Some of a decoder's inputs."""

    decoder: Decoder
    first: int
    count: int

    def tapes(self, seed: int) -> Iterator[Tape]:
        """The inputs themselves."""
        return Inputs(self.decoder, seed).numbered(self.first, self.count)


def slices(decoders: Sequence[Decoder], cases: int) -> list[Slice]:
    """``cases`` inputs in pieces, the dearest first, so that none is left alone at the end."""
    return [
        Slice(decoder, first, min(SLICE_INPUTS, share - first))
        for decoder, share in sorted(
            zip(decoders, shares(decoders, cases), strict=True), key=lambda each: -each[0].cost)
        for first in range(0, share, SLICE_INPUTS)
    ]


class Worker:
    """The process that feeds some tapes; ``folder`` is its own, and goes with it."""

    def __init__(
        self, decoder: Decoder, tapes: Callable[[], Iterator[Tape]], folder: Path
    ) -> None:
        self._decoder, self._tapes = decoder, tapes
        self._folder, self._result = folder, folder / "tally"
        self._begun = _FORK.Value("q", 0, lock=False)
        self.process: BaseProcess = _FORK.Process(target=self._feed)
        self.process.start()

    @property
    def begun(self) -> int:
        """How many inputs it has begun; the last one may be what it died of."""
        return int(self._begun.value)

    def _feed(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who supervises is told, and kills
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())

        def count() -> None:
            self._begun.value += 1

        place = self._folder / "place"
        place.mkdir(parents=True)
        tally = run(self._decoder, self._tapes(), place, count)
        self._result.write_bytes(pickle.dumps(tally))

    def tally(self) -> Tally | None:
        """What it counted; None when it died before the end."""
        self.process.join()
        try:
            tally: Tally | None = pickle.loads(self._result.read_bytes())
        except FileNotFoundError:
            tally = None
        shutil.rmtree(self._folder, ignore_errors=True)
        return tally

    def cause(self) -> str:
        """What it died of."""
        code = self.process.exitcode or 0
        if code == -signal.SIGXCPU:
            return f"took more than {INPUT_CPU_S_MAX} s of CPU time"
        name = signal.Signals(-code).name if code < 0 else f"status {code}"
        return f"ended its process with {name}"


def supervise(
    pieces: Iterable[Slice], seed: int, jobs: int,
    told: Callable[[Slice, Tally], None], looked: Callable[[int], None],
) -> None:
    """Feeds all ``pieces``; ``told`` gets what each counted, ``looked`` the inputs under way.

    A process that dies is a finding of its last input; the inputs around that are fed again.
    """
    queue, running, numbers = deque(pieces), dict[Worker, Slice](), itertools.count()
    deaths: Counter[str] = Counter()
    with empty_place() as folder:
        try:
            while queue or running:
                while queue and len(running) < jobs:
                    piece = queue.popleft()
                    worker = Worker(
                        piece.decoder, partial(piece.tapes, seed), folder / str(next(numbers)))
                    running[worker] = piece
                ended = wait([worker.process.sentinel for worker in running], LOOK_S)
                for worker in [each for each in running if each.process.sentinel in ended]:
                    piece = running.pop(worker)
                    tally = worker.tally()
                    if tally is None:
                        tally, rest = _after_death(worker, piece, seed)
                        queue.extendleft(reversed(rest))
                        deaths[piece.decoder.name] += 1
                        if deaths[piece.decoder.name] >= DEATHS_MAX:
                            queue = deque(each for each in queue if each.decoder != piece.decoder)
                    told(piece, tally)
                looked(sum(worker.begun for worker in running))
        finally:
            for worker in running:
                worker.process.kill()
                worker.process.join()


def _after_death(worker: Worker, piece: Slice, seed: int) -> tuple[Tally, list[Slice]]:
    """The finding of a process that died, and what of its slice is to be fed yet."""
    at = piece.first + max(0, worker.begun - 1)
    tape = next(Slice(piece.decoder, at, 1).tapes(seed))
    tally = Tally(inputs=1)
    tally.found(Finding(piece.decoder.name, worker.cause(), tape))
    around = (Slice(piece.decoder, piece.first, at - piece.first),
              Slice(piece.decoder, at + 1, piece.first + piece.count - at - 1))
    return tally, [each for each in around if each.count]


def feed_apart(decoder: Decoder, tape: Tape) -> list[Finding]:
    """What is found when ``tape`` is fed once, in a process of its own."""
    with empty_place() as folder:
        worker = Worker(decoder, lambda: iter([tape]), folder / "0")
        tally = worker.tally()
    return [Finding(decoder.name, worker.cause(), tape)] if tally is None else tally.findings
