"""Unpacks the persona's text codec in a thread, so that the first beacon need not wait for it.

Unpacking takes a third of a second on a desktop computer, and the first beacon would wait for most
of that. Until the codec is ready, texts are sent deflated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from wire.text_codec import TextModel


class CodecThread:
    """One thread, started by the first ``hand_to``; it never outlives the process."""

    def __init__(self, load: Callable[[], TextModel | None]) -> None:
        """``load`` takes as long as it takes; it returns None where there is no codec."""
        self._load = load
        self._found: TextModel | None = None
        self._thread: threading.Thread | None = None

    def hand_to(self, use: Callable[[TextModel], None]) -> None:
        """Call ``use`` with the codec, once, if it is there by now; never waits for it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="codec", daemon=True)
            self._thread.start()
        found = self._found
        if found is not None:  # the thread ends with it: nothing is written after this
            self._found = None
            use(found)

    def _work(self) -> None:
        self._found = self._load()
