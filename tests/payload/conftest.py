"""A persona bundle small enough to make in a test: a real GGUF with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

from tests.bundles import sign_bundle

CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def _byte_letters() -> list[str]:
    """GPT-2's printable letter for each of the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def write_tiny_model(path: Path, seed: int = 1) -> None:
    """A one-layer llama of width 64 with a byte vocabulary, written as llama.cpp reads it."""
    width, heads, feed, n_ctx = 64, 4, 128, 2048
    letters = _byte_letters()
    merges = [f"{letters[ord('t')]} {letters[ord('h')]}"]
    tokens = [*letters, "th", *CONTROL_TOKENS]
    kinds = [gguf.TokenType.NORMAL] * 257 + [gguf.TokenType.CONTROL] * 3
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(n_ctx)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(feed)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_rope_dimension_count(width // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(257)
    writer.add_eos_token_id(259)
    writer.add_add_bos_token(False)
    random = np.random.default_rng(seed)

    def tensor(name: str, *shape: int) -> None:
        writer.add_tensor(name, random.normal(0, 0.5, shape).astype(np.float32))

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(width, dtype=np.float32))

    tensor("token_embd.weight", len(tokens), width)
    ones("output_norm.weight")
    tensor("output.weight", len(tokens), width)
    ones("blk.0.attn_norm.weight")
    ones("blk.0.ffn_norm.weight")
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensor(f"blk.0.{name}.weight", width, width)
    tensor("blk.0.ffn_gate.weight", feed, width)
    tensor("blk.0.ffn_up.weight", feed, width)
    tensor("blk.0.ffn_down.weight", width, feed)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF of about 0.5 MB."""
    path = tmp_path_factory.mktemp("model") / "model.gguf"
    write_tiny_model(path)
    return path


@pytest.fixture
def tiny_bundle(tmp_path: Path, tiny_model: Path) -> Callable[[str], Path]:
    """Make a signed bundle directory of the given name with the tiny model."""

    def make(name: str = "nova") -> Path:
        bundle = tmp_path / name
        bundle.mkdir()
        (bundle / "model.gguf").write_bytes(tiny_model.read_bytes())
        sign_bundle(bundle)
        return bundle

    return make
