"""Meter: what the payload draws, and what its thoughts cost, from the current of the battery.

What is drawn while the mind is idle is the base; what is drawn beyond it while the mind works is
the thought's. Joules per evaluated token and per token of the reply follow from several thoughts by
least squares, joules per second directly; before the first thought all are those of the prior.
"""

from __future__ import annotations

from payload.ports import MindReply

BASE_SHARE_PER_S = 1 / 300  # of a new reading in the base: five minutes
SETTLE_MS = 5_000  # after a thought, before the base is measured again
GAP_MS_MAX = 10_000  # one reading is not taken to have lasted longer
# A Pi Zero 2 W with a model of 0.3 G parameters, see sim/fakes/board.py: 1.8 W from the battery,
# 20 evaluated and 2.6 drawn tokens a second.
PRIOR_J_PER_TOKEN = (0.1, 0.7)  # evaluated, drawn
PRIOR_W = 1.8
PRIOR_TOKENS = (60.0, 40.0)
PRIOR_STEPS = 0.02  # how much the prior weighs: so many thoughts
FORGET = 0.95  # a thought before the last weighs this much of the last
MEAN_SHARE = 0.1  # of the newest thought in the mean tokens


class Meter:
    """``feel`` with every reading, ``note_reply`` with every reply."""

    def __init__(self) -> None:
        self.base_w: float | None = None  # None until measured
        self.thought_w = PRIOR_W
        self.j_per_token = PRIOR_J_PER_TOKEN
        self.tokens = PRIOR_TOKENS  # of a thought: evaluated, drawn
        self._is_measured = False
        self._felt_ms: int | None = None
        self._busy_ms: int | None = None
        self._joules = self._seconds = 0.0  # of the thought in progress, or of the last
        self._was_thinking = False
        weight = [PRIOR_STEPS * count**2 for count in PRIOR_TOKENS]
        self._squares = [weight[0], 0.0, weight[1]]  # e e, e d, d d
        self._products = [weight[0] * PRIOR_J_PER_TOKEN[0], weight[1] * PRIOR_J_PER_TOKEN[1]]

    @property
    def thought_j(self) -> float:
        """What the next ordinary thought will cost, J."""
        return sum(a * b for a, b in zip(self.j_per_token, self.tokens, strict=True))

    def feel(self, load_w: float | None, is_thinking: bool, now_ms: int) -> None:
        """One reading of what is drawn, W; None is not measured."""
        felt_ms, self._felt_ms = self._felt_ms, now_ms
        if is_thinking and not self._was_thinking:
            self._joules = self._seconds = 0.0
        was_thinking, self._was_thinking = self._was_thinking, is_thinking
        if is_thinking or was_thinking:
            self._busy_ms = now_ms
        if load_w is None or felt_ms is None:
            return
        seconds = min(now_ms - felt_ms, GAP_MS_MAX) / 1000
        if is_thinking:
            self._seconds += seconds
            base_w = load_w if self.base_w is None else self.base_w
            self._joules += seconds * max(0.0, load_w - base_w)
        elif self._busy_ms is None or now_ms - self._busy_ms >= SETTLE_MS:
            share = 1.0 if self.base_w is None else min(1.0, seconds * BASE_SHARE_PER_S)
            before_w = load_w if self.base_w is None else self.base_w
            self.base_w = before_w + share * (load_w - before_w)

    def note_reply(self, reply: MindReply) -> None:
        """The thought whose current was felt last has ended, and this was computed in it."""
        counts = float(reply.evaluated_tokens), float(reply.reply_tokens)
        share = MEAN_SHARE if self._is_measured else 1.0
        self._is_measured = True
        self.tokens = (self.tokens[0] + share * (counts[0] - self.tokens[0]),
                       self.tokens[1] + share * (counts[1] - self.tokens[1]))
        joules, seconds = self._joules, self._seconds
        if joules <= 0 or seconds <= 0:
            return
        self.thought_w += MEAN_SHARE * (joules / seconds - self.thought_w)
        news = counts[0] ** 2, counts[0] * counts[1], counts[1] ** 2
        self._squares = [FORGET * old + new for old, new in zip(self._squares, news, strict=True)]
        self._products = [FORGET * old + joules * count
                          for old, count in zip(self._products, counts, strict=True)]
        self.j_per_token = _solved(self._squares, self._products)


def _solved(squares: list[float], products: list[float]) -> tuple[float, float]:
    """The two prices of least squares; where one came out negative, the other pays for all."""
    ee, ed, dd = squares
    determinant = ee * dd - ed * ed
    if determinant > 1e-9 * ee * dd:
        evaluated = (products[0] * dd - products[1] * ed) / determinant
        drawn = (products[1] * ee - products[0] * ed) / determinant
        if evaluated >= 0 and drawn >= 0:
            return evaluated, drawn
        if drawn < 0:
            return products[0] / ee, 0.0
    return 0.0, products[1] / dd
