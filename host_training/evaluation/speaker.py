"""What a GGUF file says to given prompts, drawn and cleaned as in flight, and how it ends them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_training.dataset import NO_LOSS, ROW_TOKENS_MAX, Row
from host_training.evaluation.bits import open_gguf
from payload import prompt


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the flight draws: ``max_tokens`` 1.., ``temperature`` > 0, ``top_p`` in 0..1."""

    max_tokens: int
    temperature: float
    top_p: float


@dataclass(frozen=True, slots=True)
class Pace:
    """``ended``: of ``replies``, those that ended by themselves and were not cut at max_tokens.

    ``tokens_per_s``: on this machine, without the time that prompts take (a letter of several
    tokens counts as one); None where no reply had two.
    """

    replies: int
    ended: int
    tokens_per_s: float | None


def pace(path: Path, rows: Sequence[Row], count: int, sampling: Sampling, seed: int, threads: int
         ) -> Pace:
    """How a file speaks: ``count`` replies, drawn like those of ``speak``."""
    model = open_gguf(path, ROW_TOKENS_MAX, every_logit=False, threads=threads)
    ended = tokens = 0
    seconds = 0.0
    for number in range(count):
        begun_s: float | None = None
        for piece in _answer(model, rows, number, count, sampling, seed, stream=True):
            ended += piece["choices"][0]["finish_reason"] == "stop"
            if not piece["choices"][0]["text"]:
                continue  # the last piece only says how it ended
            now_s = time.perf_counter()
            if begun_s is not None:
                tokens, seconds = tokens + 1, seconds + now_s - begun_s
            begun_s = now_s
    model.close()
    return Pace(count, ended, tokens / seconds if seconds else None)


def speak(path: Path, rows: Sequence[Row], count: int, sampling: Sampling, seed: int, threads: int
          ) -> list[str | None]:
    """``count`` replies to the prompts of ``rows``, which are asked in turn, each with a new seed.

    None where a reply has nothing worth sending: those tell how often the flight would stay silent.
    """
    model = open_gguf(path, ROW_TOKENS_MAX, every_logit=False, threads=threads)
    said = []
    for number in range(count):
        answer = _answer(model, rows, number, count, sampling, seed, stream=False)
        said.append(prompt.clean_reply(answer["choices"][0]["text"]))
    model.close()
    return said


def _answer(model: Any, rows: Sequence[Row], number: int, count: int, sampling: Sampling,
            seed: int, stream: bool) -> Any:
    """llama_cpp's completion, or its pieces, of the prompt whose turn it is."""
    row = rows[number * len(rows) // count if count < len(rows) else number % len(rows)]
    asked = row.input_ids[: next(at for at, n in enumerate(row.labels) if n != NO_LOSS)]
    return model.create_completion(
        asked, max_tokens=min(sampling.max_tokens, ROW_TOKENS_MAX - len(asked)), stream=stream,
        temperature=sampling.temperature, top_p=sampling.top_p, seed=seed + number)
