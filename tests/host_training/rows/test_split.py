"""Goal: what is measured with was never learnt, whole sessions and near-duplicates included.

Method: writing made by hand and drawn, on both sides of every bound of the split.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_training.corpus.dedup import near_duplicates
from host_training.corpus.sessions import Example
from host_training.errors import TrainingError
from host_training.importers.notebook import Condition
from host_training.rows import targets
from host_training.rows.split import (
    DRAWN_SHARE,
    NEWEST_SHARE,
    Split,
    draw,
    session_of,
    size_warnings,
    split,
)
from tests.host_training.nasty_inputs import nasty

DAY_MS = 86_400_000
SAID = "Today {} went over the hedge."
LONG = "The wind number {} had other plans, and it went over the hedge without a word."


def line(number: int, session: str, day: int | None = None, text: str = SAID) -> Example:
    """A post nobody answered, in words of its own."""
    word = hashlib.sha256(f"{number} {session}".encode()).hexdigest()[:12]
    return Example("monologue", text.format(word), "x", None if day is None else day * DAY_MS,
                   session=session)


def diary(n_days: int, per_day: int = 1) -> list[Example]:
    return [line(n, f"day {day}", day) for day in range(n_days) for n in range(per_day)]


def sides(found: Split, examples: list[Example]) -> dict[str, set[str]]:
    """Session -> sides of its examples."""
    table: dict[str, set[str]] = {}
    for example in examples:
        table.setdefault(session_of(example), set()).add(found.side(example))
    return table


def test_the_newest_tenth_and_a_drawn_twentieth_are_the_test() -> None:
    days = diary(400)
    found = split(days, 1, 0.8)
    assert found.newest == {f"day {day}" for day in range(360, 400)}
    older = [f"day {day}" for day in range(360)]
    assert found.drawn == {day for day in older if draw(day, 1) < DRAWN_SHARE}
    assert found.validation == {
        day for day in older if DRAWN_SHARE <= draw(day, 1) < 2 * DRAWN_SHARE}
    assert 8 <= len(found.drawn) <= 30 and 8 <= len(found.validation) <= 30


def test_of_undated_writing_a_tenth_is_drawn_in_place_of_the_newest() -> None:
    """Nothing of an export without dates was newest, and one line in three hundred was the test."""
    undated = [line(n, f"page {n}") for n in range(300)]
    found = split(undated, 1, 0.8)
    assert found.newest == frozenset()
    draws = {example.session: draw(example.session, 1) for example in undated}
    assert found.drawn == {page for page, drawn in draws.items() if drawn < DRAWN_SHARE
                           or 1 - NEWEST_SHARE <= drawn < max(draws.values())}  # one is learnt
    assert 30 <= len(found.drawn) <= 60 and not size_warnings(undated, found)
    assert split([*undated, *diary(40)], 1, 0.8).drawn >= found.drawn


@pytest.mark.parametrize(("n_days", "sentences"), [(30, 1), (140, 0)])
def test_too_little_to_measure_with_is_said(n_days: int, sentences: int) -> None:
    days = diary(n_days)
    found = size_warnings(days, split(days, 1, 0.8))
    assert len(found) == sentences
    assert all(f" of {n_days} lines" in line and "about 133" in line for line in found)


def test_another_seed_draws_other_sessions() -> None:
    days = diary(400)
    assert split(days, 1, 0.8).drawn != split(days, 2, 0.8).drawn


def test_a_session_that_is_joined_by_a_later_one_stays_where_it_was_drawn() -> None:
    """The earliest of those that say nearly the same decides, so that new writing moves nothing."""
    thoughts = [Example("thought", LONG.format(n * 7919), "notebook", n * DAY_MS,
                        condition=Condition("wind"), session=f"entry {n}") for n in range(200)]
    before = split(thoughts, 1, 1.0)
    drawn = [number for number in range(180) if f"entry {number}" in before.drawn]
    later = [Example("thought", thoughts[n].text, "notebook", (100 + n) * DAY_MS,
                     condition=Condition("wind"), session=f"again {n}") for n in drawn]
    after = split([*later, *thoughts], 1, 1.0)
    assert drawn and all(f"entry {n}" in after.drawn | after.newest for n in drawn)
    assert not {f"again {n}" for n in drawn} - after.drawn - after.newest


def test_the_newest_are_counted_in_lines_and_not_in_sessions() -> None:
    busy = [line(n, f"busy {s}", 1000 + s) for s in range(10) for n in range(40)]
    found = split([*diary(400), *busy], 1, 0.8)
    assert found.newest == {"busy 8", "busy 9"}  # 80 of 800 lines


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 9) | st.none()), max_size=60),
       st.integers(0, 3), st.randoms())
def test_a_session_is_never_on_two_sides_and_order_changes_nothing(
    drawn: list[tuple[int, int | None]], seed: int, rng: Random
) -> None:
    examples = [line(n, f"s{session}", day) for n, (session, day) in enumerate(drawn)]
    if len({e.session for e in examples}) < 3:
        with pytest.raises(TrainingError, match="at least 3 are needed"):
            split(examples, seed, 0.8)
        return
    found = split(examples, seed, 0.8)
    table = sides(found, examples)
    assert all(len(where) == 1 for where in table.values())
    assert set.union(*table.values()) == {"train", "validation", "test"}
    rng.shuffle(examples)
    assert split(examples, seed, 0.8) == found


def test_texts_that_say_nearly_the_same_are_on_one_side() -> None:
    def thought(number: int, text: str) -> Example:
        return Example("thought", text, "notebook", number * 37 * DAY_MS,
                       condition=Condition("wind"), session=f"twin {number}")

    twins = [thought(n, LONG.format("nine") + "!" * n) for n in range(8)]
    twins.append(thought(8, LONG.format("nine").replace("went over", "blew over")))
    for seed in range(20):
        found = split([*diary(100), *twins], seed, 0.8)
        assert len({found.side(e) for e in twins}) == 1
        assert len({found.side(e) for e in diary(100)}) == 3


def test_pairs_that_are_alike_are_all_named() -> None:
    text = LONG.format("one")
    texts = [text, "short", text.upper() + "!!", text.replace("hedge", "fence"), "short", "Else."]
    assert set(near_duplicates(texts, 0.7)) == {(2, 0), (3, 0), (3, 2)}
    assert set(near_duplicates(texts, 0.95)) == {(2, 0)}


def test_what_is_drawn_stays_drawn_when_writing_is_added() -> None:
    before = split(diary(200), 1, 0.8)
    more = [line(n, f"fed {n}", 200 + n) for n in range(60)]
    after = split([*diary(200), *more], 1, 0.8)
    assert before.drawn <= after.drawn and before.validation <= after.validation
    assert before.newest - after.newest, "only the newest tenth moves on"
    assert after.newest <= {e.session for e in more}


@nasty(26)
def test_three_lines_are_enough_and_two_are_not() -> None:
    for seed in range(8):
        assert sides(split(diary(3), seed, 0.8), diary(3)).keys() == {"day 0", "day 1", "day 2"}
    with pytest.raises(TrainingError, match=r"0 short answers and 2 lines .* in 2 sess"):
        split(diary(2), 1, 0.8)
    with pytest.raises(TrainingError, match=r"and 0 lines"):
        split([line(n, f"s{n}", n, "Ok") for n in range(30)], 1, 0.8)


def test_a_session_that_is_most_of_everything_is_learnt_from() -> None:
    most = [line(n, "most", 9999) for n in range(70)]
    for seed in range(20):
        assert split([*diary(10), *most], seed, 0.8).side(most[0]) == "train"
    for seed in range(5):  # unless there is nothing else to learn from: then it still is
        assert split([*diary(2), *most], seed, 0.8).side(most[0]) == "train"


def test_undated_writing_is_drawn() -> None:
    undated = [line(n, f"s{n}") for n in range(200)]
    found = split(undated, 1, 0.8)
    assert not found.newest and found.drawn and found.validation


def test_a_session_without_anything_to_ask_for_is_learnt_from() -> None:
    emoji = [line(n, f"late {n}", 9000 + n, "Ok") for n in range(10)]
    found = split([*diary(20), *emoji], 1, 0.8)
    assert {found.side(e) for e in emoji} == {"train"}


def test_a_dialogue_alone_does_not_stand_for_the_flight() -> None:
    talks = [Example("dialogue", f"yes\n>>> no {n}", "x", n * DAY_MS, session=f"talk {n}",
                     context=(("N", "So?"),)) for n in range(1000, 1030)]
    for seed in range(6):
        found = split([*diary(3), *talks], seed, 0.8)
        for side in ("train", "validation", "test"):
            assert any(found.side(e) == side for e in diary(3))
    assert found.newest <= {e.session for e in talks}


def test_saved_sides_come_back(tmp_path: Path) -> None:
    found = split(diary(30), 1, 0.8)
    found.save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json") == found
    assert NEWEST_SHARE == 0.1


def test_longer_writing_is_asked_for_in_lines_that_a_flight_could_send() -> None:
    text = ("It rained. So I stayed in, and oiled the hinge of the box! " + "Very long " * 30
            + "sentence.\n\nMail me at [mail] about it, please.\nnothing flew today lol\nok")
    found = targets.targets_of(Example("monologue", text, "x", 1))
    assert [(one.form, one.example.text) for one in found] == [
        ("line", "It rained. So I stayed in, and oiled the hinge of the box!"),
        ("line", "nothing flew today lol")]
    quoted = 'He said: "Let it go." She did not, and that was that.'
    assert targets.lines(quoted) == [quoted]
    assert targets.condition_of(found[0]) == Condition("today")
    many = " ".join(f"Sentence number {n} of the page." for n in range(40))
    lines = targets.lines(many)
    assert " ".join(lines) == many and max(len(one.encode()) for one in lines) <= 200
    assert targets.targets_of(Example("monologue", text, "x", 1, layer="thinking")) == []
