"""How much each input column of each linear layer matters: mean of its square over real text.

llama.cpp calls this the importance matrix. It is taken from PyTorch hooks on the merged model, with
the rows the model was trained on, so no other tool is needed (research/training.md §5a).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gguf
import numpy as np
import torch

from host_training.dataset import Row

ROWS_MAX = 300  # more changed nothing in llama.cpp's own table (research/training.md §5b)


@torch.no_grad()
def importance(model: Any, rows: Sequence[Row], architecture: str = "llama"
               ) -> dict[str, np.ndarray]:
    """GGUF weight name -> (n_in,) float32, finite and positive, for every linear of every block.

    Args:    architecture: general.architecture of the GGUF whose weights are meant.
    """
    by_name = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(by_name[architecture], model.config.num_hidden_layers)
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
        if isinstance(module, torch.nn.Linear) and ".layers." in hf_name:
            name = names.get_name(f"{hf_name}.weight", try_suffixes=(".weight",))
            assert name is not None, hf_name
            handles.append(module.register_forward_pre_hook(watch(name)))
    model.eval()
    for row in rows[:ROWS_MAX]:
        model(input_ids=torch.tensor([row.input_ids]), use_cache=False)
    for handle in handles:
        handle.remove()
    # A column that is always zero would make llama.cpp divide by zero; any small weight will do.
    return {name: np.maximum((sums[name] / counts[name]).numpy(), 1e-12).astype(np.float32)
            for name in sums}
