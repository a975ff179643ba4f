"""What the training tests share: a tiny random base, a tiny persona, and a bundle made of them.

A test that needs a heavy package asks for it with ``need``: it skips where the package is missing,
and fails instead when SPACEPI_REQUIRE_ALL=1, as in CI.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from types import ModuleType

import pytest


def need(name: str) -> ModuleType:
    """The module ``name``, or a skip; no skip under SPACEPI_REQUIRE_ALL=1."""
    if os.environ.get("SPACEPI_REQUIRE_ALL") == "1":
        return importlib.import_module(name)
    return pytest.importorskip(name)


NOTEBOOK = """---
title: Test flights
author: Ada Test
---

## 2021-05-08 10:10
@ about=wind phase=ascent altitude_m=50..2500 wind_mps=4..16

The wind up here has other plans than the wind in the yard.

## 2021-05-08 11:00
@ about=sun sun=high phase=float

The sun has nothing in its way and behaves accordingly.

## 2021-05-08 11:30
@ about=notfound api=weather:404

I asked for the weather and was told there is none.

## 2021-05-08 12:00
@ about=question question="Are you cold?"

I am a box of foam. Cold is a number on a wire.

## 2021-05-09 09:00

Mended the tape on the box. The kettle helped by being on.
"""


THUMPED, SOUND = "The wind thumped it.", "The wind carried it."


def graded_moments() -> str:
    """``graded.jsonl``: as many moments as a reranker needs, of which a third leave a choice.

    These are fewer pairs than a second training needs, which would take longer than the first.
    """
    rows = []
    for number in range(100):
        drafts = [THUMPED, SOUND] if number % 2 else [SOUND, THUMPED]
        grades = [2 * (draft == SOUND and number % 3 == 0) for draft in drafts]
        rows.append({"moment": "on the ground.\nabout: wind", "drafts": drafts, "grades": grades})
    return "".join(json.dumps(row) + "\n" for row in rows)


def telegram_export() -> dict[str, object]:
    """A full export of one chat, two people."""
    def row(number: int, minute: int, who: int, text: object) -> dict[str, object]:
        return {"id": number, "type": "message", "date": "2021-03-06T18:00:00",
                "date_unixtime": str(1_615_050_000 + 60 * minute), "from": "X",
                "from_id": f"user{who}", "text": text}

    rows = [
        row(1, 0, 2, "Did the box come down in one piece?"),
        row(2, 1, 1, "It came down in two pieces, both of them polite."),
        row(3, 2, 2, ["Look: ", {"type": "link", "text": "the hedge"}]),
        row(4, 3, 1, "The hedge and I have an understanding."),
    ]
    return {"personal_information": {"user_id": 1},
            "chats": {"list": [{"id": 9, "type": "personal_chat", "messages": rows}]}}


def write_persona(directory: Path) -> Path:
    """A persona directory with one source of each kind."""
    (directory / "notebook").mkdir(parents=True)
    (directory / "telegram").mkdir()
    (directory / "discord" / "package" / "messages" / "c1").mkdir(parents=True)
    (directory / "persona.toml").write_text(
        'name = "Ada"\nauthor = "Ada Test"\ndisclosure = "Ada is an AI persona."\n'
        'system = "You are Ada, a small machine under a balloon."\nme = ["user1"]\n')
    (directory / "values.md").write_text("# Values\n\n- I say what I saw.\n- A guess is a guess.\n")
    (directory / "thinking.md").write_text("- I change one thing, then I look.\n")
    (directory / "notebook" / "flight.md").write_text(NOTEBOOK)
    (directory / "telegram" / "result.json").write_text(json.dumps(telegram_export()))
    (directory / "discord" / "package" / "messages" / "c1" / "messages.json").write_text(json.dumps(
        [{"ID": 5, "Timestamp": "2024-11-17 20:05:17", "Attachments": "",
          "Contents": "Nothing flew today because of the rain."}]))
    return directory


@pytest.fixture(scope="session")
def persona_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A persona directory nobody writes into, with graded drafts."""
    directory = write_persona(tmp_path_factory.mktemp("persona") / "ada")
    (directory / "graded.jsonl").write_text(graded_moments())
    return directory


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder: random Llama, one layer of width 256, own tokenizer of 320 tokens."""
    torch = need("torch")
    need("transformers")
    need("tokenizers")
    from host_training.codec.base_text import train_tokenizer
    from host_training.training.base import BaseConfig, build_model, save_model

    torch.set_num_threads(1)
    torch.manual_seed(7)
    out = tmp_path_factory.mktemp("base")
    config = BaseConfig(vocab_size=320, n_layers=1, ffn_size=256)
    train_tokenizer(iter([NOTEBOOK * 3]), config.vocab_size).save(str(out / "tokenizer.json"))
    from tokenizers import Tokenizer

    model = build_model(config, Tokenizer.from_file(str(out / "tokenizer.json")))
    save_model(out, model, config, "# tiny random base\n")
    return out / "model"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, persona_dir: Path, tiny_base: Path) -> Path:
    """A working directory in which ``run`` was run once: ``bundle``, ``work``, ``key``."""
    need("llama_cpp")
    need("trl")
    from host_training import pipeline

    place = tmp_path_factory.mktemp("made")
    (place / "general.txt").write_text("The wind went round to the north in the night.\n" * 20)
    options = pipeline.Options(method="lora", quant="Q8_0", epochs=1, variants=1, threads=1,
                               general=(place / "general.txt",), lines=12,
                               may_fail_gates=True)  # it says noise, in which anything may stand
    pipeline.run(persona_dir, tiny_base, place / "bundle", place / "work", place / "key", options,
                 lambda stage, fraction, line: None)
    return place
