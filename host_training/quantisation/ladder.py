"""The quantisations to try for a model, best first."""

from __future__ import annotations

# K-quants need rows of a multiple of 256; otherwise most of the file would fall back to other
# types anyway (src/llama-quant.cpp), so the 32-block types are named honestly. There the
# embedding is a fifth to a third of all weights, so the last step makes it small too.
LADDER_256 = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "Q3_K_M", "IQ3_M", "IQ3_XXS", "Q2_K")
LADDER_32 = ("Q8_0", "Q5_1", "Q5_0", "IQ4_NL", "Q4_0", "IQ4_NL+IQ4_NL")


def ladder_for(hidden_size: int) -> tuple[str, ...]:
    """The steps that mean what they say for this width, best first."""
    return LADDER_256 if hidden_size % 256 == 0 else LADDER_32
