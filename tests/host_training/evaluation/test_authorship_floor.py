"""Goal: authorship is measured from other people's words, by a judge that saw no trained line.

Method: two invented voices; the persona speaks in one of them, and what it read is exchanged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host_training.corpus.sessions import Example
from host_training.evaluation import (
    assess,
    reference_authors,
)
from host_training.evaluation.authorship_scores import AuthorshipScale
from host_training.evaluation.authorship_scores import voices as voices_of
from host_training.evaluation.generation import Pace, Speech
from host_training.evaluation.memorisation import TrainedText
from host_training.evaluation.subject import Subject
from host_training.rows.dataset import Row
from host_training.rows.partners import Line, partners_of


def ours(n: int) -> str:
    return f"Mended hedge number {n} again; the wind, as ever, helped by being elsewhere."


def theirs(n: int) -> str:
    return f"omg did you see no {n}?? thats so cool lol i cant even"


def rows(texts: list[str]) -> list[Row]:
    return [Row("line", text, [1], [1], session=f"s{n // 3}") for n, text in enumerate(texts)]


def subject(train: list[str], partners: list[Line], **changes: Any) -> Subject:
    fields: dict[str, Any] = {
        "name": "Ada", "author": "Ada Test", "base": Path(), "exact": Path(), "ladder": {},
        "flown": "F16", "train": rows(train), "validation": rows([ours(n) for n in range(40)]),
        "test": rows([ours(n) for n in range(100, 200)]), "partners": partners, "builder": None,
        "sampling": None, "lines": 10, "terms": (), "region": None, "seed": 1, "threads": 1,
        "unasked": [], "has_canaries": False, "has_partners": False, "reranker": None,
        **changes}
    return Subject(**fields)


PARTNERS = [(f"p{n // 3}", theirs(n)) for n in range(120)]


def voices(train: list[str], said: list[str], base_said: list[str], **changes: Any) -> Any:
    who = subject(train, PARTNERS, **changes)
    floor = reference_authors.floor(PARTNERS, [])
    scale = AuthorshipScale(who.test, who.validation, floor, who.seed)
    return voices_of(scale, who, said, base_said, train), scale.floor


def test_the_scale_goes_from_the_partners_to_the_author() -> None:
    said, base_said = [ours(n) for n in range(300, 360)], [theirs(n) for n in range(300, 360)]
    found, floor = voices([ours(n) for n in range(900, 990)], said, base_said)
    assert floor == reference_authors.PARTNERS
    assert found["Ada"].authorship.value > 0.8
    assert abs(found["base with the prompt"].authorship.value) < 0.3
    assert (found[floor].authorship.value, found["Ada Test"].authorship.value) == (0, 1)
    assert found["Ada"].delta < found["base with the prompt"].delta
    turned, _ = voices([ours(n) for n in range(900, 990)], base_said, said)
    assert turned["Ada"].authorship.value < 0.3


def test_what_is_known_by_heart_is_no_likeness() -> None:
    corpus = TrainedText([ours(1), ours(2)])
    assert assess._own_words([ours(1), theirs(1), ours(900)], corpus) == [theirs(1)]
    assert assess._own_words(["Mended hedge."], corpus) == ["Mended hedge."], "too short to tell"


@pytest.mark.parametrize(("asked", "beside"), [(200, 60), (20, 20)])
def test_what_does_not_fly_says_less(monkeypatch: pytest.MonkeyPatch, asked: int, beside: int
                                     ) -> None:
    """The base, the unquantised file and the one that flies are judged; a ladder has eight more."""
    counts: dict[str, int] = {}
    monkeypatch.setattr(assess, "speak", lambda path, rows, count, *rest: (
        counts.update({path.name: count}), Speech([], Pace(count, count, None)))[1])
    ladder = {quant: Path(quant) for quant in ("Q8_0", "Q4_K_M", "Q2_K")}
    who = subject([], [], base=Path("base"), exact=Path("F16"), ladder=ladder, flown="Q4_K_M",
                  lines=asked)
    base_said, said = assess._speeches(who, lambda share, line: None)
    assert counts == {"base": asked, "F16": asked, "Q4_K_M": asked, "Q8_0": beside, "Q2_K": beside}
    assert base_said.pace.replies == asked and list(said) == ["F16", "Q8_0", "Q4_K_M", "Q2_K"]


def test_what_the_persona_read_changes_nothing_in_the_verdict() -> None:
    said, base_said = [ours(n) for n in range(300, 360)], [theirs(n) for n in range(300, 360)]
    one, _ = voices([ours(n) for n in range(900, 990)], said, base_said)
    other, _ = voices([theirs(n) for n in range(900, 990)], said, base_said)
    assert one["Ada"].authorship == other["Ada"].authorship


@pytest.mark.parametrize(("n_test", "is_judged"), [(48, False), (60, True)])
def test_two_bags_of_each_half_are_the_least(n_test: int, is_judged: bool) -> None:
    """Fourteen lines make a bag, and twice as many are needed in each half."""
    said = [ours(n) for n in range(300, 360)]
    found, floor = voices([], said, said, test=rows([ours(n) for n in range(100, 100 + n_test)]))
    assert (found["Ada"].authorship is not None) is is_judged
    assert bool(floor) is is_judged


@pytest.mark.thorough
def test_partners_are_asked_first_and_the_shipped_author_after() -> None:
    talk = [Example("dialogue", "yes", "telegram", 1, session="a",
                    context=(("N", "Did it fly?\n>>> Well?"), ("me", "It did."), ("K", "Oh"))),
            Example("dialogue", "no", "telegram", 2, session="a", context=(("N", "Well?"),)),
            Example("dialogue", "answer", "pairs", 2, context=(("asker", "A question?"),))]
    assert partners_of(talk) == [("a", "Did it fly?"), ("a", "Well?"), ("a", "Oh")]
    assert reference_authors.floor(PARTNERS, ["x"]).who == reference_authors.PARTNERS
    enough = [("a", "x" * reference_authors.CHARS_MIN)]
    assert reference_authors.floor(enough, []).who == reference_authors.PARTNERS
    shipped = reference_authors.floor([("a", "x" * (reference_authors.CHARS_MIN - 1))], ["x"])
    assert shipped.who == reference_authors.EXAMPLE and len(shipped.lines) > 500
    assert reference_authors.floor([], [shipped.lines[0][1]]) is None, "nobody is their own floor"


def test_a_session_is_on_one_side_of_the_judge() -> None:
    one, two = reference_authors.halves([("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")])
    assert (one, two) == (["1", "3", "4"], ["2"])
