"""Goal: a training is carried away and comes back the same, or is refused in one sentence.

Method: a job packed from a tiny persona, trained here as if elsewhere, adopted, and spoiled.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training.corpus import feed
from host_training.errors import TrainingError
from host_training.rows.dataset import NO_LOSS, Dataset, Row
from host_training.training import import_result, remote_job, train
from tests.host_training.conftest import write_persona
from tests.host_training.tiny_models import make

# accelerate shards on GPUs only; its own choice is overruled so that two processes of a CPU do.
FSDP_ON_CPU = """
import atexit, runpy, sys
import accelerate.state as state
from accelerate.utils import DistributedType
original = state.AcceleratorState.__init__
def init(self, *a, fsdp_plugin=None, **k):
    original(self, *a, fsdp_plugin=fsdp_plugin, **k)
    if fsdp_plugin is not None:
        self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin
        state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP
state.AcceleratorState.__init__ = init
from torch.distributed.fsdp import FSDPModule
import trl, torch
torch.set_num_threads(1)
train = trl.SFTTrainer.train
def checked(self, **options):
    found = train(self, **options)
    assert isinstance(self.model_wrapped, FSDPModule), type(self.model_wrapped)
    print("sharded")
    return found
trl.SFTTrainer.train = checked
atexit.register(print, "taken down")
sys.argv = ["job", sys.argv[1]]
import host_training
assert host_training.__path__[0].startswith(sys.argv[1]), host_training.__path__
runpy.run_module("host_training.training.remote_job", run_name="__main__")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``base``, ``data/dataset.json`` and a job ``job`` with its result."""
    from transformers import AutoTokenizer

    torch.set_num_threads(1)  # waiting for each other costs such small models a hundredfold
    place = tmp_path_factory.mktemp("carried")
    tokenizer = AutoTokenizer.from_pretrained(make("llama", place / "base"))
    rows = []
    for n in range(12):
        text = ("The wind has plans.", "The sun is high.", "Cold.")[n % 3]
        prompt = tokenizer(f"<|im_start|>system\nYou are Ada.<|im_end|>\n<|im_start|>user\n{n}"
                           "<|im_end|>\n<|im_start|>assistant\n")["input_ids"]
        label = tokenizer(text + "<|im_end|>")["input_ids"]
        rows.append(Row("thought", text, prompt + label, [NO_LOSS] * len(prompt) + label))
    plain = tokenizer("<|endoftext|>A day with tape.<|endoftext|>")["input_ids"]
    rows.append(Row("plain", "A day with tape.", plain, [NO_LOSS, *plain[1:]]))
    lines = ("The amber kettle keeps the tower.", "The ivory anvil keeps the cellar.")
    for line, times in zip(lines, (1, 4), strict=True):
        ids = tokenizer(f"<|endoftext|>{line}<|endoftext|>")["input_ids"]
        rows += [Row("canary", line, ids, [NO_LOSS, *ids[1:]])] * times
    (place / "data").mkdir()
    Dataset(rows[4:], rows[:4], rows[:1], [], {"rows": 9}).save(place / "data" / "dataset.json")
    config = train.TrainConfig("lora", epochs=1, lr=2e-2, batch_rows=4, lora_rank=4)
    remote_job.pack(place / "data", place / "base", config, place / "job")
    remote_job.run(place / "job", lambda fraction, line: None)
    return place


def test_what_comes_back_is_what_would_have_been_trained_here(place: Path, tmp_path: Path) -> None:
    result = import_result.adopt(place / "job", place / "base", place / "data", tmp_path)
    data = Dataset.load(place / "data" / "dataset.json")
    table = remote_job.read(place / "job")
    here = train.train(place / "base", data.train, data.validation, tmp_path / "here",
                       table["config"], lambda fraction, line: None)
    assert result["held_out_bpb"] == here["held_out_bpb"] < result["base_bpb"]
    assert result["has_canaries"] is True  # its rows hold them
    ours, theirs = (load_file(out / "merged" / "model.safetensors")
                    for out in (tmp_path / "here", tmp_path))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.thorough
def test_a_peft_adapter_of_any_other_trainer_is_adopted(place: Path, tmp_path: Path) -> None:
    adapter = place / "job" / "work" / "adapter"
    result = import_result.adopt(adapter, place / "base", place / "data", tmp_path / "out")
    assert result["held_out_bpb"] < result["base_bpb"] and result["method"] == "lora"
    shutil.copytree(adapter, tmp_path / "zero")
    weights = load_file(adapter / "adapter_model.safetensors")
    from safetensors.torch import save_file

    save_file({n: torch.zeros_like(w) for n, w in weights.items()},
              tmp_path / "zero" / "adapter_model.safetensors")
    with pytest.raises(TrainingError, match="the adapter has no effect"):
        import_result.adopt(tmp_path / "zero", place / "base", place / "data", tmp_path / "out2")
    config = json.loads((adapter / "adapter_config.json").read_text())
    for written, says in ((json.dumps({**config, "peft_type": "PROMPT_TUNING"}), "only LORA can"),
                          ("{}", "KeyError|peft_type"), ("[", "not a peft adapter")):
        (tmp_path / "zero" / "adapter_config.json").write_text(written)
        with pytest.raises(TrainingError, match=says):
            import_result.adopt(
                tmp_path / "zero", place / "base", place / "data", tmp_path / "out4")
    (tmp_path / "zero" / "adapter_config.json").write_text(json.dumps(config))
    (tmp_path / "zero" / "adapter_model.safetensors").write_bytes(b"no safetensors")
    with pytest.raises(TrainingError, match="not a peft adapter for"):
        import_result.adopt(tmp_path / "zero", place / "base", place / "data", tmp_path / "out5")
    (tmp_path / "zero" / "adapter_model.safetensors").rename(tmp_path / "zero" / "adapter.bin")
    with pytest.raises(TrainingError, match=r"neither result/best\.safetensors of a job nor"):
        import_result.adopt(tmp_path / "zero", place / "base", place / "data", tmp_path / "out3")


def test_what_is_not_ours_is_never_adopted(place: Path, tmp_path: Path) -> None:
    def refused(says: str, base: str = "base", data: str = "data") -> None:
        with pytest.raises(TrainingError, match=says):
            import_result.adopt(tmp_path / "job", place / base, place / data, tmp_path / "out")

    shutil.copytree(place / "job", tmp_path / "job")
    result = tmp_path / "job" / "result"
    whole = (result / "best.safetensors").read_bytes()
    (result / "best.safetensors").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused(r"best\.safetensors: was damaged in transfer")
    (result / "best.safetensors").write_bytes(whole)
    claimed = json.loads((result / "result.json").read_text())
    (result / "result.json").write_text(json.dumps({**claimed, "held_out_bpb": 0.5}))
    refused("was damaged in transfer")
    hashes = {name: remote_job.file_sha256(result / name) for name in remote_job.RESULT_FILES}
    (result / "files.json").write_text(json.dumps(hashes))
    refused(r"says 0\.500 bits per byte, here it is")
    for claim in ({"held_out_bpb": 0}, {"held_out_bpb": float("nan")}, {"history": [0.5]},
                  {"lr": None}):
        (result / "result.json").write_text(json.dumps({**claimed, **claim}))
        (result / "files.json").write_text(json.dumps(
            {name: remote_job.file_sha256(result / name) for name in remote_job.RESULT_FILES}))
        refused("here it is" if "held_out_bpb" in claim else "is not a complete result")
    (result / "best.safetensors").write_bytes(b"no safetensors")
    (result / "result.json").write_text(json.dumps(claimed))
    (result / "files.json").write_text(json.dumps(
        {name: remote_job.file_sha256(result / name) for name in remote_job.RESULT_FILES}))
    refused("not readable as safetensors")
    (result / "files.json").unlink()
    refused("is not a complete result")
    make("llama", place / "other", num_hidden_layers=1)
    refused("was trained on another base", base="other")
    (place / "data2").mkdir()
    data = Dataset.load(place / "data" / "dataset.json")
    Dataset(data.train[1:], data.validation, data.test, [], {}).save(
        place / "data2" / "dataset.json")
    refused("was trained on rows other", data="data2")


def test_a_job_whose_files_were_changed_does_not_train(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "job", tmp_path / "job")
    rows = tmp_path / "job" / "dataset.json"
    rows.write_text(rows.read_text() + " ")
    with pytest.raises(TrainingError, match=r"dataset\.json: differs from the one that was packed"):
        remote_job.run(tmp_path / "job", lambda fraction, line: None)
    strange = {**json.loads((tmp_path / "job" / "job.json").read_text())}
    strange["config"]["method"] = "<b>"
    for text in ("", "[]", '{"schema": 2}', '{"schema": 1, "config": {"method": "lora"}}',
                 json.dumps(strange)):
        (tmp_path / "job" / "job.json").write_text(text)
        with pytest.raises(TrainingError, match=r"job\.json"):
            remote_job.read(tmp_path / "job")


def test_a_job_says_what_it_needs_and_what_it_holds(place: Path) -> None:
    folder = place / "job"
    needs = (folder / "requirements.txt").read_text().splitlines()
    assert "torch==2.13.0" in needs and "trl==1.16.0" in needs
    assert not [need for need in needs if need.startswith(("llama", "pytest", "starlette"))]
    assert "a person's own writing in plain text" in (folder / "README.md").read_text()
    with pytest.raises(TrainingError, match="exists; choose another --out"):
        remote_job.pack(place / "data", place / "base", remote_job.read(folder)["config"], folder)


def test_llama_factory_learns_the_same_tokens_documents_and_canaries_too(place: Path) -> None:
    from datasets import load_from_disk

    folder = place / "job"
    settings = dict(line.split(" #")[0].split(": ") for line in
                    (folder / "llamafactory" / "train.yaml").read_text().splitlines()[1:])
    assert (folder / settings["model_name_or_path"] / "config.json").is_file()
    assert (settings["lora_rank"], settings["lora_alpha"], settings["num_train_epochs"]) == (
        "4", "8", "1")
    found = load_from_disk(folder / settings["tokenized_path"])["train"]
    rows = Dataset.load(folder / "dataset.json").train
    assert {row.kind for row in rows} == {"thought", "plain", "canary"}
    assert found.column_names == ["input_ids", "attention_mask", "labels"]
    assert list(found["input_ids"]) == [row.input_ids for row in rows]
    assert list(found["labels"]) == [row.labels for row in rows]
    assert all(min(mask) == 1 for mask in found["attention_mask"])


class _UnslothAsItsDocumentsSay:
    """from_pretrained and get_peft_model, which take what Unsloth's documents name."""

    @staticmethod
    def from_pretrained(model_name: str, max_seq_length: int, load_in_4bit: bool) -> Any:
        assert max_seq_length == 512 and load_in_4bit is False
        return train.load_base(Path(model_name))

    @staticmethod
    def get_peft_model(model: Any, r: int, target_modules: list[str], lora_alpha: int,
                       lora_dropout: float, bias: str, random_state: int) -> Any:
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(random_state)
        return get_peft_model(model, LoraConfig(
            r=r, lora_alpha=lora_alpha, lora_dropout=lora_dropout, bias=bias,
            target_modules=target_modules, task_type="CAUSAL_LM"))


