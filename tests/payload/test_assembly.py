"""Goal: an adapter bundle becomes one that flies where it is installed, or says why not.

Method: a tiny base, quantised as a real one is, an adapter with random weights, and the process
that the command becomes.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from payload.mind.persona import load_persona
from tests.bundles import TRUSTED_KEY, sign_bundle
from tests.host_training import tiny_models
from tests.host_training.conftest import need
from wire import bundle as bundle_files
from wire.bundle import BundleError, canonical_json, model_file, read_manifest, verify_bundle
from wire.file_hashes import FileHashes

RANK, ALPHA = 4, 8.0
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``base.gguf`` (Q8_0), ``other.gguf`` another, ``adapter.gguf`` and ``importance.npz``."""
    for name in ("torch", "peft", "gguf", "llama_cpp"):
        need(name)
    import numpy as np
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from host_training.gguf import export
    from host_training.quantisation import imatrix, quantise
    from host_training.training import lora_gguf

    place = tmp_path_factory.mktemp("parts")
    folder = tiny_models.make("llama", place / "folder")
    export.export_gguf(folder, place / "F16.gguf", "tiny")
    ones = {name: np.ones(n, np.float32)
            for name, n in imatrix.wanted_by(place / "F16.gguf").items()}
    np.savez_compressed(place / "importance.npz", **ones)
    quantise.quantise(place / "F16.gguf", place / "base.gguf", "Q8_0", ones)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(
        r=RANK, lora_alpha=int(ALPHA), target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)  # zeros would add nothing
    model.save_pretrained(place / "lora")
    lora_gguf.export_adapter(place / "lora", folder, place / "adapter.gguf", "ada")
    export.export_gguf(tiny_models.make("qwen2", place / "qwen"), place / "other.gguf", "tiny")
    return place


Maker = Callable[..., Path]


@pytest.fixture
def make(parts: Path, tmp_path: Path) -> Maker:
    """A signed adapter bundle at ``tmp_path / NAME``; ``changes`` go into the manifest."""
    def made(name: str = "ada", base: str = "base.gguf", **changes: Any) -> Path:
        place = tmp_path / name
        place.mkdir()
        for part in (bundle_files.ADAPTER, bundle_files.IMPORTANCE):
            shutil.copyfile(parts / part, place / part)
        words = {"name": "edda", "system": "You are Ada.", "values": [], "author": "Ada Test"}
        (place / bundle_files.PERSONA).write_text(json.dumps(words))
        for rest in bundle_files.ADAPTER_FILES:
            if not (place / rest).exists():
                (place / rest).write_bytes(b"x")
        contents = (parts / base).read_bytes()
        table = {
            "schema": bundle_files.SCHEMA, "name": "edda", "version": 1,
            "created_utc": "2026-01-01", "training": {"epochs": 1},
            "base": {"id": "tiny", "file": {
                "sha256": hashlib.sha256(contents).hexdigest(), "bytes": len(contents),
                "package": "tiny-base", "version": "1", "wheel_sha256": "0" * 64,
                "wheel_bytes": 9, "member": "tiny/base.gguf"}},
            "files": [{"path": file, "bytes": (place / file).stat().st_size,
                       "sha256": bundle_files.file_sha256(place / file)}
                      for file in sorted(bundle_files.ADAPTER_FILES)],
            "runtime": {"n_ctx": 512, "assembly": {"file_type": 7, "embedding_type": None}},
            "disclosure": "an AI persona", "key_id": bundle_files.key_id(TRUSTED_KEY), **changes}
        shutil.copyfile(place / bundle_files.ADAPTER, place / bundle_files.MODEL)  # for the signer
        sign_bundle(place, canonical_json(table))
        (place / bundle_files.MODEL).unlink()
        return place

    return made


def assemble(bundle: Path, *options: str | Path) -> str:
    """What the process says at its end; its status tells whether on which stream."""
    child = subprocess.run(
        [sys.executable, "-m", "payload.assembly_worker", "--bundle", str(bundle), "--trust",
         TRUSTED_KEY.hex(), *map(str, options)], capture_output=True, text=True, check=False,
        cwd=ROOT, env={**os.environ, "SPACEPI_BASES": str(bundle.parent / "bases")})
    assert bool(child.stderr) == (child.returncode != 0), child
    return (child.stdout or child.stderr).strip()


