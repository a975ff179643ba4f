"""Goal: a pair's score is what the words before it save on its answer, in bits.

Method: a tiny random base, asked in batches and one by one, beside a sum made by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from host_training.common.chat_template import END_OF_TURN, START_OF_TURN
from host_training.likelihood.pair_likelihood import ANSWER_TOKENS_MAX, PairLikelihood
from tests.host_training.conftest import need

torch = need("torch")

PAIRS = [("Are you cold?", "Cold is a number on a wire."), ("The kettle is on.", "Good."),
         ("Are you cold?" * 40, "The sun behaves. " * 30)]


@pytest.fixture(scope="module")
def score(tiny_base: Path) -> PairLikelihood:
    return PairLikelihood(tiny_base)


def test_a_score_is_the_difference_of_two_sums(score: PairLikelihood, tiny_base: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    model = AutoModelForCausalLM.from_pretrained(tiny_base, dtype=torch.float32)
    answer = tokenizer(PAIRS[0][1], add_special_tokens=False)["input_ids"]

    def bits(asked: str) -> float:
        before = tokenizer(f"{START_OF_TURN}user\n{asked}{END_OF_TURN}\n{START_OF_TURN}assistant\n",
                           add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([before + answer])).logits[0, len(before) - 1 : -1]
        chosen = torch.log_softmax(logits, -1)[range(len(answer)), answer]
        return float(-chosen.sum() / torch.log(torch.tensor(2.0)))

    assert score(PAIRS[:1])[0] == pytest.approx(bits("") - bits("Are you cold?"), abs=1e-3)


def test_scores_are_the_same_again_and_in_any_company(score: PairLikelihood) -> None:
    together = score(PAIRS)
    assert score(PAIRS) == together
    assert [score([pair])[0] for pair in PAIRS] == pytest.approx(together, abs=1e-3)


def test_of_long_turns_their_end_and_of_long_answers_their_beginning_count(
    score: PairLikelihood
) -> None:
    asked, answer = PAIRS[2]
    long = score([(asked, answer), (f"Nobody knows. {asked}", f"{answer}So it is.")])
    assert long[0] == pytest.approx(long[1], abs=1e-3)
    assert len(answer) / 4 > ANSWER_TOKENS_MAX  # so that the end is not looked at


def test_the_same_before_and_after_as_without_words_saves_nothing(score: PairLikelihood) -> None:
    assert score([("\x00", "Good.")]) == pytest.approx([0.0], abs=1e-6)