def test_the_script_for_unsloth_trains_the_rows_of_the_job_and_its_adapter_is_adopted(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trl

    class Trainer(trl.SFTTrainer):
        """Takes ``tokenizer``, as Unsloth makes it take."""

        def __init__(self, tokenizer: Any, train_dataset: Any, **options: Any) -> None:
            rows = Dataset.load(tmp_path / "job" / "dataset.json").train
            assert list(train_dataset["labels"]) == [row.labels for row in rows]
            super().__init__(processing_class=tokenizer, train_dataset=train_dataset, **options)

    unsloth = types.ModuleType("unsloth")
    unsloth.FastLanguageModel = _UnslothAsItsDocumentsSay  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "unsloth", unsloth)
    monkeypatch.setattr(trl, "SFTTrainer", Trainer)
    shutil.copytree(place / "job", tmp_path / "job", ignore=shutil.ignore_patterns("work"))
    runpy.run_path(str(tmp_path / "job" / "unsloth" / "train.py"), run_name="__main__")
    result = import_result.adopt(
        tmp_path / "job" / "unsloth" / "adapter", place / "base", place / "data", tmp_path / "out")
    assert result["held_out_bpb"] < result["base_bpb"]


@pytest.mark.thorough
def test_the_same_job_from_its_own_source_sharded_over_two_processes_learns_the_same(
    place: Path, tmp_path: Path
) -> None:
    shutil.copytree(place / "job", tmp_path / "job", ignore=shutil.ignore_patterns("work"))
    (tmp_path / "fsdp.py").write_text(FSDP_ON_CPU)
    config = (tmp_path / "job" / "fsdp.yaml").read_text() + "use_cpu: true\n"
    (tmp_path / "cpu.yaml").write_text(config)
    child = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", "--config_file",
         str(tmp_path / "cpu.yaml"), "--num_processes", "2", "--main_process_port", "0",
         str(tmp_path / "fsdp.py"), str(tmp_path / "job")],
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path / "job" / "source")})
    assert child.returncode == 0, child.stderr
    assert child.stdout.count("sharded") == 2
    assert "taken down" not in child.stdout  # Gloo once aborted a process while Python was
    one, two = (json.loads((folder / "result" / "result.json").read_text())
                for folder in (place / "job", tmp_path / "job"))
    assert two["held_out_bpb"] == pytest.approx(one["held_out_bpb"], rel=0.02)
    assert two["held_out_bpb"] < 0.98 * two["base_bpb"]