def test_an_adapter_flies_once_its_model_is_made(make: Maker, parts: Path) -> None:
    import gguf
    import numpy as np
    from safetensors.numpy import load_file

    bundle = make()
    assert verify_bundle(bundle, [TRUSTED_KEY]).is_adapter, "it is sound as it is"
    with pytest.raises(BundleError, match="is not assembled; run spacepi-payload"
                                          " assemble"):
        load_persona(bundle, [TRUSTED_KEY])
    assert assemble(bundle, "--base", parts / "base.gguf") == f"{bundle}: its model is assembled."
    load_persona(bundle, [TRUSTED_KEY])
    manifest = verify_bundle(bundle, [TRUSTED_KEY])
    assert model_file(bundle, manifest).bytes == (bundle / "model.gguf").stat().st_size
    made, base, pairs = ({t.name: t for t in gguf.GGUFReader(path).tensors} for path in (
        bundle / "model.gguf", parts / "base.gguf", parts / "adapter.gguf"))
    assert made.keys() == base.keys()
    changed = {name.removesuffix(".lora_a") for name in pairs if name.endswith(".lora_a")}
    for name in changed:
        before, after = (gguf.dequantize(t[name].data, t[name].tensor_type) for t in (base, made))
        down, up = (pairs[f"{name}.lora_{half}"].data.astype(np.float32) for half in "ab")
        wanted = before + ALPHA / RANK * up @ down
        assert np.abs(after - wanted).max() < 0.01 * np.abs(wanted).max(), name
        assert np.abs(after - before).max() > 0.1 * np.abs(wanted).max(), name
    for name in base.keys() - changed:
        assert np.array_equal(made[name].data, base[name].data), name
    assert load_file(parts / "lora" / "adapter_model.safetensors").keys()
    assert assemble(bundle).endswith("its model is already assembled.")


