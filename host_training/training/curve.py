"""``curve.jsonl``: what can be seen of a training while it goes on, one measurement to a line.

After each epoch a few held-out lines are asked for again, so that one reads how the voice comes.
They are drawn greedily, without a random number, so that the run stays the same bit for bit.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypedDict, cast

from host_training.common.chat_template import END_OF_TURN
from host_training.rows.dataset import NO_LOSS, Row
from host_training.rows.targets import IN_FLIGHT
from host_training.training.result import EpochResult

CURVE = "curve.jsonl"
POINTS_MAX = 1000  # of a run, beside its measurements
SAMPLES = 3  # of each epoch
SAMPLE_TOKENS_MAX = 48


class CurveSample(TypedDict):
    """What the author wrote in a moment, and what the persona says in it by now."""

    written: str
    said: str


class CurvePoint(TypedDict):
    """``share`` of the run that is done, 0..1, and how many seconds the rest takes.

    ``held_out_bpb`` is of all held-out rows where ``epoch`` is a number (0: the base, untuned), of
    a few of them between two epochs, and None where nothing was measured.
    """

    step: int
    share: float
    left_s: float
    epoch: float | None
    held_out_bpb: float | None
    samples: list[CurveSample]


class Curve:
    """Writes the file of one training; a second run in the same folder continues it."""

    def __init__(self, out: Path, held_out: list[Row], tokenizer: Any) -> None:
        rows = [row for row in held_out if row.kind in IN_FLIGHT] or held_out
        self._rows = rows[:: max(1, len(rows) // SAMPLES)][:SAMPLES]
        self._tokenizer = tokenizer
        self._path = out / CURVE

    def begin(self, base_bpb: float) -> None:
        """The base before the first step, unless an interrupted run wrote of it."""
        if not self._path.exists():
            self._add({"step": 0, "share": 0.0, "left_s": 0.0, "epoch": 0.0,
                       "held_out_bpb": base_bpb, "samples": []})

    def go_on_from(self, step: int) -> None:
        """Forget what was measured after the checkpoint from which the run goes on."""
        kept = [point for point in read(self._path) if point["step"] <= step]
        partial = self._path.with_suffix(".part")
        partial.write_text("".join(json.dumps(point) + "\n" for point in kept))
        os.replace(partial, self._path)

    def step(self, step: int, n_steps: int, left_s: float, measured: float | None) -> None:
        """A step within an epoch; of a long run only some, and all that were measured."""
        if measured is not None or step % max(1, n_steps // POINTS_MAX) == 0:
            self._add({"step": step, "share": step / max(1, n_steps), "left_s": left_s,
                       "epoch": None, "held_out_bpb": measured, "samples": []})

    def epoch(self, step: int, n_steps: int, left_s: float, result: EpochResult, model: Any
              ) -> None:
        """The end of an epoch, with what the persona says by now."""
        is_whole = int(os.environ.get("WORLD_SIZE", "1")) == 1  # else nobody has all its weights
        rows = self._rows if is_whole else []
        self._add({"step": step, "share": step / max(1, n_steps), "left_s": left_s,
                   "epoch": result["epoch"], "held_out_bpb": result["held_out_bpb"],
                   "samples": [self._sample(model, row) for row in rows]})

    def _sample(self, model: Any, row: Row) -> CurveSample:
        import torch  # not for the studio, which only reads: it is slow to load
        from transformers import GenerationConfig

        was_training = model.training
        model.eval()
        prompt = row.input_ids[: next(at for at, n in enumerate(row.labels) if n != NO_LOSS)]
        end = self._tokenizer.convert_tokens_to_ids(END_OF_TURN)
        ids = torch.tensor([prompt], device=next(model.parameters()).device)
        greedy = GenerationConfig(max_new_tokens=SAMPLE_TOKENS_MAX, do_sample=False,
                                  eos_token_id=end, pad_token_id=end)
        with torch.no_grad():
            drawn = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids),
                                   generation_config=greedy)
        model.train(was_training)
        said = self._tokenizer.decode(drawn[0, len(prompt):], skip_special_tokens=True)
        return {"written": row.text, "said": " ".join(said.split())}

    def _add(self, point: CurvePoint) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")


def read(path: Path) -> list[CurvePoint]:
    """Every whole line of the file, in order; none where there is no file yet."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [cast(CurvePoint, json.loads(line)) for line in lines]
