"""The HTTP server of the page: uvicorn, with a bound on everything that a client can take up.

uvicorn bounds the head of a request and the pause between two. What it leaves open is bounded here,
in a protocol of ours: how many connections there are, in all and from one address, how long a
client may take for its request and for the answer, and how much it may send. Where a newcomer finds
no place, the connection goes that has waited longest for its own client, of the address that has
most; one that is being answered never goes for another.

Sources: docs/settings.md and docs/server-behavior.md of uvicorn; its issue 157 for what it leaves
open.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Any, cast

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from groundstation.inputs import tcp
from groundstation.inputs.notices import LOG_EVERY_MS, Notices

CONNECTIONS_MAX = 96
PER_ADDRESS_MAX = 24
ACCEPTS_MAX = 100  # taken in at once, and waiting in the kernel
HEAD_S = 10.0  # from the connection, or from the answer before, to the end of a request's head
REQUEST_S = 20.0  # to the end of its body
WRITE_S = 20.0  # that a client takes nothing of its answer
HEAD_BYTES_MAX = 16_384
REQUEST_BYTES_MAX = 24_576  # head and body
SEND_BUFFER_BYTES = 131_072  # the kernel's, of one connection
KEEP_ALIVE_S = 5
_TOO_LONG = (
    b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-type: application/json\r\n"
    b'content-length: 29\r\n\r\n{"error":"That is too long."}'
)


class BoundedHttp(H11Protocol):
    """One connection. The reason for closing one is counted in ``notices``."""

    def __init__(self, *arguments: Any, notices: Notices, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.origin = ""
        self.waiting_since = self.loop.time()  # for a request, or for the rest of it
        self._notices = notices
        self._request_bytes = 0
        self._late: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """It is the client's turn."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    # -- asyncio's calls ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        with suppress(OSError):  # it is gone again, which comes to be known
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            tcp.notice_vanished(sock)
        self.origin = tcp.origin(self.client[0] if self.client else "")
        if self._finds_place():
            self._watch()
        else:
            self.cut_off("connections_turned_away")

    def data_received(self, data: bytes) -> None:
        self._request_bytes += len(data)
        if self._request_bytes > REQUEST_BYTES_MAX:
            self._refuse_length()
            return
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self.loop.call_later(WRITE_S, self.cut_off, "slow_readers")

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._stuck)

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._late)
        _cancel(self._stuck)
        if isinstance(exc, TimeoutError):
            self._notices.count("vanished")
        super().connection_lost(exc)

    # -- bounds -------------------------------------------------------------------------------

    def cut_off(self, notice: str) -> None:
        """Close it now; nothing more is sent."""
        self._notices.count(notice)
        self.connections.discard(self)
        self.transport.abort()

    def _watch(self) -> None:
        """Be back when the client is late with what it owes now."""
        now = self.loop.time()
        if not self.is_waiting:
            self._request_bytes = 0
            self.waiting_since = now
        elif self._late is None:
            self.waiting_since = now
        _cancel(self._late)
        self._late = None
        if self.is_waiting and not self.transport.is_closing():
            limit_s = HEAD_S if self.conn.their_state is h11.IDLE else REQUEST_S
            self._late = self.loop.call_at(
                self.waiting_since + limit_s, self.cut_off, "slow_requests")

    def _refuse_length(self) -> None:
        self._notices.count("long_requests")
        self.connections.discard(self)
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_TOO_LONG)
        self.transport.close()

    def _finds_place(self) -> bool:
        everybody = cast("set[BoundedHttp]", self.connections)
        rivals = [other for other in everybody if other.origin == self.origin]
        if len(rivals) <= PER_ADDRESS_MAX:
            if len(everybody) <= CONNECTIONS_MAX:
                return True
            rivals = list(everybody)
        count = Counter(other.origin for other in rivals)
        waiting = [other for other in rivals if other.is_waiting and other is not self]
        if not waiting:
            return False
        last = max(waiting, key=lambda other: (count[other.origin], -other.waiting_since))
        last.cut_off("connections_given_up")
        return True


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def make_server(
    app: Starlette, log_level: str = "warning", grace_s: int = 2
) -> uvicorn.Server:
    """A server for the page of ``web.create_app``; its streams end by themselves when it should
    exit, and the rest within ``grace_s``."""
    notices: Notices = app.state.notices

    async def log_notices() -> None:
        notices.log()

    protocol: Any = partial(BoundedHttp, notices=notices)
    server = uvicorn.Server(uvicorn.Config(
        app, http=protocol, ws="none", log_level=log_level, access_log=False,
        backlog=ACCEPTS_MAX, timeout_keep_alive=KEEP_ALIVE_S,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX, timeout_graceful_shutdown=grace_s,
        callback_notify=log_notices, timeout_notify=LOG_EVERY_MS // 1000,
    ))
    app.state.streams.is_closing = lambda: server.should_exit
    return server
