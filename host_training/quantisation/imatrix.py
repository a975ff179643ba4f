"""Importance of each input column of each linear layer: mean of its square over real text.

llama.cpp calls this the importance matrix. It is taken from PyTorch hooks on the merged model, with
the rows the model was trained on, so no other tool is needed (llama.cpp, tools/imatrix).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers.pytorch_utils import Conv1D

from host_training.gguf.metadata import read_gguf
from host_training.rows.dataset import Row

ROWS_MAX = 300  # more changed nothing in llama.cpp's own table
LINEAR = (torch.nn.Linear, Conv1D)  # the second is GPT-2's

Progress = Callable[[float], None]  # share done, 0..1


def _silent(_share: float) -> None:
    pass


@torch.no_grad()
def importance(model: Any, rows: Sequence[Row], architecture: str = "llama",
               progress: Progress = _silent) -> dict[str, np.ndarray]:
    """GGUF weight name -> (n_in,) float32, finite and positive, for every linear of every block.

    A layer that has no place of its own in a GGUF, as where several are stored as one, is left out.

    Args:    architecture: general.architecture of the GGUF whose weights are meant.
    """
    sums: dict[str, torch.Tensor] = {}
    counts: dict[str, int] = {}
    handles = []

    def watch(name: str) -> Any:
        def hook(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            x = inputs[0].reshape(-1, inputs[0].shape[-1]).double()  # (tokens, n_in)
            sums[name] = sums.get(name, 0) + (x * x).sum(0)
            counts[name] = counts.get(name, 0) + x.shape[0]
        return hook

    for hf_name, module in model.named_modules():
        if isinstance(module, LINEAR):
            name = _gguf_name(hf_name, architecture, model.config.num_hidden_layers)
            if name is not None:
                handles.append(module.register_forward_pre_hook(watch(name)))
    model.eval()
    rows = rows[:ROWS_MAX]
    for number, row in enumerate(rows):
        progress(number / len(rows))
        model(input_ids=torch.tensor([row.input_ids]), use_cache=False)
    for handle in handles:
        handle.remove()
    # A column that is always zero would make llama.cpp divide by zero; any small weight will do.
    return {name: np.maximum((sums[name] / counts[name]).numpy(), 1e-12).astype(np.float32)
            for name in sums}


def _gguf_name(hf_name: str, architecture: str, n_layers: int) -> str | None:
    by_name = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}
    if architecture not in by_name:  # the converter may know more than the gguf package
        return None
    names = gguf.get_tensor_name_map(by_name[architecture], n_layers)
    name = names.get_name(f"{hf_name}.weight", try_suffixes=(".weight",))
    return name if name is not None and name.startswith("blk.") else None


def wanted_by(path: Path) -> dict[str, int]:
    """Name -> length of every entry that llama.cpp looks up when it quantises ``path``."""
    return {tensor.name: int(tensor.shape[0]) * math.prod(int(n) for n in tensor.shape[2:])
            for tensor in read_gguf(path).tensors
            if tensor.name.startswith("blk.") and len(tensor.shape) > 1}


def for_file(model: Any, rows: Sequence[Row], path: Path, progress: Progress = _silent
             ) -> tuple[dict[str, np.ndarray], list[str]]:
    """The importance of every weight of ``path``, and the names of those that could not be watched.

    Theirs is one for every column: they are quantised as without an importance matrix, and types
    that cannot do without one can be made.

    Args:    path: the F16 GGUF of ``model``.
    """
    architecture = read_gguf(path).fields["general.architecture"].contents()
    found = importance(model, rows, architecture, progress)
    entries, unseen = {}, []
    for name, length in wanted_by(path).items():
        entries[name] = found.get(name, np.zeros(0))
        if entries[name].shape != (length,):
            entries[name] = np.ones(length, np.float32)
            unseen.append(name)
    return entries, unseen
