"""The process that runs the model; ``payload.mind_start`` has its command line.

It serves one client (the flight core) at a time over a Unix stream socket with the messages of
``payload.mind.protocol``, and may be killed at any instant: all it keeps is a cache of evaluated
prompt prefixes, each in a file that carries its own SHA-256. The model is ``payload.mind_engine``.

llama.cpp gets a model only once the manifest is signed by a key that the command line trusts and
the open file is the one in it, or the one on record as assembled from it (``wire.bundle``); what is
hashed is what is loaded.

Without a usable model the worker stays up and answers ``no_model``; it looks again
when a file of the bundle changes.

Ends with status 0 on SIGTERM, 1 with one sentence when another worker owns the socket or llama.cpp
cannot be loaded.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from payload import llama_library
from payload.mind import protocol
from payload.mind.prefix_cache import PrefixCache
from payload.mind.protocol import Hello, Message, MessageDecoder
from payload.ports import MindFailed, MindRequest
from wire.bundle import (
    ASSEMBLED,
    MANIFEST,
    MODEL,
    PUBLIC_KEY,
    SIGNATURE,
    BundleError,
    model_file,
    open_file,
    read_manifest,
)
from wire.file_hashes import FileHashes

with llama_library.loading():
    from payload.mind_engine import N_CTX_DEFAULT, Engine, NoModel, Unanswerable

SEND_S_MAX = 1.0
_log = structlog.get_logger("mind_worker")


class GivenUp(Exception):
    """Nobody waits for this answer any more."""


def load_engine(
    bundle: Path, trusted_keys: list[bytes], cache: PrefixCache, hashes: FileHashes, threads: int
) -> Engine:
    """The model of a bundle. Raises NoModel, also where it is too large for the memory."""
    try:
        manifest = read_manifest(bundle, trusted_keys)
        file = model_file(bundle, manifest)
        n_ctx = manifest.runtime.get("n_ctx")
        with open_file(bundle, file, hashes) as opened:
            return Engine(opened, str(bundle / MODEL), file.sha256,
                          n_ctx if type(n_ctx) is int else N_CTX_DEFAULT, threads, cache)
    except BundleError as error:
        raise NoModel(str(error)) from error
    except OSError as error:
        raise NoModel(f"{bundle / MODEL}: cannot be read ({error.strerror})") from error


class MindServer:
    """The socket: one client, one request at a time; ``busy`` to whatever is more than that."""

    def __init__(
        self, path: Path, name: str, load: Callable[[], Engine], signature: Callable[[], str]
    ) -> None:
        """Listens on ``path``; ``load`` is tried again when ``signature`` has changed.

        ``name`` is what a client is told of a model that was loaded.
        """
        self._name, self._load, self._signature = name, load, signature
        self._engine: Engine | None = None
        self._loaded_signature: str | None = None
        self._client: socket.socket | None = None
        self._waiting: MindRequest | None = None
        self._serving: socket.socket | None = None  # whose request is being answered
        path.unlink(missing_ok=True)  # of a worker that was killed; the lock says it is gone
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(os.fspath(path))
        os.chmod(path, 0o660)
        self._listener.listen(4)

    def serve(self) -> None:
        """Until a signal ends the process."""
        self._find_engine()
        while True:
            request, self._waiting = self._waiting, None
            if request is None:
                self._listen(None)
                continue
            self._serving = self._client
            with contextlib.suppress(GivenUp):
                self._send(self._answer(request))
            self._serving = None

    def _answer(self, request: MindRequest) -> Message:
        engine = self._find_engine()
        try:
            if engine is None:
                return MindFailed(request.request_id, "no_model")
            return engine.answer(request, self._pulse)
        except Unanswerable as error:
            _log.warning("unanswerable", id=request.request_id, why=str(error))
            return MindFailed(request.request_id, "garbage")

    def _find_engine(self) -> Engine | None:
        """The model; a file that would not load is tried again only when it has changed."""
        signature = self._signature()
        if self._engine is None and signature != self._loaded_signature:
            self._loaded_signature = signature
            try:
                self._engine = self._load()
                _log.info("model_loaded", model=self._name)
            except NoModel as error:
                _log.error("no_model", why=str(error))
        return self._engine

    def _pulse(self) -> None:
        self._listen(0)
        if self._client is not self._serving:
            raise GivenUp

    def _listen(self, timeout_s: float | None) -> None:
        """Take what has arrived: clients, requests, goodbyes."""
        sockets = [self._listener] + ([self._client] if self._client is not None else [])
        ready, _, _ = select.select(sockets, [], [], timeout_s)
        # The client first, to its end: its goodbye, behind a last request, makes room for the next.
        while self._client is not None and select.select([self._client], [], [], 0)[0]:
            self._receive(self._client)
        if self._listener in ready:
            newcomer, _ = self._listener.accept()
            newcomer.settimeout(SEND_S_MAX)
            if self._client is not None:
                newcomer.close()  # a second core, or a test of one; it sees the end of the stream
                return
            self._client, self._decoder, engine = newcomer, MessageDecoder(), self._engine
            model, n_ctx = (self._name, engine.n_ctx) if engine else ("", 0)
            self._send(Hello(os.getpid(), model, n_ctx))

    def _receive(self, client: socket.socket) -> None:
        try:
            data = client.recv(65536)
            messages = self._decoder.feed(data)
        except (OSError, protocol.ProtocolError) as error:
            _log.warning("client_dropped", why=str(error))
            data, messages = b"", []
        if not data:
            self._drop()
        for message in messages:
            if not isinstance(message, MindRequest):
                self._drop()
            elif self._serving is not None or self._waiting is not None:
                self._send(MindFailed(message.request_id, "busy"))
            else:
                self._waiting = message

    def _send(self, message: Message) -> None:
        try:
            if self._client is not None:
                self._client.sendall(protocol.encode(message))
        except OSError:
            self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._waiting = None


def _signature(bundle: Path) -> str:
    """Changes when a file that decides on the model does; not a hash, since it is asked often."""
    found = []
    for name in (MODEL, ASSEMBLED, MANIFEST, SIGNATURE, PUBLIC_KEY):
        with contextlib.suppress(OSError):
            stat = (bundle / name).stat()
            found.append(f"{name} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns}")
    return " ".join(found)


def main() -> None:
    """The command line."""
    # The standard library's handlers never raise: a log that is full does not cost the mind.
    logging.raiseExceptions = False
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    parser = argparse.ArgumentParser(prog="payload.mind_worker", description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="persona bundle directory")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--cache", type=Path, help="cache directory (default: next to the socket)")
    parser.add_argument("--trust", type=bytes.fromhex, action="append", default=[],
                        metavar="HEX", help="trusted public key of the bundle")
    parser.add_argument("--threads", type=int, default=max(1, min(4, (os.cpu_count() or 1) - 1)))
    arguments = parser.parse_args()
    path, bundle = arguments.socket, arguments.bundle
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    lock = open(path.with_name(path.name + ".lock"), "w")  # noqa: SIM115  # held until we die
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"Another mind worker is already listening on {path}.")
    kept = arguments.cache or path.with_name("mind-cache")
    cache, hashes = PrefixCache(kept), FileHashes(kept / "hashes.json")
    try:
        MindServer(
            path, bundle.name,
            lambda: load_engine(bundle, arguments.trust, cache, hashes, arguments.threads),
            lambda: _signature(bundle)).serve()
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
