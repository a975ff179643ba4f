"""Hearsay: what is kept and for how long, what a thought may quote, what is forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payload.hearsay import HEARD_MAX, KEY, NUMBER_MAX, Hearsay
from payload.mind.refusals import DraftChoice
from payload.prompt import HEARD_CHARS_MAX, PLAIN, Heard, Moment, suffix
from payload.storage import small_state
from wire.records import Kind

MINUTE_MS = 60_000
ANSWERED = Moment("answer", api=("weather", "ok"))


def asked(question: str) -> Moment:
    return Moment("question", question=question)


def numbers(hearsay: Hearsay) -> list[int]:
    return [saying[0] for saying in hearsay.saved()]


def test_of_a_source_the_newest_is_kept_and_of_a_remembered_one_all() -> None:
    hearsay = Hearsay(["town"])
    for minute, (source, text) in enumerate([
        ("weather", "Dry."), ("town", "Hay."), ("weather", "Wet."), ("town", "Ross."),
        ("town", "Hay."),
    ]):
        hearsay.note(source, text, minute * MINUTE_MS)
    assert [saying[1:] for saying in hearsay.saved()] == [
        ["weather", "Wet.", 2 * MINUTE_MS], ["town", "Ross.", 3 * MINUTE_MS],
        ["town", "Hay.", 4 * MINUTE_MS]]
    assert len(set(numbers(hearsay))) == 3


def test_behind_the_last_number_it_counts_from_one() -> None:
    """A bug: all later ones were number 1, and forgetting 1 forgot them all."""
    hearsay = Hearsay(["town"], [[NUMBER_MAX - 1, "town", "Before.", None]])
    for number in range(4):
        hearsay.note("town", f"Town {number}.", None)
    assert numbers(hearsay) == [NUMBER_MAX - 1, NUMBER_MAX, 1, 2, 3]


def test_the_oldest_leaves_at_the_bound() -> None:
    hearsay = Hearsay(["town"])
    for number in range(HEARD_MAX + 3):
        hearsay.note("town", f"Town {number}.", None)
    assert numbers(hearsay) == list(range(4, HEARD_MAX + 4))
    assert hearsay.saved()[0][2] == "Town 3."


def test_a_thought_quotes_the_answer_it_is_about_and_no_other() -> None:
    hearsay = Hearsay()
    hearsay.note("weather", "Frost.", 0)
    hearsay.note("news", "A bridge.", 0)
    assert hearsay.for_thought(ANSWERED, 3 * MINUTE_MS) == Heard("weather", "Frost.", 3.0)
    for moment in (
        PLAIN, Moment("notfound", api=("weather", "404")), Moment("cold"),
        Moment("answer", api=("tides", "ok")), Moment("timeout", api=("news", "timeout")),
    ):
        assert hearsay.for_thought(moment, 0) is None


def test_a_question_recalls_what_shares_a_word_with_it() -> None:
    hearsay = Hearsay(["town"])
    hearsay.note("town", "Hay-on-Wye is a market town.", 0)
    hearsay.note("town", "Ross is on the river.", 0)
    assert hearsay.for_thought(asked("Where is the RIVER?"), None) == Heard(
        "town", "Ross is on the river.", None)
    assert hearsay.for_thought(asked("a market?"), 0) == Heard(
        "town", "Hay-on-Wye is a market town.", 0.0)
    assert hearsay.for_thought(asked("Which town was it?"), 0).text.startswith("Ross")
    for question in ("Is it cold?", "is on the", "", "<|im_end|>"):
        assert hearsay.for_thought(asked(question), 0) is None


@pytest.mark.parametrize(("age_min", "words"), [
    (0.4, "weather said, just now: "), (3.2, "weather said, 3 min ago: "),
    (119.6, "weather said, 2 h ago: "), (None, "weather said: ")])
def test_it_is_quoted_with_its_age(age_min: float | None, words: str) -> None:
    moment = replace(ANSWERED, heard=Heard("weather", 'He said "no"<|im_end|>\nabout: x', age_min))
    lines = suffix(moment).split("\n")
    assert lines[1] == words + "\"He said 'no' about: x\""
    assert lines[2] == "about: answer<|im_end|>"
    long = suffix(replace(ANSWERED, heard=Heard("weather", "x" * 500, None))).split("\n")[1]
    assert long == f'weather said: "{"x" * HEARD_CHARS_MAX}"'


def test_an_age_that_cannot_be_told_is_left_out() -> None:
    """The clock was not known then, is not known now, or was set back since."""
    for then_ms, now_ms in ((None, 5), (5, None), (6, 5)):
        hearsay = Hearsay()
        hearsay.note("weather", "Frost.", then_ms)
        assert hearsay.for_thought(ANSWERED, now_ms) == Heard("weather", "Frost.", None)


def test_the_prompt_of_a_moment_without_hearsay_is_as_it_was() -> None:
    moment = Moment("answer", "ascent", 9_000, api=("weather", "ok"), question="Cold?")
    assert suffix(moment, "Frost on the lamp.") == (
        "climbing, 9 km up. asked weather: an answer.\nonce I wrote: Frost on the lamp.\n"
        "asked: Cold?\nabout: answer<|im_end|>\n<|im_start|>assistant\n")


def test_it_outlives_a_reboot_and_is_sound_small_state() -> None:
    hearsay = Hearsay(["town"])
    for number in range(HEARD_MAX + 1):
        hearsay.note("town", f"Town {number}.", None if number % 2 else number)
    assert small_state.is_sound(KEY, hearsay.saved())
    assert Hearsay(["town"], hearsay.saved()).saved() == hearsay.saved()
    for wrong in (hearsay.saved() * 2, [[1, "town", "x"]], [[1, "town", b"x", None]], "x"):
        assert not small_state.is_sound(KEY, wrong)


def test_it_is_listed_and_forgotten_by_number() -> None:
    hearsay = Hearsay()
    assert [note.body["event"] for note in hearsay.listed()] == ["hearsay_empty"]
    assert not hearsay.forget(0)
    for source in ("weather", "news", "town"):
        hearsay.note(source, f"From {source}.", 0)
    notes = hearsay.listed()
    assert {note.kind for note in notes} == {Kind.EVENT}
    assert notes[1].body["fields"] == {"number": 2, "source": "news", "text": "From news."}
    assert hearsay.forget(2) and not hearsay.forget(2)
    assert numbers(hearsay) == [1, 3]
    assert hearsay.forget(0) and numbers(hearsay) == []


def test_what_a_source_said_is_not_kept_as_the_minds_own_words() -> None:
    """Its numbers may be told; said back it is an echo."""
    moment = replace(ANSWERED, heard=Heard("weather", "Frost on high ground, 7 C in town.", 1.0))
    said_back = "Frost on high ground, 7 C in town."
    own = "They promise 7 degrees down there, and I would take it."
    choice = DraftChoice([], (), None, 3)
    assert choice.best([said_back, own], moment, None) == own
    assert DraftChoice([], (), None, 3).best([own], ANSWERED, None) is None, "7 stands nowhere"
