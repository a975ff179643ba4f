"""Goal: what our exporter does not write goes through llama.cpp's own converter, and then flies.

Method: tiny random models of another architecture and with scaled RoPE, converted in the process
that a user's would be, compared with PyTorch, weighed and quantised. Where the converter has not
been fetched they are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from host_training.gguf import converter, export
from host_training.likelihood import bits
from host_training.quantisation import imatrix, quantise
from host_training.rows.dataset import NO_LOSS, Row
from tests.host_training.tiny_models import make

IDS = list(range(3, 283, 2))  # far enough for a scaled position to matter
ROW = Row("plain", "x" * len(IDS), IDS, [NO_LOSS, *IDS[1:]])
LLAMA_3 = {"rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0,
           "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
BEYOND_US: dict[str, tuple[dict[str, Any], str]] = {
    "llama": ({"rope_parameters": LLAMA_3}, "scaled RoPE"),
    "starcoder2": ({}, "architecture ['Starcoder2ForCausalLM']"),
}


def load(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.mark.thorough
@pytest.mark.parametrize("name", BEYOND_US)
def test_another_base_is_converted_measured_and_quantised(name: str, tmp_path: Path) -> None:
    if not converter.is_here():
        say = pytest.fail if os.environ.get("SPACEPI_REQUIRE_ALL") == "1" else pytest.skip
        say("llama.cpp's converter is not here: spacepi-train fetch-converter")
    torch.set_num_threads(1)
    changes, why = BEYOND_US[name]
    folder = make(name, tmp_path / "model", **changes)
    assert export.beyond_us(folder) == why
    export.export_gguf(folder, tmp_path / "F16.gguf", "tiny")
    assert gguf.GGUFReader(tmp_path / "F16.gguf").fields["general.name"].contents() == "tiny"
    model = load(folder)
    ours = bits.open_gguf(tmp_path / "F16.gguf", 256, every_logit=True, threads=1)
    ours.eval(IDS)
    with torch.no_grad():
        expected = model(input_ids=torch.tensor([IDS])).logits[0].numpy()
    assert np.abs(ours.scores[: len(IDS)] - expected).max() < 5e-3
    ours.close()
    weights, unseen = imatrix.for_file(model, [ROW], tmp_path / "F16.gguf")
    assert unseen == []
    walked = quantise.walk_ladder(
        tmp_path / "F16.gguf", tmp_path, ("Q8_0", "IQ4_NL"), weights, [ROW], 1,
        bits.bits_per_byte(model, [ROW]), lambda fraction, line: None)
    assert [step.quant for step in walked] == ["F16", "Q8_0", "IQ4_NL"]


def test_weights_that_cannot_be_watched_count_alike_and_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make("qwen2", tmp_path / "model")
    export.export_gguf(folder, tmp_path / "F16.gguf", "tiny")
    wanted = imatrix.wanted_by(tmp_path / "F16.gguf")
    assert wanted["blk.1.ffn_down.weight"] == 96 and len(wanted) == 14
    model = load(folder)
    model.model.layers[0].mlp.up_proj = torch.nn.Sequential(model.model.layers[0].mlp.up_proj)
    weights, unseen = imatrix.for_file(model, [ROW], tmp_path / "F16.gguf")
    assert unseen == ["blk.0.ffn_up.weight"]
    assert (weights["blk.0.ffn_up.weight"] == 1).all() and not (
        weights["blk.1.ffn_up.weight"] == 1).any()
    quantise.quantise(tmp_path / "F16.gguf", tmp_path / "q.gguf", "IQ4_NL", weights)
    monkeypatch.setattr(gguf, "MODEL_ARCH_NAMES", {})  # an architecture only the converter knows
    assert imatrix.for_file(model, [ROW], tmp_path / "F16.gguf")[1] == list(wanted)


def test_every_expert_has_columns_of_its_own(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "qwen2moe")
    writer.add_tensor("blk.0.ffn_up_exps.weight", np.zeros((4, 8, 64), np.float16))
    writer.add_tensor("blk.0.attn_norm.weight", np.zeros(64, np.float32))
    writer.add_tensor("token_embd.weight", np.zeros((8, 64), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert imatrix.wanted_by(tmp_path / "m.gguf") == {"blk.0.ffn_up_exps.weight": 4 * 64}
