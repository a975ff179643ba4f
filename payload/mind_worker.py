"""The process that runs the model; ``payload.mind_start`` has its command line.

The only importer of llama_cpp. It serves one client (the flight core) at a time over a Unix stream
socket with the messages of ``payload.mind.protocol``, and may be killed at any instant: all it
keeps is a cache of evaluated prompt prefixes, each in a file that carries its own SHA-256.

llama.cpp gets a model only once the manifest is signed by a key that the command line trusts and
the open file is the one in it, or the one on record as assembled from it (``wire.bundle``); what is
hashed is what is loaded.

A prompt is prefix + suffix. The prefix is evaluated once per bundle; afterwards the model's memory
is cut back to it (or restored from the file after a restart) and a request costs only its suffix
and its reply. Without a usable model the worker stays up and answers ``no_model``; it looks again
when a file of the bundle changes. Equal seed, model, prompt and thread count give the equal reply.

Ends with status 0 on SIGTERM, 1 with one sentence when another worker owns the socket.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import hashlib
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import llama_cpp
import llama_cpp.llama_cpp as llama
import structlog

from payload.mind import protocol
from payload.mind.prefix_cache import PrefixCache
from payload.mind.protocol import Hello, Message, MessageDecoder
from payload.ports import MindFailed, MindReply, MindRequest
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

N_CTX_DEFAULT, N_CTX_RANGE = 1024, (128, 8192)
N_BATCH = 64  # logits of one batch cost n_vocab * 4 bytes a row; also how often we listen
TOP_K, TOP_P, MIN_P = 40, 0.95, 0.05
SEND_S_MAX = 1.0
_LOG_LEVEL_ERROR = 3
_log = structlog.get_logger("mind_worker")


class NoModel(Exception):
    """There is no model that may be loaded, or that llama.cpp would load; the text says why."""


class Unanswerable(Exception):
    """The prompt leaves no room for a reply, or the model cannot be run on it."""


class GivenUp(Exception):
    """Nobody waits for this answer any more."""


class Engine:
    """One loaded model with one sequence of context."""

    def __init__(
        self, bundle: Path, trusted_keys: list[bytes], cache: PrefixCache, hashes: FileHashes,
        threads: int,
    ) -> None:
        """Raises NoModel, also where the file is whole but too large for the memory."""
        try:
            manifest = read_manifest(bundle, trusted_keys)
            file = model_file(bundle, manifest)
            with open_file(bundle, file, hashes) as opened:
                self._model = _load(opened)
        except BundleError as error:
            raise NoModel(str(error)) from error
        except OSError as error:
            raise NoModel(f"{bundle / MODEL}: cannot be read ({error.strerror})") from error
        if not self._model:
            raise NoModel(f"{bundle / MODEL}: {' '.join(_last_error) or 'llama.cpp refuses it'}")
        # Library and processor count too: another one keeps, or rounds, another way.
        machine = f"{llama_cpp.__version__} {llama.llama_print_system_info()!r}"
        self._fingerprint = f"{file.sha256} {machine}"
        self._cache = cache
        n_ctx = manifest.runtime.get("n_ctx")
        n_ctx = n_ctx if type(n_ctx) is int else N_CTX_DEFAULT
        params = llama.llama_context_default_params()
        params.n_ctx = min(max(n_ctx, N_CTX_RANGE[0]), N_CTX_RANGE[1])
        params.n_batch = params.n_ubatch = N_BATCH
        params.n_seq_max = 1
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        self._context = llama.llama_init_from_model(self._model, params)
        if not self._context:
            llama.llama_model_free(self._model)
            raise NoModel(f"{bundle / MODEL}: not enough memory for its context")
        self._vocab = llama.llama_model_get_vocab(self._model)
        self._memory = llama.llama_get_memory(self._context)
        self._prefix: list[int] = []  # whose evaluation the model's memory begins with
        self._end_of_turn = self._tokens("<|im_end|>", False)
        self.n_ctx = int(llama.llama_n_ctx(self._context))
        self.model_name = bundle.name

    def answer(self, request: MindRequest, pulse: Callable[[], None]) -> MindReply:
        """Evaluate what is new of the prompt, then sample a line.

        ``pulse`` is called between batches and tokens and may raise GivenUp.
        Raises Unanswerable.
        """
        started_ns = time.monotonic_ns()
        prefix = self._tokens(request.prefix, True)
        suffix = self._tokens(request.suffix, not prefix)
        space = self.n_ctx - len(prefix) - len(suffix)
        if not suffix or space < 1 or request.max_tokens < 1:
            raise Unanswerable(f"{len(prefix)} + {len(suffix)} tokens of {self.n_ctx}")
        evaluated = self._begin_with(prefix, pulse) + len(suffix)
        self._evaluate(suffix, pulse)
        text, reply_tokens = self._sample(request, min(request.max_tokens, space), pulse)
        return MindReply(
            request.request_id, text, len(prefix) + len(suffix), evaluated, reply_tokens,
            (time.monotonic_ns() - started_ns) // 1_000_000,
        )

    def _begin_with(self, prefix: list[int], pulse: Callable[[], None]) -> int:
        """Make the model's memory hold exactly ``prefix``; the number of tokens computed for it."""
        # Recurrent models cannot be cut back; for them the state is restored as after a restart.
        cut = llama.llama_memory_seq_rm
        if prefix == self._prefix and cut(self._memory, 0, len(prefix), -1):
            return 0
        self._prefix = []
        llama.llama_memory_clear(self._memory, True)
        key = hashlib.sha256(f"{self._fingerprint} {self.n_ctx} {prefix}".encode()).hexdigest()
        state = self._cache.load(key)
        if state is not None:
            buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
            llama.llama_state_seq_set_data(self._context, buffer, len(state), 0)
            if llama.llama_memory_seq_pos_max(self._memory, 0) == len(prefix) - 1:
                self._prefix = prefix
                return 0
            llama.llama_memory_clear(self._memory, True)
        self._evaluate(prefix, pulse)
        size = llama.llama_state_seq_get_size(self._context, 0)
        buffer = (ctypes.c_uint8 * size)()
        written = llama.llama_state_seq_get_data(self._context, buffer, size, 0)
        if prefix:
            self._cache.save(key, bytes(memoryview(buffer)[:written]))
        self._prefix = prefix
        return len(prefix)

    def _evaluate(self, tokens: list[int], pulse: Callable[[], None]) -> None:
        for start in range(0, len(tokens), N_BATCH):
            pulse()
            part = tokens[start : start + N_BATCH]
            array = (llama.llama_token * len(part))(*part)
            self._decode(llama.llama_batch_get_one(array, len(part)))

    def _decode(self, batch: Any) -> None:
        if (result := llama.llama_decode(self._context, batch)) != 0:
            self._prefix = []
            raise Unanswerable(f"llama_decode returned {result}")

    def _sample(self, request: MindRequest, tokens_max: int, pulse: Callable[[], None]
                ) -> tuple[str, int]:
        """The reply up to the end of the turn, the first newline after text, or the bound."""
        new = (llama.llama_token * 1)()  # sampled, not yet in the model's memory
        batch = llama.llama_batch_get_one(new, 1)  # made once: it shows a small model's pace
        said, count, piece = b"", 0, ctypes.create_string_buffer(256)
        with self._sampler(request) as chain:
            while b"\n" not in said and count < tokens_max:
                if count:
                    pulse()
                    self._decode(batch)
                token = new[0] = llama.llama_sampler_sample(chain, self._context, -1)
                if llama.llama_vocab_is_eog(self._vocab, token) or [token] == self._end_of_turn:
                    break
                size = llama.llama_token_to_piece(self._vocab, token, piece, 256, 0, False)
                said = (said + piece.raw[: max(size, 0)]).lstrip()
                count += 1
        # A character whose last bytes the bound cut off is dropped, not replaced.
        return said.split(b"\n", 1)[0].rstrip().decode("utf-8", "ignore"), count

    @contextlib.contextmanager
    def _sampler(self, request: MindRequest) -> Iterator[Any]:
        """No penalty on repetition: it makes small models misspell. Repeats are refused later."""
        samplers = [
            llama.llama_sampler_init_top_k(TOP_K),
            llama.llama_sampler_init_top_p(TOP_P, 1),
            llama.llama_sampler_init_min_p(MIN_P, 1),
            llama.llama_sampler_init_temp(max(request.temperature, 0.0)),  # 0 takes the likeliest
            llama.llama_sampler_init_dist(request.seed & 0xFFFFFFFF),
        ]
        chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for sampler in samplers:
            llama.llama_sampler_chain_add(chain, sampler)
        try:
            yield chain
        finally:
            llama.llama_sampler_free(chain)

    def _tokens(self, text: str, is_start: bool) -> list[int]:
        """Control tokens in ``text`` count as such: ``payload.prompt`` has cleaned the content."""
        has_bos = llama.llama_vocab_get_add_bos(self._vocab)
        add_special = is_start and has_bos and not llama.llama_vocab_get_add_eos(self._vocab)
        data = text.encode("utf-8", "replace")
        size = len(data) + 2  # a token is at least a byte
        array = (llama.llama_token * size)()
        count = llama.llama_tokenize(self._vocab, data, len(data), array, size, add_special, True)
        if count < 0:
            raise Unanswerable("the prompt cannot be tokenised")
        return list(array[:count])


