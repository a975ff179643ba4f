"""Proof that flight and training tokenise alike: the same text gives the same tokens to both.

Rows were cut by Hugging Face's tokenizer; the flight cuts by llama.cpp, from the GGUF. A difference
would go unseen and cost more than any quantisation, so every export is checked with its own rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host_training.errors import TrainingError
from host_training.likelihood.bits import open_gguf
from host_training.rows.dataset import NO_LOSS, Row

ROWS_MAX = 200


def check(gguf_file: Path, tokenizer: Any, rows: Sequence[Row]) -> int:
    """Compare the prompts of up to ROWS_MAX rows and their labels; returns how many were compared.

    Raises:  TrainingError, naming the text, when llama.cpp cuts one otherwise.
    """
    model = open_gguf(gguf_file, 64, every_logit=False, threads=1)
    try:
        for row in rows[:ROWS_MAX]:
            start = next(at for at, label in enumerate(row.labels) if label != NO_LOSS)
            for ids in (row.input_ids[:start], row.input_ids[start:]):
                text = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
                # As the flight's worker asks: what the file wants added is added.
                found = model.tokenize(text.encode(), add_bos=True, special=True)
                if found != ids:
                    raise TrainingError(f"{gguf_file}: llama.cpp tokenises {text[:60]!r} "
                                        f"differently from the training ({found[:8]} for "
                                        f"{ids[:8]}...).")
    finally:
        model.close()
    return min(len(rows), ROWS_MAX)
