"""The conversation with a serial radio module: without I/O and without a clock, for both ends.

Whoever owns the serial line hands over what has arrived, with the time, and writes what it gets
back. A dialog sets the module up as the mission file says, and carries frames when that is done.
One that does not answer, or refuses, raises ModuleLost, and the next ``step`` begins again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

HEARD_FRAMES_MAX = 64  # not taken yet; the oldest are dropped, as a full receiver would


class ModuleLost(Exception):
    """The module cannot be used; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class RadioFrame:
    """A frame off the air, and its strength where the module says so."""

    data: bytes
    rssi_dbm: int | None = None
    snr_db: int | None = None


class RadioDialog(Protocol):
    """``identity`` is what the module said of itself, None until it has: its version and settings.
    ``pins`` are the levels (M1, M0) that a module with a mode needs now; others ignore them.
    """

    identity: str | None

    @property
    def pins(self) -> tuple[int, int]: ...

    def begin(self) -> None:
        """The line was opened, or the module was lost: nothing is known of it."""
        ...

    def step(self, data: bytes, now_ms: int, is_aux_high: bool | None = None) -> bytes:
        """What to write, having heard ``data``; AUX is None where it is not connected.

        Raises ModuleLost.
        """
        ...

    def is_ready(self) -> bool:
        """Would it take a frame now?"""
        ...

    def send(self, frame: bytes, now_ms: int) -> bytes:
        """What to write so that ``frame`` is sent; only when it is ready."""
        ...

    def take_heard(self) -> list[RadioFrame]:
        """Frames received since the last call, oldest first."""
        ...
