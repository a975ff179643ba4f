"""Callbacks of a training: held-out bits per byte, the best weights, the time left, stopping.

After every epoch the held-out rows are measured, and the best weights so far are kept; between, a
sample of them gives a live figure. A checkpoint is written at the end of every epoch, every few
minutes, and when Ctrl-C is pressed.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from transformers import TrainerCallback

from host_training.likelihood.bits import bits_per_byte
from host_training.rows.dataset import Row
from host_training.training.bounded_memory import FreedMemory
from host_training.training.curve import Curve
from host_training.training.result import EpochResult

OnProgress = Callable[[float, str], None]  # (fraction done 0..1, one line)

LIVE_PER_EPOCH = 10
LIVE_ROWS = 24
BEST, HISTORY = "best.safetensors", "history.json"


@dataclass(frozen=True, slots=True)
class Watching:
    """When to measure, to keep and to give up."""

    epoch_ends: dict[int, int]  # step -> epoch that is done then
    patience_epochs: int
    keeps_last: bool
    checkpoint_minutes: float


class TrainingWatch(TrainerCallback):
    """Its own files make it resumable: HISTORY and BEST in ``out``."""

    def __init__(self, out: Path, held_out: list[Row], watching: Watching, report: OnProgress,
                 weights_of: Callable[[Any], dict[str, Any] | None], curve: Curve) -> None:
        """``weights_of`` gathers what is trained, on the process that writes; None on others."""
        self._out, self._held_out, self._watching = out, held_out, watching
        self._report, self._weights_of, self._curve = report, weights_of, curve
        path = out / HISTORY
        self.history: list[EpochResult] = json.loads(path.read_text()) if path.exists() else []
        self._live = ""
        self._began_s = self._saved_s = time.monotonic()
        self._began_step = 0
        self._freed = FreedMemory()
        self.is_interrupted = False

    def best(self) -> float:
        return min(entry["held_out_bpb"] for entry in self.history)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forget epochs measured after the checkpoint from which the run now goes on."""
        done = [epoch for step, epoch in self._watching.epoch_ends.items()
                if step <= state.global_step]
        self.history = [e for e in self.history if e["epoch"] in done]
        self._began_s = self._saved_s = time.monotonic()
        self._began_step = state.global_step
        self._curve.go_on_from(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        model = kwargs["model"]
        step, watching = state.global_step, self._watching
        epoch, measured = watching.epoch_ends.get(step), None
        if epoch is not None:
            self._measure(epoch, model)
            control.should_save = True
            control.should_training_stop |= self._stands_still()
        elif step % max(1, max(watching.epoch_ends) // (len(watching.epoch_ends)
                                                        * LIVE_PER_EPOCH)) == 0:
            measured = bits_per_byte(model, self._held_out[:LIVE_ROWS])
            self._live = f", held-out about {measured:.3f}"
        now_s = time.monotonic()
        left_s = self._left_s(step, state.max_steps, now_s)
        self._report(step / max(1, state.max_steps), self._line(step, state.max_steps, left_s))
        if epoch is None:
            self._curve.step(step, state.max_steps, left_s, measured)
        else:
            self._curve.epoch(step, state.max_steps, left_s, self.history[-1], model)
        if now_s - self._saved_s > 60 * watching.checkpoint_minutes:
            control.should_save = True
        if control.should_save:
            self._saved_s = now_s
        if self.is_interrupted:
            control.should_save = control.should_training_stop = True
        if args.use_cpu:
            self._freed.limit()

    def _left_s(self, step: int, n_steps: int, now_s: float) -> float:
        done = step - self._began_step
        return (now_s - self._began_s) / done * (n_steps - step) if done else 0.0

    def _line(self, step: int, n_steps: int, left_s: float) -> str:
        epochs = len(self._watching.epoch_ends)
        best = f", best {self.best():.3f} bits/byte" if self.history else ""
        return (f"epoch {epochs * step / n_steps:.1f} of {epochs}, {left_s / 60:.0f} min left"
                f"{self._live}{best}")

    def _measure(self, epoch: int, model: Any) -> None:
        measured = bits_per_byte(model, self._held_out)
        weights = None
        if self._watching.keeps_last or not self.history or measured < self.best():
            weights = self._weights_of(model)
        self.history.append(EpochResult(epoch=epoch, held_out_bpb=measured))
        if weights is not None:
            save_file(weights, self._out / "best.part")
            os.replace(self._out / "best.part", self._out / BEST)
        (self._out / "history.part").write_text(json.dumps(self.history, indent=1))
        os.replace(self._out / "history.part", self._out / HISTORY)

    def _stands_still(self) -> bool:
        since_best = [entry["held_out_bpb"] for entry in self.history].index(self.best())
        is_long = len(self.history) - 1 - since_best >= self._watching.patience_epochs
        return is_long and not self._watching.keeps_last

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Ctrl-C asks for a checkpoint and an orderly end; a second one is the ordinary one."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def on_interrupt(number: int, frame: object) -> None:
            self.is_interrupted = True
            signal.signal(signal.SIGINT, before)

        signal.signal(signal.SIGINT, on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
