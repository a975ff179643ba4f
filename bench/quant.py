"""Quantised files of the tiny base: our importance matrix against llama.cpp's, at equal size.

Both go through the same llama_model_quantize, which is all that llama-quantize is; what differs is
the matrix: ours from PyTorch hooks on rows like those of a training, theirs from llama.cpp's own
graph on the same words as plain text (``quant_peer``). Held-out words are measured by llama.cpp.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench import quant_peer
from bench.report import Figure as Line
from host_training.gguf import export
from host_training.importers.notebook import Condition
from host_training.likelihood.bits import open_gguf
from host_training.quantisation import imatrix, llama_quantise, size_estimate
from host_training.rows.context_sampler import draw_moment
from host_training.rows.dataset import NO_LOSS, Row
from payload import prompt

TRAINING = Path(__file__).resolve().parent.parent / "host_training"
BASE = TRAINING / "base_model"
SENTENCES = TRAINING / "examples" / "edda-tiny.bundle" / "memory.sqlite"
QUANTS = ("Q4_K_M", "IQ4_XS", "Q3_K_M", "IQ3_XXS", "Q2_K")
ASKED_SENTENCES, PLAIN_SENTENCES = 100, 400
WINDOW_TOKENS = 480
TARGET_PERCENT = 0.5
PARTS = 20  # so that not everything is in memory twice


def run(out_dir: Path) -> list[Line]:
    """For every type: perplexity against the peer's file, and both divergences from F16."""
    torch.set_num_threads(1)
    calibration, held_out = sentence_rows(BASE)
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "F16.gguf"
        export.export_gguf(BASE, source, "base")
        model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
        matrices = {
            "ours": imatrix.importance(model, calibration),
            "llama.cpp": quant_peer.importance(source, " ".join(r.text for r in calibration))}
        assert matrices["ours"].keys() == matrices["llama.cpp"].keys()
        reference = _log_probabilities(source, held_out)
        lines.append(Line(f"F16: perplexity per token, {len(reference)} held-out tokens",
                          _perplexity(reference, held_out), ""))
        for quant in QUANTS:
            measured = {}
            for whose, matrix in matrices.items():
                out = folder / f"{whose}.gguf"
                llama_quantise.quantise(source, out, size_estimate.split_step(quant), matrix)
                found = _log_probabilities(out, held_out)
                measured[whose] = (_perplexity(found, held_out), _divergence(reference, found),
                                   out.stat().st_size)
            lines += _compared(quant, measured)
    return lines


def _compared(quant: str, measured: dict[str, tuple[float, float, int]]) -> list[Line]:
    ours, theirs = measured["ours"], measured["llama.cpp"]
    assert ours[2] == theirs[2], "equal type is equal size"
    return [
        Line(f"{quant} ({ours[2] / 1e6:.2f} MB): perplexity above llama.cpp's imatrix",
             100 * (ours[0] / theirs[0] - 1), "%", TARGET_PERCENT, "<=",
             {"ours": ours[0], "llama.cpp": theirs[0]}),
        Line(f"{quant}: KL divergence from F16", ours[1], "nats", None, "<=",
             {"llama.cpp": theirs[1]}),
    ]


def sentence_rows(base: Path) -> tuple[list[Row], list[Row]]:
    """Rows to calibrate ``base`` with, of the kinds a training has, and held-out plain windows.

    Sentences of the example: a part is asked for as in flight, a part is plain, the rest held out.
    """
    database = sqlite3.connect(f"{SENTENCES.as_uri()}?mode=ro&immutable=1", uri=True)
    texts = [text for (text,) in database.execute("SELECT text FROM memory ORDER BY rowid")]
    database.close()
    tokenizer = AutoTokenizer.from_pretrained(base)
    rng = random.Random(1)
    rng.shuffle(texts)
    persona = prompt.PersonaText("Edda", "You keep the log.", ("I say what I saw.",))
    calibration = []
    for text in texts[:ASKED_SENTENCES]:
        moment = draw_moment(Condition("wind"), rng)
        prompt_ids = tokenizer(prompt.prefix(persona) + prompt.suffix(moment))["input_ids"]
        reply_ids = tokenizer(text)["input_ids"]
        calibration.append(Row("thought", text, prompt_ids + reply_ids,
                               [NO_LOSS] * len(prompt_ids) + reply_ids))
    plain = ASKED_SENTENCES + PLAIN_SENTENCES
    calibration += _windows(tokenizer, texts[ASKED_SENTENCES:plain])
    return calibration, _windows(tokenizer, texts[plain:])


def _windows(tokenizer: Any, texts: list[str]) -> list[Row]:
    """Plain text in windows of WINDOW_TOKENS; every token but the first is to be said."""
    ids = tokenizer(" ".join(texts))["input_ids"]
    return [Row("plain", tokenizer.decode(part), part, [NO_LOSS, *part[1:]])
            for at in range(0, len(ids) - WINDOW_TOKENS + 1, WINDOW_TOKENS)
            if (part := ids[at : at + WINDOW_TOKENS])]


def _log_probabilities(model_file: Path, rows: list[Row]) -> np.ndarray:
    """(tokens said, vocabulary): what the file thinks of each word that is to be said."""
    model = open_gguf(model_file, max(len(r.input_ids) for r in rows), every_logit=True, threads=1)
    found = []
    for row in rows:
        model.reset()
        model.eval(row.input_ids)
        wanted = [at for at, label in enumerate(row.labels[1:]) if label != NO_LOSS]
        logits = model.scores[wanted]
        logits = logits - logits.max(1, keepdims=True)
        found.append(logits - np.log(np.exp(logits).sum(1, keepdims=True)))
    model.close()
    return np.concatenate(found)


def _perplexity(found: np.ndarray, rows: list[Row]) -> float:
    labels = [label for row in rows for label in row.labels[1:] if label != NO_LOSS]
    return float(np.exp(-found[np.arange(len(labels)), labels].mean()))


def _divergence(reference: np.ndarray, found: np.ndarray) -> float:
    parts = [(np.exp(a) * (a - b)).sum(1) for a, b in zip(
        np.array_split(reference, PARTS), np.array_split(found, PARTS), strict=True)]
    return float(np.concatenate(parts).mean())