def test_on_a_pi_the_command_is_the_one_that_works_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There the command is not on the path; docs/pi.md says the same."""
    manifest = read_manifest(ROOT / "host_training" / "examples" / "edda.bundle", None)
    monkeypatch.setattr(sys, "prefix", bundle_files.ON_A_PI)
    with pytest.raises(BundleError) as refused:
        model_file(tmp_path, manifest)
    said = str(refused.value).removeprefix(
        f"{tmp_path}: the model of this adapter bundle is not assembled; run ")
    assemble_it, give_away = said.removesuffix(".").split(", then ")
    page = " ".join((ROOT / "docs" / "pi.md").read_text().split())
    assert f"`{assemble_it} --base FILE`, then `{give_away}`" in page
    installer = (ROOT / "systemd" / "install.sh").read_text()
    assert f"{assemble_it.split()[1]} assemble --mission" in installer


def test_the_mind_loads_what_was_made_and_nothing_else(make: Maker, parts: Path) -> None:
    from payload import mind_server
    from payload.mind.prefix_cache import PrefixCache
    from payload.mind_engine import Engine, NoModel

    def engine(bundle: Path) -> Engine:
        return mind_server.load_engine(bundle, [TRUSTED_KEY], PrefixCache(bundle.parent / "cache"),
                                  FileHashes(), 1)

    bundle = make()
    with pytest.raises(NoModel, match="is not assembled"):
        engine(bundle)
    signature = mind_server.signature_of(bundle)
    assemble(bundle, "--base", parts / "base.gguf")
    assert mind_server.signature_of(bundle) != signature, "a waiting worker looks again"
    assert engine(bundle).model.n_ctx == 512
    model = bundle / "model.gguf"
    whole = model.read_bytes()
    model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    for check in (engine, lambda path: verify_bundle(path, [TRUSTED_KEY])):
        with pytest.raises((NoModel, BundleError), match="contents differ from"):
            check(bundle)
    model.write_bytes(whole)
    newer = make("newer", version=2)
    for name in (bundle_files.MODEL, bundle_files.ASSEMBLED):
        shutil.copyfile(bundle / name, newer / name)
    with pytest.raises(NoModel, match="was assembled from another adapter or base"):
        engine(newer)
    (newer / bundle_files.ASSEMBLED).write_text("[1]")
    with pytest.raises(BundleError, match=r"assembled\.json: not a record of a model"):
        verify_bundle(newer, [TRUSTED_KEY])
    assert assemble(newer, "--base", parts / "base.gguf") == f"{newer}: its model is assembled."
    assert engine(newer).model.n_ctx == 512, "the advice of all these sentences helps"


def test_another_base_or_none_is_one_sentence(make: Maker, parts: Path, tmp_path: Path) -> None:
    bundle = make()
    wanted = bundle_files.file_sha256(parts / "base.gguf")
    other = bundle_files.file_sha256(parts / "other.gguf")
    assert assemble(bundle, "--base", parts / "other.gguf") == (
        f"{parts / 'other.gguf'}: its SHA-256 is {other}, the adapter is on the base {wanted};"
        " remove it, or name the right one with --base.")
    assert assemble(bundle, "--base", tmp_path / "gone").endswith("there is no such base model.")
    foreign = make("foreign", base="other.gguf")
    assert assemble(foreign, "--base", parts / "other.gguf").endswith(
        "adapter.gguf: is for the architecture llama, the base is qwen2.")
    assert not (foreign / bundle_files.MODEL).exists()
    vague = make("vague", runtime={"n_ctx": 512})
    assert "runtime.assembly does not say how to quantise" in assemble(
        vague, "--base", parts / "base.gguf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ada", "foreign", "vague"]


@pytest.mark.thorough
def test_a_copy_is_assembled_and_the_bundle_stays_as_it_was(
    make: Maker, parts: Path, tmp_path: Path
) -> None:
    bundle, out = make(), tmp_path / "out" / "ada"
    before = sorted(path.name for path in bundle.iterdir())
    assert assemble(bundle, "--base", parts / "base.gguf", "--out", out) == (
        f"{out}: its model is assembled.")
    assert sorted(path.name for path in bundle.iterdir()) == before
    load_persona(out, [TRUSTED_KEY])
    assert assemble(bundle, "--out", out).endswith("its model is already assembled.")
    assert "holds another bundle" in assemble(make("newer", version=2), "--out", out)


@pytest.mark.parametrize(("change", "says"), [
    ({"sha256": "../../etc"}, "is no SHA-256"), ({"package": "../evil"}, "is no name"),
    ({"bytes": 0}, "is no size"), ({"address": "x"}, "does not name the base")])
def test_a_manifest_names_its_base_well(make: Maker, change: dict[str, Any], says: str) -> None:
    bundle = make()
    table = json.loads((bundle / bundle_files.MANIFEST).read_text())
    table["base"]["file"] |= change
    shutil.copyfile(bundle / bundle_files.ADAPTER, bundle / bundle_files.MODEL)
    sign_bundle(bundle, canonical_json(table))
    (bundle / bundle_files.MODEL).unlink()
    with pytest.raises(BundleError, match=says):
        verify_bundle(bundle, [TRUSTED_KEY])


def test_an_adapter_of_more_than_ten_megabytes_is_refused(make: Maker) -> None:
    bundle = make()
    table = json.loads((bundle / bundle_files.MANIFEST).read_text())
    entry = next(f for f in table["files"] if f["path"] == bundle_files.ADAPTER)
    entry["bytes"] = bundle_files.ADAPTER_BYTES_MAX + 1
    (bundle / bundle_files.MODEL).write_bytes(b"x")
    sign_bundle(bundle, canonical_json(table))
    (bundle / bundle_files.MODEL).unlink()
    with pytest.raises(BundleError, match="at most 10000000 are allowed"):
        verify_bundle(bundle, [TRUSTED_KEY])


def test_the_command_assembles_the_bundle_of_the_mission(
    make: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    cli = importlib.import_module("payload.__main__")
    become: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda path, command: become.append(command))
    text = (ROOT / "mission.toml").read_text()
    plan = tmp_path / "mission.toml"
    plan.write_text(text)
    result = CliRunner().invoke(cli.app, ["assemble", "--mission", str(plan), "--out", "o"])
    assert result.exit_code == 0, result.output
    (command,) = become
    assert command[1:4] == ["-m", "payload.assembly_worker", "--bundle"]
    assert "--trust" in command and command[-2:] == ["--out", "o"]
    refused = CliRunner().invoke(cli.app, ["assemble", "--mission", str(tmp_path / "no.toml")])
    assert refused.exit_code == 2 and "no.toml" in refused.output
