"""Goal: the whole road works, learns, resumes, and its commands answer in sentences.

Method: a one-layer random base and four thoughts, through the real pipeline and the real CLI.
"""

from __future__ import annotations

import json
import lzma
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training import pipeline
from host_training.bundle import rehearsal
from host_training.codec.base_text import read_text
from host_training.errors import TrainingError
from host_training.evaluation import memorisation
from host_training.likelihood import canary_trace
from host_training.rows.dataset import Dataset
from host_training.training import train
from host_training.training.base import BaseConfig, n_parameters, train_base
from payload.mind import reranker
from tests.host_training.conftest import SOUND, THUMPED, write_persona
from tests.host_training.corpus.preparing import add_toml
from tests.host_training.nasty_inputs import nasty
from wire import base_file
from wire.bundle import verify_bundle
from wire.file_hashes import FileHashes
from wire.text_codec import TextModel


def silent(*args: object) -> None:
    """A report nobody reads."""


def command(*args: object, text: str | None = None) -> tuple[int, str]:
    """Exit status and what was shown, with the sentence of an expected error."""
    result = CliRunner().invoke(cli.app, [str(a) for a in args], input=text)
    if result.exception and not isinstance(result.exception, SystemExit):
        return 1, str(result.exception)
    return result.exit_code, result.output


def test_run_makes_a_bundle_with_an_honest_card(made: Path) -> None:
    manifest = verify_bundle(made / "bundle", [(made / "bundle" / "manifest.pub").read_bytes()])
    assert manifest.training["method"] == "lora"
    assert manifest.training["quant"] == "Q8_0"
    assert manifest.base["id"] == "tiny random base"
    assert 0 < manifest.training["held_out_bits_per_byte"] < 10
    assert manifest.runtime["n_ctx"] == 512
    model = TextModel.load(made / "bundle" / "text.codec")
    assert manifest.training["text_model"] == model.model_id.hex()
    card = (made / "bundle" / "MODEL_CARD.md").read_text()
    assert f"Its text codec (model {model.model_id.hex()}, " in card
    assert "Ada is an AI persona." in card
    assert "| as flown (Q8_0) |" in card
    assert "it does not know what is true" in card
    assert set(manifest.training["evaluation"]) == {
        "lead_bits_per_byte", "authorship", "verbatim_share", "failed_gates",
        "unmeasured_gates", "mission_rate"}
    assert manifest.training["evaluation"]["unmeasured_gates"] == []
    assert "- Authorship (Ada Test's unseen lines): not judged: too little text." in card
    assert "Is it Ada Test?" in (made / "bundle.report.html").read_text()
    assert str(made) not in card + json.dumps(manifest.base)  # no paths of the maker's disk


def test_a_bundle_carries_the_reranker_of_its_graded_drafts(made: Path) -> None:
    """It is fitted, signed, told in the card, and heard in the rehearsal before that."""
    manifest = verify_bundle(made / "bundle", None)
    order = reranker.load(made / "bundle", manifest, FileHashes())
    assert order is not None, "not packed"
    assert order.ordered([THUMPED, SOUND], "wind") == [SOUND, THUMPED]
    measured = manifest.training["reranker"]
    assert measured["moments"] == 100 and measured["kept"] < measured["kept_reranked"]
    assert "Its drafts are reranked by" in (made / "bundle" / "MODEL_CARD.md").read_text()
    noted = json.loads((made / "work" / rehearsal.FILE).read_text())["reranker"]
    assert reranker.parse((made / "work" / noted).read_bytes()) == order


@nasty(26)
def test_a_run_says_how_much_it_did_not_understand(tiny_base: Path, tmp_path: Path) -> None:
    directory = write_persona(tmp_path / "ada")
    notebook = directory / "notebook" / "flight.md"
    notebook.write_text(notebook.read_text() + "\n## 2021-05-10\n\nWrite to bo@example.org.\n")
    said: list[str] = []

    def prepare() -> None:
        pipeline.prepare(directory, tiny_base, tmp_path / "work", pipeline.Options(variants=1),
                         lambda stage, share, line: said.append(f"{stage}: {line}"))

    prepare()
    share = "% of the training data is of tiers 1 and 2"
    assert any(re.fullmatch(rf"writing: 9 examples; \d\d{share}", line) for line in said)
    assert not any("persona.toml" in line for line in said)
    (directory / "exports").mkdir()
    add_toml(directory, '[[source]]\npath = "signal/*"\nignore = true\n')
    (directory / "exports" / "x.pst").write_bytes(b"!BDN")
    prepare()
    assert any(line.startswith("writing: 9 examples; not understood: 1 (")
               and "quarantine.jsonl" in line and share in line for line in said)
    assert "warning: persona.toml: source.0.path: 'signal/*' matches no file" in " ".join(said)
    assert "found: taken out of the texts: mail 1" in said, "what was taken out is said once"


