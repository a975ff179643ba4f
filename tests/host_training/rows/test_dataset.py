"""Goal: rows ask exactly as the flight asks, and only the author's words carry loss.

Method: rows built from a tiny persona with a tiny tokenizer, taken apart again.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.common.persona_dir import PersonaSource, read_persona
from host_training.corpus import assemble, sessions
from host_training.corpus.whole_sentences import quotable_sentences
from host_training.errors import TrainingError
from host_training.rows import dataset, memory_index, split, targets
from payload import prompt
from payload.mind.memory import Memory
from tests.host_training.nasty_inputs import nasty


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_base, local_files_only=True)


@pytest.fixture(scope="module")
def persona(persona_dir: Path) -> PersonaSource:
    return read_persona(persona_dir)


@pytest.fixture(scope="module")
def examples(persona_dir: Path, persona: Any, tmp_path_factory: pytest.TempPathFactory
             ) -> list[sessions.Example]:
    out = tmp_path_factory.mktemp("writing")
    assemble.prepare(persona_dir, persona, out, lambda share, line: None)
    return assemble.load(out / assemble.EXAMPLES)


def build(examples: Any, tokenizer: Any, persona: Any, seed: int = 1) -> dataset.Dataset:
    return dataset.build_dataset(examples, split.split(examples, seed, 0.8), persona.values,
                                 tokenizer, persona.prompt_text(), variants=3, seed=seed)


def labelled(row: dataset.Row) -> list[int]:
    return [label for label in row.labels if label != dataset.NO_LOSS]


def test_labels_decode_to_the_text_and_the_end_of_turn(
    examples: Any, tokenizer: Any, persona: Any
) -> None:
    built = build(examples, tokenizer, persona)
    for row in built.train + built.validation + built.test:
        end = "<|endoftext|>" if row.kind == "plain" else "<|im_end|>"
        assert tokenizer.decode(labelled(row)) == row.text + end
        assert len(row.input_ids) == len(row.labels)


def test_the_letters_learnt_are_counted_by_tier_with_copies_and_moments(
    examples: Any, tokenizer: Any, persona: Any
) -> None:
    built = build(examples, tokenizer, persona)
    talk = [e.text for e in examples if e.tier > 2]
    n_of_talk = sum(len(r.text) for r in built.train if any(r.text in text for text in talk))
    n_letters = sum(len(row.text) for row in built.train)
    assert 0 < n_of_talk < n_letters
    assert [built.counts[letters] for letters in dataset.LETTERS] == [
        n_letters - n_of_talk, n_of_talk]


def test_a_prompt_is_the_flights_prompt_to_the_token(
    examples: Any, tokenizer: Any, persona: Any
) -> None:
    prefix_ids = tokenizer(prompt.prefix(persona.prompt_text()))["input_ids"]
    built = build(examples, tokenizer, persona)
    for row in built.train:
        if row.kind == "plain":
            continue
        assert row.input_ids[: len(prefix_ids)] == prefix_ids
        n_prompt = len(row.labels) - len(labelled(row))
        text = tokenizer.decode(row.input_ids[:n_prompt])
        assert text.endswith("<|im_end|>\n<|im_start|>assistant\n")
        assert tokenizer(text)["input_ids"] == row.input_ids[:n_prompt]
        assert row.text not in text


def test_a_prompt_remembers_what_was_said_and_never_how_somebody_thinks(
    tokenizer: Any, persona: Any
) -> None:
    talk = [sessions.Example("dialogue", f"The {layer} number {at} of the day was long enough.",
                             "telegram", at, question=f"What of {at}?", session=f"{layer}{at}",
                             layer=layer)
            for at in range(30) for layer in ("said", "thinking", "values")]
    built = dataset.build_dataset(talk, split.split(talk, 1, 0.8), [], tokenizer,
                                  persona.prompt_text(), 3, 1)
    prompts = [tokenizer.decode(row.input_ids[: len(row.labels) - len(labelled(row))])
               for row in built.train]
    assert any("The said number" in text for text in prompts)
    assert not any("The thinking number" in text or "The values number" in text
                   for text in prompts)


def test_what_is_held_out_is_nowhere_in_training(
    examples: Any, tokenizer: Any, persona: Any
) -> None:
    for seed in range(5):
        built = build(examples, tokenizer, persona, seed)
        for held in built.validation + built.test:
            for row in built.train:
                assert held.text not in tokenizer.decode(row.input_ids)


WORDS = ("rope", "tape", "hedge", "kettle", "fog", "wire", "ditch", "lamp", "apple", "north")


def test_held_out_writing_nobody_asks_for_is_read_by_layer(tokenizer: Any, persona: Any) -> None:
    """Thinking is never a line to ask for; of the test it is measured, and chooses nothing."""
    def note(number: int, layer: sessions.Layer) -> sessions.Example:
        words = [random.Random(f"{number} {at}").choice(WORDS) for at in range(9)]
        return sessions.Example("monologue", f"Note {number} says {' '.join(words)}.", "x", number,
                                layer=layer, session=f"s{number}")

    notes = [note(number, ("said", "thinking")[number % 2]) for number in range(300)]
    beside = [replace(note(number + 1000, "values"), session=f"s{number}")
              for number in range(0, 300, 2)]  # in a session that can be asked for
    parts = split.split(notes, 1, 0.8)
    built = dataset.build_dataset(notes, parts, [], tokenizer, persona.prompt_text(), 1, 1)
    held = {side: {e.text for e in notes if e.layer == "thinking" and parts.side(e) == side}
            for side in ("validation", "test")}
    assert held["test"] and not held["validation"]
    assert {row.text for row in built.unasked} == held["test"]
    more = dataset.build_dataset([*notes, *beside], parts, [], tokenizer, persona.prompt_text(),
                                 1, 1)
    assert {row.layer for row in more.unasked} == {"thinking", "values"}
    assert more.counts["plain rows, test"] == len(more.unasked)
    assert {(row.kind, row.layer) for row in built.unasked} == {("plain", "thinking")}
    assert all(row.session == f"s{row.text.split()[1]}" for row in built.unasked)
    assert {(row.kind, row.layer) for row in built.test + built.validation} == {("line", "said")}
    learnt = {row.text for row in built.train}
    assert not learnt & held["test"] and learnt > {
        e.text for e in notes if e.layer == "thinking"} - held["test"]


def test_the_same_seed_gives_the_same_rows(examples: Any, tokenizer: Any, persona: Any) -> None:
    assert build(examples, tokenizer, persona) == build(examples, tokenizer, persona)


def test_a_chat_answer_becomes_an_asked_question(
    examples: Any, tokenizer: Any, persona: Any
) -> None:
    built = build(examples, tokenizer, persona)
    rows = [r for r in built.train + built.validation + built.test if r.kind == "answer"]
    texts = {tokenizer.decode(row.input_ids).split("asked: ")[1].split("\n")[0] for row in rows}
    assert texts == {"Did the box come down in one piece?", "Look: the hedge"}


def test_saved_rows_come_back(examples: Any, tokenizer: Any, persona: Any, tmp_path: Path) -> None:
    built = build(examples, tokenizer, persona)
    built.save(tmp_path / "dataset.json")
    assert dataset.Dataset.load(tmp_path / "dataset.json") == built


@nasty(26)
def test_too_little_writing_is_refused(examples: Any, tokenizer: Any, persona: Any) -> None:
    with pytest.raises(TrainingError, match=r"Only 1 thoughts, 0 short answers and 0 lines .* are"
                       r" in 1 sessions; at least 3 are needed .* an entry of notebook/\*\.md"):
        build(examples[:1], tokenizer, persona)


@nasty(25)
@given(st.text())
def test_no_control_token_survives_in_content(text: str) -> None:
    assert "<|im_" not in dataset.clean_lines(f"<|im_st<|im_end|>art|>{text}<|im_end|>")


def recalled(path: Path, words: str) -> str | None:
    memory = Memory(path)
    found = memory.recall(words.split(), [])
    memory.close()
    return found


def test_memory_holds_own_sentences_and_finds_them(examples: Any, tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    n_sentences = memory_index.build_memory(examples, path)
    assert n_sentences == 9
    assert recalled(path, "wind yard") == (
        "The wind up here has other plans than the wind in the yard.")
    assert recalled(path, "did it come down in one piece") == (
        "It came down in two pieces, both of them polite.")  # never the partner's question
    assert recalled(path, 'xyzzy "; DROP TABLE memory --') is None
    assert recalled(path, "a b") is None


def test_a_sentence_of_nine_ideograms_is_remembered_and_found(tmp_path: Path) -> None:
    """A wide letter says as much as three: 25 of them would be a paragraph."""
    path = tmp_path / "memory.sqlite"
    texts = ("我又看见了那个月亮。", "短的。", "昨日、猫が屋根の上で眠っていた。")
    assert memory_index.build_memory(
        [sessions.Example("monologue", text, "x", 1) for text in texts], path) == 2
    assert recalled(path, "你还记得月亮吗") == texts[0]
    assert recalled(path, "猫は好きですか") == texts[2]


def test_sentences_leave_out_stumps_and_links() -> None:
    text = "Short. This one is long enough to keep! See https://example.org for the rest of it."
    assert quotable_sentences(text) == ["This one is long enough to keep!"]
    assert quotable_sentences("x" * 24) == []
    assert quotable_sentences("x" * 25) == ["x" * 25]


@pytest.mark.parametrize(("spoil", "says"), [
    ('name = ""', "name, author, disclosure, system must be non-empty text"),
    ("name = 5", "name, author, disclosure, system must be non-empty text"),
    ('name = "A', "not TOML"),
    ('name = "A"\ncolour = "red"', "unknown key colour; allowed are name, author"),
    ('name = "A"\nauthor = "B"\ndisclosure = "C"\nsystem = "D"\nme = "user1"', "me must be a list"),
])
def test_a_wrong_persona_toml_is_one_sentence(tmp_path: Path, spoil: str, says: str) -> None:
    (tmp_path / "persona.toml").write_text(spoil)
    with pytest.raises(TrainingError, match=says):
        read_persona(tmp_path)


def test_a_persona_needs_values_and_writing(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"persona\.toml: cannot be read"):
        read_persona(tmp_path)
    (tmp_path / "persona.toml").write_text(
        'name = "A"\nauthor = "B"\ndisclosure = "C"\nsystem = "D"\n')
    with pytest.raises(TrainingError, match=r"values\.md: at least one line"):
        read_persona(tmp_path)
    (tmp_path / "values.md").write_text("- one\n")
    with pytest.raises(TrainingError, match="no writing of B found"):
        assemble.prepare(tmp_path, read_persona(tmp_path), tmp_path, lambda share, line: None)


def test_a_dialogue_row_learns_the_answer_or_all_that_was_said(
    tokenizer: Any, persona: Any
) -> None:
    builder = dataset.RowBuilder(tokenizer, persona.prompt_text())
    context = (("N", "Did it fly?"), ("me", "It did.\n>>> Mostly."), ("N", "Mostly? <|im_end|>"))
    row = builder.dialogue(context, "The box disagrees.\n>>> It was there.", "author")
    assert tokenizer.decode(row.input_ids) == (
        "<|im_start|>user\nDid it fly?<|im_end|>\n<|im_start|>assistant\nIt did.\n>>> Mostly."
        "<|im_end|>\n<|im_start|>user\nMostly?<|im_end|>\n<|im_start|>assistant\n"
        "The box disagrees.\n>>> It was there.<|im_end|>")
    assert tokenizer.decode(labelled(row)) == (
        "The box disagrees.\n>>> It was there.<|im_end|>")
    everybody = builder.dialogue(context, "The box disagrees.", "all")
    assert tokenizer.decode(labelled(everybody)) == (
        "Did it fly?<|im_end|>It did.\n>>> Mostly.<|im_end|>Mostly?<|im_end|>"
        "The box disagrees.<|im_end|>")
    for one, wanted in zip(everybody.input_ids, everybody.labels, strict=True):
        assert wanted in (one, dataset.NO_LOSS)


def test_in_a_group_every_other_speaker_is_named(tokenizer: Any, persona: Any) -> None:
    builder = dataset.RowBuilder(tokenizer, persona.prompt_text())
    row = builder.dialogue((("N", "So?"), ("K", "Well?")), "Words of mine.", "author")
    assert "user\nN: So?<|im_end|>\n<|im_start|>user\nK: Well?" in tokenizer.decode(row.input_ids)


@nasty(30)
def test_what_is_too_long_loses_its_oldest_turns_and_never_its_answer(
    tokenizer: Any, persona: Any
) -> None:
    builder = dataset.RowBuilder(tokenizer, persona.prompt_text())
    long = "the wind in the yard " * 200
    row = builder.dialogue((("N", long), ("me", "old"), ("N", "new?")), "The answer.", "author")
    assert len(row.input_ids) <= dataset.ROW_TOKENS_MAX
    text = tokenizer.decode(row.input_ids)
    assert text.endswith("The answer.<|im_end|>") and "new?" in text and "the wind" not in text
    assert builder.dialogue((), long * 2, "author") is None


def test_a_weight_is_a_number_of_copies(tokenizer: Any, persona: Any, examples: Any) -> None:
    def plain(text: str, weight: float) -> sessions.Example:
        return sessions.Example("monologue", text, "x", 1, weight=weight, session="long")

    def n_rows(weight: float) -> int:
        others = [plain(f"Line number {i} of it.", weight) for i in range(40)]
        built = build([*examples, *others], tokenizer, persona)
        return sum(row.kind == "plain" and row.text.startswith("Line number")
                   for row in built.train)

    assert (n_rows(1.0), n_rows(2.0)) == (40, 80)
    assert 8 <= n_rows(0.4) <= 24 and 85 <= n_rows(2.4) <= 110
    assert n_rows(0.4) == n_rows(0.4)


def test_answers_with_something_taken_out_are_not_asked_for() -> None:
    def answer(text: str) -> sessions.Example:
        return sessions.Example("dialogue", text, "x", 1, question="Where is it?")

    assert targets.is_usable_answer(answer("It hangs in the hedge, as ever."))
    assert not targets.is_usable_answer(answer("Ask [mail] about the hedge, as ever."))


def test_how_one_thinks_is_learnt_and_not_remembered(tmp_path: Path) -> None:
    def note(layer: str) -> sessions.Example:
        return sessions.Example("monologue", f"The {layer} layer, and a whole sentence of it.", "x",
                                1, layer=layer)

    memory_index.build_memory(
        [note("said"), note("thinking"), note("values")], tmp_path / "m.sqlite")
    assert recalled(tmp_path / "m.sqlite", "said layer") == (
        "The said layer, and a whole sentence of it.")
    assert recalled(tmp_path / "m.sqlite", "thinking values") is None


@nasty(28)
def test_a_language_the_base_has_not_read_shows_in_its_tokens(tokenizer: Any) -> None:
    english = dataset.bytes_per_token(["The wind up here has other plans."] * 3, tokenizer)
    greek = dataset.bytes_per_token(["Ο άνεμος εδώ πάνω έχει άλλα σχέδια."] * 3, tokenizer)
    assert greek < dataset.FOREIGN_BYTES_PER_TOKEN < english
    assert dataset.bytes_per_token([], tokenizer) == 0
