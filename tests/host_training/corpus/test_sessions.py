"""Goal: sessions cut where people stopped talking, and a label is never in its own prompt.

Method: hand-made messages; drawn chats for what must always hold.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.common.messages import ChatKind, Message
from host_training.common.settings import SessionSettings
from host_training.corpus.sessions import (
    BURST_MAX,
    CHUNK_CHARS_MAX,
    CONTEXT_CHARS_MAX,
    GAP_MS,
    Example,
    chat_examples,
    chunks,
    rhythm_gap_ms,
    split_sessions,
)
from tests.host_training.nasty_inputs import nasty


def said(minute: float | None, who: str, text: str = "words", chat: str = "1",
         kind: ChatKind = "dm") -> Message:
    utc_ms = None if minute is None else round(minute * 60_000)
    return Message("telegram", chat, kind, "0", utc_ms, who, who == "me", text)


def examples(*messages: Message, **settings: object) -> list[Example]:
    return list(chat_examples(messages, SessionSettings(**settings)))


@nasty(22)
@pytest.mark.parametrize(("minutes", "n_sessions"), [
    (30, 1), (30.001, 2), (24 * 60 + 5, 2),  # a day and five minutes is not five minutes
])
def test_a_gap_longer_than_half_an_hour_ends_a_session(
    minutes: float, n_sessions: int
) -> None:
    assert GAP_MS["dm"] == 30 * 60_000
    assert len(list(split_sessions([said(0, "me"), said(minutes, "you")]))) == n_sessions


def test_the_rhythm_of_a_chat_sets_its_gap() -> None:
    minute = 60_000
    quick = [i * minute // 2 for i in range(30)]
    slow = [i * 9 * minute for i in range(30)]
    assert rhythm_gap_ms(quick, "dm") == 10 * minute
    assert rhythm_gap_ms(slow, "dm") == 135 * minute
    assert rhythm_gap_ms(slow, "group") == 60 * minute
    assert rhythm_gap_ms(slow[:19], "group") == GAP_MS["group"]
    assert rhythm_gap_ms([0] * 30, "dm") == GAP_MS["dm"]  # equal times are no rhythm
    assert rhythm_gap_ms([None] * 30, "dm") == GAP_MS["dm"]
    chat = [said(0.5 * i, "me" if i % 2 else "you", f"{i}") for i in range(30)]
    late = said(14.5 + 10.1, "you", "late")
    assert len(list(split_sessions([*chat, late]))) == 2
    assert len(list(split_sessions([*chat, late], SessionSettings(gap_min=11)))) == 1


def test_a_burst_is_one_turn_and_an_answer_knows_its_question() -> None:
    found = examples(said(0, "you", "hello"), said(1, "you", "awake?"), said(2, "me", "yes"),
                     said(3, "me", "sadly"))
    assert [(e.kind, e.question, e.context, e.text) for e in found] == [
        ("dialogue", "awake?", (("you", "hello\n>>> awake?"),), "yes\n>>> sadly")]


@nasty(25)
def test_an_answer_that_repeats_its_question_is_not_asked_it() -> None:
    [found] = examples(said(0, "you", "It flew?"), said(1, "me", "It flew"))
    assert (found.question, found.context) == (None, ())
    [found] = examples(said(0, "you", "Flew it?"), said(1, "me", "It flew"))
    assert found.question == "Flew it?"


def test_the_turns_before_are_the_context_within_bounds() -> None:
    chat = [said(i, "me" if i % 2 else "you", f"{i} " + "x" * 150) for i in range(12)]
    last = examples(*chat, context_turns=3)[-1]
    assert [speaker for speaker, _ in last.context] == ["you", "me", "you"]
    last = examples(*chat, context_turns=50)[-1]
    assert sum(len(text) for _, text in last.context) <= CONTEXT_CHARS_MAX
    assert last.context[-1][1].startswith("10 ")
    long = examples(said(0, "you", "y" * 5000 + "end"), said(1, "me", "short"))[0]
    assert long.context[0][1] == ("y" * 5000 + "end")[-CONTEXT_CHARS_MAX:]


def test_chats_do_not_run_into_each_other() -> None:
    found = examples(said(0, "you", "hello", "1"), said(1, "me", "alone", "2"))
    assert [e.kind for e in found] == ["monologue"]


@nasty(23)
def test_who_speaks_first_and_who_never_does() -> None:
    assert [e.kind for e in examples(said(0, "me", "first"), said(1, "you", "so"))] == ["monologue"]
    assert examples(said(0, "you"), said(1, "you")) == []
    crowd = [said(i / 10, f"p{i}", f"talk {i}", kind="group") for i in range(200)]
    crowd[77] = said(7.7, "me", "my word", kind="group")
    found = examples(*crowd)
    assert [(e.kind, e.text, e.question) for e in found] == [("dialogue", "my word", "talk 76")]
    alone = examples(*[said(i, "me", f"note {i}", kind="self") for i in range(3)])
    assert [e.text for e in alone] == ["note 0", "note 1", "note 2"]


@nasty(23)
@pytest.mark.parametrize("kind", ["note", "document", "post", "transcript", "channel", "self"])
def test_own_writing_that_answers_nobody_is_monologue(kind: ChatKind) -> None:
    found = examples(said(0, "you", "question?", kind=kind), said(1, "me", "words", kind=kind))
    assert [(e.kind, e.context) for e in found] == [("monologue", ())]


def test_a_thread_of_mails_is_one_talk_however_slow() -> None:
    found = examples(said(0, "you", "Did it fly?", kind="mail"),
                     said(9999, "me", "It did.", kind="mail"),
                     said(9999, "me", "And landed.", kind="mail"))
    assert [(e.kind, e.text, e.question) for e in found] == [
        ("dialogue", "It did.", "Did it fly?"), ("dialogue", "And landed.", None)]


@nasty(26)
def test_equal_messages_without_end_are_one_and_bursts_are_cut() -> None:
    assert [e.text for e in examples(*[said(0, "me", "same")] * 1000)] == ["same"]
    turns = next(split_sessions([said(0, "me", f"{i}") for i in range(2 * BURST_MAX + 1)]))
    assert [len(turn.texts) for turn in turns] == [BURST_MAX, BURST_MAX, 1]


def test_messages_without_a_time_stay_together_after_the_dated() -> None:
    found = examples(said(5, "you", "dated"), said(None, "you", "when?"), said(None, "me", "never"))
    assert [(e.question, e.utc_ms) for e in found] == [("when?", None)]


@nasty(25)
@given(st.lists(st.tuples(st.sampled_from(["me", "you", "they"]), st.integers(0, 90),
                          st.text("ab", min_size=1, max_size=3)), max_size=14))
def test_a_label_is_never_in_its_own_prompt(rows: list[tuple[str, int, str]]) -> None:
    minute = 0
    messages = []
    for who, step, text in rows:
        minute += step
        messages.append(said(minute, who, text, kind="group"))
    found = examples(*messages)
    for example in found:
        assert all(example.text not in text for _, text in example.context)
    own = "".join(m.text for m in messages if m.is_me)
    learnt = "".join(e.text.replace("\n>>> ", "") for e in found)
    assert len(learnt) <= len(own)  # only the author's words, each at most once


@nasty(27)
@given(st.text(alphabet=st.sampled_from("ab .\n風"), max_size=4000))
def test_a_text_of_any_length_is_cut_and_loses_nothing(text: str) -> None:
    pieces = chunks(text)
    assert all(len(piece) <= max(1.1 * CHUNK_CHARS_MAX, 1) for piece in pieces)
    if len(text) > CHUNK_CHARS_MAX:
        assert "".join("".join(pieces).split()) == "".join(text.split())


def test_long_writing_is_cut_between_paragraphs_then_sentences() -> None:
    paragraph = "The wind went round to the north. " * 20
    pieces = chunks(f"{paragraph}\n\n{paragraph}\n\nEnd of it.")
    assert [piece[-8:] for piece in pieces] == ["e north.", "d of it."]
    found = examples(said(0, "me", paragraph * 4, kind="document"))
    assert len(found) == 3 and all(e.text.endswith("north.") for e in found)


def test_a_letter_too_long_for_a_row_answers_with_its_beginning_and_goes_on() -> None:
    letter = "\n\n".join(f"{number}. " + "The wind went round. " * 30 for number in range(4))
    found = examples(said(0, "you", "Did it fly?", kind="mail"), said(1, "me", letter, kind="mail"))
    assert [(e.kind, e.question, e.text[:3]) for e in found] == [
        ("dialogue", "Did it fly?", "0. "), ("monologue", None, "1. "), ("monologue", None, "2. "),
        ("monologue", None, "3. ")]
    assert all(len(e.text) <= CHUNK_CHARS_MAX for e in found)
    assert " ".join(e.text for e in found).split() == letter.split()


def test_a_long_burst_is_cut_between_its_messages() -> None:
    words = [f"{number} " + "x" * 300 for number in range(5)]
    for first in ("you", "me"):
        found = examples(said(0, first, "so"), *[said(i + 1, "me", w) for i, w in enumerate(words)])
        bursts = [e.text.removeprefix("so\n>>> ") for e in found]
        assert bursts == ["\n>>> ".join(words[:2]), "\n>>> ".join(words[2:4]), words[4]]


def test_settings_and_layers_reach_the_examples() -> None:
    found = examples(replace(said(0, "me", "how", kind="note"), tier=1, layer="thinking"))
    assert [(e.tier, e.layer) for e in found] == [(1, "thinking")]
