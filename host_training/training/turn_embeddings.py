"""Gives a base's turn markers embeddings of their own, if it was never trained with them.

A base that has read nothing but text leaves ``<|im_start|>`` and ``<|im_end|>`` where all tokens
lie that it never met: one heap, all but the same vector. An adapter leaves the embeddings alone, so
it can learn to end a turn only together with all of the heap: the end is drawn once in so many
times, and instead of it a control character that cleaning strikes out, and the line runs on into
nonsense. So the marks are moved out of the heap before an adapter is trained or merged. Full
tuning moves them by itself.

Whether a base knows its marks is told by what it says, not by where they lie: with embeddings that
serve at both ends, those of a small model all but point one way (SmolLM2: cosines above 0.99
between the end mark and tokens it never met), and it ends its turns all the same.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from host_training.common.chat_template import END_OF_TURN, START_OF_TURN

# Complete answers. After them SmolLM2-135M-Instruct gives the end mark 4 000 to 35 000 times the
# probability of a token drawn at random; a base of books alone less than a thousandth of it.
ANSWERS = (("What is the capital of France?", "The capital of France is Paris."),
           ("How many legs does a spider have?", "A spider has eight legs."),
           ("What is the colour of snow?", "Snow is white."),
           ("Where are you?", "I am here."))
TIMES_LIKELIER_MIN = 10.0
SEED = 1


@torch.no_grad()
def knows_turns(model: Any, tokenizer: Any) -> bool:
    """Whether the end mark is what may come after a complete answer: likelier than a random token.

    By the geometric mean over ANSWERS; at least TIMES_LIKELIER_MIN times.
    """
    was_training = model.training
    model.eval()
    end, nats = tokenizer.convert_tokens_to_ids(END_OF_TURN), 0.0
    for question, answer in ANSWERS:
        ids = tokenizer(f"{START_OF_TURN}user\n{question}{END_OF_TURN}\n{START_OF_TURN}assistant\n"
                        f"{answer}", return_tensors="pt")["input_ids"].to(model.device)
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1].float()
        nats += float(logits.log_softmax(0)[end]) + math.log(len(logits))
    model.train(was_training)
    return nats / len(ANSWERS) >= math.log(TIMES_LIKELIER_MIN)


@torch.no_grad()
def move_out(model: Any, tokenizer: Any) -> None:
    """Give the marks a random direction each, as long as a usual embedding; not if it knows them.

    Always the same ones for the same base: what was trained with them is merged with them.
    """
    if knows_turns(model, tokenizer):
        return
    generator = torch.Generator().manual_seed(SEED)
    marks = [tokenizer.convert_tokens_to_ids(mark) for mark in (START_OF_TURN, END_OF_TURN)]
    for layer in {id(e.weight): e for e in (model.get_output_embeddings(),
                                            model.get_input_embeddings())}.values():
        weight = layer.weight
        for mark in marks:
            drawn = torch.randn(weight.shape[1], generator=generator)
            weight[mark] = (drawn / drawn.norm()).to(weight) * weight.norm(dim=1).median()
