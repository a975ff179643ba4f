"""Looks up the address of a host name in a thread: a resolver may block for half a minute.

A thread per look-up, and one look-up at a time; one that never ends is waited for and not repeated.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Thread
from typing import Any

Place = tuple[int, Any]  # address family and socket address


class NameLookup:
    """Where a TCP service is. A numeric address and "localhost" are known at once."""

    def __init__(
        self, host: str, port: int, resolve: Callable[..., list[Any]] = socket.getaddrinfo
    ) -> None:
        """Looks nothing up yet. ``resolve`` stands in for the system's resolver in tests."""
        self._host, self._port, self._resolve = host, port, resolve
        self._thread: Thread | None = None
        self._found: Place | OSError | None = None
        self._known = _numeric("127.0.0.1" if host == "localhost" else host, port)

    def poll(self) -> Place | None:
        """Where it is now; None while that is being looked up, which this begins.

        Raises OSError, once per look-up, where the name is not known.
        """
        if self._known is not None:
            return self._known
        if self._thread is None:
            self._thread = Thread(target=self._look_up, daemon=True)
            self._thread.start()
        if self._thread.is_alive():
            return None
        found, self._found, self._thread = self._found, None, None
        if isinstance(found, OSError):
            raise found
        return found

    def _look_up(self) -> None:
        try:
            family, _, _, _, address = self._resolve(
                self._host, self._port, type=socket.SOCK_STREAM)[0]
            self._found = family, address
        except (OSError, UnicodeError) as error:  # a name of letters that no name has
            self._found = error if isinstance(error, OSError) else OSError(str(error))


def _numeric(address: str, port: int) -> Place | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, address)
        except OSError:
            continue
        return family, (address, port)
    return None
