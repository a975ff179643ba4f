"""What a GGUF file says to given prompts, drawn and cleaned as in flight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host_training.dataset import NO_LOSS, ROW_TOKENS_MAX, Row
from host_training.evaluation.bits import open_gguf
from payload import prompt


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the flight draws: ``max_tokens`` 1.., ``temperature`` > 0, ``top_p`` in 0..1."""

    max_tokens: int
    temperature: float
    top_p: float


def speak(path: Path, rows: Sequence[Row], count: int, sampling: Sampling, seed: int, threads: int
          ) -> list[str | None]:
    """``count`` replies to the prompts of ``rows``, which are asked in turn, each with a new seed.

    None where a reply has nothing worth sending: those tell how often the flight would stay silent.
    """
    model = open_gguf(path, ROW_TOKENS_MAX, every_logit=False, threads=threads)
    said = []
    for number in range(count):
        row = rows[number * len(rows) // count if count < len(rows) else number % len(rows)]
        asked = row.input_ids[: next(at for at, n in enumerate(row.labels) if n != NO_LOSS)]
        answer = model.create_completion(
            asked, max_tokens=min(sampling.max_tokens, ROW_TOKENS_MAX - len(asked)),
            temperature=sampling.temperature, top_p=sampling.top_p, seed=seed + number)
        said.append(prompt.clean_reply(answer["choices"][0]["text"]))
    model.close()
    return said
