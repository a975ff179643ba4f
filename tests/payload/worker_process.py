"""A mind worker as a real process, for tests: started, spoken to, and always ended."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from payload.mind.protocol import Hello, Message, MessageDecoder, encode
from payload.ports import MindRequest
from tests.bundles import TRUSTED_KEY

WAIT_S = 60.0  # a bound, not a delay: the machine may be busy


def command(bundle: Path, path: Path) -> list[str]:
    return [
        sys.executable, "-m", "payload.mind_worker", "--bundle", os.fspath(bundle),
        "--socket", os.fspath(path), "--threads", "1", "--trust", TRUSTED_KEY.hex(),
    ]


def read_event(descriptor: int, name: str) -> dict[str, Any]:
    """Wait for the log line ``name`` on a worker's standard error."""
    seen = b""
    while select.select([descriptor], [], [], WAIT_S)[0]:
        data = os.read(descriptor, 4096)
        assert data, f"the worker ended: {seen!r}"
        seen += data
        for line in seen.split(b"\n")[:-1]:
            if line.startswith(b"{") and json.loads(line)["event"] == name:
                return dict(json.loads(line))
    raise AssertionError(f"no {name} within {WAIT_S} s: {seen!r}")


class Client:
    """One connection, read message by message."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(WAIT_S)
        self.socket.connect(os.fspath(path))
        self._decoder = MessageDecoder()
        self._messages: list[Message] = []

    def read(self) -> Message | None:
        """The next message, None at the end of the stream."""
        while not self._messages:
            data = self.socket.recv(65536)
            if not data:
                return None
            self._messages += self._decoder.feed(data)
        return self._messages.pop(0)

    def hello(self) -> Hello:
        message = self.read()
        assert isinstance(message, Hello), message
        return message

    def ask(self, request: MindRequest) -> Message | None:
        self.socket.sendall(encode(request))
        return self.read()

    def close(self) -> None:
        self.socket.close()


class Worker:
    """A process that has bound its socket and looked for its model."""

    def __init__(self, bundle: Path, path: Path, event: str = "model_loaded") -> None:
        self.path = path
        with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        self.process = subprocess.Popen([*with_us, *command(bundle, path)], stderr=subprocess.PIPE)
        assert self.process.stderr is not None
        self.event = read_event(self.process.stderr.fileno(), event)

    def client(self) -> Client:
        return Client(self.path)

    def end(self) -> None:
        self.process.kill()
        self.process.wait(WAIT_S)
        assert self.process.stderr is not None
        self.process.stderr.close()
