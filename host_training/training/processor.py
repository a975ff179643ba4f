"""What this machine's processor computes quickly."""

from __future__ import annotations

import torch

# Without one of these instructions PyTorch emulates bf16. One core of a Xeon that has AVX-512 but
# neither of them multiplies the matrices of SmolLM2-135M at 27 GFLOP/s in bf16, 108 in fp32.
BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")


def has_bf16() -> bool:
    """Whether bf16 is faster than fp32 here (1.5 times as fast in training, where measured)."""
    return any(torch.cpu.get_capabilities().get(name, False) for name in BF16_INSTRUCTIONS)
