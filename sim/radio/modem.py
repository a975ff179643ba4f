"""The payload's modem as ``ports.Radio``: what it accepts and reports, and how it fails."""

from __future__ import annotations

from collections.abc import Callable

from payload.ports import DeviceAbsent, HeardFrame
from sim.clock import SimClock
from sim.radio.channel import Channel

INBOX_FRAMES_MAX = 64


class SimRadio:
    """One modem. Its clock is the world's, not the payload's.

    Faults, all off at first:

    is_unplugged      every call raises DeviceAbsent: absent at the start, or gone in flight
    is_stuck_sending  the end of a transmission is never reported: not idle, and nothing is taken
    drops_silently    frames are taken and never leave the antenna
    is_deaf           nothing is heard

    ``is_channel_busy`` says whether it hears somebody else send, and waits; ``others_ms`` for how
    long others were heard to send so far. Alone it never waits.
    """

    def __init__(
        self, clock: SimClock, channel: Channel, mtu_bytes: int,
        on_send: Callable[[bytes, int], None],
    ) -> None:
        """``on_send(frame, end_ms)`` is called when a frame begins to go out."""
        self.mtu_bytes = mtu_bytes
        self.identity: str | None = None
        self.is_unplugged = False
        self.is_stuck_sending = False
        self.drops_silently = False
        self.is_deaf = False
        self.dropped_frames = 0
        self.is_channel_busy: Callable[[], bool] = lambda: False
        self.others_ms: Callable[[], int] = lambda: 0
        self._clock = clock
        self._channel = channel
        self._on_send = on_send
        self._inbox: list[HeardFrame] = []

    def offer(self, frame: bytes, now_ms: int) -> bool:
        """True if taken. Raises DeviceAbsent when unplugged."""
        if not self.is_idle(now_ms) or not 0 < len(frame) <= self.mtu_bytes:
            return False
        if self.drops_silently:
            self.dropped_frames += 1
            return True
        self._on_send(frame, self._channel.send_down(frame))
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        """Frames heard since the last call. Raises DeviceAbsent when unplugged."""
        self._check()
        heard, self._inbox = self._inbox, []
        return heard

    def is_idle(self, now_ms: int) -> bool:
        """Raises DeviceAbsent when unplugged."""
        self._check()
        is_sending = self._channel.is_payload_sending or self.is_stuck_sending
        return not is_sending and not self.is_channel_busy()

    def deliver(self, frame: HeardFrame) -> None:
        """The channel lets the modem hear a frame; a full inbox loses it."""
        if len(self._inbox) < INBOX_FRAMES_MAX and not self.is_unplugged and not self.is_deaf:
            self._inbox.append(frame)

    def clear(self) -> None:
        """The payload rebooted: what nobody read is gone."""
        self._inbox.clear()

    def power_cycle(self) -> None:
        """The supply was gone for a moment: a transmitter that hung is free again."""
        self.is_stuck_sending = False
        self.clear()

    def _check(self) -> None:
        if self.is_unplugged:
            raise DeviceAbsent("the modem is unplugged")
