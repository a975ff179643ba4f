"""The internet as the payload sees it: an HTTP server that mostly fails.

What it answers is drawn by ``sim.fakes.services.SimHttp``; here it becomes HTTP/1.0 on a real
socket.
"""

from __future__ import annotations

from payload.ports import ApiFailed, ApiReply, ApiRequest
from sim.fakes.services import SimHttp
from sim.rig.live import Connection, Loop, Port

LOOK_EVERY_S = 0.1
REQUEST_BYTES_MAX = 8_192
_END = b"\r\n\r\n"


class Internet:
    """One request at a time; the one before is forgotten, for its asker has given it up."""

    def __init__(self, loop: Loop, http: SimHttp) -> None:
        self.port = Port(loop, self._join)
        self.requests = 0
        self._loop, self._http = loop, http
        self._asker: Connection | None = None
        loop.every(LOOK_EVERY_S, self._look)

    def _join(self, connection: Connection) -> None:
        head = b""

        def take(data: bytes) -> None:
            nonlocal head
            head += data
            if _END in head:
                self._ask(connection, head)
            elif len(head) > REQUEST_BYTES_MAX:
                connection.close()

        connection.on_data = take

    def _ask(self, connection: Connection, head: bytes) -> None:
        if self._asker is not None:
            self._asker.close()
            self._http.cancel(self._loop.clock.now_ms)
        path = head.split(b"\r\n")[0].partition(b" ")[2].split(b" ")[0].decode("ascii", "replace")
        self.requests += 1
        self._asker = connection
        request = ApiRequest(self.requests, path.strip("/"), path)
        is_taken = self._http.start(request, self._loop.clock.now_ms)
        assert is_taken, "one request at a time"

    def _look(self) -> None:
        answer = self._http.poll(self._loop.clock.now_ms)
        asker = self._asker
        if answer is None or asker is None:
            return
        self._asker = None
        if isinstance(answer, ApiReply):
            head = f"HTTP/1.0 {answer.status} .\r\nContent-Length: {len(answer.body)}\r\n\r\n"
            asker.write(head.encode() + answer.body)
        assert isinstance(answer, ApiReply | ApiFailed)
        asker.close()
