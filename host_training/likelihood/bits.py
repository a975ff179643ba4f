"""Held-out bits per byte: the figure by which bases, methods and quantisations are compared.

Bits the model needs for the labels of the held-out rows (the words and the end of the turn), given
their prompts, divided by the UTF-8 bytes of the words. It does not depend on the tokenizer, so the
base, the tuned model and every quantised file can stand in one table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from host_training.errors import TrainingError
from host_training.rows.dataset import NO_LOSS, Row
from payload.mind_engine import Engine, NoModel

EVAL_BATCH_ROWS = 8


def label_bytes(rows: Sequence[Row]) -> int:
    """UTF-8 bytes of the words to be predicted."""
    return sum(len(row.text.encode()) for row in rows)


def bits_per_byte(model: Any, rows: Sequence[Row]) -> float:
    """Bits per byte of a Hugging Face causal model on ``rows``; its mode is left as it was.

    Raises:  TrainingError when the model gives numbers that are not finite.
    """
    return float(row_bits(model, rows).sum()) / label_bytes(rows)


@torch.no_grad()
def row_bits(model: Any, rows: Sequence[Row]) -> np.ndarray:
    """Bits of the labels of each row, (n_rows,) float64. Raises as ``bits_per_byte``."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    ordered = sorted(range(len(rows)), key=lambda number: len(rows[number].input_ids))
    nats = np.zeros(len(rows))
    for start in range(0, len(ordered), EVAL_BATCH_ROWS):
        numbers = ordered[start : start + EVAL_BATCH_ROWS]
        batch = [rows[number] for number in numbers]
        width = max(len(row.input_ids) for row in batch)
        # Padding stands at the right, where causal attention never looks back from.
        ids = torch.tensor([r.input_ids + [0] * (width - len(r.input_ids)) for r in batch])
        labels = torch.tensor([r.labels + [NO_LOSS] * (width - len(r.labels)) for r in batch])
        wanted = labels[:, 1:]  # (B, T - 1): what stands after each token
        learnt = (wanted != NO_LOSS).any(0).nonzero().flatten()  # (L,) positions, in any row
        logits = model(input_ids=ids.to(device), use_cache=False,
                       logits_to_keep=learnt.to(device)).logits.float()  # (B, L, V)
        costs = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), wanted[:, learnt].to(device), ignore_index=NO_LOSS,
            reduction="none")  # (B, L)
        nats[numbers] = costs.double().sum(1).cpu().numpy()
    model.train(was_training)
    _finite(math.fsum(nats), "The model")
    return nats / math.log(2)


def open_gguf(path: Path, n_ctx: int, every_logit: bool, threads: int) -> Any:
    """A llama_cpp model, silent and on the CPU.

    Raises:  TrainingError when llama-cpp-python is missing or cannot load the file.
    """
    try:
        import llama_cpp
    except ImportError as error:
        raise TrainingError("llama-cpp-python is not installed; install spacepi[train].") from error
    try:
        return llama_cpp.Llama(str(path), n_ctx=n_ctx, n_batch=n_ctx, n_threads=threads,
                               n_threads_batch=threads, logits_all=every_logit, verbose=False)
    except ValueError as error:
        raise TrainingError(f"{path}: llama.cpp cannot load it; it is truncated or not a GGUF "
                            "model."
                            ) from error


def open_engine(path: Path, n_ctx: int, threads: int) -> Engine:
    """The engine that flies, on one file, without a cache of prefixes.

    Raises:  TrainingError when llama.cpp cannot load the file.
    """
    try:
        with open(path, "rb") as opened:
            return Engine(opened, str(path), str(path), n_ctx, threads)
    except NoModel as error:
        raise TrainingError(f"{error}.") from error


def gguf_bits_per_byte(path: Path, rows: Sequence[Row], threads: int = 1) -> float:
    """Bits per byte of a GGUF file on ``rows``, by llama.cpp itself.

    Raises:  TrainingError when it cannot be loaded or gives numbers that are not finite.
    """
    return float(gguf_row_bits(path, rows, threads).sum()) / label_bytes(rows)


def gguf_row_bits(path: Path, rows: Sequence[Row], threads: int = 1) -> np.ndarray:
    """Bits of the labels of each row, (n_rows,) float64. Raises as ``gguf_bits_per_byte``."""
    bits = [-log_probs[np.arange(len(labels)), labels].sum() / math.log(2)
            for log_probs, labels in gguf_log_probs(path, rows, threads)]
    _finite(math.fsum(bits), str(path))
    return np.array(bits)


def gguf_log_probs(path: Path, rows: Sequence[Row], threads: int = 1
                   ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each row: log probabilities at its labels, (n_labels, n_vocab) in nats, and the labels.

    The beginning that consecutive rows share is evaluated once.
    """
    model = open_gguf(path, max(len(row.input_ids) for row in rows), every_logit=True,
                      threads=threads)
    done: list[int] = []
    for row in rows:
        shared = 0
        while shared < min(len(done), len(row.input_ids) - 1) and (
            done[shared] == row.input_ids[shared]
        ):
            shared += 1
        model.n_tokens = shared
        model.eval(row.input_ids[shared:])
        done = row.input_ids
        labels = np.array(row.labels[1:])
        places = np.flatnonzero(labels != NO_LOSS)
        logits = model.scores[places].astype(np.float64)
        logits -= logits.max(1, keepdims=True)
        yield logits - np.log(np.exp(logits).sum(1, keepdims=True)), labels[places]
    model.close()


def _finite(bits: float, what: str) -> float:
    if not math.isfinite(bits):
        raise TrainingError(f"{what} yields non-finite numbers; lower the learning rate.")
    return bits
