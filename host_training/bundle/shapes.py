"""The two shapes of a bundle: whole, with the model that flies, or an adapter on a named base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from host_training.bundle import assembling, chat, pack
from host_training.errors import TrainingError
from host_training.gguf.metadata import gguf_facts
from host_training.gguf.model_config import read_shape
from host_training.quantisation.quantise import Step
from host_training.quantisation.size_estimate import split_step
from host_training.rows.dataset import Row
from host_training.training import known_bases, lora_gguf
from host_training.training.known_bases import KnownBase
from wire import base_file
from wire.bundle import ADAPTER, ADAPTER_BYTES_MAX, IMPORTANCE


@dataclass(frozen=True, slots=True)
class BundleShape:
    """What the two do not share: what is packed, said of it in the manifest, and tried out."""

    model: Path | pack.AdapterFiles
    base: dict[str, Any]
    runtime: dict[str, Any]
    try_out: Callable[[Path], None]


def whole(ladder_dir: Path, step: Step) -> BundleShape:
    """A bundle with the file of ``step`` in it."""
    model = ladder_dir / f"{step.quant}.gguf"
    return BundleShape(model, {}, {"gguf": gguf_facts(model)}, chat.try_out)


def adapter(ladder_dir: Path, step: Step, trained: Path, base: Path, known: KnownBase | None,
            name: str, rows: Sequence[Row], threads: int) -> BundleShape:
    """A bundle with the peft adapter in ``trained``, quantised as ``step`` where it is installed.

    Args:    ladder_dir: holds the importance of the weights; the adapter's GGUF is put there.
             rows: of which ``step`` says what they cost.
    Raises:  TrainingError where llama.cpp cannot add the adapter.
    """
    assert known is not None, "check_adapter comes first"
    file = ladder_dir / ADAPTER
    lora_gguf.export_adapter(trained, base, file, name)
    file_type, embedding_type = split_step(step.quant)
    return BundleShape(
        pack.AdapterFiles(file, ladder_dir / IMPORTANCE), {"file": asdict(known.file)},
        {"gguf": gguf_facts(file),
         "assembly": {"file_type": file_type, "embedding_type": embedding_type}},
        assembling.AssemblyTrial(base_file.path_in(base.parent, known.file), rows,
                                 step.held_out_bpb, threads))


def check_adapter(known: KnownBase | None, base: Path, method: str, rank: int) -> None:
    """Raises TrainingError where no such bundle can come of a training, before it begins."""
    if known is None or method != "lora":
        raise TrainingError("--shape adapter: needs a base that is fetched by name"
                            f" ({', '.join(known_bases.KNOWN)}) and --method lora.")
    per_rank = 2 * sum(sum(shape) for name, shape in read_shape(base).tensors().items()
                       if name.startswith("blk.") and len(shape) == 2)  # bytes, in F16
    if rank * per_rank > ADAPTER_BYTES_MAX:
        raise TrainingError(f"--rank {rank}: an adapter of this base would have"
                            f" {rank * per_rank / 1e6:.1f} MB, at most"
                            f" {ADAPTER_BYTES_MAX / 1e6:.0f} are allowed in a bundle; choose --rank"
                            f" {ADAPTER_BYTES_MAX // per_rank} or less.")
