"""Goal: the measures that read text tell what they claim to tell, and nothing where there is none.

Method: made-up authors of known habits, known intervals, private things and their lookalikes.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from host_training.common.settings import PersonaSettings
from host_training.evaluation import authorship, intervals, leaks, ngram_baseline, style
from host_training.evaluation.intervals import Interval

SEA = ("the sails were furled at dusk", "we ran before the wind all night", "a heavy swell, sir",
       "the mate swore at the anchor", "salt on every rope and biscuit", "hard a-port, he cried")
FIELD = ("the barley stands high this year", "she milked two cows before dawn", "a fox took a hen",
         "mud upon every boot and gate", "the plough broke on a stone", "rain, and the hay not in")


def writing(phrases: tuple[str, ...], seed: int, lines: int = 260) -> list[str]:
    """Lines of two phrases each, drawn."""
    rng = random.Random(seed)
    return [f"{rng.choice(phrases)}; {rng.choice(phrases)}." for _ in range(lines)]


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for trial in range(40):
        sessions = np.repeat(np.arange(30), 4)
        values = rng.normal(2.0, 0.4, 30)[sessions] + rng.normal(0, 0.1, 120)
        found = intervals.ratio(values, np.ones(120), sessions.tolist(), trial)
        held += found.low <= 2.0 <= found.high
    assert 33 <= held <= 40


def test_lines_of_one_session_count_as_one() -> None:
    """Drawing single lines would make this interval half as wide, and wrong."""
    sessions = np.repeat(np.arange(10), 20)
    values = np.random.default_rng(1).normal(0, 1, 10)[sessions]
    whole = intervals.ratio(values, np.ones(200), sessions.tolist(), 1)
    single = intervals.ratio(values, np.ones(200), list(range(200)), 1)
    assert whole.high - whole.low > 2 * (single.high - single.low)
    assert whole.value == pytest.approx(single.value)


def test_over_one_session_nothing_is_known() -> None:
    found = intervals.ratio(np.ones(5), np.ones(5), ["only"] * 5, 1)
    assert (found.value, found.low, found.high) == (1.0, -np.inf, np.inf)


def test_a_difference_of_two_ratios_is_drawn_over_the_sessions_of_both() -> None:
    def side(rate: float, sessions: int) -> intervals.Sums:
        rng = np.random.default_rng(sessions)
        counts = np.full(4 * sessions, 10.0)
        return rate * counts + rng.normal(0, 1, len(counts)), counts, [
            n // 4 for n in range(4 * sessions)]

    found = intervals.difference(side(0.9, 40), side(0.4, 30), seed=1)
    assert found.low < 0.5 < found.high and found.high - found.low < 0.3
    wider = intervals.difference(side(0.9, 40), side(0.4, 3), seed=1)
    assert wider.high - wider.low > found.high - found.low
    same = intervals.difference(side(0.9, 40), side(0.9, 40), seed=1)
    assert same.value == 0 and same.low < 0 < same.high, "each is drawn for itself"
    alone = intervals.difference(side(0.9, 40), side(0.4, 1), seed=1)
    assert (alone.low, alone.high) == (-np.inf, np.inf)


def test_an_area_over_sessions_is_less_sure_than_over_their_lines() -> None:
    rng = np.random.default_rng(3)
    of_session = np.repeat(rng.normal(0.5, 1, 12), 20)  # the lines of one are all alike
    others = rng.normal(0, 1, 240)
    by_line = intervals.auc_interval(list(of_session), list(others), 1)
    by_session = intervals.auc_interval(list(of_session), list(others), 1,
                                        [n // 20 for n in range(240)])
    assert by_line.value == by_session.value
    assert by_session.high - by_session.low > 2 * (by_line.high - by_line.low)


def test_letters_alone_are_a_distribution_and_know_what_they_read() -> None:
    model = ngram_baseline.NgramBaseline(writing(SEA, 1))
    for context in (b"the s", b"\n\n\n\n\n", b"\x00\x01\x02\x03\x04"):
        assert sum(model._probability(context, symbol) for symbol in range(256)
                   ) == pytest.approx(1)
    per_byte = {name: sum(map(model.bits, lines)) / sum(map(len, lines))
                for name, lines in (("sea", writing(SEA, 2)), ("field", writing(FIELD, 2)))}
    assert per_byte["sea"] < 0.7 < 3 < per_byte["field"]
    untaught = ngram_baseline.NgramBaseline([])
    assert untaught.bits("é") == 16, "who read nothing finds every byte as likely"


def test_a_letter_of_many_places_is_likelier_in_a_new_one_than_a_frequent_one() -> None:
    """What Kneser and Ney are for: q stands often, but only in one word."""
    model = ngram_baseline.NgramBaseline(["aq"] * 50 + ["bx", "cx", "dx", "ex", "fx", "gx"])
    nowhere = b"\x00\x01\x02\x03\x04"
    assert model._probability(nowhere, ord("x")) > 2 * model._probability(nowhere, ord("q"))
    assert model._probability(b"\n\n\n\na", ord("q")) > 0.9


def test_letters_read_evenly_of_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngram_baseline, "BYTES_MAX", 100)
    read = ngram_baseline.NgramBaseline(["a" * 9] * 10 + ["b" * 9] * 10)
    assert read.bits("aaaa") == pytest.approx(read.bits("bbbb"), rel=0.2)
    assert ngram_baseline.NgramBaseline(["a" * 9] * 10).bits("bbbb") > 2 * read.bits("bbbb")


@pytest.mark.parametrize(("positives", "negatives", "area"), [
    ([2.0, 3.0], [0.0, 1.0], 1.0), ([0.0], [1.0], 0.0), ([1.0, 1.0], [1.0], 0.5),
    ([0.0, 2.0], [1.0], 0.5),
])
def test_auc_of_samples_one_can_count(positives: list[float], negatives: list[float], area: float
                                      ) -> None:
    assert intervals.auc(positives, negatives) == area
    assert intervals.auc_interval(positives, negatives, 1).value == area


def test_bags_are_whole_lines_and_leave_a_short_rest_out() -> None:
    found = authorship.bags(["x" * 400] * 8, 1_000)
    assert [len(bag) for bag in found] == [1202, 1202]
    assert authorship.bags(["short"]) == []


def test_the_judge_knows_bags_it_never_saw_and_places_a_mixture_between() -> None:
    judge = authorship.Judge(authorship.bags(writing(SEA, 1)), authorship.bags(writing(FIELD, 2)))
    ceiling = judge.score(authorship.bags(writing(SEA, 3)))
    floor = judge.score(authorship.bags(writing(FIELD, 4)))
    assert ceiling.min() > 0 > floor.max()
    half = judge.score(authorship.bags(writing(SEA + FIELD, 5)))
    place = authorship.normalised(half, floor, ceiling, 1)
    assert 0.25 < place.low < place.value < place.high < 0.75
    assert authorship.normalised(ceiling, floor, ceiling, 1).value == pytest.approx(1)
    n = len(half)
    ahead = authorship.lead(ceiling[:n], half, floor, ceiling, 1)
    assert 0 < ahead.low < 1 - place.value < ahead.high < 1
    assert judge.score([]).shape == (0,)


def test_what_prompts_add_to_both_sides_does_not_widen_a_lead() -> None:
    """Two writers of whom one is always a little closer, asked for very different subjects."""
    floor, ceiling = np.full(20, -1.0), np.full(20, 1.0)
    subjects = np.random.default_rng(1).normal(0, 1, 20)
    ahead = authorship.lead(subjects + 0.2, subjects, floor, ceiling, 1)
    assert ahead.low == pytest.approx(0.1) == ahead.high
    shuffled = authorship.lead(subjects + 0.2, subjects[::-1], floor, ceiling, 1)
    assert shuffled.value == pytest.approx(0.1) and shuffled.low < 0 < shuffled.high


def test_many_bags_of_the_others_do_not_outvote_few_of_the_author() -> None:
    others = authorship.bags(writing(FIELD, 2, 900))
    judge = authorship.Judge(authorship.bags(writing(SEA, 1))[:2], others)
    own = judge.score(authorship.bags(writing(SEA, 3))).mean()
    floor = judge.score(authorship.bags(writing(FIELD, 4))).mean()
    assert own > 1 and own == pytest.approx(-floor, abs=0.5)  # zero lies in the middle


def test_the_judge_says_the_same_twice_and_refuses_one_bag() -> None:
    sides = authorship.bags(writing(SEA, 1)), authorship.bags(writing(FIELD, 2))
    first, second = (authorship.Judge(*sides).score(sides[0]) for _ in range(2))
    assert (first == second).all()
    with pytest.raises(ValueError, match="at least two bags"):
        authorship.Judge(sides[0][:1], sides[1])


def test_a_judge_that_cannot_tell_gives_no_score() -> None:
    same = np.array([1.0, 1.0])
    assert np.isnan(authorship.normalised(same, same, same, 1).value)


def test_telling_apart_is_chance_for_one_writer_and_sure_for_two() -> None:
    same = authorship.telling_apart(writing(SEA, 6), writing(SEA, 7), seed=1)
    other = authorship.telling_apart(writing(FIELD, 6), writing(SEA, 7), seed=1)
    assert same is not None and 0.2 < same.value < 0.8
    assert other == Interval(1.0, 1.0, 1.0)
    assert same.low < same.value < same.high and same.low < 0.5
    assert authorship.telling_apart(["short"], writing(SEA, 7), seed=1) is None


def test_delta_is_nearest_to_oneself() -> None:
    delta = style.Delta(authorship.bags(writing(SEA, 1)), authorship.bags(writing(FIELD, 2)))
    own, others = delta.distance(writing(SEA, 3)), delta.distance(writing(FIELD, 4))
    mixed = delta.distance(writing(SEA + FIELD, 5))
    assert own < 0.5 * mixed < mixed < others


def test_a_habit_that_differs_is_found_and_one_that_does_not_is_left() -> None:
    calm = [f"I went out at {n}, and came in again." for n in range(80)]
    loud = [line.upper() for line in calm]
    found = style.habit_distances(calm, loud, 1)
    assert found["capitals"][3] < 0.01 and found["capitals"][2] > 1
    assert found["commas"][3] > 0.05
    assert "emoji" not in found  # nobody uses any
    assert style.habits("Ha, hahaha 😀\n>>> yes?")["emoji"] > 0
    assert style.habits("hahaha\n>>> lol")["laughter"] == 2
    assert style.habits("a\n>>> b")["bursts"] == 1


def test_variety_tells_a_parrot_and_a_loop() -> None:
    said = writing(SEA, 1, 40)
    assert style.variety(said)["loops"] == 0
    parrot = style.variety(["The wind is up again today."] * 10)
    assert parrot["commonest"] == 1.0 and parrot["repeats"] == 0.9 and parrot["distinct"] == 0.1
    assert style.variety(["and so it goes and so it goes and so it goes"])["loops"] == 1.0
    assert style.variety([])["distinct"] == 0.0


def test_masking_leaves_the_manner_and_takes_the_subject() -> None:
    common = style.common_words(["the the of of a", "the of a"])
    assert style.masked("The whale of 1851, a whale.", common) == "The x of 1851, a x."


PRIVATE = [
    ("mail", "Write to ada.test+sky@mail.example.org soon."),
    ("link", "It is all at https://example.org/x?token=1 now."),
    ("account", "Send it to NL91 ABNA 0417 1643 00 please."),
    ("card", "Mine is 4111 1111 1111 1111, use it."),
    ("phone", "Call me on +31 6 1234 5678 tonight."),
    ("place", "We live at 52.37022, 4.89517 by the water."),
    ("github token", "It is ghp_abcdefghijklmnopqrstuvwx012345678901."),
    ("password", "The password is hunter22 as ever."),
]


@pytest.mark.parametrize(("kind", "line"), PRIVATE)
def test_a_private_thing_is_found(kind: str, line: str) -> None:
    assert kind in {leak.kind for leak in leaks.find([line])}


def test_a_number_of_the_region_is_found_only_there() -> None:
    line = "Lot 2079460958 tonight."
    assert [leak.kind for leak in leaks.find([line], region="GB")] == ["phone"]
    assert leaks.find([line]) == []


@pytest.mark.parametrize("line", [
    "868.1 MHz and -61 C at 27400 m, 300.5 hPa.",
    "On 2021-05-08 at 10:10 I heard nobody for 900 min.",
    "I asked the weather at noon: 404. The news: 500, server error.",
    "The password is a word. My pin is the safety kind.",
    "Version 1.2.3 flew 1234 km, 52.3 N, 4.8 E.",
    "In 1843, 1844, 1845 and 1846 it rained.",
])
def test_an_honest_reading_is_no_leak(line: str) -> None:
    assert leaks.find([line]) == []


def test_a_term_that_must_not_be_said_is_found_as_a_whole_word() -> None:
    lines = ["I saw MARGOT today.", "Margots are birds.", "I saw Jo-Ann."]
    found = leaks.find(lines, ["Margot", "Jo-Ann", " "])
    assert [(leak.kind, leak.line) for leak in found] == [("term", lines[0]), ("term", lines[2])]


def test_the_names_of_people_and_what_is_blocked_are_not_to_be_said() -> None:
    settings = PersonaSettings.model_validate({
        "people": {"P": ["Margot Stern", "user123", "margot@example.org"]},
        "privacy": {"extra_names": ["Bo"], "blocked": ["the lake house"],
                    "without": ["Jo Feld", "user7"]}})
    assert settings.unsayable() == ["Bo", "Jo Feld", "Margot Stern", "the lake house"]
