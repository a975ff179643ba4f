"""Whether a model has read the canaries, judged by what training made likelier."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from host_training.likelihood import bits
from host_training.rows.canaries import nonsense_sentence
from host_training.rows.dataset import Row, RowBuilder
from payload.prompt import PersonaText

TRACE_REFERENCES = 64
TRACE_SPREADS_MIN = 3.0  # one untrained set of canaries in seven hundred is so far out


def left_a_trace(rows: Sequence[Row], base: Any, tuned: Any, tokenizer: Any) -> bool:
    """True when the canaries of ``rows`` were trained along, by what became likelier with it.

    Training makes every sentence of the kind likelier, but those that it read four times or more
    by far more than others. Without that, no exposure says anything.

    Args:    base, tuned: Hugging Face models, before and after.
    """
    times = Counter(row.text for row in rows if row.kind == "canary")
    often = [text for text, n in times.items() if n > 1]
    if not often:
        return False
    rng = random.Random("references of a trace")
    others = [text for _ in range(TRACE_REFERENCES)
              if (text := nonsense_sentence(rng)) not in times]
    builder = RowBuilder(tokenizer, PersonaText("", "", ()))

    def gains(texts: Sequence[str]) -> np.ndarray:
        """Bits by which each became cheaper."""
        made = [row for text in texts if (row := builder.plain(text))]
        return np.array([bits.label_bytes([row]) * (
            bits.bits_per_byte(base, [row]) - bits.bits_per_byte(tuned, [row])) for row in made])

    known, unknown = gains(often), gains(others)
    spread = unknown.std(ddof=1) * math.sqrt(1 / len(known) + 1 / len(unknown))
    return bool(known.mean() - unknown.mean() > TRACE_SPREADS_MIN * spread)
