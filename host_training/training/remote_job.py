"""A training job packed into one folder for a rented GPU, and what runs there.

    job.json      what to train and the hashes of what it is trained on
    dataset.json  the rows; base/ the base model; source/ the program; run.sh the one command
    llamafactory/, unsloth/  the same rows and a start for other trainers
    result/       what comes back: best.safetensors, result.json, files.json

``python -m host_training.training.remote_job FOLDER`` trains, on one GPU, or on
many below ``accelerate launch``.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn, TypedDict, get_args

from torch import distributed

from host_training.errors import TrainingError
from host_training.rows.dataset import Dataset
from host_training.stages import PRIVATE, weights_hash
from host_training.training import external, train
from host_training.training.callbacks import BEST
from host_training.training.result import RESULT, TrainResult
from wire.bundle import canonical_json, file_sha256

SCHEMA = 1
FILES = Path(__file__).parent / "job_files"
ROOMS = ("host_training", "payload", "wire")  # what training imports
RESULT_FILES = (BEST, RESULT)
# The first has to be compiled, and nothing is quantised there; the others serve a bundle.
_NOT_THERE = ("llama-cpp-python", "starlette", "uvicorn")


class Job(TypedDict):
    """What ``job.json`` says; ``base`` and ``rows`` are hashes."""

    base: str
    rows: str
    config: train.TrainConfig


def pack(data_dir: Path, base: Path, config: train.TrainConfig, out: Path) -> None:
    """Write the job folder ``out``.

    Args:    data_dir: holds ``dataset.json``.
    Raises:  TrainingError when ``out`` is there already.
    """
    if out.exists():
        raise TrainingError(f"{out}: exists; choose another --out.")
    partial = out.with_name(out.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(PRIVATE, parents=True)
    shutil.copyfile(data_dir / "dataset.json", partial / "dataset.json")
    (partial / "base").mkdir()
    for path in sorted(base.iterdir()):
        if path.suffix in (".json", ".safetensors", ".jinja", ".md", ".txt"):
            shutil.copyfile(path, partial / "base" / path.name)
    for name in ("run.sh", "fsdp.yaml", "README.md"):
        shutil.copyfile(FILES / name, partial / name)
    (partial / "requirements.txt").write_text("".join(f"{line}\n" for line in requirements()))
    for room in ROOMS:
        _copy_source(FILES.parents[2] / room, partial / "source" / room)
    (partial / "job.json").write_bytes(canonical_json({
        "schema": SCHEMA, "base": weights_hash(base),
        "rows": file_sha256(partial / "dataset.json"),
        # JSON without floats, so that the same job has the same bytes everywhere
        "config": {key: str(value) if isinstance(value, float) else value
                   for key, value in asdict(config).items()}}))
    rows = Dataset.load(partial / "dataset.json").train
    hidden = json.loads((base / "config.json").read_text())["hidden_size"]
    external.write(rows, {
        "rank": config.lora_rank, "alpha": 2 * config.lora_rank, "batch_rows": config.batch_rows,
        "lr": config.lr or train.default_lr("lora", hidden), "epochs": config.epochs,
        "seed": config.seed}, partial)
    os.replace(partial, out)


def requirements() -> list[str]:
    """What pip must install there: this project's own needs and those of its train extra."""
    found = []
    for line in importlib.metadata.requires("spacepi") or []:
        need, _, marker = line.partition(";")
        name = re.split(r"[<>=!~ \[]", need)[0]
        if (not marker or 'extra == "train"' in marker) and name not in _NOT_THERE:
            found.append(need.strip())
    return found


def _copy_source(room: Path, out: Path) -> None:
    for path in sorted(room.rglob("*.py")):
        target = out / path.relative_to(room)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def read(folder: Path) -> Job:
    """The table of ``job.json``.

    Raises:  TrainingError when it is missing or not one.
    """
    path = folder / "job.json"
    try:
        table = json.loads(path.read_bytes())
        if table["schema"] != SCHEMA:
            raise TrainingError(f"{path}: schema {table['schema']!r}; this version supports "
                                f"{SCHEMA}.")
        config = dict(table["config"])
        for key in ("lr", "checkpoint_minutes"):
            config[key] = None if config[key] is None else float(config[key])
        if config["method"] not in get_args(train.Method):
            raise ValueError(f"method {config['method']!r}")
        return Job(base=table["base"], rows=table["rows"], config=train.TrainConfig(**config))
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: not a job ({error!r}).") from error


def run(folder: Path, report: Callable[[float, str], None]) -> TrainResult:
    """Train what the folder says; ``result/`` is written last and whole.

    Raises:  TrainingError when a file is not the one that was packed, or as ``train.train``.
    """
    table = read(folder)
    if file_sha256(folder / "dataset.json") != table["rows"]:
        raise TrainingError(f"{folder / 'dataset.json'}: differs from the one that was packed.")
    if weights_hash(folder / "base") != table["base"]:
        raise TrainingError(f"{folder / 'base'}: differs from the one that was packed.")
    data = Dataset.load(folder / "dataset.json")
    work = folder / "work"
    result = train.train(folder / "base", data.train, data.validation, work, table["config"],
                         report)
    if train.is_writer():
        partial = folder / "result.part"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for name in RESULT_FILES:
            shutil.copyfile(work / name, partial / name)
        (partial / "files.json").write_bytes(canonical_json(
            {name: file_sha256(partial / name) for name in RESULT_FILES}))
        shutil.rmtree(folder / "result", ignore_errors=True)
        os.replace(partial, folder / "result")
    return result


def main(folder: Path) -> int:
    """Entry of the rented machine; every expected failure is one sentence and status 1."""
    def report(fraction: float, line: str) -> None:
        if train.is_writer():
            print(f"{fraction:.0%} {line}", flush=True)

    try:
        result = run(folder, report)
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 1
    if train.is_writer():
        print(f"held-out bits per byte: {result['base_bpb']:.3f} -> {result['held_out_bpb']:.3f}. "
              f"Copy {folder / 'result'} back and run adopt.")
    return 0


def leave(status: int) -> NoReturn:
    """End this process; one of several without taking Python down first.

    Gloo's threads may still hold tensors by then, and abort a process that did all its work
    (PyTorch pull request 179291).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if distributed.is_initialized():
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    leave(main(Path(sys.argv[1])))
