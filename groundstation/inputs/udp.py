"""UDP inputs and outputs: payload summaries received, and the feeds sent."""

from __future__ import annotations

import socket
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, Protocol

import structlog

from groundstation.decode import payload_summaries
from groundstation.decode.payload_summaries import DATAGRAM_BYTES_MAX
from groundstation.errors import StationError
from groundstation.ground import Ground, HeardBytes
from wire.modems.radio_dialog import RadioFrame

_log = structlog.get_logger()
DATAGRAMS_MAX = 200  # read in one round; more wait in the kernel, or are lost there
ECHOES_MAX = 64  # datagrams of our own that may come back by broadcast


class NoRadio:
    """The radio connection of a station without a radio: it receives nothing."""

    name = "no radio"

    def read(self, wait_s: float) -> list[RadioFrame]:
        Event().wait(wait_s)
        return []

    def can_send(self) -> bool:
        return False

    def write(self, frame: bytes) -> None:
        return None

    def close(self) -> None:
        return None


class UdpListener:
    """A UDP port on which other programs send. Raises StationError when it cannot be opened."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        # Broadcasts reach everybody on this port who allows it, as chasemapper does.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise StationError(
                f"cannot listen on UDP {host}:{port}: {error.strerror or error}"
            ) from error
        self.port = int(self._socket.getsockname()[1])

    def read(self) -> list[bytes]:
        """Datagrams received so far, without waiting; of one that is too long only the head."""
        found: list[bytes] = []
        while len(found) < DATAGRAMS_MAX:
            try:
                found.append(self._socket.recv(DATAGRAM_BYTES_MAX + 1))
            except OSError:  # there is no more
                break
        return found

    def close(self) -> None:
        self._socket.close()


class UdpFeed(Protocol):
    """Datagrams for what was received since the last call. Raises sqlite3.Error."""

    def take(self) -> list[bytes]: ...


class UdpSender:
    """Sends the datagrams of a feed to one address; refused ones are lost, which is logged once."""

    def __init__(self, feed: UdpFeed, host: str, port: int) -> None:
        """``host`` may be a broadcast address. Raises StationError when it is no address."""
        self.refused = 0
        self._feed = feed
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise StationError(f"UDP {host}:{port} is not an address to send to") from error
        family = found[0][0]
        self._address: tuple[Any, ...] = found[0][4]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._is_refused = False

    def send_new(self) -> list[bytes]:
        """Send what is new, and return it."""
        datagrams = self._feed.take()
        for datagram in datagrams:
            try:
                self._socket.sendto(datagram, self._address)
            except OSError as error:
                self.refused += 1
                if not self._is_refused:
                    _log.warning("udp_refused", to=self._address[0], why=str(error))
                self._is_refused = True
            else:
                if self._is_refused:
                    _log.info("udp_returned", to=self._address[0], lost=self.refused)
                self._is_refused = False
        return datagrams

    def close(self) -> None:
        self._socket.close()


class UdpService:
    """Everything one station receives and sends by UDP.

    ``poll`` never waits and never raises OSError, which would be taken for the loss of the radio.
    """

    def __init__(
        self, ground: Ground, now: Callable[[], int], listener: UdpListener | None,
        senders: Sequence[UdpSender],
    ) -> None:
        self.chatter = 0  # messages of other kinds on the same port, not kept
        self._ground = ground
        self._now = now
        self._listener = listener
        self._senders = senders
        self._echoes: deque[bytes] = deque(maxlen=ECHOES_MAX)

    def poll(self) -> None:
        """Archive the datagrams received, as they are; then send what is new."""
        received = [] if self._listener is None else self._listener.read()
        kept = [data for data in received if not self._is_passed_over(data)]
        if kept:
            self._ground.receive_many(
                HeardBytes(data, self._now(), source=payload_summaries.SOURCE) for data in kept
            )
        for sender in self._senders:
            try:
                self._echoes.extend(sender.send_new())
            except sqlite3.Error as error:  # busy, or moved aside: sent in the next round
                _log.debug("feed_waits", why=str(error))

    def close(self) -> None:
        """Close the sockets."""
        for end in (self._listener, *self._senders):
            if end is not None:
                end.close()

    def _is_passed_over(self, data: bytes) -> bool:
        is_chatter = payload_summaries.is_chatter(data)
        self.chatter += is_chatter
        return is_chatter or data in self._echoes
