"""Goal: our GGUF is llama.cpp's own, byte for byte, and what neither can write is refused.

Method: tiny random models of each architecture through both exporters; then folders spoiled. The
oracle is the converter of llama-cpp-python's source package, where it has been fetched.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from host_training.errors import TrainingError
from host_training.gguf import converter, export
from host_training.training import lora_gguf, merge
from tests.host_training.conftest import need
from tests.host_training.nasty_inputs import nasty
from tests.host_training.tiny_models import make
from tests.thorough import sampled

CASES = {"llama": "float16", "qwen2": "float32", "qwen3": "bfloat16"}
# The converter knows a tokenizer by the hash of one long line, which 300 tokens cannot have.
ORACLE = """
import sys
place, todo = sys.argv[1], sys.argv[2:]
sys.path[:0] = [place, place + "/gguf-py"]
import runpy, types, transformers, conversion.base
sys.modules["sentencepiece"] = types.ModuleType("sentencepiece")
sys.modules["sentencepiece"].SentencePieceProcessor = None
while todo:
    script, pre, *arguments = todo[:todo.index("--")] if "--" in todo else todo
    todo = todo[len(arguments) + 3:]
    conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer, pre=pre: pre
    sys.argv = [script, *arguments]
    runpy.run_path(place + "/" + script, run_name="__main__")
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for each architecture, and a LoRA adapter for the first and the last."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    place = tmp_path_factory.mktemp("models")
    for architecture, dtype in CASES.items():
        make(architecture, place / architecture, dtype)
    for architecture in ("llama", "qwen3"):
        model = AutoModelForCausalLM.from_pretrained(place / architecture, dtype=torch.float32)
        config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, config)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.5)  # zeros would add nothing
        model.save_pretrained(place / f"{architecture}-lora")
    return place


@pytest.fixture(scope="module")
def oracle(folders: Path) -> Path:
    """What llama.cpp's converters make of all of them, in one process."""
    if not converter.is_here():
        say = pytest.fail if os.environ.get("SPACEPI_REQUIRE_ALL") == "1" else pytest.skip
        say("llama.cpp's converter is not here: spacepi-train fetch-converter")
    todo: list[str] = []
    for name in CASES:
        todo += ["convert_hf_to_gguf.py", "smollm" if name == "llama" else "qwen2",
                 str(folders / name), "--outfile", str(folders / f"{name}.oracle"), "--outtype",
                 "f16", "--model-name", "tiny", "--"]
    for name in ("llama", "qwen3"):
        todo += ["convert_lora_to_gguf.py", "-", str(folders / f"{name}-lora"), "--base",
                 str(folders / name), "--outfile", str(folders / f"{name}-lora.oracle"),
                 "--outtype", "f16", "--"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    child = subprocess.run([sys.executable, "-c", ORACLE, str(converter.place()), *todo[:-1]],
                           capture_output=True, text=True, check=False, env=environment)
    assert child.returncode == 0, child.stderr[-2000:]
    return folders


@nasty(29)
@pytest.mark.parametrize("name", CASES)  # their vocabulary is padded, as Qwen's is
def test_our_file_is_that_of_llama_cpp_byte_for_byte(
    oracle: Path, name: str, tmp_path: Path
) -> None:
    export.export_gguf(oracle / name, tmp_path / "ours.gguf", "tiny")
    assert (tmp_path / "ours.gguf").read_bytes() == (oracle / f"{name}.oracle").read_bytes()


@pytest.mark.parametrize("name", sampled(["llama", "qwen3"]))
def test_our_adapter_has_the_tensors_of_llama_cpp_byte_for_byte(
    oracle: Path, name: str, tmp_path: Path
) -> None:
    lora_gguf.export_adapter(oracle / f"{name}-lora", oracle / name, tmp_path / "a.gguf", "tiny")
    ours, theirs = (gguf.GGUFReader(p) for p in (tmp_path / "a.gguf",
                                                 oracle / f"{name}-lora.oracle"))
    assert {t.name: (t.tensor_type, t.shape.tolist(), t.data.tobytes()) for t in ours.tensors} == {
        t.name: (t.tensor_type, t.shape.tolist(), t.data.tobytes()) for t in theirs.tensors}
    for key in ("general.architecture", "general.type", "adapter.type", "adapter.lora.alpha"):
        assert ours.fields[key].contents() == theirs.fields[key].contents()


@pytest.mark.parametrize("name", sampled(CASES))
def test_llama_cpp_gives_the_same_logits_for_every_architecture(
    folders: Path, name: str, tmp_path: Path
) -> None:
    need("llama_cpp")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from host_training.likelihood.bits import open_gguf

    export.export_gguf(folders / name, tmp_path / "m.gguf", "tiny")
    ours = open_gguf(tmp_path / "m.gguf", 64, every_logit=True, threads=1)
    text = "The wind's 12 plans.\n\nAnd its"
    ids = AutoTokenizer.from_pretrained(folders / name)(text)["input_ids"]
    assert ours.tokenize(text.encode(), add_bos=False, special=True) == ids
    model = AutoModelForCausalLM.from_pretrained(folders / name, dtype=torch.float32)
    with torch.no_grad():
        expected = model(input_ids=torch.tensor([ids])).logits[0].numpy()
    ours.eval(ids)
    assert np.abs(ours.scores[: len(ids)] - expected).max() < 5e-3
    ours.close()


def test_llama_cpp_adds_the_adapter_as_if_it_were_merged(folders: Path, tmp_path: Path) -> None:
    llama_cpp = need("llama_cpp")
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folders / "llama", dtype=torch.float32)
    merged = PeftModel.from_pretrained(base, folders / "llama-lora").merge_and_unload()
    export.export_gguf(folders / "llama", tmp_path / "base.gguf", "tiny")
    lora_gguf.export_adapter(folders / "llama-lora", folders / "llama", tmp_path / "a.gguf", "tiny")
    model = llama_cpp.Llama(str(tmp_path / "base.gguf"), lora_path=str(tmp_path / "a.gguf"),
                            n_ctx=64, logits_all=True, verbose=False)
    ids = [10, 40, 77, 5, 200, 150]
    model.eval(ids)
    with torch.no_grad():
        expected = merged(input_ids=torch.tensor([ids])).logits[0].numpy()
    assert np.abs(expected).max() > 0.5
    assert np.abs(model.scores[: len(ids)] - expected).max() < 2e-2
    model.close()


