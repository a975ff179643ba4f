"""Output of a GGUF file for given prompts, sampled and cleaned as in flight, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_training.evaluation.bits import open_gguf
from host_training.rows.dataset import NO_LOSS, ROW_TOKENS_MAX, Row
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


@dataclass(frozen=True, slots=True)
class Speech:
    """``draws``: (session of the row that was asked, reply), in the order they were drawn.

    A reply is None where it has nothing worth sending: those tell how often the flight would stay
    silent.
    """

    draws: list[tuple[str, str | None]]
    pace: Pace

    @property
    def lines(self) -> list[str]:
        """What is worth sending."""
        return [line for _, line in self.draws if line]


def speak(path: Path, rows: Sequence[Row], count: int, sampling: Sampling, seed: int, threads: int
          ) -> Speech:
    """``count`` replies to the prompts of ``rows``, asked in turn, each with a seed of its own."""
    model = open_gguf(path, ROW_TOKENS_MAX, every_logit=False, threads=threads)
    draws: list[tuple[str, str | None]] = []
    ended = tokens = 0
    seconds = 0.0
    for number in range(count):
        row = rows[number * len(rows) // count if count < len(rows) else number % len(rows)]
        reply, begun_s = "", 0.0
        for piece in _pieces(model, row, sampling, seed + number):
            ended += piece["finish_reason"] == "stop"
            if not piece["text"]:
                continue  # the last piece only says how it ended
            now_s = time.perf_counter()
            if reply:
                tokens, seconds = tokens + 1, seconds + now_s - begun_s
            reply, begun_s = reply + piece["text"], now_s
        draws.append((row.session, prompt.clean_reply(reply)))
    model.close()
    return Speech(draws, Pace(count, ended, tokens / seconds if seconds else None))


def _pieces(model: Any, row: Row, sampling: Sampling, seed: int) -> Iterator[dict[str, Any]]:
    """What llama.cpp says to the prompt of ``row``, a few letters at a time."""
    asked = row.input_ids[: next(at for at, n in enumerate(row.labels) if n != NO_LOSS)]
    for piece in model.create_completion(
            asked, max_tokens=min(sampling.max_tokens, ROW_TOKENS_MAX - len(asked)), stream=True,
            temperature=sampling.temperature, top_p=sampling.top_p, seed=seed):
        yield piece["choices"][0]
