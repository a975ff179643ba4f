"""Makes the model of an adapter bundle where it is installed: ``payload.assembly`` starts it.

Dequantise, add, quantise. llama.cpp turns the base into 16-bit weights, the adapter (LoRA, Hu et
al. 2021, arXiv 2106.09685) is added to them in fp32, and llama.cpp quantises the sum as the signed
manifest says. A process of its own, because llama.cpp ends the whole process on some errors.

The base is identified by its hash alone. The model gets its name when it is complete, and its own
hash is recorded then (``wire.bundle``). If it cannot make the model, it ends with status 1 and one
sentence.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from payload import gguf_index, llama_library
from payload.gguf_index import F16, F32, GgufIndex
from wire import base_file
from wire.base_file import BaseFile, BaseFileError
from wire.bundle import (
    ADAPTER,
    ASSEMBLED,
    IMPORTANCE,
    MANIFEST,
    MODEL,
    PUBLIC_KEY,
    SIGNATURE,
    BundleError,
    Manifest,
    file_sha256,
    model_file,
    open_file,
    read_manifest,
    verify_bundle,
    write_assembled,
)
from wire.file_hashes import FileHashes

with llama_library.loading():
    import llama_cpp
    import numpy as np

PIP_S_MAX = 3600
ROOM_TIMES = 5  # of a base in four or five bits: its 16-bit weights, and the model
MOSTLY_F16 = 1  # llama_ftype
ALPHA = "adapter.lora.alpha"
ARCHITECTURE = "general.architecture"
_NUMPY = {F32: np.float32, F16: np.float16}


class NoAssembly(Exception):
    """The model cannot be made; the text is one clear sentence."""


def assemble(
    bundle: Path, trusted_keys: list[bytes] | None, base: Path | None, out: Path | None
) -> str:
    """Make the model of ``bundle`` in its folder, or in a copy of it at ``out``; what was done.

    ``base`` is the file of the base model, looked for in the user's cache and downloaded where it
    is left out. Raises BundleError, BaseFileError, NoAssembly, OSError.
    """
    manifest = read_manifest(bundle, trusted_keys)
    if out is not None:
        bundle = _copied(bundle, manifest, out)
    is_made = manifest.is_adapter and _is_made(bundle, manifest)
    verify_bundle(bundle, trusted_keys)
    if not manifest.is_adapter:
        return f"{bundle}: is a whole bundle; there is nothing to assemble."
    if is_made:
        return f"{bundle}: its model is already assembled."
    source = _base(manifest.base_file, base)
    room = ROOM_TIMES * source.stat().st_size
    if shutil.disk_usage(bundle.parent).free < room:
        raise NoAssembly(f"{bundle.parent}: the disk is full; making the model needs"
                         f" {room / 1e6:.0f} MB there.")
    with tempfile.TemporaryDirectory(dir=bundle.parent) as folder:
        exact, model = Path(folder) / "F16.gguf", Path(folder) / "model.gguf"
        quantise(source, exact, MOSTLY_F16, None, {})
        add(bundle / ADAPTER, exact)
        kind = manifest.runtime.get("assembly", {})
        try:
            file_type, embedding = int(kind["file_type"]), kind["embedding_type"]
        except (KeyError, TypeError, ValueError) as error:
            raise NoAssembly(f"{bundle / MANIFEST}: runtime.assembly does not say how to quantise"
                             f" ({error!r}).") from error
        quantise(exact, model, file_type, embedding, _importance(bundle / IMPORTANCE))
        write_assembled(bundle, model)
    verify_bundle(bundle, trusted_keys)
    return f"{bundle}: its model is assembled."


def _is_made(bundle: Path, manifest: Manifest) -> bool:
    """True for a model that is sound; what is left of any other is removed."""
    try:
        open_file(bundle, model_file(bundle, manifest), FileHashes()).close()
    except (BundleError, OSError):
        for name in (ASSEMBLED, MODEL):
            (bundle / name).unlink(missing_ok=True)
        return False
    return True


def _copied(bundle: Path, manifest: Manifest, out: Path) -> Path:
    """The signed files alone, in ``out``; what was assembled there stays if it is of the same."""
    if out.exists() and read_manifest(out, None) != manifest:
        raise NoAssembly(f"{out}: holds another bundle; name another folder, or remove this one.")
    out.mkdir(parents=True, exist_ok=True)
    for name in (*(file.path for file in manifest.files), PUBLIC_KEY, SIGNATURE, MANIFEST):
        shutil.copyfile(bundle / name, out / name)
    return out


def _base(wanted: BaseFile, given: Path | None) -> Path:
    path = given or base_file.fetch(wanted, base_file.place(os.environ), _pip)
    if not path.is_file():
        raise NoAssembly(f"{path}: there is no such base model.")
    if (found := file_sha256(path)) != wanted.sha256:
        raise NoAssembly(f"{path}: its SHA-256 is {found}, the adapter is on the base"
                         f" {wanted.sha256}; remove it, or name the right one with --base.")
    return path


def _pip(arguments: list[str]) -> tuple[int, str]:
    try:
        child = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True,
                               text=True, check=False, timeout=PIP_S_MAX)
    except subprocess.TimeoutExpired:
        return 1, f"it did not finish within {PIP_S_MAX} s"
    return child.returncode, child.stderr


def add(adapter: Path, model: Path) -> None:
    """Add every pair of an adapter's matrices to its weight of ``model`` (16 bits), in place.

    W += alpha / rank * B A. Raises NoAssembly where a weight or its shape is not the base's.
    """
    try:
        index, target = gguf_index.read(adapter), gguf_index.read(model)
    except (ValueError, KeyError, struct.error) as error:
        raise NoAssembly(f"{adapter}: not an adapter that can be read ({error}).") from error
    theirs, ours = (i.settings.get(ARCHITECTURE) for i in (index, target))
    if theirs != ours:
        raise NoAssembly(f"{adapter}: is for the architecture {theirs}, the base is {ours}.")
    alpha = float(index.settings.get(ALPHA, 0.0))
    for name in sorted(n.removesuffix(".lora_a") for n in index.tensors if n.endswith(".lora_a")):
        down = _read(adapter, index, f"{name}.lora_a")  # (rank, n_in)
        up = _read(adapter, index, f"{name}.lora_b")  # (n_out, rank)
        place = target.tensors.get(name)
        if (place is None or place.kind != F16 or up.shape[1] != down.shape[0]
                or place.shape != (up.shape[0], down.shape[1])):
            raise NoAssembly(f"{adapter}: {name} does not fit the base, which has"
                             f" {place.shape if place else 'no such weight'}.")
        weight = np.memmap(model, np.float16, "r+", place.offset, place.shape)
        total = weight.astype(np.float32) + alpha / len(down) * (up @ down)
        if not np.abs(total).max() <= np.finfo(np.float16).max:  # NaN too
            raise NoAssembly(f"{adapter}: with it {name} does not fit into 16 bits.")
        weight[:] = total
        weight.flush()


def _read(path: Path, index: GgufIndex, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    place = index.tensors.get(name)
    if place is None or place.kind not in _NUMPY or len(place.shape) != 2:
        raise NoAssembly(f"{path}: {name} is missing, or not a matrix of 16 or 32 bits.")
    found = np.memmap(path, _NUMPY[place.kind], "r", place.offset, place.shape)
    return np.array(found, np.float32)


def _importance(path: Path) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    try:
        with np.load(path, allow_pickle=False) as table:
            return {name: np.ascontiguousarray(table[name], np.float32) for name in table.files}
    except (ValueError, OSError) as error:
        raise NoAssembly(f"{path}: not a table of importance ({error}).") from error


def quantise(
    source: Path, out: Path, file_type: int, embedding_type: int | None,
    importance: dict[str, np.ndarray[Any, np.dtype[np.float32]]],
) -> None:
    """Let llama.cpp write ``source`` anew; numbers as in llama.h. Raises NoAssembly."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize, params.nthread = file_type, True, 1
    if embedding_type is not None:
        params.token_embedding_type = embedding_type
    entries = (llama_cpp.llama_model_imatrix_data * (len(importance) + 1))()
    for entry, (name, values) in zip(entries, importance.items(), strict=False):
        entry.name = name.encode()
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = values.size
    if importance:
        params.imatrix = entries
    status = llama_cpp.llama_model_quantize(
        os.fsencode(source), os.fsencode(out), ctypes.byref(params))
    if status != 0:
        raise NoAssembly(f"{source}: llama.cpp could not write it anew:"
                         f" {' '.join(_said[-1:]) or f'status {status}'}.")


_said: list[str] = []


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _keep(level: int, text: bytes, _: object) -> None:
    """llama.cpp tells of every weight; only its last words before a failure matter."""
    if words := text.decode("utf-8", "replace").strip():
        _said[:] = [words]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="payload.assembly_worker", description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="the adapter bundle")
    parser.add_argument("--trust", type=bytes.fromhex, action="append", default=[],
                        metavar="HEX", help="trusted public key of the bundle")
    parser.add_argument("--base", type=Path, help="the file of the base model")
    parser.add_argument("--out", type=Path, help="assemble a copy in this folder")
    arguments = parser.parse_args()
    llama_cpp.llama_log_set(_keep, None)
    try:
        done = assemble(arguments.bundle, arguments.trust, arguments.base, arguments.out)
        sys.stdout.write(f"{done}\n")
    except (BundleError, BaseFileError, NoAssembly) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or arguments.bundle}: cannot be read or written"
                 f" ({error.strerror}); nothing was changed.")


if __name__ == "__main__":
    main()