@pytest.mark.parametrize("name", sampled(CASES))
def test_a_training_row_and_the_flight_are_cut_into_the_same_tokens(
    folders: Path, name: str, tmp_path: Path
) -> None:
    need("llama_cpp")
    from transformers import AutoTokenizer

    from host_training.quantisation import tokenizer_parity
    from host_training.rows.dataset import RowBuilder
    from payload import prompt

    tokenizer = AutoTokenizer.from_pretrained(folders / name)
    builder = RowBuilder(tokenizer, prompt.PersonaText("Ada", "You are Ada.", ("I say it's so.",)))
    moment = prompt.Moment(about="wind", phase="ascent", altitude_m=12_345.0, outside_c=-61.5)
    row = builder.prompted("thought", moment, "Once I'd 3 kettles.", "The wind's 12 plans, again.")
    assert row is not None
    export.export_gguf(folders / name, tmp_path / "m.gguf", "tiny")
    assert tokenizer_parity.check(tmp_path / "m.gguf", tokenizer, [row]) == 1
    # The same words letter by letter, as a tokenizer that lost its merges would cut them.
    letters = tokenizer.convert_tokens_to_ids(list("TheĠwindĠupĠhereĠhasĠother"))
    row = replace(row, input_ids=[0, *letters], labels=[-100, *letters])
    with pytest.raises(TrainingError, match=r"llama\.cpp tokenises .* differently"):
        tokenizer_parity.check(tmp_path / "m.gguf", tokenizer, [row])


def test_an_adapter_is_written_by_command(folders: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from host_training import __main__ as cli

    result = CliRunner().invoke(cli.app, [
        "adapter", str(folders / "qwen3-lora"), "--base", str(folders / "qwen3"), "--out",
        str(tmp_path / "a.gguf"), "--name", "ada"])
    assert result.exit_code == 0, result.output
    fields = gguf.GGUFReader(tmp_path / "a.gguf").fields
    assert fields["general.name"].contents() == "ada"
    assert fields["general.architecture"].contents() == "qwen3"


@pytest.mark.parametrize("key", ["use_dora", "use_rslora", "modules_to_save"])
def test_an_adapter_llama_cpp_would_add_wrongly_is_refused(
    folders: Path, tmp_path: Path, key: str
) -> None:
    shutil.copytree(folders / "llama-lora", tmp_path / "lora")
    path = tmp_path / "lora" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: True}))
    with pytest.raises(TrainingError, match="cannot be a GGUF adapter"):
        lora_gguf.export_adapter(tmp_path / "lora", folders / "llama", tmp_path / "a.gguf", "x")


