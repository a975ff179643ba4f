"""Goal: what other people wrote is read, left out or learnt, as the maker says.

Method: one chat with a partner, prepared in each of the three ways; rows of a tiny tokenizer.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_training.bundle.model_card import OTHERS
from host_training.common.messages import Message
from host_training.corpus import assemble
from host_training.corpus.sessions import (
    CHUNK_CHARS_MAX,
    DATA_SET,
    Example,
    chat_examples,
    without_others,
)
from tests.host_training.conftest import need, write_persona
from tests.host_training.corpus.preparing import add_toml, prepare, with_telegram
from tests.host_training.importers.reading import write_files

HERS = "The hedge has the box again"
ROWS = [(2, HERS + ", I saw it."), (1, "It went for the hedge, as it does."),
        (2, "As it always does, I\u2019d say."), (1, "Twice is not always."),
        (1, "Nor is thrice."), (2, "/start now")]


def prepared(tmp_path: Path, third_party: str) -> tuple[list[Example], dict[str, object], str]:
    """The talk, the summary, and all that is kept on disk of the examples."""
    directory = with_telegram(write_persona(tmp_path / "ada"), ROWS)
    write_files(directory, {"pairs/x.jsonl": '{"instruction": "Cold?", "output": "I am foam."}'})
    add_toml(directory, f'[privacy]\nthird_party = "{third_party}"\n')
    found = [e for e in prepare(directory, tmp_path / "out") if e.source in ("telegram", DATA_SET)]
    out = tmp_path / "out"
    return (found, json.loads((out / assemble.SUMMARY).read_text()),
            (out / assemble.EXAMPLES).read_text())


@pytest.mark.parametrize("third_party", OTHERS)
def test_what_others_wrote_is_there_as_the_maker_says(tmp_path: Path, third_party: str) -> None:
    found, summary, kept = prepared(tmp_path, third_party)
    talk = [e for e in found if e.source == "telegram"]
    assert [e.text for e in talk] == [ROWS[1][1], f"{ROWS[3][1]}\n>>> {ROWS[4][1]}"]
    assert (HERS in kept) == (third_party != "drop")
    assert {e.kind for e in talk} == {"monologue" if third_party == "drop" else "dialogue"}
    assert [e.question for e in found if e.source == DATA_SET] == ["Cold?"]
    assert summary["third party"] == third_party
    consent = [line for line in summary["warnings"] if "consent" in line]
    assert consent == ([
        'persona.toml: privacy.third_party is "train": what other people wrote in your chats'
        " (1 of them) is trained on too, and the persona may repeat it; obtain the consent of each"
        " person."] if third_party == "train" else [])
    noise = summary["left out"]["skipped"].get("command to a bot", 0)
    assert noise == (third_party == "train")  # what is learnt is cleaned, whoever wrote it


def test_a_long_answer_to_nobody_is_cut_like_a_letter() -> None:
    words = "The wind was up all night and so was I. " * 40
    talk = [Message("x", "1", "dm", str(i), i, who, who == "me", text, weight=2.0)
            for i, (who, text) in enumerate([("N", "So?"), ("me", words.strip())])]
    pieces = list(without_others(chat_examples(talk)))
    assert len(pieces) > 1 and " ".join(p.text for p in pieces) == words.strip()
    assert all(len(p.text) <= 1.1 * CHUNK_CHARS_MAX and not p.context and p.weight == 2.0
               and p.chat == "x:1" for p in pieces)


def test_rows_carry_loss_on_others_words_only_where_they_are_learnt(
    tmp_path: Path, tiny_base: Path, persona_dir: Path
) -> None:
    transformers = need("transformers")
    pipeline = pytest.importorskip("host_training.pipeline")
    from host_training.rows.dataset import NO_LOSS, Dataset

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_base, local_files_only=True)
    for third_party in ("context", "train"):
        place = tmp_path / third_party
        directory = with_telegram(write_persona(place / "ada"), ROWS)
        add_toml(directory, f'[privacy]\nthird_party = "{third_party}"\n')
        data_dir = pipeline.prepare(directory, tiny_base, place / "work", pipeline.Options(),
                                    lambda stage, share, line: None)[3]
        rows = Dataset.load(data_dir / "dataset.json").train
        assert any(HERS in tokenizer.decode(r.input_ids) for r in rows)
        learnt = [tokenizer.decode([i for i in r.labels if i != NO_LOSS]) for r in rows]
        assert any(HERS in text for text in learnt) == (third_party == "train")
