"""Goal: Ollama is told to ask exactly as the flight asks.

Method: its template filled in by hand.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from host_training.bundle import ollama
from host_training.errors import TrainingError
from payload import prompt
from wire.bundle import verify_bundle

EDDA = Path(__file__).resolve().parents[3] / "host_training" / "examples" / "edda-tiny.bundle"
WORDS = json.loads((EDDA / "persona.json").read_text())


def test_the_template_filled_in_is_the_prompt_of_the_flight() -> None:
    text = ollama.modelfile(verify_bundle(EDDA, None), WORDS)
    quoted = dict(re.findall(r'^(\w+) """(.*?)"""$', text, re.S | re.M))
    moment = prompt.Moment(about="wind", phase="ascent", altitude_m=900.0)
    asked = prompt.suffix(moment).split("<|im_end|>")[0]
    filled = quoted["TEMPLATE"].replace("{{ .System }}", quoted["SYSTEM"])
    persona = prompt.PersonaText(WORDS["name"], WORDS["system"], tuple(WORDS["values"]))
    assert filled.replace("{{ .Prompt }}", asked) == prompt.prefix(persona) + prompt.suffix(moment)
    assert 'PARAMETER stop "<|im_end|>"' in text and "PARAMETER num_ctx 512" in text
    assert "It is not the person." in quoted["LICENSE"]


def test_words_that_a_modelfile_cannot_quote_are_refused() -> None:
    manifest = verify_bundle(EDDA, None)
    for words in ({**WORDS, "system": 'Say """ often.'}, {**WORDS, "values": ['Say "no"']}):
        with pytest.raises(TrainingError, match="cannot contain"):
            ollama.modelfile(manifest, words)
    with pytest.raises(TrainingError, match="cannot contain"):
        ollama.modelfile(replace(manifest, disclosure='An AI """.'), WORDS)


def test_a_directory_with_model_and_modelfile_is_made_once(tmp_path: Path) -> None:
    manifest = verify_bundle(EDDA, None)
    ollama.write(EDDA, manifest, WORDS, tmp_path / "ollama")
    assert sorted(p.name for p in (tmp_path / "ollama").iterdir()) == ["Modelfile", "model.gguf"]
    with pytest.raises(TrainingError, match="exists; choose another"):
        ollama.write(EDDA, manifest, WORDS, tmp_path / "ollama")
