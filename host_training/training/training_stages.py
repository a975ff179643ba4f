"""The stages of a run that train: a method, what others trained, preferences, the reranker."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from host_training import likelihood, rows, training
from host_training.common import persona_dir
from host_training.errors import WARNING
from host_training.likelihood import bits
from host_training.rows.dataset import Dataset
from host_training.stages import RunDir, code_hash, weights_hash
from host_training.training import (
    graded_drafts,
    import_result,
    prefer,
    reranker_fit,
    result,
    train,
)
from host_training.training.graded_drafts import GradedMoment
from host_training.training.prefer import PreferConfig
from host_training.training.reranker_fit import RerankerResult
from host_training.training.train import TrainConfig
from payload.mind import reranker
from payload.mind.reranker import Reranker
from payload.prompt import PersonaText
from wire.bundle import RERANKER

Report = Callable[[str, float, str], None]  # (stage, fraction done 0..1, one line)

MEASURED = "measured.json"  # beside the reranker
PAIRS_MIN = 40  # fewer say more of single lines than of what a reader wants


@dataclass(frozen=True, slots=True)
class FittedReranker:
    """``reranker.json``, and what it does for moments held out."""

    path: Path
    measured: RerankerResult

    def load(self) -> Reranker:
        """What the file says."""
        return reranker.parse(self.path.read_bytes())


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
              "code": code_hash(rows, training, likelihood)}
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


def reranked(run_dir: RunDir, graded: Sequence[GradedMoment], report: Report
             ) -> FittedReranker | None:
    """The reranker of graded drafts; None where they are few or it does not help."""
    moments = reranker_fit.graded_only(graded)
    if len(moments) < reranker_fit.MOMENTS_MIN:
        return None

    def build(out: Path) -> None:
        (out / RERANKER).write_bytes(reranker_fit.fit(moments).json_bytes())
        (out / MEASURED).write_text(json.dumps(reranker_fit.held_out(moments)))

    inputs = {"moments": [asdict(moment) for moment in moments],
              "code": code_hash(reranker_fit, reranker)}
    done = run_dir.stage("rerank", inputs, build)
    found: RerankerResult = json.loads((done / MEASURED).read_text())
    helps = found["kept_reranked"] > found["kept"]
    report("rerank", 1.0, f"of {found['moments']} moments held out, a reader keeps the first draft"
           f" of {found['kept']:.0%}, reranked of {found['kept_reranked']:.0%}"
           + ("" if helps else "; the model's own order stays"))
    return FittedReranker(done / RERANKER, found) if helps else None


def _told(name: str, done: Path, report: Report) -> float:
    """Say what a finished training measured; its bits per byte of the held-out rows."""
    found = result.read(done)
    report(name, 1.0, f"{found['base_bpb']:.3f} -> {found['held_out_bpb']:.3f} bits/byte")
    return found["held_out_bpb"]
