"""The process that saves power, as root, apart from the flight core: spacepi-powersave.service.

    python -m payload.drivers.powersave

The flight core sends wishes to its socket, two letters each. When none has come for SILENCE_S, at
its start and at its end, everything is as it was: whatever dies, the machine can be reached. It
needs the standard library only, and 12 MB.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from payload.drivers.power_switches import PowerSwitches

FOLDER = Path("/run/spacepi-powersave")
SOCKET, SUMMARY, LEDGER = "wishes", "summary", "before.json"
SILENCE_S = 300.0  # five wishes missed
WISH_BYTES = 2
SOCKET_MODE = 0o660  # for the group of the flight core


def wish(is_away: bool, is_idle: bool) -> bytes:
    """As it is sent: "Aa" for away, "Ii" for idle."""
    return bytes((ord("A" if is_away else "a"), ord("I" if is_idle else "i")))


def opened(folder: Path) -> socket.socket:
    """The socket for wishes; one that an earlier process left is replaced. Raises OSError."""
    path = folder / SOCKET
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    wishes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    wishes.bind(os.fspath(path))
    path.chmod(SOCKET_MODE)
    return wishes


def serve(wishes: socket.socket, switches: PowerSwitches, silence_s: float = SILENCE_S) -> None:
    """Grant wishes until the process is told to end; everything is put back then."""
    wishes.settimeout(silence_s)
    try:
        while True:
            try:
                data = wishes.recv(64)
            except TimeoutError:
                data = b""
            if len(data) == WISH_BYTES:
                switches.turn(data[:1] == b"A", data[1:] == b"I")
            else:
                switches.turn(is_away=False, is_idle=False)
    finally:
        switches.turn(is_away=False, is_idle=False)


def main(folder: Path = FOLDER) -> None:
    """Until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    switches = PowerSwitches(folder / LEDGER)
    (folder / SUMMARY).write_text(switches.summary() + "\n")
    with opened(folder) as wishes:
        serve(wishes, switches)


if __name__ == "__main__":
    main()
