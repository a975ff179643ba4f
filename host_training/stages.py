"""A run directory: each stage's output under a hash of its inputs, built once."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from host_training.errors import TrainingError
from wire.bundle import canonical_json, file_sha256

LOCK = "lock"
PRIVATE = 0o700  # of a folder with somebody's writing in it, in clear


class RunDir:
    """Stages of one run. A stage whose inputs are the same as before is not made again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(PRIVATE, parents=True, exist_ok=True)

    def stage(self, name: str, inputs: Mapping[str, Any], build: Callable[[Path], object]) -> Path:
        """The directory of a finished stage, built now if it is not there.

        ``build`` fills the directory it is given. When it is interrupted, it is given the same
        half-filled directory next time, so that training can go on where it stopped.
        """
        digest = hashlib.sha256(canonical_json({"stage": name, **inputs})).hexdigest()[:12]
        done = self.path / f"{name}-{digest}"
        with alone(self.path / LOCK, f"{self.path}: another run is using this folder; wait for it, "
                                     "or choose another --out."):
            if not done.is_dir():
                partial = self.path / f"{name}-{digest}.part"
                partial.mkdir(exist_ok=True)
                (partial / "inputs.json").write_bytes(canonical_json(dict(inputs)))
                build(partial)
                os.replace(partial, done)
        return done


@contextmanager
def alone(lock: Path, sentence: str) -> Iterator[None]:
    """Nobody else holds this lock meanwhile. It ends with the process, however that ends.

    Raises:  TrainingError with ``sentence`` where somebody does.
    """
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrainingError(sentence) from error
        yield


def code_hash(*code: ModuleType) -> str:
    """Hash of the source of modules and whole packages, with their templates.

    A change of it makes a stage anew.
    """
    files = [path for module in code for path in _sources(module)]
    return hashlib.sha256("".join(map(file_sha256, files)).encode()).hexdigest()


def _sources(module: ModuleType) -> list[Path]:
    assert module.__file__ is not None, module
    path = Path(module.__file__)
    if not hasattr(module, "__path__"):
        return [path]
    return sorted(each for each in path.parent.rglob("*") if each.suffix in (".py", ".html"))


def weights_hash(model_dir: Path) -> str:
    """One hash over the weights and the tokenizer of a Hugging Face folder."""
    files = [*sorted(model_dir.glob("*.safetensors")), model_dir / "tokenizer.json"]
    return hashlib.sha256("".join(map(file_sha256, files)).encode()).hexdigest()
