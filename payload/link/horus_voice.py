"""A separate transmitter that speaks Horus 4FSK: when it does, and what it says.

It knows nothing of the modem beside it: another frequency, another antenna. TX_OFF silences both at
once.
"""

from __future__ import annotations

from collections.abc import Callable

from payload.link import interop_beacons
from payload.link.interop_beacons import FaultGuard
from payload.notes import Note
from payload.ports import Speaker
from wire.beacon import PowerMode
from wire.frames import FrameCounter
from wire.horus import Packet
from wire.mission import HorusSection

FRAME_BYTES_MAX = 64  # 5.4 s, with 43 characters of a musing
CRITICAL_FACTOR = 4  # how much rarer on an empty battery: the transmitter takes most of it


class HorusVoice:
    """Gives packets to the speaker, and never more than one at a time."""

    def __init__(self, speaker: Speaker | None, section: HorusSection | None, boot: int) -> None:
        self._speaker = None if section is None else speaker
        self._every_ms = 0 if section is None else 1000 * section.every_s
        self._boot = boot
        self._due_ms = 0
        self._packets = 0
        self._guard = FaultGuard()

    def update(
        self, now_ms: int, is_silenced: bool, mode: PowerMode, packet: Callable[[int], Packet]
    ) -> list[Note]:
        """Speak when it is due; ``packet`` builds the one of a number."""
        if self._speaker is None:
            return []
        if is_silenced:
            self._speaker.cancel()
        elif now_ms >= self._due_ms:
            factor = CRITICAL_FACTOR if mode is PowerMode.CRITICAL else 1
            number = FrameCounter(self._boot, self._packets).packed()
            frame = self._guard.run(
                "horus_voice",
                lambda: interop_beacons.horus_frame(packet(number), FRAME_BYTES_MAX))
            if frame is None or self._speaker.say(frame):
                self._packets += 1
                self._due_ms = now_ms + factor * self._every_ms
        return self._guard.take_notes()
