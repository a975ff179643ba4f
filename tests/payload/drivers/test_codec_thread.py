"""The codec's thread: it begins when it is first asked for, and nobody waits for it."""

from __future__ import annotations

import threading

from payload.drivers.codec_thread import CodecThread
from tests.wire.test_text_codec import model
from wire.text_codec import TextModel

WAIT_S = 30


def test_nobody_waits_for_the_codec() -> None:
    began, may_end = threading.Event(), threading.Event()
    codec = model()

    def load() -> TextModel:
        began.set()
        may_end.wait(WAIT_S)
        return codec

    thread = CodecThread(load)
    assert not began.is_set(), "the first beacon goes before"
    used: list[TextModel] = []
    thread.hand_to(used.append)
    assert began.wait(WAIT_S)
    thread.hand_to(used.append)
    assert used == []
    may_end.set()
    assert thread._thread is not None
    thread._thread.join(WAIT_S)
    for _ in range(2):
        thread.hand_to(used.append)
        assert used == [codec], "handed over once"


def test_a_persona_without_a_codec_has_none() -> None:
    thread = CodecThread(lambda: None)
    used: list[TextModel] = []
    thread.hand_to(used.append)
    assert thread._thread is not None
    thread._thread.join(WAIT_S)
    thread.hand_to(used.append)
    assert used == []


def test_a_codec_that_comes_while_it_is_looked_for_is_handed_over_the_next_time() -> None:
    may_end = threading.Event()
    codec = model()

    class Interrupted(CodecThread):
        """The thread ends right after ``hand_to`` has looked for the first time."""

        _held: TextModel | None = None

        @property
        def _found(self) -> TextModel | None:
            held = self._held
            if self._thread is not None:
                may_end.set()
                self._thread.join(WAIT_S)
            return held

        @_found.setter
        def _found(self, found: TextModel | None) -> None:
            self._held = found

    def load() -> TextModel:
        may_end.wait(WAIT_S)
        return codec

    thread = Interrupted(load)
    used: list[TextModel] = []
    for _ in range(3):
        thread.hand_to(used.append)
    assert used == [codec]
