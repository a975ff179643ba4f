"""Topics: situations of a flight; what may be chosen must be true, and new things come first."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from payload.api_client import classify
from payload.mind.memory import MEMORY_WORDS
from payload.mind.topics import (
    API_TOPICS,
    Facts,
    choose,
    cloud_word,
    moment,
    panel_word,
    spin_word,
    weights,
)
from payload.prompt import suffix
from payload.sight import SightValues
from payload.situation import Situation
from wire.beacon import Phase
from wire.records import BODY_FIELDS, Kind

ALOFT = Situation(
    now_ms=4_000_000, phase=Phase.ASCENT, phase_since_ms=1_000_000, altitude_m=20_100.0,
    fix_age_s=0.5, speed_mps=20.0, outside_c=-50.0, pressure_hpa=55.0, humidity_pct=5.0,
    heard_ground_age_s=30.0, uptime_s=4_000.0)
HIGH = Facts(ALOFT, ground_altitude_m=100.0, sun="high", battery="good")


def at(facts: Facts, **changes: object) -> Facts:
    return replace(facts, situation=replace(facts.situation, **changes))


def drawn(facts: Facts, count: int = 600) -> Counter[str]:
    """Topics of ``count`` musings in a row in an unchanging situation."""
    rng = random.Random(7)
    recent: list[str] = []
    for _ in range(count):
        recent.append(choose(facts, recent, rng))
    return Counter(recent)


CASES = {
    "ground": (Facts(Situation(now_ms=0, phase=Phase.GROUND)), HIGH),
    "height": (HIGH, at(HIGH, altitude_m=1_500.0)),
    "cold": (at(HIGH, outside_c=-20.1), at(HIGH, outside_c=-20.0)),
    "thin-air": (at(HIGH, pressure_hpa=299.9), at(HIGH, pressure_hpa=300.0)),
    "horizon": (at(HIGH, altitude_m=15_101.0), at(HIGH, altitude_m=15_100.0)),
    "inside": (HIGH, at(HIGH, phase=Phase.GROUND)),
    "float": (at(HIGH, phase=Phase.FLOAT), HIGH),
    "sun": (HIGH, replace(HIGH, sun="down")),
    "dark": (replace(HIGH, sun="down"), HIGH),
    "cloud": (replace(HIGH, cloud="below"), HIGH),
    "wind": (at(HIGH, speed_mps=12.1), at(HIGH, speed_mps=12.0)),
    "battery": (replace(HIGH, battery="fair"), HIGH),
    "falling": (at(HIGH, phase=Phase.DESCENT), HIGH),
    "landed": (at(HIGH, phase=Phase.LANDED), HIGH),
    "picture": (replace(HIGH, picture_ms=3_820_000), replace(HIGH, picture_ms=3_819_999)),
    "silence": (at(HIGH, heard_ground_age_s=301.0), at(HIGH, heard_ground_age_s=300.0)),
    "notfound": (replace(HIGH, api=("news", "404")), HIGH),
    "refused": (replace(HIGH, api=("news", "429")), replace(HIGH, api=("news", "404"))),
    "timeout": (replace(HIGH, api=("news", "unreachable")), replace(HIGH, api=("news", "other"))),
    "garbage": (replace(HIGH, api=("news", "garbage")), HIGH),
    "answer": (replace(HIGH, api=("news", "ok")), HIGH),
}


@pytest.mark.parametrize("topic", CASES)
def test_each_topic_is_there_when_true_and_not_otherwise(topic: str) -> None:
    """Goal: the whole table, just true and just not. Method: one change to a situation."""
    true, false = CASES[topic]
    assert topic in weights(true)
    assert topic not in weights(false)
    assert topic in drawn(true)
    assert topic not in drawn(false)


@pytest.mark.parametrize(
    ("topic", "facts", "too_late"),
    [("launch", at(HIGH, phase_since_ms=3_900_000, altitude_m=400.0),
      at(HIGH, phase_since_ms=3_820_000, altitude_m=400.0)),
     ("burst", at(HIGH, phase=Phase.DESCENT, phase_since_ms=3_820_001),
      at(HIGH, phase=Phase.DESCENT, phase_since_ms=3_820_000)),
     ("landing", at(HIGH, phase=Phase.DESCENT, altitude_m=1_099.0),
      at(HIGH, phase=Phase.DESCENT, altitude_m=1_100.0))])
def test_what_just_happened_comes_first(topic: str, facts: Facts, too_late: Facts) -> None:
    """Goal: urgent topics at once, but not three times in a row."""
    rng = random.Random(1)
    assert choose(facts, [], rng) == topic
    assert choose(facts, [topic], rng) != topic
    assert topic not in drawn(too_late)


def test_nothing_is_unknown_and_true() -> None:
    """Goal: a situation without any sense has only the self. Method: all None, again and again."""
    facts = Facts(Situation(now_ms=0))
    assert set(weights(facts)) == {"self"}
    assert drawn(facts, 5) == {"self": 5}


def test_no_topic_comes_again_within_three() -> None:
    """Goal: variety. Method: a thousand musings in one moment."""
    rng = random.Random(3)
    recent: list[str] = []
    for _ in range(1000):
        topic = choose(HIGH, recent, rng)
        assert topic not in recent[-3:]
        recent.append(topic)


def test_a_third_is_about_the_outside_world() -> None:
    """Goal: 1/3 of the musings when there is always an answer or silence to tell of.

    Method: draw with only one topic in three recent ones able to repeat, outcomes varied.
    """
    rng = random.Random(5)
    outcomes = ["404", "429", "timeout", "garbage", "500", "unreachable"]
    told = 0
    recent: list[str] = []
    for index in range(900):
        facts = at(replace(HIGH, api=("iss", outcomes[index % 6])), heard_ground_age_s=4000.0)
        recent.append(choose(facts, recent, rng))
        told += recent[-1] in {"silence", "notfound", "refused", "timeout", "garbage"}
    assert 0.25 < told / 900 < 0.40


def test_the_same_rng_gives_the_same_topics() -> None:
    """Goal: determinism. Method: twice."""
    assert drawn(HIGH) == drawn(HIGH)


def test_every_outcome_of_the_client_is_known_here() -> None:
    """Goal: no outcome is forgotten. Method: the words of the record table."""
    outcomes = set(BODY_FIELDS[Kind.API_CALL]["outcome"].split(" | "))
    assert outcomes - {"other", "redirected", "blocked", "asked"} == set(API_TOPICS)
    assert classify(204, b"")[0] == "other" and classify(302, b"")[0] == "redirected"


def test_topics_are_the_ones_the_persona_is_trained_on() -> None:
    """Goal: no train/serve skew. Method: the ``about=`` words of the example notebooks."""
    notebook = Path(__file__).parents[3] / "host_training" / "examples" / "edda" / "notebook"
    trained = {word.split("=")[1] for path in notebook.glob("*.md")
               for line in path.read_text().splitlines() if line.startswith("@ ")
               for word in line.split() if word.startswith("about=")}
    assert set(MEMORY_WORDS) | {"question"} == trained


@pytest.mark.parametrize(
    ("humidity", "scene", "altitude_m", "phase", "word"),
    [(92.1, None, 5_000.0, Phase.ASCENT, "inside"), (92.0, None, 5_000.0, Phase.ASCENT, None),
     (99.0, None, 5_000.0, Phase.GROUND, None), (99.0, None, 12_101.0, Phase.ASCENT, None),
     (10.0, "cloud", 3_101.0, Phase.ASCENT, "below"),
     (10.0, "cloud", 3_100.0, Phase.ASCENT, "above"), (None, "cloud", 90.0, Phase.LANDED, "above"),
     (None, "horizon", 9_000.0, Phase.ASCENT, None), (None, "cloud", None, Phase.ASCENT, None)])
def test_cloud(
    humidity: float | None, scene: str | None, altitude_m: float | None, phase: Phase,
    word: str | None,
) -> None:
    """Goal: where the cloud is. Method: each way and its edge."""
    situation = Situation(
        now_ms=0, phase=phase, altitude_m=altitude_m, fix_age_s=0.0, humidity_pct=humidity)
    assert cloud_word(situation, scene, 100.0) == word


def test_cloud_that_the_eyes_see_is_below() -> None:
    """Goal: a measured cover says more than a scene. Method: with, without, and too low."""
    sight = SightValues(cover=0.5, traits={"clouds": 0.95})
    seeing = Situation(now_ms=0, phase=Phase.ASCENT, altitude_m=9_000.0, fix_age_s=0.0, sight=sight)
    assert cloud_word(seeing, "horizon", 100.0) == "below"
    assert moment(Facts(seeing), "picture").sights == ("clouds",)
    assert cloud_word(replace(seeing, altitude_m=3_000.0), "horizon", 100.0) is None
    assert cloud_word(replace(seeing, sight=SightValues()), "horizon", 100.0) is None


def test_the_moment_tells_heights_over_ground_and_only_fresh_ones() -> None:
    """Goal: the prompt is the truth. Method: fresh, old, and on the ground."""
    assert moment(HIGH, "height").altitude_m == 20_000.0
    assert moment(at(HIGH, fix_age_s=61.0), "height").altitude_m is None
    assert moment(at(HIGH, phase=Phase.GROUND), "wind").wind_mps is None
    assert moment(at(HIGH, heard_ground_age_s=None), "silence").silence_min == pytest.approx(66.7,
                                                                                           abs=0.1)
    assert moment(at(HIGH, phase=Phase.INFLIGHT_UNKNOWN), "self").phase is None


def test_an_api_is_told_only_where_the_thought_is_about_it() -> None:
    """Goal: as in training. Method: the suffix of two topics in one moment."""
    facts = replace(HIGH, api=("tides", "unreachable"))
    assert "asked tides: no answer" in suffix(moment(facts, "timeout"))
    assert "tides" not in suffix(moment(facts, "cold"))


@pytest.mark.parametrize(("dps", "word"), [
    (None, None), (0.0, None), (5.9, None), (-6.0, "slow"), (59.9, "slow"), (-60.0, "fast"),
])
def test_a_spin_in_a_word(dps: float | None, word: str | None) -> None:
    assert spin_word(dps) == word


@pytest.mark.parametrize(("millivolts", "milliamps", "word"), [
    (None, None, None), (0.0, 0.0, "dark"), (999.0, None, "dark"), (1000.0, None, None),
    (5500.0, 180.0, "feeding"), (5000.0, 20.0, "feeding"), (5000.0, 19.0, None),
    (6000.0, 0.0, None), (5500.0, -180.0, None),
])
def test_a_panel_in_a_word(
    millivolts: float | None, milliamps: float | None, word: str | None
) -> None:
    """Lit without a current is neither: beside a full battery the charger takes nothing."""
    assert panel_word(millivolts, milliamps) == word


def test_spin_and_panel_are_told_only_where_the_thought_is_about_them() -> None:
    flying = Situation(now_ms=0, phase=Phase.ASCENT, spin_dps=30.0, panel_mv=5500.0, panel_ma=180.0)
    told = {about: suffix(moment(Facts(flying), about)) for about in ("wind", "sun", "cold")}
    assert "turning slowly" in told["wind"] and "panel" not in told["wind"]
    assert "panel feeding" in told["sun"] and "turning" not in told["sun"]
    assert "turning" not in told["cold"] and "panel" not in told["cold"]
