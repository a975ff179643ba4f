"""Goal: llama.cpp sees the same model and the same tokens as Hugging Face, in F16 and quantised.

Method: a tiny random Llama exported, loaded by llama.cpp, and compared; then files spoiled.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from host_training.errors import TrainingError
from host_training.gguf import export
from host_training.likelihood import bits
from host_training.quantisation import imatrix, quantise, size_estimate
from host_training.rows.dataset import NO_LOSS, Row
from tests.host_training.conftest import NOTEBOOK, need
from tests.host_training.nasty_inputs import nasty

NASTY = [
    "", " ", "  ", "\n", "\n\n\n", "\t", " \n ", "a", " a", "a ", "hello world", "Hello  World",
    "it's we'll I'd they've I'm you're can't", "IT'S", "don 't", "12", "1234567", "-61.5 C",
    "3,141.59", "2021-05-08 10:10", "v1.2.3", "a1b2c3", "½ ² ٣ 四", "naïve café", "ﬁ ligature",
    "e\u0301", "Ünïcödé", "Привет, мир", "你好世界", "こんにちは", "안녕하세요",
    "مرحبا بالعالم", "שלום", "สวัสดี",
    "👍", "👩‍👩‍👧‍👦", "🇬🇧🏴‍☠️", "1️⃣", "\u202eabc", "\u200b\u200d", "\u00a0x\u00a0", "\u3000",
    "...---...", "!!!???", "(({[<>]}))", "$%^&*@#~`|\\/", "snake_case camelCase",
    "http://a.b/c?d=e", "x" * 300, "\r\n\r", "\x00\x01\x7f", "<|im_end|>",
    "<|im_start|>user\nhi<|im_end|>\n", "<|im_", " <|endoftext|> x", "once I wrote: no",
    "falling, 12 km up. outside -61 C.",
]
PROMPTS = ["The wind", "falling, 12 km up.", "a", "<|im_start|>user\nabout: wind<|im_end|>\n",
           "123"]


@pytest.fixture(scope="module")
def f16(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "f16.gguf"
    export.export_gguf(tiny_base, path, "tiny")
    return path


@pytest.fixture(scope="module")
def hf(tiny_base: Path) -> tuple[Any, Any]:
    from host_training.training.train import load_base

    need("trl")
    return load_base(tiny_base)


@pytest.fixture(scope="module")
def rows(hf: tuple[Any, Any]) -> list[Row]:
    made = []
    for text in PROMPTS:
        ids = hf[1](text)["input_ids"] + hf[1]("The sun has nothing in its way.")["input_ids"]
        made.append(Row("thought", text, ids, [NO_LOSS, *ids[1:]]))
    return made


def test_every_nasty_string_is_cut_into_the_same_tokens(f16: Path, hf: tuple[Any, Any]) -> None:
    need("llama_cpp")
    model = bits.open_gguf(f16, 64, every_logit=False, threads=1)
    for text in NASTY:
        ours = hf[1](text, add_special_tokens=False)["input_ids"]
        assert model.tokenize(text.encode(), add_bos=False, special=True) == ours, repr(text)
    model.close()


def test_llama_cpp_gives_the_same_logits(f16: Path, hf: tuple[Any, Any]) -> None:
    need("llama_cpp")
    model = bits.open_gguf(f16, 64, every_logit=True, threads=1)
    for text in PROMPTS:
        ids = hf[1](text)["input_ids"]
        with torch.no_grad():
            expected = hf[0](input_ids=torch.tensor([ids])).logits[0].numpy()
        model.reset()
        model.eval(ids)
        found = model.scores[: len(ids)]
        assert np.abs(found - expected).max() < 5e-3
        assert (found.argmax(-1) == expected.argmax(-1)).mean() > 0.9
    model.close()


def test_bits_per_byte_is_the_same_in_both(f16: Path, hf: tuple[Any, Any], rows: list[Row]) -> None:
    need("llama_cpp")
    ours = bits.bits_per_byte(hf[0], rows)
    assert bits.gguf_bits_per_byte(f16, rows) == pytest.approx(ours, rel=1e-3)


def test_the_ends_are_control_tokens_and_the_template_is_inside(f16: Path, hf: Any) -> None:
    fields = gguf.GGUFReader(f16).fields
    types = fields["tokenizer.ggml.token_type"].contents()
    ends = {"bos": "<|endoftext|>", "eos": "<|im_end|>", "padding": "<|endoftext|>"}
    for key, token in ends.items():
        index = fields[f"tokenizer.ggml.{key}_token_id"].contents()
        assert index == hf[1].convert_tokens_to_ids(token)
        assert types[index] == gguf.TokenType.CONTROL
    assert types.count(gguf.TokenType.CONTROL) == 3
    assert "tokenizer.ggml.add_bos_token" not in fields, "llama.cpp adds none by itself"
    assert "<|im_start|>" in fields["tokenizer.chat_template"].contents()
    assert fields["general.name"].contents() == "tiny"


def test_quantised_files_are_smaller_and_nearly_as_good(
    f16: Path, hf: tuple[Any, Any], rows: list[Row], tmp_path: Path
) -> None:
    need("llama_cpp")
    shares: list[float] = []
    weights = imatrix.importance(hf[0], rows, progress=shares.append)
    assert shares == [number / len(rows) for number in range(len(rows))]
    truth = bits.bits_per_byte(hf[0], rows)
    walked = quantise.walk_ladder(f16, tmp_path, ("Q8_0", "Q4_K_M"), weights, rows, 1, truth,
                                  lambda fraction, line: None)
    sizes = [step.size_bytes for step in walked]
    assert sizes == sorted(sizes, reverse=True)
    assert walked[2].held_out_bpb == pytest.approx(walked[0].held_out_bpb, rel=0.05)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Q4_K_M.gguf", "Q8_0.gguf"]


@pytest.mark.thorough
def test_the_dry_run_weighs_what_is_then_written(f16: Path, hf: Any, rows: Any, tmp_path: Path
                                                 ) -> None:
    need("llama_cpp")
    weights = imatrix.importance(hf[0], rows[:1])
    steps = ("Q4_0", "Q4_0+Q8_0", "IQ3_XXS")
    for size in size_estimate.dry_run(f16, steps):
        quantise.quantise(f16, tmp_path / "q.gguf", size.quant, weights)
        written = (tmp_path / "q.gguf").stat().st_size
        assert written == pytest.approx(size.bytes, abs=size_estimate.GIVEN_BY_QUANTISE_BYTES)
        kinds = Counter(t.tensor_type.name for t in gguf.GGUFReader(tmp_path / "q.gguf").tensors)
        kinds.pop("F32")
        assert kinds == size.tensor_types


@nasty(31)
@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_a_file_that_is_not_the_model_it_was_made_of_is_noticed(
    f16: Path, rows: list[Row], tmp_path: Path, factor: float
) -> None:
    need("llama_cpp")
    wrong = factor * bits.gguf_bits_per_byte(f16, rows)
    with pytest.raises(TrainingError, match=r"bits per byte in llama\.cpp, the model"):
        quantise.walk_ladder(f16, tmp_path, ("Q8_0",), {}, rows, 1, wrong, lambda *args: None)


@nasty(31)
def test_columns_that_are_always_zero_are_given_a_little_weight(hf: Any, rows: Any) -> None:
    with torch.no_grad():
        kept = hf[0].model.layers[0].input_layernorm.weight.clone()
        hf[0].model.layers[0].input_layernorm.weight[:16] = 0
    found = imatrix.importance(hf[0], rows[:1])["blk.0.attn_q.weight"]
    with torch.no_grad():
        hf[0].model.layers[0].input_layernorm.weight.copy_(kept)
    assert (found[:16] > 0).all() and (found[16:] > found[:16].max()).all()


@nasty(31)
def test_what_is_quantised_already_is_refused_in_the_child(
    f16: Path, hf: Any, rows: Any, tmp_path: Path
) -> None:
    need("llama_cpp")
    weights = imatrix.importance(hf[0], rows[:1])
    quantise.quantise(f16, tmp_path / "Q8_0.gguf", "Q8_0", weights)
    with pytest.raises(TrainingError, match=r"could not quantise it .*requantizing"):
        quantise.quantise(tmp_path / "Q8_0.gguf", tmp_path / "q.gguf", "Q4_0", weights)
    assert [p.name for p in tmp_path.iterdir()] == ["Q8_0.gguf"]


@nasty(31)
def test_a_step_that_saves_nothing_is_not_walked() -> None:
    found = [size_estimate.Size("Q8_0", 90, {}), size_estimate.Size("Q4_K_M", 60, {}),
             size_estimate.Size("IQ4_XS", 61, {}), size_estimate.Size("Q3_K_M", 50, {})]
    assert quantise.worth_trying(100, found) == ["Q8_0", "Q4_K_M", "Q3_K_M"]
    assert quantise.worth_trying(80, found[:1]) == ["Q8_0"]


def test_importance_is_the_mean_square_of_the_input(hf: tuple[Any, Any], rows: list[Row]) -> None:
    found = imatrix.importance(hf[0], rows[:1])
    assert len(found) == 7  # q k v o gate up down of one layer
    with torch.no_grad():
        ids = torch.tensor([rows[0].input_ids])
        x = hf[0].model.layers[0].input_layernorm(hf[0].model.embed_tokens(ids))[0]
    assert found["blk.0.attn_q.weight"] == pytest.approx((x * x).mean(0).numpy(), rel=1e-4)


def test_our_importance_is_what_llama_cpp_itself_collects(f16: Path, hf: tuple[Any, Any]) -> None:
    need("llama_cpp")
    from bench import quant_peer

    text = NOTEBOOK * 4
    ids = hf[1](text)["input_ids"]
    whole = len(ids) // quant_peer.CHUNK_TOKENS * quant_peer.CHUNK_TOKENS
    chunks = [ids[at : at + 512] for at in range(0, whole, 512)]
    ours = imatrix.importance(hf[0], [Row("plain", "", chunk, chunk) for chunk in chunks])
    theirs = quant_peer.importance(f16, text)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert theirs[name] == pytest.approx(values, rel=0.02), name


@nasty(31)
def test_a_gap_in_the_importance_is_refused(
    f16: Path, hf: Any, rows: Any, tmp_path: Path
) -> None:
    weights = imatrix.importance(hf[0], rows[:1])
    short = {**weights, "blk.0.attn_q.weight": weights["blk.0.attn_q.weight"][:-1]}
    with pytest.raises(TrainingError, match=r"importance of blk\.0\.attn_q\.weight must be 256"):
        quantise.quantise(f16, tmp_path / "q.gguf", "Q8_0", short)
    spoiled = {**weights, "blk.0.attn_q.weight": np.full(256, np.nan, np.float32)}
    with pytest.raises(TrainingError, match="must be 256 finite numbers"):
        quantise.quantise(f16, tmp_path / "q.gguf", "Q8_0", spoiled)
    del weights["blk.0.attn_q.weight"]
    with pytest.raises(TrainingError, match=r"no entry for blk\.0\.attn_q\.weight"):
        quantise.quantise(f16, tmp_path / "q.gguf", "Q8_0", weights)
    with pytest.raises(TrainingError, match="--quant Q9 is not one of"):
        quantise.quantise(f16, tmp_path / "q.gguf", "Q9", weights)


@nasty(31)
@pytest.mark.parametrize("keep", [0, 3, 100, 0.5, 0.999])
def test_a_truncated_gguf_is_refused(
    f16: Path, hf: Any, rows: list[Row], tmp_path: Path, keep: float
) -> None:
    whole = f16.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(TrainingError):
        quantise.quantise(cut, tmp_path / "q.gguf", "Q8_0", imatrix.importance(hf[0], rows[:1]))
    need("llama_cpp")
    with pytest.raises(TrainingError, match=r"llama\.cpp cannot load it"):
        bits.open_gguf(cut, 64, every_logit=False, threads=1)
    assert [p.name for p in tmp_path.iterdir()] == ["cut.gguf"]


def test_the_smallest_step_within_the_tolerance_is_chosen() -> None:
    walked = [quantise.Step("F16", 100, 2.0), quantise.Step("Q8_0", 50, 2.01),
              quantise.Step("Q4_K_M", 30, 2.04), quantise.Step("Q3_K_M", 20, 2.041)]
    assert quantise.choose(walked).quant == "Q4_K_M"
    assert quantise.choose(walked[:1]).quant == "F16"
