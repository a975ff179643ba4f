"""The store's disk in a thread of its own, the only one that waits for the card.

Implements ``payload.ports.Disk`` around whatever serves its requests: one at a time, and between
two of them one slice of chores. Only this thread touches the file. It cannot be stopped while the
card holds it up; ``close`` waits for it no longer than it is told to.
"""

from __future__ import annotations

import queue
import threading
from typing import Protocol

from payload.ports import Commit, Committed, Opened, Opening, StoreRefused

Request = Opening | Commit
Answer = Opened | Committed | StoreRefused


class DiskServer(Protocol):
    """``payload.storage.writer.Writer``; each call takes as long as it takes."""

    def serve(self, request: Request) -> Answer: ...
    def chore(self) -> None: ...
    def close(self) -> None: ...


class DiskThread:
    """One thread, started at once."""

    def __init__(self, server: DiskServer) -> None:
        self._server = server
        self._requests: queue.Queue[Request | None] = queue.Queue(2)  # the last one is the end
        self._answers: queue.Queue[Answer | Exception] = queue.Queue(1)
        self._thread = threading.Thread(target=self._work, name="disk", daemon=True)
        self._thread.start()

    def start(self, request: Request) -> None:
        """Call it only when the request before has been answered."""
        self._requests.put_nowait(request)

    def poll(self) -> Answer | None:
        """The answer, once. A mistake in the server is raised here, as if it were the caller's."""
        try:
            answer = self._answers.get_nowait()
        except queue.Empty:
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self, wait_s: float) -> bool:
        """Close the file after the last request; False if that takes longer."""
        self._requests.put_nowait(None)
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while (request := self._requests.get()) is not None:
                self._answers.put(self._server.serve(request))
                self._server.chore()
        except Exception as error:  # noqa: BLE001 (raised again in ``poll``)
            self._answers.put(error)
        finally:
            self._server.close()
