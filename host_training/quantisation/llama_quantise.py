"""One call of llama.cpp's quantiser, or of its dry run, in a process of its own.

llama.cpp aborts the whole process on some errors, so the call through ctypes is made in a child
that loads nothing but llama.cpp and numpy; a failure becomes its last line, as an error here.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, final

import numpy as np

from host_training.errors import TrainingError

CHILD_S_MAX = 1800

_LINE = re.compile(r"\] +(\S+) +- \[ *(\d+), *(\d+), *(\d+), *(\d+)\], type = +(\w+), size ="
                   r" +[\d.]+ MiB(?: -> +[\d.]+ MiB \((\w+)\))?")

Kind = tuple[int, int | None]  # (llama_ftype, ggml_type of the embedding, None for the default)


@final
class _Quantising(TypedDict):
    """A task of the child, as JSON; ``importance`` is the path of an .npz."""

    source: str
    out: str
    kind: Kind
    importance: str


@final
class _DryRun(TypedDict):
    """What each of ``kinds`` would make of each tensor."""

    source: str
    kinds: list[Kind]


def quantise(source: Path, out: Path, kind: Kind, importance: dict[str, np.ndarray]) -> None:
    """Quantise ``source`` to ``out``; after a failure ``out`` may be half a file.

    Args:    importance: weight name -> (n_in,) float32.
    Raises:  TrainingError with the last thing llama.cpp said.
    """
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "importance.npz"
        np.savez(table, **importance)  # type: ignore[arg-type]  # no weight is "allow_pickle"
        _run({"source": str(source), "out": str(out), "kind": kind, "importance": str(table)})


def dry_run(source: Path, kinds: Sequence[Kind]) -> list[list[list[str]]]:
    """What quantising would make of each tensor: name, four sizes, ggml type; for each kind.

    Raises:  TrainingError when llama.cpp cannot read ``source``.
    """
    tensors: list[list[list[str]]] = _run({"source": str(source), "kinds": list(kinds)})
    return tensors


def _run(task: _Quantising | _DryRun) -> Any:
    child = subprocess.run(
        [sys.executable, "-m", "host_training.quantisation.llama_quantise"], input=json.dumps(task),
        capture_output=True, text=True, timeout=CHILD_S_MAX, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    if child.returncode != 0:
        last = (child.stderr.strip().splitlines() or ["no message"])[-1]
        raise TrainingError(f"{task['source']}: llama.cpp could not quantise it (exit"
                            f" {child.returncode}): {last}")
    return json.loads(child.stdout)


def _entries(importance: dict[str, np.ndarray]) -> Any:
    """The array that llama.cpp wants, ended by a null name; keep ``importance`` alive with it."""
    from llama_cpp.llama_cpp import llama_model_imatrix_data

    entries = (llama_model_imatrix_data * (len(importance) + 1))()
    for entry, (name, values) in zip(entries, importance.items(), strict=False):
        entry.name = name.encode()
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = values.size
    return entries


def _params(kind: Kind, importance: dict[str, np.ndarray]) -> Any:
    import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, embedding = kind
    if embedding is not None:
        params.token_embedding_type = embedding
    params.nthread = 1
    params.imatrix = _entries(importance)
    return params


def _child(task: _Quantising | _DryRun) -> Any:
    """Runs in the child; the answer is what the parent reads as JSON."""
    import llama_cpp

    output: list[str] = []

    def keep(level: int, text: bytes, data: object) -> None:
        output.append(text.decode(errors="replace"))

    def call(out: str, params: Any) -> None:
        output.clear()
        status = llama_cpp.llama_model_quantize(task["source"].encode(), out.encode(),
                                                ctypes.byref(params))
        if status != 0:
            sys.exit("".join(output).strip() or f"status {status}")

    log = llama_cpp.llama_log_callback(keep)  # kept: llama.cpp calls it
    llama_cpp.llama_log_set(log, None)
    if "out" in task:
        importance = {name: np.ascontiguousarray(values, np.float32)
                      for name, values in np.load(task["importance"]).items()}
        call(task["out"], _params(task["kind"], importance))
        return None
    # That there is an importance matrix decides about some types; what is in it does not.
    importance = {"any": np.ones(1, np.float32)}
    answers = []
    for kind in task["kinds"]:
        params = _params(kind, importance)
        params.dry_run = True
        call("", params)
        found = _LINE.findall("".join(output))
        answers.append([[name, *sizes, after or before] for name, *sizes, before, after in found])
    return answers


if __name__ == "__main__":
    print(json.dumps(_child(json.load(sys.stdin))))