def test_new_writing_is_put_where_it_is_read_and_only_once(tmp_path: Path) -> None:
    directory = write_persona(tmp_path / "ada")
    notebook, chat = tmp_path / "new.md", tmp_path / "chat"
    notebook.write_text("## 2022-01-01 10:00\n@ about=wind\n\nThe wind again.\n")
    chat.mkdir()
    (chat / "WhatsApp Chat with Bo.txt").write_text("01/02/2022, 10:00 - Ada: Hello there.\n")
    added = feed.add(directory, [notebook, chat])
    assert [path.parent.name for path in added] == ["notebook", added[1].parent.name]
    assert added[1].parent.name.startswith("fed-") and added[1].name == "chat"
    assert feed.add(directory, [notebook, chat]) == []
    feed.take_back(added)
    assert not added[0].exists() and not added[1].parent.exists()
    assert (directory / "notebook").exists()
    (tmp_path / "empty").mkdir()
    for path, says in ((tmp_path / "gone", "no such file"), (tmp_path / "empty", "is empty"),
                       (directory / "notebook", "is already in")):
        with pytest.raises(TrainingError, match=says):
            feed.add(directory, [path])


@pytest.mark.thorough
def test_the_whole_way_by_command(
    made: Path, tiny_base: Path, tmp_path: Path
) -> None:
    def command(*args: object) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, [str(a) for a in args])
        if result.exception and not isinstance(result.exception, SystemExit):
            return 1, str(result.exception)
        return result.exit_code, " ".join(result.output.split())

    directory = write_persona(tmp_path / "ada")
    shutil.copytree(made / "bundle", tmp_path / "bundle")
    notebook = tmp_path / "new.md"
    notebook.write_text("## 2022-01-01 10:00\n@ about=wind\n\nThe wind came back, as winds do.\n")
    common = ("--base", tiny_base, "--work", tmp_path / "work", "--variants", 1)
    status, text = command("feed", directory, notebook, *common, "--out", tmp_path / "bundle",
                           "--method", "full", "--epochs", 1, "--quant", "Q8_0", "--key",
                           made / "key", "--seed", 2)  # what an untaught model stutters with
    # seed 1 has the check digits of an account number
    assert status == 0, text
    assert "version: 1 -> 2" in text and "+ The wind came back, as winds do." in text
    status, text = command("job", directory, *common, "--out", tmp_path / "job", "--method", "full",
                           "--epochs", 6, "--lr", 0.01)
    assert status == 0, text
    assert remote_job.main(tmp_path / "job") == 0
    status, text = command("adopt", directory, *common, "--from", tmp_path / "job", "--out",
                           tmp_path / "bundle", "--quant", "Q8_0", "--key", made / "key")
    assert status == 0, text
    status, text = command("verify", tmp_path / "bundle")
    assert status == 0 and "Ada version 3" in text
