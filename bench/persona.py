"""Likeness of personas to four authors, each trained from the tiny base and evaluated.

On each author a LoRA and a full tuning are made with the code of ``spacepi-train run``; of the
ways to train, the one that is better on the validation passages is taken. The base alone and the
base with a prompt are the rivals, the other three authors the floor, the author's own unseen pages
the ceiling. All are measured as quantised files, at two levels, on the same passages. One author
takes about twenty minutes of one core; every step is kept in ``out_dir/persona`` under the hash of
its inputs, and a run that was interrupted goes on.
Without ``../shared/data/authors`` there is nothing to measure.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from bench import persona_rows, persona_table, persona_text
from bench.persona_rows import Asker, words_only
from bench.persona_text import AuthorSplit, Passage
from bench.report import Figure
from host_training import gguf, quantisation, training
from host_training.codec import base_text
from host_training.evaluation import bits, generation, memorisation
from host_training.evaluation.generation import speak
from host_training.gguf import export
from host_training.gguf.metadata import gguf_facts
from host_training.quantisation import imatrix, quantise
from host_training.rows import dataset
from host_training.stages import RunDir, code_hash, weights_hash
from host_training.training import train
from payload import prompt
from wire.bundle import file_sha256
from wire.sampling import Sampling

ROOT = Path(__file__).resolve().parent.parent
BASE = ROOT / "host_training" / "base_model"
AUTHORS = ROOT.parent / "shared" / "data" / "authors"

QUANTS = ("Q8_0", "Q4_K_M")
ONCE: dict[str, Any] = {"epochs": 1, "batch_rows": 8, "threads": 1}
CONFIGS = {  # the ways that are tried; three epochs are what `run` does unless it is told
    "lora": (train.TrainConfig("lora", **ONCE), train.TrainConfig("lora", threads=1)),
    "full": (train.TrainConfig("full", **ONCE),),
}
RIVALS = ("base", "prompt", "page", "lora", "full")  # by name how each is asked, see _row
PAGES = range(5)  # pages tried before a passage; the best on the validation passages is taken
CALIBRATION_ROWS = 60
EVERY = 3  # of the test and of the validation passages, one is measured
LINES = 480  # said by every rival, to be judged
SAMPLING = Sampling(max_tokens=80)  # a passage has at most 200 bytes


def run(out_dir: Path) -> list[Figure]:
    """The rows of all authors; the table goes to the terminal, the plots to ``out_dir``."""
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    began_s = time.monotonic()
    results = {}
    for path in sorted(AUTHORS.glob("*.txt.xz")):
        name = path.name.split(".")[0]

        def report(line: str, name: str = name) -> None:
            print(f"{time.monotonic() - began_s:6.0f} s  {name}: {line}", flush=True)

        results[name] = measure(path, RunDir(out_dir / "persona"), report)
    return persona_table.rows(results, out_dir)


def measure(path: Path, run_dir: RunDir, report: Any) -> dict[str, Any]:
    """Everything ``persona_table`` needs of one author.

    ``{"test": [text], "sessions": [number], "unseen": [[session, text]], "trained": [document],
    quant: {rival: {"bits": [...], "lines": [...], "exposures": {times: [bits]}}}}``; bits are in
    the order of the test passages, ``unseen`` are all that nobody was trained on.
    """
    author = persona_text.read_author(path)
    asker = Asker(AutoTokenizer.from_pretrained(BASE, local_files_only=True), author)
    inputs = {"author": file_sha256(path), "base": weights_hash(BASE),
              "code": code_hash(persona_text, persona_rows, base_text, dataset, prompt,
                                memorisation)}
    models = {"base": BASE}
    for method, configs in CONFIGS.items():
        tried = [_tuned(run_dir, author, asker, config, inputs, report) for config in configs]
        models[method] = _better(tried) / "merged"
    files = {name: _quantised(run_dir, author, asker, name, model, inputs, report)
             for name, model in models.items()}
    test = author.test[::EVERY]
    page = _best_page(author, asker, files["base"][QUANTS[0]])
    measured: dict[str, Any] = {
        "test": [p.text for p in test], "sessions": [p.session for p in test],
        "unseen": [(p.session, p.text) for p in author.test], "trained": author.documents,
        **{quant: {} for quant in QUANTS}}
    for quant in QUANTS:
        for rival in RIVALS:
            file = files.get(rival, files["base"])[quant]
            rows = _rows(asker, rival, test, page)
            measured[quant][rival] = found = _measured(
                run_dir, f"{author.name}-{rival}-{quant}", file, rows, asker, inputs)
            report(f"{quant} {rival}: {sum(found['bits']) / bits.label_bytes(rows):.3f} bits/byte,"
                   f" {len(found['lines'])} lines")
    return measured


def _tuned(run_dir: RunDir, author: AuthorSplit, asker: Asker, config: train.TrainConfig,
           inputs: dict[str, Any], report: Any) -> Path:
    method = config.method
    rows = asker.training(author.train, config.seed)
    chosen_by = [words_only(row) for row in _rows(asker, "lora", author.validation[::EVERY])]

    def build(out: Path) -> None:
        last = [0.0]

        def progress(share: float, line: str) -> None:
            if share - last[0] >= 0.2:
                last[0] = share
                report(f"{method} {share:.0%}, {line}")

        report(f"{method}, {config.epochs} x {sum(len(r.input_ids) for r in rows):,} tokens")
        train.train(BASE, rows, chosen_by, out, config, progress)

    asked = {**inputs, "config": repr(config),
             "code": code_hash(training)}
    return run_dir.stage(f"{author.name}-{method}", asked, build)


def _better(tried: Sequence[Path]) -> Path:
    """The one with fewer bits on the validation passages, whatever the test ones would say."""
    return min(tried, key=lambda out: json.loads((out / "result.json").read_text())["held_out_bpb"])


def _quantised(run_dir: RunDir, author: AuthorSplit, asker: Asker, name: str, model_dir: Path,
               inputs: dict[str, Any], report: Any) -> dict[str, Path]:
    def build(out: Path) -> None:
        report(f"{name}: {', '.join(QUANTS)}")
        export.export_gguf(model_dir, out / "F16.gguf", name)
        model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32,
                                                     local_files_only=True)
        rows = asker.training(author.train, seed=1)[:CALIBRATION_ROWS]
        architecture = gguf_facts(out / "F16.gguf")["architecture"]
        weights = imatrix.importance(model, rows, architecture)
        for quant in QUANTS:
            quantise.quantise(out / "F16.gguf", out / f"{quant}.gguf", quant, weights)

    asked = {**inputs, "model": weights_hash(model_dir), "quants": QUANTS,
             "rows": CALIBRATION_ROWS, "code": code_hash(gguf, quantisation)}
    done = run_dir.stage(f"{author.name}-{name}-gguf", asked, build)
    return {quant: done / f"{quant}.gguf" for quant in QUANTS}


def _rows(asker: Asker, rival: str, passages: Sequence[Passage], page: int = 0
          ) -> list[dataset.Row]:
    """The passages as ``rival`` is asked for them."""
    if rival == "base":
        return [asker.bare(passage) for passage in passages]
    if rival == "page":
        return [asker.after_page(passage, page) for passage in passages]
    rows = [asker.in_flight(passage) for passage in passages]
    assert all(rows), "a passage is always short enough"
    return [words_only(row) for row in rows if row]


def _measured(run_dir: RunDir, name: str, file: Path, rows: Sequence[dataset.Row], asker: Asker,
              inputs: dict[str, Any]) -> dict[str, Any]:
    """Bits of every row, what is said to them, and the exposure of the canaries."""
    def build(out: Path) -> None:
        said = speak(file, rows, LINES, SAMPLING, seed=1, threads=1)
        found = {"bits": bits.gguf_row_bits(file, rows).tolist(),
                 "lines": said.lines,
                 "exposures": memorisation.exposures(file, asker.builder, seed=1, threads=1)}
        (out / "measured.json").write_text(json.dumps(found))

    asked = {**inputs, "file": file_sha256(file), "rows": [row.input_ids for row in rows],
             "lines": LINES, "sampling": asdict(SAMPLING),
             "measures": code_hash(bits, generation)}
    done = run_dir.stage(name, asked, build)
    found: dict[str, Any] = json.loads((done / "measured.json").read_text())
    return found


def _best_page(author: AuthorSplit, asker: Asker, base: Path) -> int:
    """The page that helps the base most: a prompt somebody took pains over."""
    chosen_by = author.validation[::EVERY]
    return min(PAGES, key=lambda n: bits.gguf_bits_per_byte(
        base, _rows(asker, "page", chosen_by, n)))
