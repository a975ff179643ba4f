"""Goal: a training packs an adapter that becomes, where it is installed, the model it examined.

Method: a tiny base that is known by name and fetched already; one run, and what it left.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from host_training import pipeline
from host_training.bundle import chat, inspection, shapes
from host_training.errors import TrainingError
from host_training.gguf import export
from host_training.quantisation import imatrix, quantise
from host_training.rows.dataset import Dataset
from host_training.training import known_bases
from tests.host_training import tiny_models
from tests.host_training.conftest import need, write_persona
from wire import base_file
from wire.base_file import BaseFile
from wire.bundle import BundleError, file_sha256, verify_bundle

OPTIONS = pipeline.Options(method="lora", quant="Q8_0", epochs=1, variants=1, threads=1, lines=12,
                           may_fail_gates=True, rank=4, shape="adapter")


def fetched(place: Path) -> known_bases.KnownBase:
    """A tiny base as it lies in the user's cache."""
    export.export_gguf(tiny_models.make("llama", place / "made"), place / "F16.gguf", "tiny")
    ones = {name: np.ones(n, np.float32)
            for name, n in imatrix.wanted_by(place / "F16.gguf").items()}
    quantise.quantise(place / "F16.gguf", place / "file", "Q8_0", ones)
    file = BaseFile(file_sha256(place / "file"), (place / "file").stat().st_size, "tiny-base", "1",
                    "0" * 64, 9, "tiny_base/tiny.gguf")
    (place / "file").rename(base_file.path_in(place, file))
    known_bases.dequantise(base_file.path_in(place, file), place / "tiny")
    return known_bases.KnownBase(file, "Tiny", "Apache-2.0", "a test", 1000)


@pytest.mark.thorough
def test_a_run_packs_an_adapter_that_assembles_to_what_was_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torch", "trl", "llama_cpp"):
        need(name)
    (tmp_path / "bases").mkdir()
    known = fetched(tmp_path / "bases")
    monkeypatch.setitem(known_bases.KNOWN, "tiny", known)
    monkeypatch.setenv(base_file.PLACE_VARIABLE, str(tmp_path / "bases"))
    (tmp_path / "general.txt").write_text("The wind went round to the north in the night.\n" * 20)
    out = tmp_path / "ada"
    manifest = pipeline.run(
        write_persona(tmp_path / "persona"), Path("tiny"), out, tmp_path / "work",
        tmp_path / "key", replace(OPTIONS, general=(tmp_path / "general.txt",)),
        lambda stage, fraction, line: None)
    assert manifest.is_adapter and manifest.base_file == known.file
    assert verify_bundle(out, [manifest.public_key]) == manifest
    assert inspection.check_contents(out, manifest) == []
    with pytest.raises(BundleError, match="is not assembled"):
        chat.BundleVoice(out, manifest, 1, 1)
    ladder, = (tmp_path / "work").glob("quantise-*")
    data = Dataset.load(next((tmp_path / "work").glob("dataset-*")) / "dataset.json")
    (trained,) = (tmp_path / "work").glob("train-lora-*")
    form = shapes.adapter(ladder, quantise.Step("Q8_0", 1, 1.0), trained / "adapter",
                          tmp_path / "bases" / "tiny", known, "Ada", data.validation, 1)
    with pytest.raises(TrainingError, match=r"assembled it costs .* it is not the same model"):
        form.try_out(out)


def test_what_cannot_become_an_adapter_bundle_is_said_before_the_training(tmp_path: Path) -> None:
    base = tiny_models.make("llama", tmp_path / "base")
    known = known_bases.KNOWN["smollm2"]
    shapes.check_adapter(known, base, "lora", 32)
    for named, method in ((None, "lora"), (known, "auto"), (known, "full")):
        with pytest.raises(TrainingError, match=r"fetched by name \(smollm2\) and --method lora"):
            shapes.check_adapter(named, base, method, 32)
    with pytest.raises(TrainingError, match=r"at most 10 are allowed in a bundle; choose --rank"):
        shapes.check_adapter(known, base, "lora", 5000)
