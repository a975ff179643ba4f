"""Transmitter: hands single frames to the modem, and knows when it is busy, lost or hung.

The modem says whether it is done; the airtime of a frame says when it ought to be. One that is
absent, fails, or is still sending long after the airtime counts as lost until it takes a frame.
"""

from __future__ import annotations

from payload.notes import Note, event
from payload.ports import Radio
from wire.airtime import Airtime

RETRY_MS = 100
STUCK_MS = 10_000  # a modem that is still sending so long after the airtime has hung


class Transmitter:
    """One modem, if there is one. Times in ms since boot."""

    def __init__(self, radio: Radio | None, airtime: Airtime, is_chip: bool) -> None:
        """``is_chip``: the payload itself drives the radio chip, and receives only after it has
        looked at what was sent."""
        self._radio = radio
        self.airtime = airtime  # of frames as the present settings send them
        self._is_chip = is_chip
        self.is_lost = False  # as far as it was tried
        self.busy_until_ms = 0  # until the next frame may begin
        self._on_air_until_ms = 0
        self._stuck_since_ms: int | None = None  # not idle, though the airtime was over
        self._notes: list[Note] = []

    @property
    def is_absent(self) -> bool:
        """True where the payload has no modem."""
        return self._radio is None

    @property
    def identity(self) -> str | None:
        """What the modem says of itself; None where it has not, or there is none."""
        return None if self._radio is None else self._radio.identity

    def take_notes(self) -> list[Note]:
        """A modem that was lost, or works again, since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def has_sent(self, now_ms: int) -> bool:
        """Is the modem done with the latest frame? One that never is has hung.

        Raises:  PortError when it does not answer.
        """
        assert self._radio is not None
        if self._radio.is_idle(now_ms):
            self._stuck_since_ms = None
            return True
        if self._stuck_since_ms is None:
            self._stuck_since_ms = now_ms
        elif now_ms - self._stuck_since_ms >= STUCK_MS:
            self.lose("never done sending")
        return False

    def send(self, data: bytes, now_ms: int) -> bool:
        """Offer a frame; False where the modem does not take it. Raises PortError."""
        assert self._radio is not None
        if not self._radio.offer(data, now_ms):
            return False
        if self.is_lost:
            self.is_lost = False
            self._notes.append(event("radio_returned"))
        self._on_air_until_ms = now_ms + self.airtime.on_air_ms(len(data))
        self.busy_until_ms = now_ms + max(1, self.airtime.occupied_ms(len(data)))
        return True

    def lose(self, reason: str) -> None:
        """Said once; whatever is offered next shows whether it is back."""
        if not self.is_lost:
            self.is_lost = True
            self._notes.append(event("radio_lost", "error", reason=reason))

    def look_ms(self, due_ms: int, overhear_ms: int | None, now_ms: int) -> int:
        """When to look at the modem again, ``due_ms`` at the latest.

        A chip listens only once it was seen to have sent, and holds one frame: it is looked at
        every ``overhear_ms``; None where there is nobody to overhear. Raises PortError.
        """
        assert self._radio is not None
        if not self._is_chip:
            return due_ms
        if self._on_air_until_ms > now_ms:
            return min(due_ms, self._on_air_until_ms)
        if not self._radio.is_idle(now_ms):
            return min(due_ms, now_ms + RETRY_MS)
        return due_ms if overhear_ms is None else min(due_ms, now_ms + overhear_ms)
