"""Goal: what readers kept of some moments is found again in others, and noise is not flown.

Method: graded moments whose grades follow a rule that is known here, and such that follow none.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from host_training.stages import RunDir
from host_training.training import reranker_fit, training_stages
from host_training.training.graded_drafts import GradedMoment
from payload.prompt import Moment, suffix

TOPICS = ("cold", "wind")
WORDS = ("log", "box", "sky", "field", "gate", "glove", "thicker", "sings")


def graded(count: int, seed: int) -> list[GradedMoment]:
    """Drafts of three words. A reader keeps none that is thicker, and in the cold none that sings.
    """
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        topic = rng.choice(TOPICS)
        drafts = tuple(" ".join(rng.sample(WORDS, 3)) for _ in range(4))
        grades = tuple(
            0 if "thicker" in draft or (topic == "cold" and "sings" in draft) else 2
            for draft in drafts)
        found.append(GradedMoment(suffix(Moment(about=topic, phase="ascent")), drafts, grades))
    return found


def test_it_learns_words_and_words_under_a_topic() -> None:
    order = reranker_fit.fit(graded(200, 1))
    drafts = ["thicker log box", "sings log box", "gate log box"]
    assert order.ordered(drafts, "cold")[0] == "gate log box"
    assert order.ordered(drafts, "wind")[-1] == "thicker log box"
    assert order.worth("sings", "cold") < order.worth("sings", "wind")
    assert order == reranker_fit.fit(graded(200, 1))


def test_it_is_judged_by_moments_it_has_not_seen() -> None:
    found = reranker_fit.held_out(graded(200, 2))
    assert found["moments"] == 200 and found["kept"] < 0.6 < 0.9 < found["kept_reranked"]


def test_only_what_helps_is_flown(tmp_path: Path) -> None:
    told: list[str] = []

    def reranked(moments: list[GradedMoment]) -> training_stages.FittedReranker | None:
        return training_stages.reranked(
            RunDir(tmp_path), moments, lambda stage, share, line: told.append(line))

    moments = graded(120, 3)
    fitted = reranked(moments)
    assert fitted is not None and fitted.load() == reranker_fit.fit(moments)
    assert fitted.measured == json.loads(
        (fitted.path.with_name(training_stages.MEASURED)).read_text())
    assert "of 120 moments held out, a reader keeps the first draft of" in told[0]
    assert reranked(moments[:99]) is None and len(told) == 1
    worse = [GradedMoment(moment.moment, moment.drafts, (2, 0, 0, 0)) for moment in moments]
    assert reranked(worse) is None and told[1].endswith("the model's own order stays")


def test_moments_without_grades_or_choice_teach_nothing() -> None:
    seen = GradedMoment("m\nabout: cold", ("a", "b"), (0, 2))
    unread = GradedMoment("m\nabout: cold", ("a", "b"))
    single = GradedMoment("m\nabout: cold", ("a",), (2,))
    assert reranker_fit.graded_only([seen, unread, single]) == [seen]
