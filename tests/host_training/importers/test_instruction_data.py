"""Goal: data sets of questions and answers are known by their structure and read in every layout.

Method: rows in the layouts of OpenAI, ShareGPT, Alpaca and LLaMA-Factory, and JSON that only
resembles them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_training.common.messages import BAD_ROWS_OF_FILE_MAX
from tests.host_training.importers.reading import Content, read, reasons
from tests.host_training.nasty_inputs import nasty

ASKED = [{"from": "human", "value": "Cold?"}]


@nasty(14)
@pytest.mark.parametrize(("row", "said"), [
    ({"instruction": "Cold?", "output": "No.", "history": [["Up?", "Yes."]]},
     ["Up?", "Yes.", "Cold?", "No."]),
    ({"instruction": "Cold?", "input": "At night.", "chosen": "No.", "rejected": "Yes."},
     ["Cold?\n\nAt night.", "No."]),
    ({"conversations": ASKED, "chosen": {"from": "gpt", "value": "No."},
      "rejected": {"from": "gpt", "value": "Yes."}}, ["Cold?", "No."]),
    ({"prompt": [{"role": "user", "content": "Cold?"}],
      "chosen": [{"role": "assistant", "content": "No."}], "rejected": []}, ["Cold?", "No."]),
    ({"prompt": "Cold?", "chosen": [{"role": "user", "content": "Cold?"},
                                    {"role": "assistant", "content": "No."}]}, ["Cold?", "No."]),
    ({"conversation": [{"human": "Up?", "assistant": "Yes."}, {"human": "Cold?",
                                                               "assistant": "No."}]},
     ["Up?", "Yes.", "Cold?", "No."]),
    ({"messages": [{"role": "user", "content": "Cold?"}, {"role": "assistant", "content": "No."}],
      "label": True}, ["Cold?", "No."]),
])
def test_every_layout_of_a_row(tmp_path: Path, row: dict[str, object], said: list[str]) -> None:
    messages, notes = read(tmp_path, {
        "lines.jsonl": json.dumps(row), "list.json": [row], "spread.json": json.dumps(row, indent=1)
        if "messages" in row or "conversation" in row else [row]})
    assert [m.text for m in messages] == said * 3 and not notes.bad


def test_an_answer_that_the_data_set_rejects_is_not_learnt(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": "Cold?"},
                          {"role": "assistant", "content": answer}], "label": answer == "No."}
            for answer in ("No.", "Yes.")]
    messages, notes = read(tmp_path, {"kto.json": rows})
    assert [m.text for m in messages] == ["Cold?", "No."]
    assert notes.skipped == {"answer that the data set rejects": 1}


@nasty(14)
@pytest.mark.parametrize("content", [
    {"messages": [{"sender": "Bo", "content": "hello"}] * 2000},
    {"title": "x", "messages": [{"id": 1, "author": "Bo", "content": "hello"}]},
    [{"prompt": "x", "image": "y"}], {"question": 1, "answer": 2},
])
def test_json_of_another_structure_costs_one_sentence(tmp_path: Path, content: Content) -> None:
    messages, notes = read(tmp_path, {"a.json": json.dumps(content, indent=2)})
    assert messages == [] and len(notes.bad) == 1
    assert "unknown format" in reasons(notes)[0] or "not known here" in reasons(notes)[0]


@pytest.mark.parametrize("content", [
    {"model": "some-model", "messages": [{"role": "user", "content": "Cold?"},
                                         {"role": "assistant", "content": "As a program, no."}]},
    json.dumps({"messages": [{"role": "user", "content": "Cold?"},
                             {"role": "assistant", "content": "No."}], "usage": {"total": 9}}),
])
def test_the_answers_of_a_language_model_are_not_learnt(tmp_path: Path, content: Content) -> None:
    text = content if isinstance(content, str) else json.dumps(content, indent=2)
    messages, notes = read(tmp_path, {"a.json": text})
    assert messages == [] and len(notes.bad) == 1
    assert "a log of a language model" in reasons(notes)[0]


def test_a_row_that_speaks_of_a_model_is_no_log_of_one(tmp_path: Path) -> None:
    row = {"instruction": 'Write {"model": "x"}.', "output": '{"model": "x", "usage": {}}'}
    messages, _ = read(tmp_path, {"a.jsonl": json.dumps(row)})
    assert [m.text for m in messages] == list(row.values())


@nasty(14)
def test_a_file_complains_twenty_times_and_then_counts(tmp_path: Path) -> None:
    good = json.dumps({"instruction": "Cold?", "output": "No."})
    messages, notes = read(tmp_path, {"a.jsonl": "\n".join([good, *["{broken"] * 500, good]),
                                      "b.jsonl": f"{good}\n{{broken"})
    assert len(messages) == 6 and notes.n_bad == 501
    assert len(reasons(notes)) == BAD_ROWS_OF_FILE_MAX + 2
    assert "a.jsonl : 480 more rows or lines that are not understood" in reasons(notes)
