"""Does a persona sound like its author? Four writers, each learnt by the shipped base and judged.

On each author a LoRA and a full tuning are made as ``spacepi-train run`` makes them. The base alone
and the base with a prompt are the rivals, the other three authors the floor, the author's own
unseen pages the ceiling. All are measured as quantised files, at two levels, on the same passages.
One author takes about six minutes of one core; every step is kept in ``out_dir/persona`` under the
hash of its inputs, and a run that was interrupted goes on.
Without ``../shared/data/authors`` there is nothing to measure.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from bench import persona_rows, persona_table, persona_text
from bench.persona_rows import Asker, words_only
from bench.persona_text import Author, Passage
from bench.report import Row
from host_training import base_text, dataset, export, imatrix, quantise, train
from host_training.evaluation import bits, memorisation
from host_training.stages import RunDir, code_hash, weights_hash
from payload import prompt

ROOT = Path(__file__).resolve().parent.parent
BASE = ROOT / "host_training" / "base_model"
AUTHORS = ROOT.parent / "shared" / "data" / "authors"

QUANTS = ("Q8_0", "Q4_K_M")
CONFIGS = {
    "lora": train.TrainConfig("lora", epochs=1, batch_rows=8, threads=1),
    "full": train.TrainConfig("full", epochs=1, batch_rows=8, threads=1),
}
RIVALS = ("base", "prompt", "page", "lora", "full")  # by name how each is asked, see _row
PAGES = range(5)  # pages tried before a passage; the best on the validation passages is taken
CHOOSING = 60  # validation passages
CALIBRATION_ROWS = 60
LINES = 240  # said by every rival, to be judged
TEMPERATURE, TOP_P = 0.8, 0.95  # of the flight


def run(out_dir: Path) -> list[Row]:
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
    """Every rival's bits and lines on one author: ``{quant: {rival: {bits, lines, ...}}}``.

    ``{"test": [...], "sessions": [...], "files": {...}}`` goes with it, see ``_measure``.
    """
    author = persona_text.read_author(path)
    asker = Asker(AutoTokenizer.from_pretrained(BASE, local_files_only=True), author)
    text_inputs = {"author": weights_of(path), "base": weights_hash(BASE),
                   "code": code_hash(persona_text, persona_rows, base_text, dataset, prompt,
                                     memorisation)}
    models = {"base": BASE}
    for method in CONFIGS:
        models[method] = _tuned(run_dir, author, asker, method, text_inputs, report) / "merged"
    files: dict[str, dict[str, Path]] = {}
    for name, model in models.items():
        files[name] = _quantised(run_dir, author, asker, name, model, text_inputs, report)

    def build(out: Path) -> None:
        measured = _measure(author, asker, files, report)
        (out / "measured.json").write_text(json.dumps(measured))

    inputs = {**text_inputs, "files": {n: f[QUANTS[0]].parent.name for n, f in files.items()},
              "bench": code_hash(bits), "settings": [LINES, TEMPERATURE, TOP_P, CHOOSING],
              "how": Path(__file__).read_text().split("def _measure")[1]}
    done = run_dir.stage(f"{author.name}-measured", inputs, build)
    return json.loads((done / "measured.json").read_text())


def weights_of(path: Path) -> str:
    """Hash of an author's file."""
    from wire.bundle import file_sha256

    return file_sha256(path)


def _tuned(run_dir: RunDir, author: Author, asker: Asker, method: str, inputs: dict[str, Any],
           report: Any) -> Path:
    config = CONFIGS[method]
    rows = asker.training(author.train, config.seed)
    chosen_by = [words_only(row) for row in _rows(asker, "lora", author.validation[:CHOOSING])]

    def build(out: Path) -> None:
        last = [0.0]

        def progress(share: float, line: str) -> None:
            if share - last[0] >= 0.2:
                last[0] = share
                report(f"{method} {share:.0%}, {line}")

        report(f"{method}, {sum(len(r.input_ids) for r in rows):,} tokens")
        train.train(BASE, rows, chosen_by, out, config, progress)

    asked = {**inputs, "config": repr(config), "code": code_hash(train)}
    return run_dir.stage(f"{author.name}-{method}", asked, build)


def _quantised(run_dir: RunDir, author: Author, asker: Asker, name: str, model_dir: Path,
               inputs: dict[str, Any], report: Any) -> dict[str, Path]:
    def build(out: Path) -> None:
        report(f"{name}: {', '.join(QUANTS)}")
        export.export_gguf(model_dir, out / "F16.gguf", name)
        model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32,
                                                     local_files_only=True)
        rows = asker.training(author.train, seed=1)[:CALIBRATION_ROWS]
        weights = imatrix.importance(model, rows)
        for quant in QUANTS:
            quantise.quantise(out / "F16.gguf", out / f"{quant}.gguf", quant, weights)

    asked = {**inputs, "model": weights_hash(model_dir), "quants": QUANTS,
             "rows": CALIBRATION_ROWS, "code": code_hash(export, imatrix, quantise)}
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


def _measure(author: Author, asker: Asker, files: dict[str, dict[str, Path]], report: Any
             ) -> dict[str, Any]:
    page = _best_page(author, asker, files["base"][QUANTS[0]])
    measured: dict[str, Any] = {
        "test": [p.text for p in author.test], "sessions": [p.session for p in author.test],
        "trained": author.documents, "page": page}
    for quant in QUANTS:
        measured[quant] = {}
        for rival in RIVALS:
            path = files.get(rival, files["base"])[quant]
            rows = _rows(asker, rival, author.test, page)
            costs = bits.gguf_row_bits(path, rows)
            entry: dict[str, Any] = {"bits": costs.tolist(), "file_bytes": path.stat().st_size,
                                     "lines": _lines(path, rows)}
            if rival in CONFIGS:
                entry["exposures"] = memorisation.exposures(path, asker.builder, seed=1, threads=1)
            measured[quant][rival] = entry
            report(f"{quant} {rival}: {costs.sum() / bits.label_bytes(rows):.3f} bits/byte,"
                   f" {len(entry['lines'])} lines")
    return measured


def _best_page(author: Author, asker: Asker, base: Path) -> int:
    """The page that helps the base most: a prompt somebody took pains over."""
    chosen_by = author.validation[:CHOOSING]
    return min(PAGES, key=lambda n: bits.gguf_bits_per_byte(
        base, _rows(asker, "page", chosen_by, n)))


def _lines(path: Path, rows: Sequence[dataset.Row]) -> list[str]:
    """What a file says when it is asked as in ``rows``, cleaned as the flight cleans it."""
    model = bits.open_gguf(path, dataset.ROW_TOKENS_MAX, every_logit=False, threads=1)
    said = []
    for number, at in enumerate(np.linspace(0, len(rows) - 1, LINES).astype(int)):
        row = rows[at]
        begin = next(n for n, label in enumerate(row.labels) if label != dataset.NO_LOSS)
        answer = model.create_completion(row.input_ids[:begin], max_tokens=80, seed=number,
                                         temperature=TEMPERATURE, top_p=TOP_P)
        line = prompt.clean_reply(answer["choices"][0]["text"].strip())
        if line:
            said.append(line)
    model.close()
    return said