def test_pairs_are_scored_by_the_base_where_that_is_asked_for(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write_persona(tmp_path / "ada")
    inputs: list[set[str]] = []
    said: list[str] = []
    for setting in ("", "[clean]\npair_score_bits = 100\n"):
        add_toml(directory, setting)
        prepared = pipeline.prepare(directory, tiny_base, tmp_path / "work",
                                    pipeline.Options(variants=1),
                                    lambda stage, share, line: said.append(f"{stage}: {line}"))
        inputs.append(set(json.loads((prepared[1] / "inputs.json").read_text())))
    assert inputs == [{"persona", "code"}, {"persona", "code", "base", "scores"}]
    assert "writing: scoring pairs, 2 of 2, 0 min left" in said
    assert any(line.startswith("found: left out:") and "does not follow" in line for line in said)
    monkeypatch.setenv("COLUMNS", "400")
    args = ("scan", directory, "--out", tmp_path / "seen", "--base")
    status, shown = command(*args, tiny_base)
    assert status == 0 and "answer that does not follow" in shown
    listed = (tmp_path / "seen" / "pairs.jsonl").read_text().splitlines()
    assert listed == (prepared[1] / "pairs.jsonl").read_text().splitlines() and len(listed) == 2
    monkeypatch.setenv(base_file.PLACE_VARIABLE, str(tmp_path / "no bases"))
    status, shown = command(*args, "smollm2")
    assert status == 0 and shown.count("spacepi-train base --get smollm2 fetches it") == 1
    assert command(*args, tmp_path)[0] == 1, "a folder that is no base is refused"


@pytest.mark.thorough
def test_a_bundle_says_what_could_not_be_measured_of_an_adapter_from_elsewhere(
    made: Path, persona_dir: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary_trace, "left_a_trace", lambda *args: False)
    monkeypatch.setattr(memorisation, "exposures", None)
    options = pipeline.Options(quant="Q8_0", variants=1, threads=1, lines=12,
                               general=(made / "general.txt",),
                               may_fail_gates=True)  # what a random model says is anything
    adapter, = made.glob("work/train-lora-*/adapter")
    said: list[str] = []
    manifest = pipeline.run(persona_dir, tiny_base, made / "adopted", made / "work", made / "key",
                            options, lambda stage, share, line: said.append(line), adapter)
    assert manifest.training["evaluation"]["unmeasured_gates"] == ["canary"]
    assert any("; not measured: canary; see " in line for line in said)
    card = (made / "adopted" / "MODEL_CARD.md").read_text()
    assert "Whether Ada memorised text that occurred once was not measured" in card


def test_a_second_run_does_nothing_again_but_signing(
    made: Path, persona_dir: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a finished stage was done again")

    monkeypatch.setattr(train, "train", never)
    monkeypatch.setattr(pipeline.quantise, "walk_ladder", never)
    monkeypatch.setattr(pipeline.dataset, "build_dataset", never)
    monkeypatch.setattr(pipeline.codec_stage, "build", never)
    monkeypatch.setattr(pipeline.examination, "build", never)
    options = pipeline.Options(method="lora", quant="Q8_0", epochs=1, variants=1, threads=1,
                               general=(made / "general.txt",), lines=12, may_fail_gates=True)
    manifest = pipeline.run(persona_dir, tiny_base, made / "again", made / "work", made / "key",
                            options, silent)
    assert manifest.version == 1


def test_verify_inspect_chat_and_sample_speak(made: Path) -> None:
    bundle = made / "bundle"
    status, text = command("verify", bundle, "--trust", bundle / "manifest.pub")
    assert status == 0 and "is whole: Ada version 1" in " ".join(text.split())
    status, text = command("inspect", bundle)
    assert status == 0 and "training.held_out_bits_per_byte" in text
    assert "thoughts: 4" in text and "unmeasured_gates: []" in text
    status, text = command("chat", bundle, "--threads", 1, text="Are you cold?\n\n")
    assert status == 0 and "Ada is an AI persona." in text and "Ada (AI):" in text
    status, text = command("sample", bundle, "-n", 1, "--about", "wind", "--threads", 1)
    assert status == 0 and "wind:" in text


@pytest.mark.parametrize(("args", "says"), [
    (("verify", "nowhere"), "nowhere: no such bundle directory."),
    (("run", "nowhere", "--base", "b", "--out", "o", "--key", "k"), "nowhere: no such"),
    (("run", "nowhere", "--base", "b", "--out", "o", "--quant", "Q9"), "--quant Q9 is not one of"),
    (("verify", "nowhere", "--trust", "gone.pub"), "--trust gone.pub: cannot be read"),
    (("base", "book.pdf", "--out", "o"), "book.pdf: must be a .txt or .txt.xz file."),
])
def test_mistakes_are_answered_in_one_sentence(
    args: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, text = command(*args)
    assert status == 1
    assert says in text


@pytest.mark.parametrize("args", [("run",), ("run", "x", "--method", "magic"), ("nothing",)])
def test_wrong_usage_is_status_2(args: tuple[str, ...]) -> None:
    assert command(*args)[0] == 2


def test_what_would_fail_in_an_hour_fails_at_once(
    persona_dir: Path, tiny_base: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    key = ("--key", tmp_path / "key")
    status, text = command("run", persona_dir, "--base", tmp_path, "--out", tmp_path / "o", *key)
    assert status == 1 and "no config.json" in text
    status, text = command("run", persona_dir, "--base", tiny_base, "--out", tmp_path / "taken",
                           *key)
    assert status == 1 and "exists and is not a bundle" in text


@nasty(29)
def test_a_base_that_is_none_is_refused(
    tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACEPI_CONVERTER", str(tmp_path))
    with pytest.raises(TrainingError, match=r"no config\.json"):
        train.load_base(tmp_path)
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((tiny_base / name).read_bytes())
    with pytest.raises(TrainingError, match=r"no \*\.safetensors"):
        train.load_base(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    for config, says in (
        ('{"architectures": ["MambaForCausalLM"]}', r"'MambaForCausalLM'\] needs llama\.cpp's own"),
        ('{"architectures": ["LlamaForCausalLM"], "auto_map": {}}', "code of its own"),
        ('{"architectures": ["LlamaForCausalLM"], "quantization_config": {}}', "already quantised"),
    ):
        (tmp_path / "config.json").write_text(config)
        with pytest.raises(TrainingError, match=says):
            train.load_base(tmp_path)


def test_a_base_is_trained_resumed_and_described(tmp_path: Path) -> None:
    line = "The wind up here has other plans than the wind in the yard, and says so. {}\n"
    text = "".join(line.format(i) for i in range(1200))
    (tmp_path / "book.txt.xz").write_bytes(lzma.compress(text.encode()))
    small = {"vocab_size": 300, "n_layers": 1, "ffn_size": 64, "context_tokens": 32,
             "batch_sequences": 2}
    for target_tokens in (128, 256):  # the second run goes on from the first
        config = BaseConfig(**small, target_tokens=target_tokens)
        train_base([tmp_path / "book.txt.xz"], tmp_path / "run", config, silent)
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "book.txt.xz" in card and "| tokens seen | 256," in card
    assert f"{n_parameters(config):,}" in card
    model, tokenizer = train.load_base(tmp_path / "run" / "model")
    assert sum(p.numel() for p in model.parameters()) == n_parameters(config)
    assert tokenizer("12")["input_ids"] == tokenizer("1")["input_ids"] + tokenizer("2")["input_ids"]


def test_a_damaged_text_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "book.txt.xz").write_bytes(lzma.compress(b"words " * 1000)[:-20])
    with pytest.raises(TrainingError, match="damaged or truncated"):
        read_text(tmp_path / "book.txt.xz")


def test_a_text_archive_that_is_a_bomb_is_refused(tmp_path: Path) -> None:
    """Two kilobytes of .xz become 12 MB; several streams, one behind the other, are one text."""
    (tmp_path / "book.txt.xz").write_bytes(lzma.compress(bytes(12_000_000)))
    with pytest.raises(TrainingError, match=r"book\.txt\.xz: would unpack to \d+ bytes where"):
        read_text(tmp_path / "book.txt.xz")
    two = lzma.compress(b"a line\n") + bytes(4) + lzma.compress(b"another\n")
    (tmp_path / "book.txt.xz").write_bytes(two)
    assert read_text(tmp_path / "book.txt.xz") == "a line\nanother\n"
    (tmp_path / "book.txt.xz").write_bytes(two[:-9])
    with pytest.raises(TrainingError, match="damaged or truncated"):
        read_text(tmp_path / "book.txt.xz")


@pytest.mark.thorough
def test_a_person_with_nothing_but_their_own_posts_gets_a_persona(
    made: Path, tiny_base: Path, tmp_path: Path
) -> None:
    """Nobody else in the writing, no thought, no answer: lines are asked for and measured."""
    directory = write_persona(tmp_path / "ada")
    for folder in ("notebook", "telegram"):
        shutil.rmtree(directory / folder)
    said = ["Nothing flew today because of the rain.", "The kettle helped by being on.",
            "Mended the tape on the box. It held.", "The hedge has kept my best glove.",
            "Nobody asked the wind and it came."]
    (directory / "discord" / "package" / "messages" / "c1" / "messages.json").write_text(json.dumps(
        [{"ID": day, "Timestamp": f"2024-11-{day + 10} 20:05:17", "Attachments": "",
          "Contents": text} for day, text in enumerate(said)]))
    options = pipeline.Options(method="lora", quant="Q8_0", epochs=1, variants=1, threads=1,
                               general=(made / "general.txt",), lines=4, may_fail_gates=True)
    manifest = pipeline.run(directory, tiny_base, tmp_path / "bundle", tmp_path / "work",
                            made / "key", options, silent)
    assert verify_bundle(tmp_path / "bundle", None).version == manifest.version == 1
    counts = manifest.training["counts"]
    assert counts["lines"] >= 3 and counts["plain rows, trained"] >= 3
    assert min(counts[f"line rows, {use}"] for use in ("trained", "validation", "test")) >= 1
    assert "Bits per byte of the unseen lines" in (tmp_path / "bundle.report.html").read_text()
    data = Dataset.load(next((tmp_path / "work").glob("dataset-*")) / "dataset.json")
    assert {row.kind for row in data.validation + data.test} == {"line"}
    assert [row.text for row in data.test] == said[-1:], "the newest"
