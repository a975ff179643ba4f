"""A station with its archive, and a payload whose beacons and answers a test makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from groundstation.archive.outbox import QueuedCommand
from groundstation.ground import Ground
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, START_MS, FarEnd, state_at
from wire import commands, frames
from wire.auth import Direction, derive_key
from wire.commands import Opcode
from wire.frames import CommandFrame
from wire.mission import Mission
from wire.records import Kind

KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)
WINDOW_S = 20


class Station:
    """A station, and a payload whose beacons a test makes."""

    def __init__(self, folder: Path, mission: Mission = SIGNED_MISSION) -> None:
        self.archive = Archive(folder / "archive.sqlite", is_durable=False)
        self.ground = Ground(mission, self.archive, KEY, mission.downlink_key(MASTER_KEY))
        self.far = FarEnd(KEY, mission)
        self.now_ms = START_MS
        self.ground.receive(self.far.tell(), self.now_ms)

    def queue(self, opcode: Opcode, text: str = "", **options: object) -> int:
        return self.archive.queue(opcode, text, self.now_ms, **options)

    def entry(self, command_id: int) -> QueuedCommand:
        found = outbox.one(self.archive.db, command_id)
        assert found is not None
        return found

    def state(self, command_id: int) -> str:
        return self.entry(command_id).state

    def beacon(self, *, is_armed: bool = False, is_listening: bool = False) -> None:
        state = replace(
            state_at(1000), time_of_day_s=self.now_ms // 1000 % 86_400,
            is_cutdown_armed=is_armed)
        data = self.far.beacon(state, is_listening=is_listening)
        self.ground.receive(data, self.now_ms)

    def window(
        self, *, is_armed: bool = False, is_heard: bool = False, after_s: int = WINDOW_S
    ) -> Opcode | type | None:
        """The next window: what the station says in it, None where that is nothing.

        ``is_heard``: the payload takes it, and its next beacon says so.
        """
        self.now_ms += 1000 * after_s
        self.ground.tend(self.now_ms)
        self.beacon(is_armed=is_armed, is_listening=True)
        self.now_ms += 200
        data = self.ground.next_uplink(self.now_ms)
        if data is None:
            return None
        frame = frames.decode_uplink(data, KEY, self.far.session)
        assert frame is not None
        self.said = frame
        if is_heard:
            self.far.last_counter = frame.counter
        if isinstance(frame, CommandFrame):
            return commands.decode(frame.body).opcode
        return type(frame)

    def result(self, why: str | None = None) -> None:
        """The payload's answer to what the station said last."""
        body = {"counter": self.said.counter, "command": "x", "result": "refused" if why else "ok"}
        self.push(Kind.COMMAND_RESULT, body | ({"why": why} if why else {}))

    def push(self, kind: Kind, body: dict[str, object]) -> None:
        self.far.push(kind, self.now_ms, body)
        self.now_ms += 5_000  # a half-filled symbol waits a little
        data = self.far.data(self.now_ms)
        assert data is not None
        self.ground.receive(data, self.now_ms)
