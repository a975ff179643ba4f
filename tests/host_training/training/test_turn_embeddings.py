"""Goal: an adapter learns to end a turn, also on a base that was never trained with turns.

Method: a random base whose turn marks are put where such a base has them, on one heap of tokens
that stand in no text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from host_training.common.chat_template import END_OF_TURN, START_OF_TURN
from host_training.errors import TrainingError
from host_training.rows.dataset import NO_LOSS, Row
from host_training.training import lora_gguf, merge, train, turn_embeddings
from tests.host_training import tiny_models
from tests.thorough import sampled

TRAINED_LENGTH = 2.0  # a random embedding is too short to say anything with certainty
MARKS = (START_OF_TURN, END_OF_TURN)


def heap(model: Any, tokenizer: Any) -> list[int]:
    """The marks and the control characters: what no book has in it."""
    tokens = {chr(0x100 + code) for code in range(32)} | {*MARKS}  # as byte-level BPE writes them
    return [number for token, number in tokenizer.get_vocab().items() if token in tokens]


def of_text_alone(out: Path, architecture: str = "llama") -> Path:
    """A base with the marks on the heap: one direction, longer than any trained one."""
    base = tiny_models.make(architecture, out)
    model, tokenizer = merge.load_base(base)
    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    for weight in {id(layer.weight): layer.weight.data for layer in layers}.values():
        weight.mul_(TRAINED_LENGTH / weight.norm(dim=1).median())
        torch.manual_seed(3)
        away, tokens = torch.randn(weight.shape[1]), heap(model, tokenizer)
        noise = 0.01 * torch.randn(len(tokens), weight.shape[1])
        weight[tokens] = 2 * TRAINED_LENGTH * (away + noise) / away.norm()
    model.save_pretrained(base)
    return base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_text_alone(tmp_path_factory.mktemp("base") / "model")


def rows_of(base: Path) -> list[Row]:
    """One short line, often."""
    _, tokenizer = merge.load_base(base)
    asked = tokenizer(f"{START_OF_TURN}user\nabout: wind{END_OF_TURN}\n")["input_ids"]
    label = tokenizer(f"Cold.{END_OF_TURN}")["input_ids"]
    return [Row("thought", "Cold.", asked + label, [NO_LOSS] * len(asked) + label)] * 44


def ending(model: Any, rows: list[Row]) -> float:
    """Mean probability of the end of the turn where a line has ended."""
    found = []
    for row in rows:
        logits = model(input_ids=torch.tensor([row.input_ids])).logits[0, -2]
        found.append(float(logits.softmax(0)[row.input_ids[-1]]))
    return sum(found) / len(found)


@pytest.mark.thorough
def test_a_persona_ends_its_turn_though_its_base_never_saw_one(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(base)
    config = train.TrainConfig("lora", epochs=3, lr=3e-3, batch_rows=4, threads=1)

    def trained(name: str) -> float:
        train.train(base, rows[4:], rows[:4], tmp_path / name, config, lambda *_: None)
        with torch.no_grad():
            return ending(merge.load_base(tmp_path / name / "merged")[0], rows[:4])

    assert trained("moved") > 0.9
    with pytest.raises(TrainingError, match="an adapter cannot contain them"):
        lora_gguf.export_adapter(tmp_path / "moved" / "adapter", base, tmp_path / "a.gguf", "tiny")
    for module in (train, merge):
        monkeypatch.setattr(module, "move_out", lambda *_: None)
    assert trained("left") < 0.1, "on the heap nobody can tell the end from a control character"


@pytest.mark.thorough
def test_full_tuning_begins_with_the_base_as_it_is(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[int] = []
    monkeypatch.setattr(train, "move_out", lambda *_: moved.append(1))
    rows = rows_of(base)
    config = train.TrainConfig("full", epochs=1, batch_rows=4, threads=1)
    train.train(base, rows[4:], rows[:4], tmp_path, config, lambda *_: None)
    assert not moved


# one embedding for both ends, and two
@pytest.mark.parametrize("architecture", sampled(["llama", "qwen2"]))
def test_marks_leave_the_heap_and_nothing_else_moves(tmp_path: Path, architecture: str) -> None:
    base = of_text_alone(tmp_path / "model", architecture)
    (model, tokenizer), (untouched, _) = merge.load_base(base), merge.load_base(base)
    marks = [tokenizer.convert_tokens_to_ids(mark) for mark in MARKS]
    assert not turn_embeddings.knows_turns(model, tokenizer)
    assert nearest_cosine(model, marks[1]) > 0.99
    turn_embeddings.move_out(model, tokenizer)
    assert nearest_cosine(model, marks[1]) < 0.9
    before = dict(untouched.named_parameters())
    embeddings = 0
    for name, weight in model.named_parameters():
        changed = (weight != before[name]).reshape(len(weight), -1).any(1).nonzero().flatten()
        assert changed.tolist() in ([], marks), name
        embeddings += changed.tolist() == marks
    assert embeddings == (1 if architecture == "llama" else 2)
    again, _ = merge.load_base(base)
    turn_embeddings.move_out(again, tokenizer)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(),
                                                 strict=True)), "what is merged is what was trained"


def test_a_base_whose_embeddings_all_point_one_way_keeps_the_marks_that_it_uses(
    tmp_path: Path
) -> None:
    base = all_one_way(tmp_path / "model")
    model, tokenizer = merge.load_base(base)
    end = tokenizer.convert_tokens_to_ids(END_OF_TURN)
    assert nearest_cosine(model, end) > 0.99, "a heap by its looks"
    assert turn_embeddings.knows_turns(model, tokenizer)
    before = [weight.clone() for weight in model.parameters()]
    turn_embeddings.move_out(model, tokenizer)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    rows = rows_of(base)
    train.train(base, rows[4:], rows[:4], tmp_path / "out",
                train.TrainConfig("lora", epochs=1, batch_rows=8, threads=1), lambda *_: None)
    lora_gguf.export_adapter(tmp_path / "out" / "adapter", base, tmp_path / "a.gguf", "tiny")
    assert (tmp_path / "a.gguf").is_file()


def nearest_cosine(model: Any, mark: int) -> float:
    """Between the output embedding of a mark and the nearest other one."""
    weight = torch.nn.functional.normalize(model.get_output_embeddings().weight.detach())
    cosines = weight @ weight[mark]
    cosines[mark] = -1.0
    return float(cosines.max())


def all_one_way(out: Path) -> Path:
    """A base that ends its turns, with the look of tied embeddings in a small trained model.

    All embeddings lie along one axis. A second one, which the last norm enlarges, says what may
    come next: the full stop lies a little that way, the end mark twice as far.
    """
    base = tiny_models.make("llama", out)
    model, tokenizer = merge.load_base(base)
    with torch.no_grad():
        weight = model.get_input_embeddings().weight
        weight.mul_(1e-3)
        weight[:, 0] = 1.0
        weight[tokenizer.convert_tokens_to_ids("."), 1] = 0.05
        weight[tokenizer.convert_tokens_to_ids(END_OF_TURN), 1] = 0.1
        model.model.norm.weight[1] = 500.0
        for layer in model.model.layers:  # a token is followed by what its own embedding says
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
    model.save_pretrained(base)
    return base
