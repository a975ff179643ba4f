"""Likeness of personas to four authors, each trained as a LoRA on SmolLM2-135M and evaluated.

Each is trained with the code of ``spacepi-train run``. The base alone and the base with a prompt
are the rivals, the other three authors the floor, the author's own unseen pages the ceiling. All
are measured as quantised files, at two levels, on the same passages. One author takes about an hour
and a half of one core; every step is kept in ``out_dir/persona/NAME`` under the hash of its inputs,
and a run that was interrupted goes on.
Without ``../shared/data/authors``, or without the base, there is nothing to measure.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
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
from host_training.errors import TrainingError
from host_training.evaluation import generation, memorisation
from host_training.evaluation.generation import every_draft
from host_training.gguf import export
from host_training.gguf.metadata import gguf_facts
from host_training.likelihood import bits
from host_training.quantisation import imatrix, quantise
from host_training.rows import canaries, dataset
from host_training.stages import RunDir, code_hash, weights_hash
from host_training.training import known_bases, train
from payload import prompt
from wire.bundle import file_sha256
from wire.sampling import Sampling

ROOT = Path(__file__).resolve().parent.parent
AUTHORS = ROOT.parent / "shared" / "data" / "authors"

QUANTS = ("Q5_0", "IQ4_NL")  # what flies, and a level below
CONFIG = train.TrainConfig("lora", epochs=1, lora_rank=16)  # what `make train` trains Edda with
RIVALS = ("base", "prompt", "page", "lora")  # by name how each is asked, see _rows
PAGES = range(5)  # pages tried before a passage; the best on the validation passages is taken
CALIBRATION_ROWS = 60
EVERY = 3  # of the test and of the validation passages, one is measured
THREADS = len(os.sched_getaffinity(0))
SAMPLING = Sampling(max_tokens=80, drafts=4)  # of a passage, all judged; it has at most 200 bytes

Report = Callable[[str], None]


def run(out_dir: Path) -> list[Figure]:
    """The rows of all authors; the table goes to the terminal, the plots to ``out_dir``."""
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    began_s = time.monotonic()
    books = sorted(AUTHORS.glob("*.txt.xz"))
    if not books:
        return []
    try:
        base = known_bases.resolve(known_bases.DEFAULT, print)
    except TrainingError as error:
        print(f"persona: not measured. {error}")
        return []
    results = {}
    for path in books:
        name = path.name.split(".")[0]

        def report(line: str, name: str = name) -> None:
            print(f"{time.monotonic() - began_s:6.0f} s  {name}: {line}", flush=True)

        results[name] = measure(path, base, RunDir(out_dir / "persona" / name), report)
    return persona_table.rows(results, QUANTS, out_dir)


def measure(path: Path, base: Path, run_dir: RunDir, report: Report) -> dict[str, Any]:
    """Everything ``persona_table`` needs of one author.

    ``{"test": [text], "sessions": [number], "unseen": [[session, text]], "trained": [document],
    quant: {rival: {"bits": [...], "lines": [[text]], "exposures": {times: [bits]}}}}``; bits and
    lines are in the order of the test passages, ``unseen`` are all that nobody was trained on.
    """
    author = persona_text.read_author(path)
    asker = Asker(AutoTokenizer.from_pretrained(base, local_files_only=True), author)
    inputs = {"author": file_sha256(path), "base": weights_hash(base),
              "code": code_hash(persona_text, persona_rows, base_text, dataset, canaries,
                                prompt, memorisation)}
    models = {"base": base,
              "lora": _tuned(run_dir, base, author, asker, inputs, report) / "merged"}
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
                   f" {sum(map(len, found['lines']))} lines")
    return measured


def _tuned(run_dir: RunDir, base: Path, author: AuthorSplit, asker: Asker, inputs: dict[str, Any],
           report: Report) -> Path:
    rows = asker.training(author.train, CONFIG.seed)
    chosen_by = [words_only(row) for row in _rows(asker, "lora", author.validation[::EVERY])]

    def build(out: Path) -> None:
        last = [0.0]

        def progress(share: float, line: str) -> None:
            if share - last[0] >= 0.1:
                last[0] = share
                report(f"training {share:.0%}, {line}")

        report(f"training on {sum(len(r.input_ids) for r in rows):,} tokens")
        train.train(base, rows, chosen_by, out, CONFIG, progress)

    depends_on = {**inputs, "config": repr(CONFIG), "code": code_hash(training)}
    return run_dir.stage(f"{author.name}-lora", depends_on, build)


def _quantised(run_dir: RunDir, author: AuthorSplit, asker: Asker, name: str, model_dir: Path,
               inputs: dict[str, Any], report: Report) -> dict[str, Path]:
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

    depends_on = {**inputs, "model": weights_hash(model_dir), "quants": QUANTS,
                  "rows": CALIBRATION_ROWS, "code": code_hash(gguf, quantisation)}
    done = run_dir.stage(f"{author.name}-{name}-gguf", depends_on, build)
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
        found = {"bits": bits.gguf_row_bits(file, rows).tolist(),
                 "lines": every_draft(file, rows, SAMPLING, seed=1, threads=THREADS),
                 "exposures": memorisation.exposures(file, asker.builder, seed=1, threads=THREADS)}
        (out / "measured.json").write_text(json.dumps(found))

    depends_on = {**inputs, "file": file_sha256(file), "rows": [row.input_ids for row in rows],
                  "sampling": asdict(SAMPLING),
                  "measures": code_hash(bits, generation)}
    done = run_dir.stage(name, depends_on, build)
    found: dict[str, Any] = json.loads((done / "measured.json").read_text())
    return found


def _best_page(author: AuthorSplit, asker: Asker, base: Path) -> int:
    """The page that helps the base most: a prompt somebody took pains over."""
    chosen_by = author.validation[::EVERY]
    return min(PAGES, key=lambda n: bits.gguf_bits_per_byte(
        base, _rows(asker, "page", chosen_by, n)))
