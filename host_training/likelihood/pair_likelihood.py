"""How much likelier a base model finds answers after what they answer: the scores of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from host_training.common.chat_template import END_OF_TURN, START_OF_TURN
from host_training.likelihood import bits
from host_training.rows.dataset import NO_LOSS, Row, clean_lines

ASKED_TOKENS_MAX = 96  # the last of what is answered
ANSWER_TOKENS_MAX = 64  # the first of the answer


class PairLikelihood:
    """A base in full precision, asked about one batch of pairs after another."""

    def __init__(self, base: Path) -> None:
        """``base``: a Hugging Face folder whose tokenizer has the tokens of ChatML."""
        self._tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
        self._model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32,
                                                           local_files_only=True)

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Bits that each (asked, answer) saves on its answer, against a turn without words.

        The sum over the answer, without the end of its turn; equal pairs in equal batches give
        equal scores.
        """
        answers = [self._ids(clean_lines(answer))[:ANSWER_TOKENS_MAX] for _, answer in pairs]
        questions = [self._ids(clean_lines(words))[-ASKED_TOKENS_MAX:] for words, _ in pairs]
        rows = [*map(self._row, questions, answers), *(self._row([], answer) for answer in answers)]
        costs = bits.row_bits(self._model, rows)
        return [float(alone - answered) for answered, alone
                in zip(costs[: len(pairs)], costs[len(pairs) :], strict=True)]

    def _row(self, question: list[int], answer: list[int]) -> Row:
        before = [*self._ids(f"{START_OF_TURN}user\n"), *question,
                  *self._ids(f"{END_OF_TURN}\n{START_OF_TURN}assistant\n")]
        return Row("pair", "", before + answer, [NO_LOSS] * len(before) + answer)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids
