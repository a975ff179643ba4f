"""A fault, and the stage: the parts that a fault may change."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sim.clock import Repeated, part_rng
from sim.faults.overrides import Overrides
from sim.verify.checks import Checks
from sim.verify.recording_store import readable_ids, rows_of_switched_off
from sim.world import World
from wire import auth, commands, frames
from wire.commands import Command, Opcode
from wire.frames import CommandFrame, Uplink
from wire.records import EPOCH_2025_MS

End = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong.

    ``begin`` makes it happen and returns what ends it; a fault without an end (a reboot, a single
    frame) returns None. ``lasts_s`` is the range that a seed draws its duration from.
    ``excuses`` are the checks that cannot hold while it lasts, each with good reason.
    """

    number: int
    name: str
    what: str
    begin: Callable[[Stage], End | None]
    lasts_s: tuple[float, float] = (20.0, 300.0)
    excuses: tuple[str, ...] = ()


class Stage:
    """The world of one flight, and the few things that most faults need."""

    def __init__(self, world: World, checks: Checks) -> None:
        self.world = world
        self.rng: random.Random = part_rng(world.seed, "faults")
        self.overrides = Overrides()
        self.is_uploading = False  # does the station tell SondeHub what it hears?
        self.commanded: set[str] = set()  # names of the commands that the station sent
        self._checks = checks

    @property
    def now_ms(self) -> int:
        return self.world.clock.now_ms

    @property
    def pruned_at_once_max(self) -> int:
        """Rows that the payload took off its disk in one step, at most."""
        return self._checks.ledger.pruned_at_once_max

    def violate(self, check: str, detail: str) -> None:
        """For a fault that has a question of its own to ask."""
        self._checks.violate(check, detail)

    def lose_unreadable(self) -> None:
        """Something changed the payload's disk while it is off: what is gone is asked for no more.

        A row whose columns and checksum do not agree is gone too.
        """
        ledger = self._checks.ledger
        kept = readable_ids(self.world.payload_path, ledger.acknowledged)
        ledger.lose(ledger.acknowledged.keys() - kept)

    def check_home(self) -> None:
        """The payload is off and its disk about to change: what it took for home is on the ground,
        or nobody will ever ask again."""
        self._checks.check_home(rows_of_switched_off(self.world.payload_path))

    def issue(self, frame: Callable[..., Uplink]) -> None:
        """The station itself sends ``frame(counter=...)``, and the payload hears it."""
        world = self.world
        if world.archive is None:
            return
        counter = world.archive.take_counter(world.air.ground_utc_ms, "command")
        self.send(frame(counter=counter))

    def send(self, frame: Uplink, *, is_heard: bool = True) -> None:
        """A station of ours sends ``frame``, and every stranger has it now."""
        if isinstance(frame, CommandFrame):
            self.note_command(frame.body)
        data = frames.encode_uplink(frame, self.world.uplink_key)
        self.world.air.tell_uplink(data)
        if is_heard:
            self.world.air.payload_hears(data)

    def note_command(self, body: bytes) -> None:
        """A station sends this: what comes of it is nobody else's doing."""
        try:
            self.commanded.add(commands.decode(body).opcode.name.lower())
        except ValueError:
            self.commanded.add("unknown")

    def command(self, opcode: Opcode, *arguments: int | str) -> None:
        """The station sends this command, and the payload hears it."""
        body = commands.encode(Command(opcode, arguments))
        self.issue(partial(CommandFrame, self.world.mission.payload.node_id, 0, body=body))

    def command_by(
        self, station: int, opcode: Opcode, *arguments: int | str, is_heard: bool = True
    ) -> None:
        """Another of our stations sends this, in the second that is its counter."""
        now_s = (self.world.air.ground_utc_ms - EPOCH_2025_MS) // 1000
        body = commands.encode(Command(opcode, arguments))
        frame = CommandFrame(
            self.world.mission.payload.node_id, station, auth.next_counter(station, now_s), body)
        self.send(frame, is_heard=is_heard)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do ``action`` later, whether the fault still lasts or not."""
        self.world.at(self.now_ms + max(1, round(seconds * 1000)), action)

    def every(self, seconds: float, action: Callable[[], None]) -> End:
        """Do ``action`` now and again until the returned function is called."""
        repeated = Repeated(action, seconds, self.after)
        repeated.run()
        return repeated.stop
