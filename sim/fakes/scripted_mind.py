"""A mind without a model: deterministic lines, a board's delay, and the failures of minds.

The real mind worker as a process is in ``sim.fakes.worker_mind``; it is not simulated, only
charged.
"""

from __future__ import annotations

import random
import zlib

from payload.ports import MindFailed, MindReply, MindRequest
from payload.prompt import PersonaText
from sim.clock import SimClock
from sim.fakes.board import PI_ZERO_2W, BoardProfile
from sim.fakes.mind_faults import LOAD_MS, MindFault, spoilt
from sim.fakes.musings import MusingWriter

# Speaks for it: the core does not think without a persona.
SCRIPTED_PERSONA = PersonaText(
    "script", "A box under a balloon, and what it says.", ("Say it.",),
    "The lines of this flight are a script: neither a model nor a person says them.")


class ScriptedMind:
    """``ports.Mind``. ``fault`` is what is wrong with it, None at first."""

    def __init__(self, clock: SimClock, board: BoardProfile = PI_ZERO_2W) -> None:
        self.fault: MindFault | None = None
        self._clock = clock
        self._board = board
        self._muser = MusingWriter()
        self._due: tuple[int, MindReply] | None = None
        self._before: MindReply | None = None  # what it said last
        self._loaded_ms: int | None = None

    @property
    def is_busy(self) -> bool:
        return self._due is not None

    def start(self, request: MindRequest, now_ms: int) -> bool:
        """True if it began to think."""
        if self._due is not None or self._is_loading():
            return False
        rng = random.Random(zlib.crc32(request.suffix.encode()) ^ request.seed)
        text = self._muser.line(request.suffix, rng)
        tokens = min(request.max_tokens, len(text) // 4 + 1)
        evaluated = len(request.suffix) // 4
        took_ms = self._board.thinking_ms(evaluated, tokens)
        reply = MindReply(
            request.request_id, [text], len(request.prefix) // 4 + evaluated, evaluated, tokens,
            took_ms,
        )
        self._due = (self._clock.now_ms + took_ms, reply)
        return True

    def poll(self, now_ms: int) -> MindReply | MindFailed | None:
        """The line, once it has been thought."""
        if self._due is None or self._clock.now_ms < self._due[0]:
            return None
        if self.fault is MindFault.HANGS:
            return None
        reply, before = self._due[1], self._before
        self._due, self._before = None, reply
        if self.fault is MindFault.DIES:
            return MindFailed(reply.request_id, "crashed")
        if self.fault is MindFault.LATE:
            return before
        return reply if self.fault is None else spoilt(reply, self.fault)

    def cancel(self, now_ms: int) -> None:
        """Kill the worker; the next one has to load the model again."""
        self._due = self._loaded_ms = None

    def _is_loading(self) -> bool:
        if self.fault is not MindFault.LOADS:
            self._loaded_ms = None
            return False
        if self._loaded_ms is None:
            self._loaded_ms = self._clock.now_ms + LOAD_MS
        return self._clock.now_ms < self._loaded_ms
