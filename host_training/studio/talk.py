"""Step 7, the conversation: the persona answers here as `spacepi-train chat` lets it.

The conversation is kept in the folder, so that a closed tab loses nothing.
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
from host_training.studio.state import need, speaker
from host_training.studio.studio_folder import StudioFolder
from payload.prompt import QUESTION_CHARS_MAX, Moment
from wire.bundle import BundleError, verify_bundle

THREADS_MAX = 4
CANNOT = "The persona cannot be opened ({}); train it again."


class ClosableVoice(Protocol):
    """A persona that speaks, and that holds memory until it is closed."""

    def speak(self, moment: Moment, turns: Sequence[Utterance] = ()) -> str | None: ...

    def close(self) -> None: ...


def open_voice(studio: StudioFolder) -> ClosableVoice:
    """The persona in the folder, or its rehearsal. Raises BundleError, TrainingError."""
    from host_training.bundle.chat import BundleVoice  # llama.cpp is loaded with it

    threads = min(THREADS_MAX, os.cpu_count() or 1)
    if _is_rehearsal(studio):
        return rehearsal.voice(studio.work, threads, seed=1)
    return BundleVoice(studio.bundle, verify_bundle(studio.bundle, None), threads, seed=1)


def _is_rehearsal(studio: StudioFolder) -> bool:
    return speaker(studio) == studio.work / rehearsal.FILE


class Talk:
    """The conversation with the persona in the folder, which is opened at the first word."""

    def __init__(self, studio: StudioFolder,
                 opened: Callable[[StudioFolder], ClosableVoice] = open_voice) -> None:
        self._studio = studio
        self._opened = opened
        self._voice: ClosableVoice | None = None
        self._of: bytes = b""  # the file of the persona that speaks, see ``speaker``
        self.line = WaitingLine()

    def turns(self) -> list[Utterance]:
        """The newest TURNS_MAX turns."""
        if not self._studio.talk.exists():
            return []
        rows = self._studio.talk.read_text(encoding="utf-8").splitlines()[-TURNS_MAX:]
        return [Utterance(**json.loads(row)) for row in rows]

    def say(self, words: str, turn: threading.Lock) -> str | None:
        """The answer, None for silence. In a thread."""
        with turn:
            conversation = Conversation(self._current(), self.turns())
            line = conversation.say(words)
        exchange = [Utterance("user", words), *([Utterance("assistant", line)] if line else [])]
        with self._studio.talk.open("a", encoding="utf-8") as file:
            file.writelines(
                json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in exchange)
        return line

    def _current(self) -> ClosableVoice:
        path = speaker(self._studio)
        of = path.read_bytes() if path else b""
        if self._voice is None or of != self._of:
            self.close()
            self._voice, self._of = self._opened(self._studio), of
        return self._voice

    def close(self) -> None:
        """Free the model."""
        if self._voice is not None:
            self._voice.close()
        self._voice = None


def routes(studio: StudioFolder, talk: Talk) -> list[Route]:
    """Of this step."""
    return [Route("/api/talk", partial(_read, studio, talk)),
            Route("/api/talk", partial(_say, studio, talk), methods=["POST"])]


async def _read(studio: StudioFolder, talk: Talk, request: Request) -> Response:
    found: dict[str, Any] = {"turns": [asdict(turn) for turn in talk.turns()],
                             "chars_max": QUESTION_CHARS_MAX, "disclosure": "", "name": "",
                             "is_signed": False}
    try:
        if speaker(studio) is not None:
            words = (rehearsal.persona(studio.work) if _is_rehearsal(studio)
                     else read_persona_json(studio.bundle))
            found |= {"disclosure": words["disclosure"], "name": words["name"],
                      "is_signed": not _is_rehearsal(studio)}
    except TrainingError as error:
        raise NotDone(CANNOT.format(error), 500) from error
    return as_json(found)


async def _say(studio: StudioFolder, talk: Talk, request: Request) -> Response:
    words = text_of(await posted(request), "words", "Your words", QUESTION_CHARS_MAX)
    need(speaker(studio) is not None, "There is no persona to talk with yet; train it first.")
    try:
        with talk.line.place() as turn:
            line = await run_in_threadpool(talk.say, words, turn)
    except Refused as error:
        raise NotDone("It is still thinking about what was said before; wait a moment and say it"
                      " again.", 429) from error
    except (BundleError, TrainingError) as error:
        raise NotDone(CANNOT.format(error), 500) from error
    return as_json({"line": line, "moment": ON_THE_GROUND.phase})
