"""KISS over TCP with the station as the modem: several clients, none of which keeps out another.

There are places for CLIENTS_MAX clients, payloads or feeders, and for PER_ADDRESS_MAX from one
address. A newcomer that finds none takes the place of the client that is worth least: one that
never gave a whole frame before one that did, and never one that lately gave a frame of our
payload's signature; among equals of the one that was silent longest. Each client has a queue for
what it is sent; a frame that finds no room in it is dropped, and who takes nothing for WRITE_MS is
hung up on. All of it is counted.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from groundstation.errors import StationError
from groundstation.ground import Ground
from groundstation.inputs import tcp
from groundstation.inputs.gateway import why
from groundstation.inputs.notices import Notices
from wire.envelope import Envelope
from wire.modems import kiss
from wire.modems.radio_dialog import RadioFrame

CLIENTS_MAX = 8
PER_ADDRESS_MAX = 4
ACCEPTS_MAX = 16  # in one turn
READ_BYTES = 4_096  # of one client in one turn: a flood must not keep the others waiting
UNSENT_BYTES_MAX = 16_384  # some sixty frames
SEND_BUFFER_BYTES = 32_768  # the kernel's: a large one takes frames that are no longer read
WRITE_MS = 10_000
VERIFIED_MS = 120_000  # how long a frame of our payload keeps a place
PROVE_EVERY_MS = 30_000  # how often that is looked at again


@dataclass(slots=True, eq=False)
class _Client:
    sock: socket.socket
    origin: str
    heard_ms: int  # the last whole frame; before the first, when it came
    progress_ms: int = 0  # when it last took something, or was last given something to take
    has_spoken: bool = False
    verified_ms: int | None = None
    unsent: bytearray = field(default_factory=bytearray)
    decoder: kiss.Decoder = field(default_factory=kiss.Decoder)

    @property
    def standing(self) -> tuple[bool, bool, int]:
        return self.verified_ms is not None, self.has_spoken, self.heard_ms


class KissServer:
    """The radio connection of ``--listen``. Raises StationError when it cannot listen."""

    def __init__(
        self, host: str, port: int, now_ms: Callable[[], int],
        is_ours: Callable[[bytes], bool] = lambda frame: False,
    ) -> None:
        """``now_ms`` is of a clock that is never set. ``is_ours`` says of a frame that our payload
        signed it."""
        self.name = f"{host}:{port}"
        self.notices = Notices("radio_clients", now_ms)
        self._now_ms = now_ms
        self._is_ours = is_ours
        self._clients: list[_Client] = []
        self._selector = selectors.DefaultSelector()
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            self._selector.close()
            raise StationError(f"cannot listen on {self.name}: {why(error)}") from error
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.port = self._listener.getsockname()[1]

    def read(self, wait_s: float) -> list[RadioFrame]:
        """Frames that came within ``wait_s``, the modem's first. Never raises."""
        frames: list[bytes] = []
        ready = self._selector.select(wait_s)
        for key, events in sorted(ready, key=_modem_first):
            client = key.data
            if client is None:
                self._accept()
            elif client in self._clients:  # else a newcomer took its place
                if events & selectors.EVENT_WRITE:
                    self._send(client)
                if events & selectors.EVENT_READ and client in self._clients:
                    frames += self._read(client)
        for client in list(self._clients):
            if client.unsent and self._now_ms() - client.progress_ms >= WRITE_MS:
                self._drop(client, "too_slow")
        self.notices.log()
        return [RadioFrame(frame) for frame in frames]

    def can_send(self) -> bool:
        """Always: each client has a queue."""
        return True

    def write(self, frame: bytes) -> None:
        """Send it to every client; never waits and never raises."""
        data = kiss.encode(frame)
        for client in list(self._clients):
            if len(client.unsent) + len(data) > UNSENT_BYTES_MAX:
                self.notices.count("frames_unsent")
                continue
            if not client.unsent:
                client.progress_ms = self._now_ms()
            client.unsent += data
            self._send(client)

    def close(self) -> None:
        for client in self._clients:
            client.sock.close()
        self._clients.clear()
        self._listener.close()
        self._selector.close()

    # -- who is there -------------------------------------------------------------------------

    def _accept(self) -> None:
        for _ in range(ACCEPTS_MAX):
            try:
                sock, peer = self._listener.accept()
            except OSError:  # there is no more, or it left before it was let in
                return
            self._admit(sock, str(peer[0]))

    def _admit(self, sock: socket.socket, host: str) -> None:
        origin = tcp.origin(host)
        rivals = [client for client in self._clients if client.origin == origin]
        if len(rivals) < PER_ADDRESS_MAX:
            rivals = self._clients if len(self._clients) >= CLIENTS_MAX else []
        if rivals:
            least = min(rivals, key=lambda client: client.standing)
            if not self._is_proof_older(least, VERIFIED_MS):
                sock.close()
                self.notices.count("turned_away")
                return
            self._drop(least, "replaced")
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            tcp.notice_vanished(sock)
        except OSError:  # it is gone again
            sock.close()
            return
        client = _Client(sock, origin, self._now_ms())
        self._clients.append(client)
        self._selector.register(sock, selectors.EVENT_READ, client)
        self.notices.count("joined")

    def _is_proof_older(self, client: _Client, age_ms: int) -> bool:
        return client.verified_ms is None or self._now_ms() - client.verified_ms >= age_ms

    def _drop(self, client: _Client, notice: str = "left") -> None:
        self._clients.remove(client)
        self._selector.unregister(client.sock)
        client.sock.close()
        self.notices.count(notice)

    # -- what they send and are sent -----------------------------------------------------------

    def _read(self, client: _Client) -> list[bytes]:
        try:
            data = client.sock.recv(READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return []
        frames = client.decoder.feed(data)
        if frames:
            client.heard_ms, client.has_spoken = self._now_ms(), True
            if self._is_proof_older(client, PROVE_EVERY_MS) and any(map(self._is_ours, frames)):
                client.verified_ms = client.heard_ms
        return frames

    def _send(self, client: _Client) -> None:
        try:
            sent = client.sock.send(client.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(client)
            return
        if sent:
            del client.unsent[:sent]
            client.progress_ms = self._now_ms()
        write = selectors.EVENT_WRITE if client.unsent else 0
        self._selector.modify(client.sock, selectors.EVENT_READ | write, client)


def modem_test(ground: Ground, envelope: Envelope) -> Callable[[bytes], bool]:
    """A test of a client's bytes: did our payload sign them?"""

    def is_ours(data: bytes) -> bool:
        frame = envelope.unwrap(data)
        return frame is not None and ground.is_verified(frame)

    return is_ours


def _modem_first(ready: tuple[selectors.SelectorKey, int]) -> bool:
    client: _Client | None = ready[0].data
    return client is None or client.verified_ms is None
