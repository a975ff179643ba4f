"""The inbox: takes uplink frames from reception to execution, and hands neighbours' frames on.

Genuine commands are carried out in the order in which they came, each once it is durable that it
was taken, so that a power cut can never make one count twice. A disk that stalls holds them up for
``payload.storage.durable_store.STALL_MS``; then it counts as failing, and what RAM knows is enough
(``payload.link.uplink_gate``). What makes things safe does not wait
(``payload.link.command_handlers.URGENT``), nor does a report: nothing of it need be remembered.

While COMMANDS_MAX wait, no other command is taken from the radio: the ground sends it again.
"""

from __future__ import annotations

from collections import deque

from payload.link.command_handlers import URGENT, CommandRunner
from payload.link.downlink import Downlink
from payload.link.neighbours import Neighbours
from payload.link.uplink_gate import UplinkGate
from payload.notes import Note
from payload.storage.durable_store import Store
from wire.commands import Opcode, opcode_of
from wire.frames import CommandFrame, FeedbackFrame, Uplink

COMMANDS_MAX = 32
LOOK_MS = 50  # how soon to look again whether the disk has answered


class Inbox:
    """One per boot."""

    def __init__(
        self, gate: UplinkGate, runner: CommandRunner, downlink: Downlink, store: Store,
        neighbours: Neighbours,
    ) -> None:
        self.heard_ms: int | None = None  # when the ground was last heard
        self._gate = gate
        self._runner = runner
        self._downlink = downlink
        self._store = store
        self.neighbours = neighbours
        self._waiting: deque[tuple[CommandFrame, int]] = deque()  # and version of the small state

    @property
    def is_waiting(self) -> bool:
        """Is there something that the disk holds up?"""
        return bool(self._waiting)

    def hear(self, data: bytes, now_ms: int) -> list[Note]:
        """The radio heard this."""
        if self.neighbours.hear(data, now_ms):
            self._downlink.keep_quiet(now_ms)
        frame = self._gate.genuine(data, self._downlink.session)
        if frame is None:
            return []
        withdrawn = _withdrawn_by(frame)
        if withdrawn is None and len(self._waiting) >= COMMANDS_MAX:
            return []
        if not self._gate.accept(frame, now_ms):
            repeated = self._gate.take_repeated()
            if repeated is not None:
                self._runner.repeat(repeated, now_ms)
            return []
        self.heard_ms = now_ms
        if isinstance(frame, FeedbackFrame):
            self._downlink.on_report(frame, now_ms)
            return []
        if withdrawn is None:
            self._waiting.append((frame, self._store.version))
            return []
        return self._withdraw(withdrawn) + self._runner.run(frame, now_ms)

    def obey(self, now_ms: int) -> list[Note]:
        """Do what waits, as far as it is durable that it was taken."""
        notes: list[Note] = []
        if self._waiting:
            self._store.commit(now_ms)
        while self._waiting and self._waiting[0][1] <= self._store.kept_version:
            frame, _ = self._waiting.popleft()
            notes += self._runner.run(frame, now_ms)
        return notes

    def _withdraw(self, opcodes: frozenset[Opcode]) -> list[Note]:
        """What was done first came after these, and they must not be done after it."""
        notes: list[Note] = []
        kept: deque[tuple[CommandFrame, int]] = deque()
        for frame, version in self._waiting:
            if opcode_of(frame.body) in opcodes:
                notes += self._runner.withdraw(frame)
            else:
                kept.append((frame, version))
        self._waiting = kept
        return notes


def _withdrawn_by(frame: Uplink) -> frozenset[Opcode] | None:
    """The commands that must not be executed after this frame; None where it waits for the disk."""
    if isinstance(frame, FeedbackFrame):
        return frozenset()
    opcode = opcode_of(frame.body)
    return None if opcode is None else URGENT.get(opcode)
