"""Looks at each bus and port in turn; whatever opens them, and waits, is passed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from payload.devices import probes
from payload.devices.buses import I2cBus
from payload.devices.probes import BusHung, Pause
from payload.ports import PortError
from payload.scan.connected import RYLR, Connected, FoundLine
from wire.modems import rylr

# The likeliest rates of a receiver first; the others are rare, and each costs a second of silence.
BAUDS = (9600, 38400, 115200)


class OpenPort(Protocol):
    """A serial port that was opened for this."""

    def read(self, max_bytes: int) -> bytes: ...
    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...


def look(
    bus_number: int | None, bus: I2cBus | None, thermometers: list[str], paths: list[str],
    open_line: Callable[[str, int], OpenPort], pause: Pause,
) -> Connected:
    """Everything that answers. ``bus`` is None on a machine without one."""
    lines = [_speaker(path, open_line, pause) for path in paths]
    if bus is None:
        return Connected(None, [], thermometers, lines)
    try:
        chips = probes.chips(bus, pause)
    except BusHung as error:
        return Connected(bus_number, [], thermometers, lines, str(error))
    return Connected(bus_number, chips, thermometers, lines)


def _speaker(path: str, open_line: Callable[[str, int], OpenPort], pause: Pause) -> FoundLine:
    """Who speaks: a receiver by itself, a LoRa module when asked."""
    questions = [(baud, probes.UBLOX, probes.hears_receiver) for baud in BAUDS]
    for baud, name, hears in (*questions, (rylr.BAUD, RYLR, probes.hears_rylr)):
        line = open_line(path, baud)
        try:
            if hears(line, pause):
                return FoundLine(path, name, baud)
        except PortError:
            return FoundLine(path)
        finally:
            line.close()
    return FoundLine(path)
