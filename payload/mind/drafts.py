"""One draft while it is drawn: where it ends, and what it is worth.

Drafts are ranked by mutual information with the moment (Li et al. 2016, arXiv 1510.03055): by how
much likelier the moment makes them than no moment does, and by how likely they are at all; a word
said twice costs a line some of that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from payload.mind.repeats import repetitions
from payload.prompt import first_clause, sentence_ends
from wire.sampling import DRAFTS_MAX, Sampling

LIKELIHOOD_WEIGHT = 1.0  # of a draft's own likelihood, against what the moment adds to it
REPLY_DRAFTS_MORE = 2  # than of a musing: questions are rare, and a first clause is short
REPLY_TOKENS_MAX = 40  # so that as many find room
REPLY_ROUNDS = 2  # of so many drafts: of 64 questions 58 instead of 56 were answered
REPETITION_COST = 0.25  # nats per token: "the ground is on me, and I am on the ground" seldom wins


def of_replies(sampling: Sampling) -> Sampling:
    """How answers to questions are drawn by one who muses by ``sampling``; each is brief."""
    more = min(DRAFTS_MAX, sampling.drafts + REPLY_DRAFTS_MORE) if sampling.drafts > 1 else 1
    return replace(
        sampling, drafts=more, max_tokens=min(sampling.max_tokens, REPLY_TOKENS_MAX))


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a draft ends, if the model does not end it. ``is_brief``: with its first clause."""

    tokens_max: int
    sentences_max: int
    is_brief: bool = False

    def cut(self, written: bytes) -> str | None:
        """What is kept of ``written`` once something follows that; until then None.

        "3." may become "3.5".
        """
        text = written.decode("utf-8", "ignore")
        if self.is_brief and (clause := first_clause(text)) is not None:
            return clause
        ends = sentence_ends(text)
        is_beyond = len(ends) >= self.sentences_max and ends[self.sentences_max - 1] < len(text)
        return text[: ends[self.sentences_max - 1]] if is_beyond else None


@dataclass(slots=True)
class Draft:
    """One reply. ``log_p``, ``plain_log_p``: sums over its tokens, in nats, given the prompt, and
    given the one that it is compared with."""

    sequence: int
    sampler: Any
    tokens: list[int] = field(default_factory=list)
    written: bytes = b""
    log_p: float = 0.0
    plain_log_p: float = 0.0
    is_done: bool = False

    @property
    def text(self) -> str:
        """Its first line; a character whose last bytes the bound cut off is dropped."""
        return self.written.split(b"\n", 1)[0].rstrip().decode("utf-8", "ignore")

    @property
    def worth(self) -> float:
        """What drafts are ranked by, in nats per token."""
        if not self.tokens:
            return -math.inf
        total = (1 + LIKELIHOOD_WEIGHT) * self.log_p - self.plain_log_p
        worth = total / len(self.tokens) - REPETITION_COST * repetitions(self.text)
        return worth if math.isfinite(worth) else -math.inf
