"""The trace: the events of one flight, one per line, for people to read.

    00:20:03.000   1243 m  ASCENT   event phase from=ground to=ascent ...
    01:12:00.000  18402 m  ASCENT   fault i2c.stuck begins (40 s)
"""

from __future__ import annotations

from collections.abc import Callable

from sim.world import World
from wire.bodies import Body
from wire.records import Kind

_SHOWN = {
    Kind.EVENT, Kind.MUSING, Kind.REPLY, Kind.QUESTION, Kind.COMMAND_RESULT, Kind.THUMBNAIL,
}
_CHARS_MAX = 100


class Trace:
    """An observer that gives each line to ``write`` when it happens."""

    def __init__(self, world: World, write: Callable[[str], None]) -> None:
        self._world = world
        self._write = write
        world.observers.append(self)

    def note(self, text: str) -> None:
        """A line of somebody else's, with the instant and the place."""
        world = self._world
        now_ms = world.clock.now_ms
        seconds, ms = divmod(now_ms, 1000)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}"
        phase = "off" if world.flight is None else world.flight.phase.phase.name
        altitude_m = world.body.state().altitude_m
        self._write(f"{clock} {altitude_m:6.0f} m  {phase:<9}{text}")

    def on_boot(self) -> None:
        self.note(f"boot {self._world.boots}")

    def on_step(self) -> None:
        assert self._world.flight is not None
        for note in self._world.flight.notes:
            if note.kind in _SHOWN:
                self.note(f"{note.kind.name.lower()} {_words(note.body)}")

    def on_send(self, frame: bytes) -> None:
        """Frames are too many for a person."""

    def on_uplink(self, frame: bytes) -> None:
        self.note(f"the station sends {len(frame)} bytes")

    def on_crash(self, error: Exception) -> None:
        self.note(f"the step raised {type(error).__name__}: {error}")


def _words(body: Body) -> str:
    if "event" in body:
        fields = " ".join(f"{name}={value}" for name, value in body.get("fields", {}).items())
        return f"{body['event']} {fields}".rstrip()[:_CHARS_MAX]
    shown = {name: value for name, value in body.items() if not isinstance(value, bytes)}
    return str(shown.get("text", shown))[:_CHARS_MAX]
