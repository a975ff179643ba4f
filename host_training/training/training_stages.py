"""The stages of a run that train: the best of several methods, what others trained, preferences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from host_training import rows, training
from host_training.common import persona_dir
from host_training.errors import WARNING
from host_training.evaluation import bits, memorisation
from host_training.rows.dataset import Dataset
from host_training.stages import RunDir, code_hash, weights_hash
from host_training.training import graded_drafts, import_result, prefer, result, train
from host_training.training.graded_drafts import GradedMoment
from host_training.training.prefer import PreferConfig
from host_training.training.train import TrainConfig
from payload.prompt import PersonaText

Report = Callable[[str, float, str], None]  # (stage, fraction done 0..1, one line)

PAIRS_MIN = 40  # fewer say more of single lines than of what a reader wants


def best_of(run_dir: RunDir, data_name: str, base: Path, data: Dataset,
            configs: Sequence[TrainConfig], report: Report) -> Path:
    """The directory of the method that measured better."""
    best: tuple[float, Path] | None = None
    for config in configs:
        name = f"train-{config.method}"

        def build(out: Path, config: TrainConfig = config, name: str = name) -> None:
            train.train(base, data.train, data.validation, out, config,
                        lambda fraction, line: report(name, fraction, line))

        report(name, 0.0, "starting")
        # The number of threads changes the speed and the last bits of a sum, not the run.
        inputs = {"data": data_name, "base": weights_hash(base),
                  "code": code_hash(rows, training, bits),
                  "config": {k: v for k, v in asdict(config).items()
                             if k not in ("threads", "checkpoint_minutes")}}
        done = run_dir.stage(name, inputs, build)
        found = _told(name, done, report)
        if best is None or found < best[0]:
            best = found, done
    assert best is not None
    return best[1]


def adopted(run_dir: RunDir, data_dir: Path, base: Path, source: Path, report: Report) -> Path:
    """The directory of what was trained elsewhere, verified and merged here."""
    report("adopt", 0.0, "verifying")
    inputs = {"data": data_dir.name, "base": weights_hash(base),
              "source": import_result.source_hash(source),
              "code": code_hash(training, memorisation)}
    done = run_dir.stage("train-adopted", inputs,
                         lambda out: import_result.adopt(source, base, data_dir, out))
    _told("adopt", done, report)
    return done


def preferred(run_dir: RunDir, trained: Path, base: Path, graded: Sequence[GradedMoment],
              persona: PersonaText, data: Dataset, config: PreferConfig, report: Report) -> Path:
    """The directory of ``trained`` after the graded drafts; ``trained`` itself without any."""
    if not graded:
        return trained
    pairs = graded_drafts.pairs(graded, config.seed)
    if len(pairs) < PAIRS_MIN or not (trained / "adapter").is_dir():
        why = (f"{len(pairs)} pairs of a better and a worse draft, at least {PAIRS_MIN} are"
               " required" if len(pairs) < PAIRS_MIN else "only an adapter (--method lora) learns"
               " from them")
        report(WARNING, 1.0, f"{persona_dir.GRADED} is not used: {why}")
        return trained

    def build(out: Path) -> None:
        prefer.prefer(base, trained, pairs, persona, data.validation, out, config,
                      lambda fraction, line: report("prefer", fraction, line))

    inputs = {"trained": trained.name, "base": weights_hash(base),
              "pairs": [asdict(pair) for pair in pairs], "persona": asdict(persona),
              "config": {k: v for k, v in asdict(config).items() if k != "checkpoint_minutes"},
              "code": code_hash(rows, training, bits)}
    done = run_dir.stage("prefer", inputs, build)
    _told("prefer", done, report)
    return done


def _told(name: str, done: Path, report: Report) -> float:
    """Say what a finished training measured; its bits per byte of the held-out rows."""
    found = result.read(done)
    report(name, 1.0, f"{found['base_bpb']:.3f} -> {found['held_out_bpb']:.3f} bits/byte")
    return found["held_out_bpb"]
