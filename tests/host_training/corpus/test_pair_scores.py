"""Goal: pairs whose answer does not follow are left out where that is asked for, and nothing else.

Method: a scorer that knows odd answers by a word, on a chat, a diary and a notebook.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from host_training.common.persona_dir import read_persona
from host_training.corpus import assemble, pair_scores
from host_training.corpus.example_store import ExampleStore
from host_training.corpus.pair_scores import answered_turn
from host_training.corpus.sessions import Example
from host_training.corpus.summary import read_summary
from tests.host_training.conftest import write_persona
from tests.host_training.corpus.preparing import add_toml, silent, with_telegram
from tests.host_training.importers.reading import write_files

ROWS = [
    (2, "Did the box come down in one piece?"), (1, "In two pieces, both of them polite."),
    (2, "What does the hedge say?"), (1, "An odd thing about trains to Lisbon."),
    (2, "Will you mend it?"), (1, "Tomorrow, if the glue is dry."),
]
ODD = "An odd thing about trains to Lisbon."


class OddScore:
    """An odd answer has as many bits as it is told; every other has two."""

    def __init__(self, bits: float = -3.25) -> None:
        self._bits = bits
        self.asked: list[tuple[str, str]] = []

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.asked += pairs
        return [self._bits if "odd" in answer else 2.0 for _, answer in pairs]


def persona(directory: Path, setting: str = "pair_score_bits = 0\n") -> Path:
    with_telegram(write_persona(directory), ROWS)
    write_files(directory, {"diary/monday.md": "An odd day. The hedge was white and I was not.\n"})
    add_toml(directory, f"[clean]\n{setting}")
    return directory


def prepared(directory: Path, out: Path, score: pair_scores.Score | None) -> list[Example]:
    out.mkdir(exist_ok=True)
    assemble.prepare(directory, read_persona(directory), out, silent, score)
    return assemble.load(out / assemble.EXAMPLES)


def test_a_pair_that_scores_too_little_is_left_out_counted_and_listed(tmp_path: Path) -> None:
    score = OddScore()
    kept = prepared(persona(tmp_path / "ada"), tmp_path / "out", score)
    whole = prepared(persona(tmp_path / "all", ""), tmp_path / "whole", None)
    assert {e.text for e in whole} - {e.text for e in kept} == {ODD}
    assert read_summary(tmp_path / "out")["left out"]["skipped"][pair_scores.LEFT_OUT] == 1
    rows = [json.loads(line) for line in (tmp_path / "out" / "pairs.jsonl").open()]
    assert rows == [{"bits": -3.25, "prompt": "What does the hedge say?", "answer": ODD}]
    sheet = (tmp_path / "out" / assemble.REVIEW).read_text()
    assert f"- -3.2 bits: …What does the hedge say? → **{ODD}**" in sheet


def test_only_what_answers_somebody_is_ever_scored(tmp_path: Path) -> None:
    score = OddScore()
    kept = prepared(persona(tmp_path / "ada"), tmp_path / "out", score)
    assert score.asked == [(asked, answer) for (_, asked), (_, answer)
                           in zip(ROWS[::2], ROWS[1::2], strict=True)]
    assert any(e.text.startswith("An odd day.") for e in kept)


def test_a_score_of_just_the_threshold_stays(tmp_path: Path) -> None:
    directory = persona(tmp_path / "ada", "pair_score_bits = -3.25\n")
    assert ODD in {e.text for e in prepared(directory, tmp_path / "a", OddScore(-3.25))}
    assert ODD not in {e.text for e in prepared(directory, tmp_path / "b", OddScore(-3.26))}


def test_nothing_is_scored_unless_it_is_asked_for(tmp_path: Path) -> None:
    directory, score = persona(tmp_path / "ada", ""), OddScore()
    prepared(directory, tmp_path / "a", None)
    prepared(directory, tmp_path / "b", score)
    assert score.asked == []
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(
        p.name for p in (tmp_path / "b").iterdir())
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert not (tmp_path / "a" / pair_scores.ASIDE).exists()


def test_a_list_of_an_earlier_scan_goes(tmp_path: Path) -> None:
    prepared(persona(tmp_path / "ada"), tmp_path / "out", OddScore())
    prepared(persona(tmp_path / "all", ""), tmp_path / "out", None)
    assert not (tmp_path / "out" / pair_scores.ASIDE).exists()
    assert "do not follow" not in (tmp_path / "out" / assemble.REVIEW).read_text()


def test_without_a_base_one_sentence_says_so_and_nothing_is_left_out(tmp_path: Path) -> None:
    kept = prepared(persona(tmp_path / "ada"), tmp_path / "out", None)
    assert ODD in {e.text for e in kept}
    warnings = read_summary(tmp_path / "out")["warnings"]
    assert sum("pair_score_bits" in sentence for sentence in warnings) == 1


def test_a_pair_is_the_newest_turn_of_somebody_else_and_what_answers_it() -> None:
    context = (("N", "first?"), ("N", "second?"), ("me", "well"))
    assert answered_turn(Example("dialogue", "so", "x", 0, context=context)) == "second?"
    assert answered_turn(Example("dialogue", "so", "x", 0, question="why?")) == "why?"
    assert answered_turn(Example("dialogue", "so", "x", 0, context=(("me", "a"),))) is None
    assert answered_turn(Example("monologue", "so", "x", 0, question="why?")) is None


@pytest.mark.parametrize("n", [1, pair_scores.PAIRS_AT_ONCE, pair_scores.PAIRS_AT_ONCE + 1])
def test_the_progress_reaches_its_end_and_says_how_long_it_takes(tmp_path: Path, n: int) -> None:
    told: list[tuple[float, str]] = []
    with ExampleStore() as store:
        store.add(Example("dialogue", f"odd {k}", "x", k, context=(("N", "why?"),))
                  for k in range(n))
        score = OddScore()
        found = list(pair_scores.misfits(store, score, 0.0, tmp_path / "p.jsonl",
                                         lambda share, line: told.append((share, line))))
    assert len(found) == len(score.asked) == n
    assert told[-1] == (1.0, f"scoring pairs, {n} of {n}, 0 min left")
