"""Goal: no chat owns the voice, old writing goes when asked, and a share not reached is told.

Method: counted bytes of small examples; drawn sizes for what must always hold.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.common.messages import Message, Notes
from host_training.common.persona_dir import read_persona
from host_training.common.settings import Clean
from host_training.corpus import assemble
from host_training.corpus.filtering import SMALL_CORPUS_BYTES
from host_training.corpus.message_store import MessageStore
from host_training.corpus.sessions import Example, chat_examples
from host_training.corpus.weighting import CHAT_KEEP_MIN, LearntShares, chat_factors, size
from host_training.errors import TrainingError
from host_training.importers.notebook import Condition
from tests.host_training.conftest import telegram_export, write_persona
from tests.host_training.corpus.preparing import add_toml, prepare, weigh
from tests.host_training.importers.reading import write_files

LOOSE = Clean(near_duplicate=1.0)
DAY_S = 86_400


def said(number: int, chat: str = "", tier: int = 4, n_chars: int = 100) -> Example:
    text = f"{chat} {tier} {number} ".ljust(n_chars, "abcdefghij"[number % 10])
    return Example("monologue", text, "x", number, tier=tier, chat=chat)


def share_of(chat: str, examples: list[Example]) -> float:
    sizes: defaultdict[str, float] = defaultdict(float)
    for example in examples:
        sizes[example.chat] += example.weight * size(example)
    return sizes[chat] / sum(sizes.values())


def learnt(examples: list[Example]) -> LearntShares:
    found = LearntShares()
    assert list(found.counted(examples)) == examples
    return found


def many(**chats: int) -> list[Example]:
    return [said(number, chat) for chat, n in chats.items() for number in range(n)]


# --- one chat beside the others ---

@pytest.mark.parametrize(("sizes", "share", "factors"), [
    ({"a": 60.0, "b": 20.0, "c": 20.0}, 0.5, {"a": 40 / 60, "b": 1.0, "c": 1.0}),
    ({"a": 50.0, "b": 25.0, "c": 25.0}, 0.5, {"a": 1.0, "b": 1.0, "c": 1.0}),  # exactly half
    ({"a": 60.0, "b": 20.0, "c": 20.0}, 1.0, {"a": 1.0, "b": 1.0, "c": 1.0}),
    ({"a": 50.0, "b": 30.0, "c": 10.0, "d": 10.0}, 0.3,  # 15 + 15 + 10 + 10: two are capped
     {"a": CHAT_KEEP_MIN, "b": 0.5, "c": 1.0, "d": 1.0}),
    ({"a": 30.0, "b": 20.0}, 0.5, {"a": 1.0, "b": 1.0}),  # two chats: none is the one of many
    ({"a": 30.0, "b": 20.0}, 0.51, {"a": 0.51 / 0.49 * 20 / 30, "b": 1.0}),
    ({"a": 900.0, "b": 1.0, "c": 1.0}, 0.5, {"a": CHAT_KEEP_MIN, "b": 1.0, "c": 1.0}),
    ({"a": 9.0}, 0.5, {"a": 1.0}), ({}, 0.5, {}),
])
def test_the_most_talkative_chats_count_less(
    sizes: dict[str, float], share: float, factors: dict[str, float]
) -> None:
    assert chat_factors(sizes, share) == pytest.approx(factors)


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=12), st.floats(0.05, 1))
def test_no_chat_has_more_than_its_share_unless_a_bound_forbids(
    sizes: list[float], share: float
) -> None:
    named = {str(number): of_chat for number, of_chat in enumerate(sizes)}
    factors = chat_factors(named, share)
    after = {chat: of_chat * factors[chat] for chat, of_chat in named.items()}
    most = share * sum(after.values())
    for chat, factor in factors.items():
        assert CHAT_KEEP_MIN <= factor <= 1
        if len(sizes) * share <= 1:
            assert factor == 1
        else:
            assert after[chat] <= most * 1.000001 or factor == CHAT_KEEP_MIN


def test_nobody_is_thinned_who_need_not_be() -> None:
    factors = chat_factors({"a": 70.0, "b": 20.0, "c": 10.0, "d": 10.0}, 0.4)
    assert [chat for chat, factor in factors.items() if factor < 1] == ["a"]


def test_a_small_collection_repeats_the_others_and_a_large_one_thins_the_one() -> None:
    kept = weigh(many(bo=60, cy=20, di=20), LOOSE, Notes())
    assert share_of("bo", kept) == pytest.approx(0.5, abs=0.01)
    assert {e.chat: e.weight for e in kept} == {"bo": 1.0, "cy": 1.5, "di": 1.5}
    n_chars = SMALL_CORPUS_BYTES // 100
    large = [said(i, "bo" if i < 60 else "cy" if i < 80 else "di", n_chars=n_chars + 100)
             for i in range(100)]
    kept = weigh(large, LOOSE, Notes())
    assert share_of("bo", kept) == pytest.approx(0.5, abs=0.01)
    assert {e.chat: e.weight for e in kept} == {"bo": 0.667, "cy": 1.0, "di": 1.0}
    kept = weigh(many(bo=60, cy=20, di=20), Clean(near_duplicate=1.0, chat_share=1), Notes())
    assert {e.weight for e in kept} == {1.0}


def test_a_chat_counts_as_a_whole_and_other_writing_is_of_none() -> None:
    def message(chat_id: str, kind: str) -> Message:
        return Message("slack", chat_id, kind, "1", 0, "me", True, "words")

    found = [e.chat for m in (message("general/17", "group"), message("general", "group"),
                              message("D1", "dm"), message("general", "mail"),
                              message("a/b.md", "document")) for e in chat_examples([m])]
    assert found == ["slack:general", "slack:general", "slack:D1", "", ""]


# --- what a source weighs ---

def test_the_weight_of_a_source_and_of_a_chat_reaches_the_examples(tmp_path: Path) -> None:
    directory = write_persona(tmp_path / "ada")
    add_toml(directory, '[[source]]\npath = "discord/*"\nweight = 2\n')
    found = {e.source: e for e in prepare(directory, tmp_path / "out")}
    assert found["discord"].weight == 2 * found["telegram"].weight
    add_toml(directory, '[[source]]\npath = "telegram/*"\nweight = 3\n'
                        '[[source.chat]]\nname = "9"\nweight = 0.5\n')
    found = {e.source: e for e in prepare(directory, tmp_path / "out")}
    assert found["discord"].weight == 3 and found["telegram"].weight == 1.0


def test_a_weight_survives_the_store(tmp_path: Path) -> None:
    with MessageStore(tmp_path / "s") as store:
        kept = [Message("x", "1", "dm", str(i), i, "me", True, "words", weight=0.5 + i)
                for i in range(2)]
        store.add(kept)
        assert list(store.ordered()) == kept


@pytest.mark.parametrize(("toml", "sentence"), [
    ('[[source]]\npath = "x"\nweight = 0.09', r"source\.0\.weight: .*greater than or equal to 0.1"),
    ('[[source]]\npath = "x"\nweight = 3.01', r"source\.0\.weight: .*less than or equal to 3"),
    ("[clean]\nmax_age_years = 0", r"clean\.max_age_years: Input should be greater than 0"),
    ("[clean]\nchat_share = 0", r"clean\.chat_share: Input should be greater than 0"),
    ("[clean]\nchat_share = 1.01", r"clean\.chat_share: Input should be less than or equal to 1"),
])
def test_bounds_of_the_settings(tmp_path: Path, toml: str, sentence: str) -> None:
    directory = write_persona(tmp_path / "ada")
    add_toml(directory, toml + "\n")
    with pytest.raises(TrainingError, match=sentence):
        read_persona(directory)


@pytest.mark.parametrize("toml", [
    '[[source]]\npath = "x"\nweight = 0.1', '[[source]]\npath = "x"\nweight = 3',
    "[clean]\nmax_age_years = 0.1\nchat_share = 1"])
def test_bounds_themselves_are_allowed(tmp_path: Path, toml: str) -> None:
    directory = write_persona(tmp_path / "ada")
    add_toml(directory, toml + "\n")
    assert read_persona(directory)


# --- age ---

def test_what_is_older_than_asked_goes_counted_and_the_notebook_stays(tmp_path: Path) -> None:
    directory = write_persona(tmp_path / "ada")
    export = telegram_export()
    newest_s = 1_725_000_000
    ages_days = (366, 365.25, 1, 0)  # a year is 365.25 days
    export["chats"]["list"][0]["messages"] = [
        {"id": i, "type": "message", "date_unixtime": str(round(newest_s - days * DAY_S)),
         "from": "X", "from_id": "user1", "text": f"The box of {days} days ago flew."}
        for i, days in enumerate(ages_days)]
    write_files(directory, {"telegram/result.json": export, "notes/undated.md": "Undated words."})
    (directory / "discord" / "package" / "messages" / "c1" / "messages.json").unlink()
    add_toml(directory, "[clean]\nmax_age_years = 1\n")
    found = prepare(directory, tmp_path / "out")
    assert [e.text for e in found if e.source == "telegram"] == [
        f"The box of {days} days ago flew." for days in ages_days[1:]]
    assert sum(e.source == "notebook" for e in found) == 5  # of 2021
    assert any(e.text == "Undated words." for e in found)
    left_out = json.loads((tmp_path / "out" / assemble.SUMMARY).read_text())["left out"]["skipped"]
    assert left_out["older than clean.max_age_years"] == 1


# --- what was not reached is told ---

def name_of(chat: str) -> str:
    return f'"{chat}"'


def test_a_share_of_tiers_that_is_not_reached_is_told() -> None:
    few = [said(1, tier=1)] + [said(number, tier=4) for number in range(99)]
    kept = weigh(few, LOOSE, Notes())
    reached = learnt(kept).summary()["thoughtful share"]
    assert reached == pytest.approx(3 / (3 + 99 * 0.1), abs=0.01)  # both bounds at work
    assert learnt(kept).warnings(LOOSE, name_of) == [
        f"tiers 1 and 2 (documents, journals, notes) make up {reached:.0%} of the training data,"
        " not the 70% of clean.thoughtful_share: there is too little of them, 100 bytes compared"
        " with 9,900, and to prevent memorisation no text is weighted more than 3 times or less"
        " than 0.1."]
    enough = weigh([said(i, tier=1 + 3 * (i % 2)) for i in range(40)], LOOSE, Notes())
    assert learnt(enough).summary()["thoughtful share"] == pytest.approx(0.7, abs=0.01)
    assert not learnt(enough).warnings(LOOSE, name_of)
    assert not learnt(kept).warnings(Clean(thoughtful_share=0), name_of)


def test_a_person_of_nothing_but_chats_is_told_what_is_missing_in_few_words() -> None:
    chats = learnt([said(number, tier=3 + number % 2) for number in range(4)])
    assert chats.warnings(LOOSE, name_of) == [
        "none of the training data is of tiers 1 and 2 (documents, journals, notes), of which 70% "
        "are requested (clean.thoughtful_share): add some to the notebook or next to the exports."]
    assert not chats.warnings(Clean(thoughtful_share=0), name_of)


def test_thoughts_count_as_often_as_they_are_drawn() -> None:
    thought = replace(said(1, tier=2), condition=Condition("wind"))
    assert size(thought) == 2 * size(said(1, tier=2)) == 200
    assert learnt([thought, said(2)]).summary()["thoughtful share"] == 0.667


def test_a_chat_that_owns_the_voice_all_the_same_is_told() -> None:
    some = Clean(near_duplicate=1.0, thoughtful_share=0)
    kept = weigh(many(bo=900, cy=20, di=30), some, Notes())
    assert share_of("bo", kept) == pytest.approx(900 / (900 + 3 * 50), abs=0.01)
    assert learnt(kept).warnings(some, name_of) == [
        'the chat "bo" is 86% of the training data from chats, more than 50% (clean.chat_share): '
        "its weight is already reduced to a third, and the other chats are too short."]
    for chats in ({"bo": 90}, {"bo": 90, "cy": 40, "di": 30}):  # alone, and within reach
        assert not learnt(weigh(many(**chats), some, Notes())).warnings(some, name_of)
    few = some.model_copy(update={"chat_share": 0.2})  # of three one has a third at least
    assert not learnt(weigh(many(bo=900, cy=40, di=30), few, Notes())).warnings(few, name_of)


def test_scan_shows_the_shares(tmp_path: Path) -> None:
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from host_training import __main__ as cli

    directory = write_persona(tmp_path / "ada")
    shown = CliRunner().invoke(cli.app, ["scan", str(directory), "--out", str(tmp_path / "out")])
    text = " ".join(shown.output.split())
    share = json.loads((tmp_path / "out" / assemble.SUMMARY).read_text())["thoughtful share"]
    assert f"{share:.0%} journals and notes (tier 2)" in text
    assert "learnt weighed bytes share" in text