def test_permute_pairs_what_was_halved() -> None:
    weight = np.arange(8, dtype=np.float32).reshape(8, 1)  # two heads of four rows
    assert export.permute(weight, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


@nasty(29)
@pytest.mark.parametrize(("file", "change", "says"), [
    ("config.json", {"vocab_size": 299}, "not what config.json says"),
    ("config.json", {"num_hidden_layers": 3}, "weight blk.2.attn_k.weight is missing"),
    ("tokenizer.json", {"added_tokens": []}, "is not a special token"),
    ("tokenizer.json", {"model": 5}, "not a tokenizer"),
])
def test_what_llama_cpp_would_get_wrong_is_refused(
    folders: Path, tmp_path: Path, file: str, change: dict[str, Any], says: str
) -> None:
    model = tmp_path / "model"
    shutil.copytree(folders / "llama", model)
    table = json.loads((model / file).read_text())
    (model / file).write_text(json.dumps({**table, **change}))
    with pytest.raises(TrainingError, match=says):
        export.export_gguf(model, tmp_path / "out.gguf", "tiny")
    assert not (tmp_path / "out.gguf").exists()


@nasty(29)
@pytest.mark.parametrize(("file", "change"), [
    ("config.json", {"architectures": ["GPT2LMHeadModel"]}),
    ("config.json", {"rope_parameters": {"rope_type": "yarn"}}),
    ("config.json", {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2}}),
    ("config.json", {"mlp_bias": True}),
    ("tokenizer.json", {"normalizer": {"type": "Lowercase"}}),
    ("tokenizer.json", {"pre_tokenizer": None}),
])
def test_another_model_needs_the_converter_and_says_how_to_get_it(
    folders: Path, tmp_path: Path, file: str, change: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SPACEPI_CONVERTER", str(tmp_path / "none"))
    shutil.copytree(folders / "llama", tmp_path / "model")
    path = tmp_path / "model" / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(TrainingError, match="spacepi-train fetch-converter once"):
        export.export_gguf(tmp_path / "model", tmp_path / "out.gguf", "tiny")
    with pytest.raises(TrainingError, match="spacepi-train fetch-converter once"):
        merge.check_base(tmp_path / "model")  # before an hour of training


@nasty(29)
def test_shards_and_old_configs_are_read_like_one_new_folder(
    folders: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    export.export_gguf(folders / "qwen3", tmp_path / "one.gguf", "tiny")
    shutil.copytree(folders / "qwen3", tmp_path / "parts")
    (tmp_path / "parts" / "model.safetensors").unlink()
    model = AutoModelForCausalLM.from_pretrained(folders / "qwen3", dtype=torch.bfloat16)
    model.save_pretrained(tmp_path / "parts", max_shard_size="60KB")
    assert len(list((tmp_path / "parts").glob("model-*.safetensors"))) > 1
    path = tmp_path / "parts" / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")  # transformers 4 kept it beside
    path.write_text(json.dumps({**config, "rope_theta": rope["rope_theta"]}))
    export.export_gguf(tmp_path / "parts", tmp_path / "many.gguf", "tiny")
    one, many = (gguf.GGUFReader(tmp_path / f"{n}.gguf") for n in ("one", "many"))
    assert {t.name: t.data.tobytes() for t in one.tensors} == {
        t.name: t.data.tobytes() for t in many.tensors}
    assert one.fields.keys() == many.fields.keys()


@nasty(29)
def test_a_tied_model_with_a_head_of_its_own_keeps_the_embedding(
    folders: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folders / "llama", tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights["lm_head.weight"] = torch.zeros_like(weights["model.embed_tokens.weight"])
    save_file(weights, path)
    export.export_gguf(tmp_path / "model", tmp_path / "m.gguf", "tiny")
    assert "output.weight" not in {t.name for t in gguf.GGUFReader(tmp_path / "m.gguf").tensors}


@nasty(29)
def test_a_folder_without_a_tokenizer_is_named(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "llama", tmp_path / "model")
    (tmp_path / "model" / "tokenizer.json").unlink()
    with pytest.raises(TrainingError, match=r"model: no tokenizer\.json"):
        export.export_gguf(tmp_path / "model", tmp_path / "out.gguf", "tiny")


@nasty(29)
def test_a_weight_beyond_16_bits_is_refused(folders: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folders / "qwen2", tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights["lm_head.weight"][3, 4] = 1e6
    save_file(weights, path)
    with pytest.raises(TrainingError, match=r"lm_head\.weight does not fit into 16 bits"):
        export.export_gguf(tmp_path / "model", tmp_path / "m.gguf", "tiny")


def test_only_the_package_that_was_tested_is_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "package.tar.gz"
    with tarfile.open(archive, "w:gz") as package:
        for name in (converter.VENDORED + "convert_hf_to_gguf.py", converter.VENDORED + "src/a.cpp",
                     converter.VENDORED + "conversion/base.py"):
            package.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(TrainingError, match="its SHA-256 is"):
        converter.unpack(archive, tmp_path / "out", converter.SHA256)
    assert not (tmp_path / "out").exists()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    converter.unpack(archive, tmp_path / "out", digest)
    found = sorted(p.name for p in (tmp_path / "out").rglob("*.py"))
    assert found == ["base.py", "convert_hf_to_gguf.py"]
    assert not (tmp_path / "out" / "src").exists()
