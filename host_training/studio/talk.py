"""Step 7, the conversation: the persona answers here as `spacepi-train chat` lets it.

What was said is kept in the folder, so that a closed tab loses nothing.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from host_training.bundle import rehearsal
from host_training.bundle.conversation import ON_THE_GROUND, TURNS_MAX, Conversation, Utterance
from host_training.bundle.endpoint import Refused, WaitingLine
from host_training.bundle.pack import read_persona_json
from host_training.errors import TrainingError
from host_training.studio.answers import NotDone, as_json, posted, text_of
from host_training.studio.place import StudioPlace
from host_training.studio.state import need, speaker
from payload.prompt import QUESTION_CHARS_MAX, Moment
from wire.bundle import BundleError, verify_bundle

THREADS_MAX = 4
CANNOT = "The persona cannot be opened ({}); train it again."


class ClosableVoice(Protocol):
    """A persona that speaks, and that holds memory until it is closed."""

    def speak(self, moment: Moment, turns: Sequence[Utterance] = ()) -> str | None: ...

    def close(self) -> None: ...


def open_voice(place: StudioPlace) -> ClosableVoice:
    """The persona in the folder, or its rehearsal. Raises BundleError, TrainingError."""
    from host_training.bundle.chat import BundleVoice  # llama.cpp is loaded with it

    threads = min(THREADS_MAX, os.cpu_count() or 1)
    if _is_rehearsal(place):
        return rehearsal.voice(place.work, threads, seed=1)
    return BundleVoice(place.bundle, verify_bundle(place.bundle, None), threads, seed=1)


def _is_rehearsal(place: StudioPlace) -> bool:
    return speaker(place) == place.work / rehearsal.FILE


class Talk:
    """The conversation with the persona in the folder, which is opened at the first word."""

    def __init__(self, place: StudioPlace,
                 opened: Callable[[StudioPlace], ClosableVoice] = open_voice) -> None:
        self._place = place
        self._opened = opened
        self._voice: ClosableVoice | None = None
        self._of: bytes = b""  # the file of the persona that speaks, see ``speaker``
        self.line = WaitingLine()

    def turns(self) -> list[Utterance]:
        """What was said, the newest TURNS_MAX."""
        if not self._place.talk.exists():
            return []
        rows = self._place.talk.read_text(encoding="utf-8").splitlines()[-TURNS_MAX:]
        return [Utterance(**json.loads(row)) for row in rows]

    def say(self, words: str, turn: threading.Lock) -> str | None:
        """The answer, None for silence. In a thread."""
        with turn:
            conversation = Conversation(self._current(), self.turns())
            line = conversation.say(words)
        said = [Utterance("user", words), *([Utterance("assistant", line)] if line else [])]
        with self._place.talk.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in said)
        return line

    def _current(self) -> ClosableVoice:
        path = speaker(self._place)
        of = path.read_bytes() if path else b""
        if self._voice is None or of != self._of:
            self.close()
            self._voice, self._of = self._opened(self._place), of
        return self._voice

    def close(self) -> None:
        """Free the model."""
        if self._voice is not None:
            self._voice.close()
        self._voice = None


def routes(place: StudioPlace, talk: Talk) -> list[Route]:
    """Of this step."""
    return [Route("/api/talk", partial(_read, place, talk)),
            Route("/api/talk", partial(_say, place, talk), methods=["POST"])]


async def _read(place: StudioPlace, talk: Talk, request: Request) -> Response:
    found: dict[str, Any] = {"turns": [asdict(turn) for turn in talk.turns()],
                             "chars_max": QUESTION_CHARS_MAX, "disclosure": "", "name": "",
                             "is_signed": False}
    try:
        if speaker(place) is not None:
            words = (rehearsal.persona(place.work) if _is_rehearsal(place)
                     else read_persona_json(place.bundle))
            found |= {"disclosure": words["disclosure"], "name": words["name"],
                      "is_signed": not _is_rehearsal(place)}
    except TrainingError as error:
        raise NotDone(CANNOT.format(error), 500) from error
    return as_json(found)


async def _say(place: StudioPlace, talk: Talk, request: Request) -> Response:
    words = text_of(await posted(request), "words", "Your words", QUESTION_CHARS_MAX)
    need(speaker(place) is not None, "There is no persona to talk with yet; train it first.")
    try:
        with talk.line.place() as turn:
            line = await run_in_threadpool(talk.say, words, turn)
    except Refused as error:
        raise NotDone("It is still thinking about what was said before; wait a moment and say it"
                      " again.", 429) from error
    except (BundleError, TrainingError) as error:
        raise NotDone(CANNOT.format(error), 500) from error
    return as_json({"line": line, "moment": ON_THE_GROUND.phase})
