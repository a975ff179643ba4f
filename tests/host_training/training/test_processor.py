"""Goal: a processor with AVX-512 and without bf16 trains in fp32, which is four times as fast."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.host_training.conftest import need

torch = pytest.importorskip("torch")

SKYLAKE = {"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}


@pytest.mark.parametrize(("found", "is_quick"), [
    (SKYLAKE, False), (SKYLAKE | {"avx512_bf16": True}, True), (SKYLAKE | {"amx_bf16": True}, True),
    ({"architecture": "aarch64"}, False)])
def test_bf16_only_where_the_processor_has_it(
    found: dict[str, object], is_quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("trl")
    from host_training.training import processor, train

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert processor.has_bf16() is is_quick
    config = train._sft_config(tmp_path, 1e-4, train.TrainConfig("lora"), 8)
    assert config.bf16 is is_quick and not config.fp16


def test_this_processor_is_asked_by_names_that_pytorch_has() -> None:
    from host_training.training.processor import BF16_INSTRUCTIONS

    found = torch.cpu.get_capabilities()
    assert found["architecture"] not in ("x86_64", "AMD64") or set(BF16_INSTRUCTIONS) <= set(found)
