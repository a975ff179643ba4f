"""Gives a base's turn marks embeddings of their own, where it was never trained with them.

A base that has read nothing but text leaves ``<|im_start|>`` and ``<|im_end|>`` where all tokens
lie that it never met: one heap, all but the same vector. An adapter leaves the embeddings alone, so
it can learn to end a turn only together with all of the heap: the end is drawn once in so many
times, and instead of it a control character that cleaning strikes out, and the line runs on into
nonsense. So the marks are moved out of the heap before an adapter is trained or merged. Full
tuning moves them by itself.
"""

from __future__ import annotations

from typing import Any

import torch

from host_training.common.chat_template import END_OF_TURN, START_OF_TURN

COSINE_MAX = 0.99  # two tokens that are nearer than this cannot be told apart
SEED = 1


def in_heap(model: Any, tokenizer: Any) -> list[int]:
    """Ids of the turn marks whose output embedding is another token's too."""
    weight = model.get_output_embeddings().weight.detach()
    marks = [tokenizer.convert_tokens_to_ids(mark) for mark in (START_OF_TURN, END_OF_TURN)]
    lengths = weight.norm(dim=1).clamp(min=1e-12)
    found = []
    for mark in marks:
        cosines = weight @ weight[mark] / lengths / lengths[mark]
        cosines[mark] = 0.0  # itself
        if cosines.max() > COSINE_MAX:
            found.append(mark)
    return found


@torch.no_grad()
def move_out(model: Any, tokenizer: Any) -> None:
    """Give the marks ``in_heap`` a random direction each, as long as a usual embedding.

    Always the same ones for the same base: what was trained with them is merged with them.
    """
    generator = torch.Generator().manual_seed(SEED)
    marks = in_heap(model, tokenizer)
    for layer in {id(e.weight): e for e in (model.get_output_embeddings(),
                                            model.get_input_embeddings())}.values():
        weight = layer.weight
        for mark in marks:
            drawn = torch.randn(weight.shape[1], generator=generator)
            weight[mark] = (drawn / drawn.norm()).to(weight) * weight.norm(dim=1).median()
