"""Goal: the figures of ``bench pairs`` are those of its scores. Method: a scorer that knows all."""

from __future__ import annotations

from collections.abc import Sequence

from bench import pairs

CHAT = [(f"question {n}?", f"answer {n}") for n in range(10)]


def knows(asked: Sequence[tuple[str, str]]) -> list[float]:
    return [1.0 if question[9:-1] == answer[7:] else -1.0 for question, answer in asked]


def test_a_scorer_that_knows_parts_them_all_and_one_that_guesses_half() -> None:
    assert [figure.value for figure in pairs.measured("x", CHAT, knows)] == [1.0, 0.0, 100.0]
    guessed = pairs.measured("x", CHAT, lambda asked: [0.0] * len(asked))
    assert [figure.value for figure in guessed] == [0.5, 0.0, 0.0]
    assert not guessed[0].is_met


def test_the_chat_has_a_question_and_an_answer_on_each_line() -> None:
    lines = pairs.CHAT.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 80 and all(line.count("\t") == 1 for line in lines)
