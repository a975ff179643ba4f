"""The engine: drafts are ranked by what an independent evaluation of the same tokens gives."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest

from payload import mind_engine
from payload.mind.drafts import (
    LIKELIHOOD_WEIGHT,
    REPETITION_COST,
    REPLY_ROUNDS,
    Bounds,
    Draft,
)
from payload.mind.prefix_cache import PrefixCache
from payload.mind.repeats import repetitions
from payload.mind_engine import (
    DRAFT_CELLS,
    N_LOGITS,
    Engine,
)
from wire.sampling import DRAFTS_MAX, Sampling

PREFIX = "<|im_start|>system\nYou are the voice of a balloon.<|im_end|>\n<|im_start|>user\n"
SUFFIX = "climbing, 12 km up.\nabout: wind<|im_end|>\n<|im_start|>assistant\n"
PLAIN = "about: today<|im_end|>\n<|im_start|>assistant\n"


def _log_p(model: Any, prompt: list[int], said: list[int]) -> float:
    """Nats of ``said`` after ``prompt``, by llama-cpp-python's own evaluation."""
    model.reset()
    model.eval([*prompt, *said])
    logits = model.scores[len(prompt) - 1 : len(prompt) + len(said) - 1].astype(np.float64)
    logits -= logits.max(1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(1, keepdims=True))
    return float(logits[np.arange(len(said)), said].sum())


@pytest.mark.parametrize(("is_brief", "count"), [(False, 6), (True, 6 * REPLY_ROUNDS)])
def test_the_best_draft_comes_first(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, is_brief: bool, count: int
) -> None:
    """Goal: by mutual information and likelihood, each measured anew by another evaluation, also
    where a second round of drafts begins behind the same prompt."""
    seen: list[Any] = []
    rank = Engine._rank

    def watched(self: Engine, drafts: list[Any], *rest: Any) -> int:
        evaluated = rank(self, drafts, *rest)
        seen.extend(drafts)
        return evaluated

    monkeypatch.setattr(Engine, "_rank", watched)
    with tiny_model.open("rb") as opened:
        engine = Engine(opened, "tiny", "tiny", 512, threads=1)
    prefix, suffix, plain = map(engine.tokens, (PREFIX, SUFFIX, PLAIN))
    sampling = Sampling(drafts=6, temperature=1.5, max_tokens=20)
    drawn = engine.draw(prefix, suffix, plain, sampling, seed=7, is_brief=is_brief)
    engine.close()
    seen.sort(key=lambda draft: -draft.worth)
    model = llama_cpp.Llama(str(tiny_model), n_ctx=512, logits_all=True, verbose=False)
    worth = []
    for draft in seen:
        here = _log_p(model, [*prefix, *suffix], draft.tokens)
        anywhere = _log_p(model, [*prefix, *plain], draft.tokens)
        assert math.isclose(draft.log_p, here, abs_tol=0.05)
        assert math.isclose(draft.plain_log_p, anywhere, abs_tol=0.05)
        worth.append((here - anywhere + LIKELIHOOD_WEIGHT * here) / len(draft.tokens)
                     - REPETITION_COST * repetitions(draft.text))
    model.close()
    assert drawn.drafts == [draft.text for draft in seen] and len(worth) == count
    assert worth == sorted(worth, reverse=True) and worth[0] - worth[-1] > 0.05


def test_a_word_said_twice_costs_a_draft_some_of_its_worth() -> None:
    once, twice = (Draft(0, None, [1, 2, 3], said, -6.0, -8.0) for said in (
        b"The ground is below me.", b"The ground is on the ground."))
    assert math.isclose(once.worth - twice.worth, REPETITION_COST)


@pytest.mark.parametrize(("said", "sentences_max", "kept"), [
    (b"It is cold.", 1, None), (b"It is cold. T", 1, "It is cold."), (b"It is 3.", 1, None),
    (b"It is 3.5", 1, None), (b"It is cold. The", 2, None), (b"It is. Cold. T", 2, "It is. Cold."),
    ("Es ist kalt. \u00dc".encode()[:-1], 1, "Es ist kalt."), (b"", 1, None),
    (b"It is cold, and I", 1, None),
])
def test_a_draft_ends_once_more_follows_its_last_sentence(
    said: bytes, sentences_max: int, kept: str | None
) -> None:
    assert Bounds(64, sentences_max).cut(said) == kept


@pytest.mark.parametrize(("said", "kept"), [
    (b"It is cold,", None), (b"It is cold, and", "It is cold."), (b"It is cold, an", None),
    (b"Yes, and it", None), (b"Yes, it is cold, so", "Yes, it is cold."),
    (b"No. It is cold, but", "No. It is cold."), (b"It is. The sun. I", "It is. The sun."),
    (b"It is cold. I", "It is cold."), (b"It is cold.", None), (b"It is 3.5, and", "It is 3.5."),
    (b"Sun, wind and cloud", None),
])
def test_a_brief_draft_ends_once_more_follows_its_first_clause(
    said: bytes, kept: str | None
) -> None:
    assert Bounds(64, 2, is_brief=True).cut(said) == kept


def test_a_draft_costs_nothing_beyond_its_last_sentence(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: decoding stops where the line will be cut. Method: a sentence is five bytes long."""
    monkeypatch.setattr(
        Bounds, "cut", lambda self, said: said[:5].decode("utf-8", "ignore")
        if len(said) > 5 else None)
    with tiny_model.open("rb") as opened:
        engine = Engine(opened, "tiny", "tiny", 512, threads=1)
    drawn = engine.draw([], engine.tokens(SUFFIX), [], Sampling(drafts=4, max_tokens=40), 1)
    engine.close()
    assert max(map(len, drawn.drafts)) <= 5 and drawn.reply_tokens <= 10


def test_only_a_prefix_is_kept_in_the_cache(tiny_model: Path, tmp_path: Path) -> None:
    """Goal: a prompt without one, before and after another, adds no file."""
    with tiny_model.open("rb") as opened:
        engine = Engine(opened, "tiny", "tiny", 512, threads=1, cache=PrefixCache(tmp_path))
    kept = []
    for prefix in ("", PREFIX, ""):
        engine.draw(engine.tokens(prefix), engine.tokens(SUFFIX), [], Sampling(max_tokens=4), 1)
        kept.append(len(list(tmp_path.glob("*.state"))))
    engine.close()
    assert kept == [0, 1, 1]


def test_memory_bounds_the_logits_and_the_cells_of_a_thought(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: no batch wants more logits than N_LOGITS, and drafts that would not fit are not begun.

    Method: prompts of growing length whose drafts all go on to the bound.
    """
    wanted: list[int] = []
    decode = Engine._decode

    def watched(self: Engine, rows: Any) -> None:
        wanted.append(sum(has_logits for *_, has_logits in rows))
        decode(self, rows)

    monkeypatch.setattr(Engine, "_decode", watched)
    monkeypatch.setattr(mind_engine.llama, "llama_vocab_is_eog", lambda vocab, token: False)
    monkeypatch.setattr(Bounds, "cut", lambda self, said: None)
    with tiny_model.open("rb") as opened:
        engine = Engine(opened, "tiny", "tiny", 512, threads=1)
    assert mind_engine.llama.llama_n_ctx(engine._context) == 512 + DRAFT_CELLS
    prefix, plain = engine.tokens(PREFIX), engine.tokens(PLAIN)
    sampling = Sampling(drafts=DRAFTS_MAX, temperature=1.5, max_tokens=60)
    counts = []
    for length in (50, 250, 450):
        suffix = (engine.tokens(SUFFIX) * 20)[: length - len(prefix)]
        counts.append(len(engine.draw(prefix, suffix, plain, sampling, seed=3).drafts))
    # Not ranked, beside the kept prompt without a moment: its cells are taken all the same.
    assert len(engine.draw(prefix, suffix, [], sampling, seed=3).drafts) == counts[-1]
    engine.close()
    assert counts == [(512 + DRAFT_CELLS - length - len(plain)) // 60 if length > 50 else DRAFTS_MAX
                      for length in (50, 250, 450)]
    assert max(wanted) == N_LOGITS >= DRAFTS_MAX


def test_a_control_token_in_the_content_is_plain_text(tiny_model: Path) -> None:
    """Goal: the template's two are read as such, any other of the model's own is letters.

    Method: the tiny model's third one, as somebody may write it, beside llama.cpp's own reading.
    """
    with tiny_model.open("rb") as opened:
        engine = Engine(opened, "tiny", "tiny", 512, threads=1)
    (start,), (end,) = map(engine.tokens, ("<|im_start|>", "<|im_end|>"))
    text = "asked: <|endoftext|> hi"
    tokens = engine.tokens(f"<|im_start|>user\n{text}<|im_end|>\n")
    engine.close()
    model = llama_cpp.Llama(str(tiny_model), n_ctx=512, vocab_only=True, verbose=False)

    def plain(text: str) -> list[int]:
        return model.tokenize(text.encode(), add_bos=False, special=False)

    assert len(model.tokenize(b"<|endoftext|>", add_bos=False, special=True)) == 1
    assert tokens == [start, *plain(f"user\n{text}"), end, *plain("\n")]
    model.close()