class MindServer:
    """The socket: one client, one request at a time; ``busy`` to whatever is more than that."""

    def __init__(self, path: Path, load: Callable[[], Engine], signature: Callable[[], str]):
        """Listens on ``path``; ``load`` is tried again when ``signature`` has changed."""
        self._load, self._signature = load, signature
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
                _log.info("model_loaded", model=self._engine.model_name)
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
            model, n_ctx = (engine.model_name, engine.n_ctx) if engine else ("", 0)
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


def _load(opened: BinaryIO) -> Any:
    """The model in a file that is open, whatever has taken its name meanwhile; None if refused."""
    _last_error.clear()
    place = f"/proc/self/fd/{opened.fileno()}"
    return llama.llama_model_load_from_file(place.encode(), llama.llama_model_default_params())


_last_error: list[str] = []


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _keep_last_error(level: int, text: bytes, _: object) -> None:
    """llama.cpp talks a lot; only why a model would not load is worth a line."""
    if level == _LOG_LEVEL_ERROR:
        _last_error[:] = [text.decode("utf-8", "replace").strip()]


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
    llama.llama_log_set(_keep_last_error, None)
    kept = arguments.cache or path.with_name("mind-cache")
    cache, hashes = PrefixCache(kept), FileHashes(kept / "hashes.json")
    try:
        MindServer(path, lambda: Engine(bundle, arguments.trust, cache, hashes, arguments.threads),
                   lambda: _signature(bundle)).serve()
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
