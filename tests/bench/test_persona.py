"""Goal: the persona bench keeps what it measures on apart from what is learnt, and tells who won.

Method: a made-up book cut as the real ones are; made-up figures whose winner is known.
"""

from __future__ import annotations

import lzma
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import persona, persona_rows, persona_table, persona_text
from bench.persona_rows import Asker, words_only
from host_training.errors import TrainingError
from host_training.rows.dataset import NO_LOSS, ROW_TOKENS_MAX
from host_training.training import known_bases
from payload import prompt

SEA = ("the sails were furled at dusk", "we ran before the wind all night", "a heavy swell, sir")
FIELD = ("the barley stands high this year", "she milked two cows before dawn", "a fox took a hen")


def sentence(rng: random.Random, phrases: tuple[str, ...]) -> str:
    return f"{rng.choice(phrases)} {rng.randrange(10_000)}; {rng.choice(phrases)}.".capitalize()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 240,000 letters with notes in brackets, notes as paragraphs, and titles."""
    rng = random.Random(4)
    paragraphs = ["CHAPTER I", "[1] A note of the editor on the text, a paragraph of its own."]
    paragraphs += [" ".join(sentence(rng, SEA) for _ in range(6)) + " {12a} And so on."
                   for _ in range(700)]
    path = tmp_path_factory.mktemp("books") / "mariner.txt.xz"
    path.write_bytes(lzma.compress("\n\n".join(paragraphs).encode()))
    return path


def test_no_session_is_both_learnt_and_measured(book: Path) -> None:
    author = persona_text.read_author(book)
    parts = [{p.session for p in part} for part in (author.train, author.validation, author.test)]
    assert [len(part) for part in parts[1:]] == [persona_text.VALIDATION_SESSIONS,
                                                 persona_text.TEST_SESSIONS]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    learnt = "\n".join(author.documents)
    assert not [p for p in (*author.test, *author.validation) if p.text in learnt]
    assert all(p.text in learnt for p in author.train)
    assert author == persona_text.read_author(book)


def test_a_passage_could_fly_and_tells_nothing_of_itself(book: Path) -> None:
    author = persona_text.read_author(book)
    for passage in author.test:
        assert prompt.clean_reply(passage.text) == passage.text
        assert len(passage.text.encode()) <= prompt.MUSING_BYTES_MAX
        assert len(passage.before) <= prompt.MEMORY_CHARS_MAX
        assert passage.text not in passage.before and "{" not in passage.text
    assert not any("editor" in document or "{" in document for document in author.documents)


def test_every_rival_is_asked_for_the_same_words(book: Path) -> None:
    tokenizer = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(
        known_bases.FALLBACK, local_files_only=True)
    author = persona_text.read_author(book)
    asker = Asker(tokenizer, author)
    passage = author.test[7]
    rows = [asker.bare(passage), asker.after_page(passage, 0), asker.in_flight(passage)]
    for row in rows:
        assert row is not None and len(row.input_ids) <= ROW_TOKENS_MAX
        labels = [label for label in words_only(row).labels if label != NO_LOSS]
        assert tokenizer.decode(labels).strip() == passage.text
        asked = tokenizer.decode(row.input_ids[: row.labels.index(labels[0])])
        assert passage.before in asked and passage.text not in asked
    learnt = asker.training(author.train, 1)
    assert {row.kind for row in learnt} == {"plain", "thought", "canary"}
    assert sum(r.kind == "thought" for r in learnt) == -(-len(author.train) //
                                                         persona_rows.ASKED_SHARE)


def measured(phrases: tuple[str, ...], others: tuple[str, ...], lora: float, seed: int
             ) -> dict[str, Any]:
    """An author of whom a LoRA says ``lora`` of the lines in the author's own words."""
    rng = random.Random(seed)
    test = [sentence(rng, phrases) for _ in range(240)]
    def entry(share: float, rate: float) -> dict[str, Any]:
        return {"bits": [len(t) * (rate + rng.uniform(-0.1, 0.1)) for t in test],
                "lines": [[sentence(rng, phrases if rng.random() < share else others)]
                          for _ in test],
                "exposures": {"1": [1.0, 2.0], "4": [8.0], "16": [8.0]}}
    rivals = {rival: entry(0.1, 1.8) for rival in persona_table.UNTUNED}
    sessions = [n // 8 for n in range(240)]
    return {"test": test, "sessions": sessions, "trained": [test[0]],
            "unseen": list(zip(sessions, test, strict=True)),
            "Q8_0": {**rivals, "lora": entry(lora, 1.8 - 0.3 * lora)}}


def test_bags_of_all_rivals_end_behind_the_same_passage() -> None:
    brief, long = [["a" * 99] * (n % 3) for n in range(60)], [["b" * 99] * 2 for _ in range(60)]
    silent: list[list[str]] = [[] for _ in range(60)]
    bags = persona_table.aligned_bags({"brief": brief, "long": long})
    assert [len(bag) for bag in bags["brief"]] == [1199] * 5  # 12 of its lines in 12 passages
    assert len(bags["long"]) == len(bags["brief"])
    assert all(len(bag) >= 1_000 for of in bags.values() for bag in of)
    none = persona_table.aligned_bags({"long": long, "silent": silent})
    assert none == {"long": [], "silent": []}


def test_the_table_says_who_won_and_who_did_not(tmp_path: Path) -> None:
    results = {"mariner": measured(SEA, FIELD, 0.9, 1), "farmer": measured(FIELD, SEA, 0.1, 2)}
    rows = {row.what.split(":")[0] + row.what.split(",")[1]: row
            for row in persona_table.rows(results, ["Q8_0"], tmp_path)}
    assert [row.is_met for row in rows.values()] == [True, True, True, False]
    assert 0.25 < rows["mariner Q8_0 bits per byte below every untuned rival"].value < 0.28
    assert rows["mariner Q8_0 authorship above every untuned rival"].value > 0.5
    assert (tmp_path / "persona.png").stat().st_size > 10_000


def test_without_books_there_is_nothing_to_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persona, "AUTHORS", tmp_path)
    assert persona.run(tmp_path) == []


def test_without_the_base_there_is_nothing_to_measure(
    tmp_path: Path, book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def resolve(base: Path, report: Callable[[str], None]) -> Path:
        raise TrainingError(f"The base {base} is not downloaded yet.")

    monkeypatch.setattr(persona, "AUTHORS", book.parent)
    monkeypatch.setattr(known_bases, "resolve", resolve)
    assert persona.run(tmp_path) == []
    assert capsys.readouterr().out == (
        "persona: not measured. The base smollm2 is not downloaded yet.\n")
