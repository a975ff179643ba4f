"""Train the small base language model from scratch: tokens -> Llama weights, resumable.

The result is an ordinary Hugging Face folder (safetensors in fp16, tokenizer, model card), so that
everything after it treats this model like any other. The tokenizer and the token file are kept
beside the checkpoint (``base_text``), and the data order is a pure function of the step.

Recipe: Muon for the matrices (Jordan et al. 2024, in PyTorch since 2.9), AdamW for the rest, and a
warm-up/stable/decay schedule (Hu et al. 2024, arXiv 2404.06395), whose last quarter decays to zero:
a run can be lengthened by resuming with a larger ``--tokens`` before the decay begins.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from host_training.codec.base_text import BaseText, prepare
from host_training.common.chat_template import (
    CHAT_TEMPLATE,
    END_OF_TEXT,
    END_OF_TURN,
    START_OF_TURN,
)

DECAY_FRACTION = 0.25
WARMUP_STEPS = 60
CHECKPOINT_EVERY_S = 300
SECONDS_MIN = 1e-3

OnProgress = Callable[[float, str], None]  # (fraction done 0..1, one line)


@dataclass(frozen=True)
class BaseConfig:
    """Shape and schedule of the base model. Hidden size is a multiple of 256 so that llama.cpp's
    K-quants apply; digits are single tokens so that readings are copied digit by digit."""

    vocab_size: int = 4096
    hidden_size: int = 256
    n_layers: int = 6
    n_heads: int = 4
    n_kv_heads: int = 2
    ffn_size: int = 768
    context_tokens: int = 512
    batch_sequences: int = 16
    target_tokens: int = 40_000_000
    muon_lr: float = 0.015
    adam_lr: float = 3e-3
    seed: int = 1


def build_model(config: BaseConfig, tokenizer: Tokenizer) -> LlamaForCausalLM:
    """A Llama with tied embeddings; weights drawn from the global torch seed."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.hidden_size,
            intermediate_size=config.ffn_size,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            num_key_value_heads=config.n_kv_heads,
            max_position_embeddings=2048,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
            initializer_range=0.02,
            bos_token_id=tokenizer.token_to_id(END_OF_TEXT),
            eos_token_id=tokenizer.token_to_id(END_OF_TURN),
            pad_token_id=tokenizer.token_to_id(END_OF_TEXT),
        )
    )


