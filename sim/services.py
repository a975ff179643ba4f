"""Services at a desk: an internet that mostly says no, a mind without a model, and a board.

The real mind worker as a process is in ``sim.worker_mind``; it is not simulated, only charged.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from payload.ports import (
    ApiFailed,
    ApiReply,
    ApiRequest,
    MindFailed,
    MindReply,
    MindRequest,
)
from sim.clock import SimClock
from sim.musings import Muser

TOKENS_PER_S = 8.0  # a small model on a Pi: research/pi.md §5 has 2.6 (Zero 2 W) to 12 (Pi 5)
PROMPT_TOKENS_PER_S = 60.0
THINK_OVERHEAD_MS = 400
HTTP_TIMEOUT_MS = 15_000  # as payload.drivers.http; the core's own deadline is later
LOW_M = 1_500.0  # below it a phone mast may be in reach
# Outcome -> weight (low down, high up). The persona lives on the failures.
OUTCOMES: dict[str, tuple[float, float]] = {
    "ok": (30, 4),
    "404": (22, 30),
    "429": (8, 8),
    "500": (8, 12),
    "garbage": (6, 8),
    "timeout": (10, 20),
    "unreachable": (16, 18),
}
GOOD_BODIES: dict[str, tuple[str, ...]] = {
    "weather": (
        "Light cloud, 14 C at the field, wind from the west.",
        "Dry until evening. Frost on high ground.",
    ),
    "news": (
        "Village bakery wins prize for rye bread.",
        "Bridge reopens after eleven years; nobody remembers why it closed.",
    ),
    "tides": ("High water 14:52, 3.1 m.", "Low water 08:17, 0.6 m."),
    "iss": ("The station is over the South Pacific.", "Seven people are in space just now."),
    "poem": (
        "The kettle sings, the morning listens.",
        "A gate, a gull, a little rain, and then the gate again.",
    ),
}
GENERAL_BODIES = ("Everything is as it was.", "All well here.")
BAD_BODIES = (
    b"",
    b"\x00\xff\xfe\x80\x07\x1b[31m",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48",  # still packed
    "w\u00e4rme".encode("utf-16"),
    b"\xc3\x28" * 200,
)


class SimHttp:
    """``ports.Http``: one request at a time, into a world that seldom answers."""

    def __init__(
        self, clock: SimClock, rng: random.Random, above_ground_m: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._above_ground_m = above_ground_m
        self._due: tuple[int, ApiReply | ApiFailed] | None = None

    def start(self, request: ApiRequest, now_ms: int) -> bool:
        """True if the request is on its way."""
        if self._due is not None:
            return False
        column = int(self._above_ground_m() > LOW_M)
        weights = [weight[column] for weight in OUTCOMES.values()]
        outcome = self._rng.choices(list(OUTCOMES), weights)[0]
        took_ms = round(self._rng.lognormvariate(6.6, 0.7))  # median 0.7 s
        answer: ApiReply | ApiFailed
        if outcome == "timeout":
            took_ms = HTTP_TIMEOUT_MS
            answer = ApiFailed(request.request_id, "timeout")
        elif outcome == "unreachable":
            answer = ApiFailed(request.request_id, "unreachable")
        else:
            status, body = self._answer(outcome, request.name)
            answer = ApiReply(request.request_id, status, body, took_ms)
        self._due = (self._clock.now_ms + took_ms, answer)
        return True

    def poll(self, now_ms: int) -> ApiReply | ApiFailed | None:
        """The answer, once it is there."""
        if self._due is None or self._clock.now_ms < self._due[0]:
            return None
        answer = self._due[1]
        self._due = None
        return answer

    def cancel(self, now_ms: int) -> None:
        """Nobody waits for it any more."""
        self._due = None

    def _answer(self, outcome: str, name: str) -> tuple[int, bytes]:
        if outcome == "ok":
            text = self._rng.choice(GOOD_BODIES.get(name, GENERAL_BODIES))
            return 200, text.encode()
        if outcome == "garbage":
            return 200, self._rng.choice(BAD_BODIES)
        return int(outcome), b"no"


class ScriptedMind:
    """``ports.Mind`` without a model: deterministic lines, a believable delay."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self._muser = Muser()
        self._due: tuple[int, MindReply] | None = None

    @property
    def is_busy(self) -> bool:
        return self._due is not None

    def start(self, request: MindRequest, now_ms: int) -> bool:
        """True if it began to think."""
        if self._due is not None:
            return False
        rng = random.Random(zlib.crc32(request.suffix.encode()) ^ request.seed)
        text = self._muser.line(request.suffix, rng)
        tokens = min(request.max_tokens, len(text) // 4 + 1)
        evaluated = len(request.suffix) // 4
        took_ms = thinking_ms(evaluated, tokens)
        reply = MindReply(
            request.request_id, text, len(request.prefix) // 4 + evaluated, evaluated, tokens,
            took_ms,
        )
        self._due = (self._clock.now_ms + took_ms, reply)
        return True

    def poll(self, now_ms: int) -> MindReply | MindFailed | None:
        """The line, once it has been thought."""
        if self._due is None or self._clock.now_ms < self._due[0]:
            return None
        reply = self._due[1]
        self._due = None
        return reply

    def cancel(self, now_ms: int) -> None:
        self._due = None


def thinking_ms(evaluated_tokens: int, reply_tokens: int) -> int:
    """How long a Pi would have thought, ms of simulated time."""
    prompt_s = evaluated_tokens / PROMPT_TOKENS_PER_S
    return THINK_OVERHEAD_MS + round(1000 * (prompt_s + reply_tokens / TOKENS_PER_S))


@dataclass(slots=True)
class SimBoard:
    """``ports.Board``, its values from the simulated heat and battery."""

    soc_c: Callable[[], float]
    supply_mv: Callable[[], float]
    undervolted_mv: float = 2_950.0  # below this the boost converter gives up 4.63 V

    def soc_temperature_c(self) -> float | None:
        """As /sys/class/thermal says it: whole 0.5 degrees."""
        return round(self.soc_c() * 2) / 2

    def is_undervolted(self) -> bool | None:
        return self.supply_mv() < self.undervolted_mv


class SimWatchdog:
    """``ports.Watchdog`` that remembers when it was last petted."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self.is_ready = False
        self.petted_ms = clock.now_ms
        self.pets = 0
        self.longest_wait_ms = 0

    def ready(self) -> None:
        self.is_ready = True

    def pet(self) -> None:
        waited_ms = self._clock.now_ms - self.petted_ms
        self.longest_wait_ms = max(self.longest_wait_ms, waited_ms)
        self.petted_ms = self._clock.now_ms
        self.pets += 1
