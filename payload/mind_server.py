"""The serving half of the mind worker: loads the model of a bundle and answers with it.

It serves one client (the flight core) at a time over a Unix stream socket with the messages of
``payload.mind.protocol``, and may be killed at any instant: all it keeps is a cache of evaluated
prompt prefixes, each in a file that carries its own SHA-256. The model is ``payload.mind_engine``.

llama.cpp gets a model only once the manifest is signed by a key that the command line trusts and
the open file is the one in it, or the one on record as assembled from it (``wire.bundle``); what is
hashed is what is loaded.

Without a usable model it stays up and answers ``no_model``; it looks again when a file of the
bundle changes.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from payload.mind import protocol, reranker
from payload.mind import worker_log as log
from payload.mind.prefix_cache import PrefixCache
from payload.mind.protocol import Hello, Message, MessageDecoder
from payload.mind.reranker import Reranker
from payload.mind_engine import N_CTX_DEFAULT, Engine, NoModel, Unanswerable
from payload.ports import MindFailed, MindReply, MindRequest
from payload.prompt import topic_of
from wire.bundle import (
    ASSEMBLED,
    MANIFEST,
    MODEL,
    PUBLIC_KEY,
    RERANKER,
    SIGNATURE,
    BundleError,
    model_file,
    open_file,
    read_manifest,
)
from wire.file_hashes import FileHashes

SEND_S_MAX = 1.0


class GivenUp(Exception):
    """The client has disconnected: nobody waits for this answer."""


@dataclass(frozen=True, slots=True)
class BundleEngine:
    """The model of a bundle, and the order in which its drafts are tried."""

    model: Engine
    reranker: Reranker | None

    def answer(self, request: MindRequest, pulse: Callable[[], None]) -> MindReply:
        """Drafts for a request, the best first; ``pulse`` and errors are those of the model."""
        reply = self.model.answer(request, pulse)
        if self.reranker is None:
            return reply
        drafts = self.reranker.ordered(
            reply.drafts, topic_of(request.suffix), is_ranked=request.plain_suffix != "")
        return replace(reply, drafts=drafts)


def load_engine(
    bundle: Path, trusted_keys: list[bytes], cache: PrefixCache, hashes: FileHashes, threads: int
) -> BundleEngine:
    """The model of a bundle. Raises NoModel, also where it is too large for the memory."""
    try:
        manifest = read_manifest(bundle, trusted_keys)
        file = model_file(bundle, manifest)
        order = reranker.load(bundle, manifest, hashes)
        n_ctx = manifest.runtime.get("n_ctx")
        with open_file(bundle, file, hashes) as opened:
            engine = Engine(opened, str(bundle / MODEL), file.sha256,
                            n_ctx if type(n_ctx) is int else N_CTX_DEFAULT, threads, cache)
        return BundleEngine(engine, order)
    except BundleError as error:
        raise NoModel(str(error)) from error
    except OSError as error:
        raise NoModel(f"{error.filename or bundle / MODEL}: cannot be read"
                      f" ({error.strerror})") from error


class MindServer:
    """The socket: one client, one request at a time; a further request is answered ``busy``."""

    def __init__(
        self, path: Path, name: str, load: Callable[[], BundleEngine], signature: Callable[[], str]
    ) -> None:
        """Listens on ``path``; ``load`` is tried again when ``signature`` has changed.

        ``name`` is what Hello calls the loaded model.
        """
        self._name, self._load, self._signature = name, load, signature
        self._engine: BundleEngine | None = None
        self._loaded_signature: str | None = None
        self._client: socket.socket | None = None
        self._waiting: MindRequest | None = None
        self._serving: socket.socket | None = None  # whose request is being answered
        path.unlink(missing_ok=True)  # of a killed worker; holding the lock proves that it is gone
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
            log.warning("unanswerable", id=request.request_id, why=str(error))
            return MindFailed(request.request_id, "garbage")

    def _find_engine(self) -> BundleEngine | None:
        """The model; a file that would not load is tried again only when it has changed."""
        signature = self._signature()
        if self._engine is None and signature != self._loaded_signature:
            self._loaded_signature = signature
            try:
                self._engine = self._load()
                log.info("model_loaded", model=self._name)
            except NoModel as error:
                log.error("no_model", why=str(error))
        return self._engine

    def _pulse(self) -> None:
        self._listen(0)
        if self._client is not self._serving:
            raise GivenUp

    def _listen(self, timeout_s: float | None) -> None:
        """Accept clients, read requests, notice disconnections."""
        sockets = [self._listener] + ([self._client] if self._client is not None else [])
        ready, _, _ = select.select(sockets, [], [], timeout_s)
        # The client first, to the end of its stream: when it has left, a newcomer has its place.
        while self._client is not None and select.select([self._client], [], [], 0)[0]:
            self._receive(self._client)
        if self._listener in ready:
            newcomer, _ = self._listener.accept()
            newcomer.settimeout(SEND_S_MAX)
            if self._client is not None:
                newcomer.close()  # a second flight core; it sees the end of the stream
                return
            self._client, self._decoder, engine = newcomer, MessageDecoder(), self._engine
            model, n_ctx = (self._name, engine.model.n_ctx) if engine else ("", 0)
            self._send(Hello(os.getpid(), model, n_ctx))

    def _receive(self, client: socket.socket) -> None:
        try:
            data = client.recv(65536)
            messages = self._decoder.feed(data)
        except (OSError, protocol.ProtocolError) as error:
            log.warning("client_dropped", why=str(error))
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


def signature_of(bundle: Path) -> str:
    """Changes with any file that the model depends on; not a hash, since it is read often."""
    found = []
    for name in (MODEL, ASSEMBLED, RERANKER, MANIFEST, SIGNATURE, PUBLIC_KEY):
        with contextlib.suppress(OSError):
            stat = (bundle / name).stat()
            found.append(f"{name} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns}")
    return " ".join(found)