def make_optimizers(model: LlamaForCausalLM, config: BaseConfig) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for embeddings and norms."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(matrices, lr=config.muon_lr, momentum=0.95, weight_decay=0.05),
        torch.optim.AdamW(others, lr=config.adam_lr, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def lr_scale(step: int, n_steps: int) -> float:
    """Warm-up, stable, linear decay over the last DECAY_FRACTION; in 0..1."""
    decay_from = n_steps * (1 - DECAY_FRACTION)
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    if step < decay_from:
        return 1.0
    return max(0.0, (n_steps - step) / (n_steps - decay_from))


def sample_batch(tokens: np.ndarray, step: int, config: BaseConfig) -> torch.Tensor:
    """Batch ``step``: (batch, context + 1) ids, a pure function of (seed, step)."""
    rng = np.random.default_rng((config.seed, step))
    starts = rng.integers(0, len(tokens) - config.context_tokens - 1, config.batch_sequences)
    rows = [tokens[s : s + config.context_tokens + 1] for s in starts]
    return torch.from_numpy(np.stack(rows).astype(np.int64))


def loss_of(model: LlamaForCausalLM, batch: torch.Tensor) -> torch.Tensor:
    """Mean next-token cross-entropy in nats."""
    device_type = "cuda" if batch.is_cuda else "cpu"
    with torch.autocast(device_type, dtype=torch.bfloat16):
        logits = model(input_ids=batch[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(
        logits.float().view(-1, logits.shape[-1]), batch[:, 1:].reshape(-1)
    )


@torch.no_grad()
def held_out_bits_per_byte(
    model: LlamaForCausalLM, tokens: np.ndarray, n_bytes: int, config: BaseConfig, n_rows: int = 64
) -> float:
    """Bits per UTF-8 byte over the first ``n_rows`` held-out windows (tokenizer-independent)."""
    model.eval()
    device = next(model.parameters()).device
    width = config.context_tokens
    n_rows = min(n_rows, (len(tokens) - 1) // width)
    nats = 0.0
    for row in range(n_rows):
        window = tokens[row * width : (row + 1) * width + 1].astype(np.int64)
        nats += loss_of(model, torch.from_numpy(window)[None].to(device)).item()
    model.train()
    return nats / n_rows / math.log(2) * len(tokens) / n_bytes


def _checkpoint(path: Path, model: LlamaForCausalLM, opts: list[torch.optim.Optimizer], step: int,
                history: list[dict[str, float]]) -> None:
    partial = path.with_suffix(".part")
    torch.save(
        {
            "model": model.state_dict(),
            "optimizers": [o.state_dict() for o in opts],
            "step": step,
            "history": history,
        },
        partial,
    )
    os.replace(partial, path)


def save_model(out: Path, model: LlamaForCausalLM, config: BaseConfig, card: str) -> None:
    """Write the Hugging Face folder: fp16 safetensors, tokenizer with chat template, model card."""
    copy = build_model(config, Tokenizer.from_file(str(out / "tokenizer.json")))
    copy.load_state_dict(model.state_dict())
    copy.half().save_pretrained(out / "model")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(out / "tokenizer.json"),
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TURN,
        pad_token=END_OF_TEXT,
        additional_special_tokens=[START_OF_TURN],
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(out / "model")
    (out / "model" / "README.md").write_text(card)


def model_card(config: BaseConfig, data: BaseText, history: list[dict[str, float]]) -> str:
    """Model card in Markdown: what it is, what it saw, how well it does, what it cannot do."""
    last = history[-1]
    tokens = int(last["tokens"])
    passes = tokens / data["train_tokens"]
    return f"""# A small base model

A Llama trained from scratch by `spacepi-train base`. It knows how sentences are built, and hardly
any facts. It has no identity of its own: `spacepi-train run` makes it a persona.

| | |
|---|---|
| data | {", ".join(map(str, data["sources"]))}: {data["train_bytes"]:,} bytes, English |
| tokens in the corpus | {data["train_tokens"]:,} |
| tokens seen | {tokens:,}, in windows drawn at random ({passes:.2f} times the corpus) |
| held-out bits per byte | {last["held_out_bpb"]:.3f} |
| held-out text | {data["held_out_bytes"]:,} bytes, never trained on; measured on its beginning |
| parameters | {n_parameters(config):,}, fp16 |
| shape | {json.dumps(asdict(config))} |

The held-out text is slices of the same books, not other books, so the figure flatters it a little.
Texts in the public domain are old: expect period language and its views. It does not know what is
true, follows no instructions, and must not be asked for advice.
"""


def n_parameters(config: BaseConfig) -> int:
    """Weights of the model, the tied embedding counted once."""
    head = config.hidden_size // config.n_heads
    attention = 2 * config.hidden_size * head * (config.n_heads + config.n_kv_heads)
    layer = attention + 3 * config.hidden_size * config.ffn_size + 2 * config.hidden_size
    return config.vocab_size * config.hidden_size + config.n_layers * layer + config.hidden_size


def train_base(paths: list[Path], out: Path, config: BaseConfig, report: OnProgress) -> None:
    """Train, or go on training, the base model in ``out``; the model lands in ``out/model``."""
    report(0.0, "reading text")
    prepare(paths, out, config.vocab_size, config.seed)
    data: BaseText = json.loads((out / "data.json").read_text())
    tokens = np.memmap(out / "train.u16", dtype=np.uint16, mode="r")
    held_out = np.memmap(out / "held_out.u16", dtype=np.uint16, mode="r")
    torch.manual_seed(config.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = build_model(config, Tokenizer.from_file(str(out / "tokenizer.json")))
    model.to(device)  # type: ignore[arg-type]  # wrapped, in transformers, so that self seems asked
    optimizers = make_optimizers(model, config)
    step, history = _resume(out / "checkpoint.pt", model, optimizers, device)
    tokens_per_step = config.batch_sequences * config.context_tokens
    n_steps = math.ceil(config.target_tokens / tokens_per_step)
    saved_s = began_s = time.monotonic()
    began_step, bpb = step, history[-1]["held_out_bpb"] if history else math.nan
    while step < n_steps:
        loss = _one_step(model, optimizers, sample_batch(tokens, step, config).to(device),
                         lr_scale(step, n_steps), config)
        step += 1
        rate = (step - began_step) * tokens_per_step / max(
            SECONDS_MIN, time.monotonic() - began_s)
        report(step / n_steps, f"step {step} of {n_steps}, loss {loss:.3f}, held-out {bpb:.3f}"
               f" bits/byte, {rate:.0f} tokens/s")
        if time.monotonic() - saved_s > CHECKPOINT_EVERY_S or step == n_steps:
            bpb = held_out_bits_per_byte(model, held_out, data["held_out_bytes"], config)
            history.append({"tokens": step * tokens_per_step, "loss": loss, "held_out_bpb": bpb})
            _checkpoint(out / "checkpoint.pt", model, optimizers, step, history)
            saved_s = time.monotonic()
    save_model(out, model, config, model_card(config, data, history))


def _resume(path: Path, model: LlamaForCausalLM, optimizers: list[torch.optim.Optimizer],
            device: str) -> tuple[int, list[dict[str, float]]]:
    """Load the checkpoint, where there is one: (steps done, history)."""
    if not path.exists():
        return 0, []
    state = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return state["step"], state["history"]


def _one_step(model: LlamaForCausalLM, optimizers: list[torch.optim.Optimizer],
              batch: torch.Tensor, scale: float, config: BaseConfig) -> float:
    """One update; the loss before it, in nats."""
    for optimizer, peak in zip(optimizers, (config.muon_lr, config.adam_lr), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = peak * scale
    loss = loss_of(model, batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.detach().item()
