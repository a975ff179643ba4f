"""Output of a GGUF file for given prompts, drawn, ranked and cleaned by the code of the flight.

A flight refuses more: what is private (which the gates look for), a number that is not in the
prompt, a part of the prompt, and what was said before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from host_training.likelihood.bits import open_engine
from host_training.rows.dataset import NO_LOSS, ROW_TOKENS_MAX, Row
from payload import prompt
from payload.mind.refusals import usable
from wire.sampling import Sampling

Order = Callable[[Row, Sequence[str]], Sequence[str]]  # of the drafts of a row, the best first


@dataclass(frozen=True, slots=True)
class Pace:
    """``ended``: of ``replies``, those that ended by themselves and were not cut at max_tokens.

    ``tokens_per_s``: of the longest draft, on this machine, the time of its prompt and of the other
    drafts included; None where nothing was said.
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


def as_ranked(row: Row, drafts: Sequence[str]) -> Sequence[str]:
    """The order in which the model itself ranks them."""
    return drafts


def speak(path: Path, rows: Sequence[Row], count: int, sampling: Sampling, seed: int, threads: int,
          order: Order = as_ranked) -> Speech:
    """``count`` replies to the prompts of ``rows``, asked in turn, each with a seed of its own."""
    engine = open_engine(path, ROW_TOKENS_MAX, threads)
    prompts = [_prompt(row) for row in rows]
    shared = _shared(prompts)
    plain = engine.tokens(prompt.suffix(prompt.PLAIN))
    draws: list[tuple[str, str | None]] = []
    ended = tokens = 0
    begun_s = time.perf_counter()
    for number in range(count):
        at = number * len(rows) // count if count < len(rows) else number % len(rows)
        drawn = engine.draw(prompts[at][:shared], prompts[at][shared:], plain, sampling,
                            seed + number * sampling.drafts)
        ended += drawn.reply_tokens < sampling.max_tokens
        tokens += drawn.reply_tokens
        draws.append((rows[at].session,
                      best_line(order(rows[at], drawn.drafts), sampling.sentences_max)))
    seconds = time.perf_counter() - begun_s
    engine.close()
    return Speech(draws, Pace(count, ended, tokens / seconds if tokens else None))


def every_draft(path: Path, rows: Sequence[Row], sampling: Sampling, seed: int, threads: int
                ) -> list[list[str]]:
    """Per row the drafts that are worth sending, of ``sampling.drafts`` that are not ranked."""
    engine = open_engine(path, ROW_TOKENS_MAX, threads)
    prompts = [_prompt(row) for row in rows]
    shared = _shared(prompts)
    found = []
    for number, ids in enumerate(prompts):
        drawn = engine.draw(ids[:shared], ids[shared:], [], sampling,
                            seed + number * sampling.drafts)
        lines = (usable(draft, sampling.sentences_max) for draft in drawn.drafts)
        found.append([line for line in lines if line])
    engine.close()
    return found


def best_line(drafts: Sequence[str], sentences_max: int) -> str | None:
    """The first draft that may be kept in any moment; None where none is."""
    return next(filter(None, (usable(draft, sentences_max) for draft in drafts)), None)


def _prompt(row: Row) -> list[int]:
    return row.input_ids[: next(at for at, n in enumerate(row.labels) if n != NO_LOSS)]


def _shared(prompts: Sequence[list[int]]) -> int:
    """How many tokens all prompts begin with, the last token of the shortest excluded."""
    first, limit = prompts[0], min(len(ids) for ids in prompts) - 1
    return next((at for at in range(limit) if any(ids[at] != first[at] for ids in prompts)), limit)
