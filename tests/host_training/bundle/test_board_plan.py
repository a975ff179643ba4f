"""Goal: the plan weighs a model as llama.cpp will, from its config alone, and says what fits.

Method: configs of well-known models against published sizes, and a file that is then written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host_training.bundle import board_plan
from host_training.errors import TrainingError
from host_training.gguf import model_config
from host_training.gguf.metadata import shape_of_gguf
from host_training.quantisation import size_estimate
from tests.host_training.nasty_inputs import nasty
from wire.mission import load

ROOT = Path(__file__).resolve().parents[3]
BASE = ROOT / "host_training" / "base_model"
EDDA = ROOT / "host_training" / "examples" / "edda-tiny.bundle" / "model.gguf"

QWEN_05B = {"architectures": ["Qwen2ForCausalLM"], "vocab_size": 151936, "hidden_size": 896,
            "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
            "intermediate_size": 4864, "tie_word_embeddings": True}
SMOLLM2_135M = {"architectures": ["LlamaForCausalLM"], "vocab_size": 49152, "hidden_size": 576,
                "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
                "intermediate_size": 1536, "tie_word_embeddings": True}
QWEN3_06B = {"architectures": ["Qwen3ForCausalLM"], "vocab_size": 151936, "hidden_size": 1024,
             "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8,
             "head_dim": 128, "intermediate_size": 3072, "tie_word_embeddings": True}


def shape_of(config: dict[str, Any], folder: Path) -> model_config.Shape:
    (folder / "config.json").write_text(json.dumps(config))
    return model_config.read_shape(folder)


@pytest.mark.parametrize(("config", "parameters", "expected_mb"), [  # llama-quant.cpp
    (QWEN_05B, 494.0, {"F16": 988, "Q8_0": 525, "Q4_K_M": 392, "Q4_0": 347, "Q4_0+Q4_0": 279}),
    (SMOLLM2_135M, 134.5, {"Q8_0": 143, "Q4_K_M": 104, "Q4_0": 90, "Q4_0+Q4_0": 76}),
    (QWEN3_06B, 596.0, {"Q4_K_M": 391, "IQ3_XXS": 273}),
])
def test_sizes_of_known_models_without_their_weights(
    config: dict[str, Any], parameters: float, expected_mb: dict[str, int], tmp_path: Path
) -> None:
    found = shape_of(config, tmp_path)
    assert found.n_parameters / 1e6 == pytest.approx(parameters, rel=0.002)
    weighed = size_estimate.sizes_of_shape(found, tuple(expected_mb), tokenizer_bytes=0)
    for size, expected in zip(weighed, expected_mb.values(), strict=True):
        assert size.bytes / 1e6 == pytest.approx(expected, abs=0.5), size.quant


@nasty(31)
def test_rows_that_k_quants_cannot_cut_are_shown_as_what_they_become(tmp_path: Path) -> None:
    [size] = size_estimate.sizes_of_shape(shape_of(SMOLLM2_135M, tmp_path), ("Q4_K_M",), 0)
    assert size.tensor_types.get("Q5_0", 0) > size.tensor_types.get("Q4_K", 0)


def test_the_plan_of_the_shipped_base_weighs_what_was_flown() -> None:
    found = model_config.read_shape(BASE)
    extra = board_plan.tokenizer_bytes(BASE / "tokenizer.json")
    [size] = size_estimate.sizes_of_shape(found, ("Q6_K",), extra)
    assert size.bytes == pytest.approx(EDDA.stat().st_size, rel=0.01)
    assert shape_of_gguf(EDDA) == found


def test_a_larger_file_costs_more_of_everything(tmp_path: Path) -> None:
    found = shape_of(SMOLLM2_135M, tmp_path)
    weighed = size_estimate.sizes_of_shape(found, ("Q8_0", "Q4_0"), 1_000_000)
    musing = board_plan.measure_musing(BASE / "tokenizer.json")
    assert 20 < musing.suffix_tokens < 80 and 15 < musing.reply_tokens < 40
    big, small = board_plan.costs(board_plan.BOARDS["zero2w"], found, weighed, musing, 512)
    assert big.fits and small.fits and big.ram_mb > small.ram_mb
    assert big.joules_per_musing > small.joules_per_musing
    assert 3 < big.tokens_per_s < 5, "about 4 for Q8_0"
    [best, *_] = board_plan.costs(board_plan.BOARDS["pi5"], found, weighed, musing, 512)
    assert best.tokens_per_s > 60


def test_what_does_not_fit_beside_the_flight_is_refused(tmp_path: Path) -> None:
    found, board = shape_of(QWEN_05B, tmp_path), board_plan.BOARDS["zero2w"]
    board_plan.check_fits(board, 150_000_000, found, 512)
    with pytest.raises(TrainingError, match="memory together with the flight core; a Raspberry"):
        board_plan.check_fits(board, 350_000_000, found, 512)


def test_airtime_follows_the_mission_and_the_loss() -> None:
    mission = load(ROOT / "mission.toml")
    n_bytes = board_plan.musing_bytes()
    assert 26 < n_bytes < 40  # 95 characters of 2.2 bits, and the record
    once = board_plan.airtime_s(mission, n_bytes)
    assert 8 * n_bytes / 2400 < once < 2 * 8 * n_bytes / 2400
    assert board_plan.airtime_s(mission, n_bytes, 0.5) == pytest.approx(2 * once)


@nasty(29)
@pytest.mark.parametrize(("change", "says"), [
    ({"architectures": ["MambaForCausalLM"]}, "MambaForCausalLM'] is not supported; supported:"),
    ({"architectures": None}, "None is not supported"),
    ({"hidden_size": "wide"}, "hidden_size must be a whole number"),
    ({"num_hidden_layers": 0}, "num_hidden_layers must be a whole number from 1"),
])
def test_a_config_that_cannot_be_read_is_named(
    change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=says.replace("]", r"\]")):
        shape_of({**SMOLLM2_135M, **change}, tmp_path)


@nasty(29)
@pytest.mark.parametrize("text", ["", "[1]", "[" * 100_000, "{"])
def test_a_config_of_rubbish_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(TrainingError, match=r"config\.json"):
        model_config.read_shape(tmp_path)


@nasty(29)
def test_a_gguf_in_place_of_a_folder_is_told_apart() -> None:
    with pytest.raises(TrainingError, match="is a GGUF file; a Hugging Face folder"):
        model_config.read_shape(EDDA)
    with pytest.raises(TrainingError, match=r"no tokenizer\.json"):
        board_plan.measure_musing(EDDA.parent / "tokenizer.json")


@nasty(31)
@pytest.mark.parametrize(("quant", "says"), [
    ("Q9", "--quant Q9 is not one of"), ("Q4_0+Q4_K", "the embedding can be"),
    ("Q4_0+", "the embedding can be"),
])
def test_a_type_llama_cpp_would_abort_on_is_refused_before(quant: str, says: str) -> None:
    with pytest.raises(TrainingError, match=says.replace("+", r"\+")):
        size_estimate.dry_run(EDDA, (quant,))


@nasty(31)
def test_a_source_that_is_no_gguf_fails_in_the_child(tmp_path: Path) -> None:
    (tmp_path / "cut.gguf").write_bytes(EDDA.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="could not quantise it"):
        size_estimate.dry_run(tmp_path / "cut.gguf", ("Q8_0",))
