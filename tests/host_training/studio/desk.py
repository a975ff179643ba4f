"""A studio for the tests: its folder, an app or a served page, and a small generated export."""

from __future__ import annotations

import json
import random
import shutil
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.testclient import TestClient

from host_training.common.persona_dir import read_persona
from host_training.common.progress_record import recorded
from host_training.corpus import assemble
from host_training.errors import TrainingError
from host_training.studio.http_security import COOKIE
from host_training.studio.server import create_app, make_server
from host_training.studio.studio_folder import StudioFolder

ADA, BO = "Ada Moor", "Bo Berg"
EDDA = Path(__file__).resolve().parents[3] / "host_training" / "examples" / "edda-tiny.bundle"
WAIT_S = 120
_ASKED = ("Where is the {thing} now?", "What is the {thing} doing {when}?",
          "Will you bring the {thing} {when}?", "Why is the {thing} {where} again?")
_SAID = ("The {thing} went {where} {when}, and nobody asked it.",
         "I looked at the {thing} {when}. It is {how}.", "It is {where}, {how} as ever.",
         "Leave the {thing} alone {when}; it is {how}.", "{when} I carry the {thing} {where}.")
_WORDS = {
    "thing": ("box", "parachute", "balloon", "antenna", "kite", "radio", "battery", "camera"),
    "how": ("polite", "quiet", "wet", "out of patience", "cold", "very light", "awake"),
    "when": ("today", "on Sunday", "after the rain", "before breakfast", "in the dark", "at noon"),
    "where": ("over the hedge", "behind the barn", "down to the river", "up the hill", "under the"
              " stairs", "to the far field"),
}


def whatsapp(n_turns: int = 80, seed: int = 7) -> str:
    """A chat of Ada and Bo as WhatsApp exports it, a turn a day, a few private things in it."""
    rng = random.Random(seed)
    lines = []
    for turn in range(n_turns):
        words = {key: rng.choice(known) for key, known in _WORDS.items()}
        began = f"{turn % 28 + 1:02}/{turn // 28 + 3:02}/2021, 1{turn % 10}"
        said = rng.choice(_SAID).format(**words)
        lines += [f"{began}:10 - {BO}: {rng.choice(_ASKED).format(**words)}",
                  f"{began}:12 - {ADA}: {said[0].upper()}{said[1:]}"]
    lines.append(f"28/12/2021, 18:00 - {ADA}: Write to ada@example.org or call +31 20 624 1111.")
    lines.append(f"28/12/2021, 18:05 - {ADA}: Bo has the key of the boat house.")
    return "\n".join(lines) + "\n"


class Desk:
    """The API of a studio in a folder, as the page uses it."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.studio = StudioFolder(root)
        self.studio.prepare()
        self.n_read = 0
        self.app: Starlette = create_app(self.studio, self.studio.token(), **options)
        self.client = TestClient(self.app, base_url="http://127.0.0.1:8020",
                                 cookies={COOKIE: self.studio.token()})

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refusal(self, path: str, **body: Any) -> str:
        """The sentence with which a post is refused."""
        answer = self.client.post(path, json=body)
        assert 400 <= answer.status_code < 500, answer.text
        sentence: str = answer.json()["error"]
        assert sentence.endswith((".", "?")) and "\n" not in sentence, sentence
        return sentence

    def upload(self, name: str, content: bytes) -> Any:
        return self.client.put("/api/exports", params={"name": name}, content=content)

    def read(self) -> None:
        """What the command `scan` does, in this process: quicker, and told as done."""
        self.studio.seen.mkdir(exist_ok=True)
        self.n_read += 1
        about = {"pid": 0, "started_s": self.n_read,
                 "about": {"fingerprint": self.studio.fingerprint()}}
        (self.studio.jobs / "scan.json").write_text(json.dumps(about))
        with suppress(TrainingError), recorded(self.studio.jobs / "scan.jsonl"):
            assemble.prepare(self.studio.persona, read_persona(self.studio.persona, False),
                             self.studio.seen, lambda share, line: None)

    def train(self) -> None:
        """What the command `run` leaves, of the shipped tiny Edda."""
        shutil.copytree(EDDA, self.studio.bundle)
        about = {"pid": 0, "started_s": 1.0, "about": {"size": "small"}}
        (self.studio.jobs / "train.json").write_text(json.dumps(about))
        with recorded(self.studio.jobs / "train.jsonl"):
            pass

    def wait(self, kind: str) -> dict[str, Any]:
        """The end of a command."""
        return wait_for(lambda: (state := self.get("/api/state")[kind])["started_s"]
                        and not state["is_running"] and state)

    def steps(self) -> dict[str, tuple[bool, bool]]:
        """Step -> (is it open, is it done)."""
        return {step["id"]: (step["is_open"], step["is_done"])
                for step in self.get("/api/state")["steps"]}


def wait_for(found: Callable[[], Any]) -> Any:
    """What ``found`` gives once it gives something; a command of its own cannot be waited for
    otherwise."""
    deadline = time.monotonic() + WAIT_S
    pause = threading.Event()
    while time.monotonic() < deadline:
        if result := found():
            return result
        pause.wait(0.1)
    raise TimeoutError


class ServedStudio:
    """The page on a port of its own, on a thread."""

    def __init__(self, root: Path, port: int = 0, **options: Any) -> None:
        self.studio = StudioFolder(root)
        self.studio.prepare()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/?token={self.studio.token()}"
        self._server = make_server(create_app(self.studio, self.studio.token(), **options))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
