"""The process that runs the model: ``python -m payload.mind_worker --bundle DIR --socket PATH``.

The only importer of llama_cpp. It serves one client (the flight core) at a time over a Unix stream
socket with the messages of ``payload.mind_protocol``, and may be killed at any instant: all it
keeps is a cache of evaluated prompt prefixes, each in a file that carries its own SHA-256.

A prompt is prefix + suffix. The prefix is evaluated once per bundle; afterwards the model's memory
is cut back to it (or restored from the file after a restart) and a request costs only its suffix
and its reply. Without a usable model the worker stays up and answers ``no_model``; it looks again
when the file changes. Equal seed, model, prompt and thread count give the equal reply.

Ends with status 0 on SIGTERM, 1 with one sentence when another worker owns the socket.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import hashlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as llama
import structlog

from payload.mind_protocol import (
    Decoder,
    Failed,
    Hello,
    Message,
    ProtocolError,
    Reply,
    Request,
    encode,
)

N_CTX_DEFAULT, N_CTX_RANGE = 1024, (128, 8192)
N_BATCH = 64  # logits of one batch cost n_vocab * 4 bytes a row; also how often we listen
PENALTY_LAST_TOKENS, REPEAT_PENALTY = 64, 1.1
TOP_K, TOP_P, MIN_P = 40, 0.95, 0.05
CACHED_PREFIXES_MAX = 4
SEND_S_MAX = 1.0
_CACHE_MAGIC = b"spacepi-prefix-1\n"
_LOG_LEVEL_ERROR = 3
_log = structlog.get_logger("mind_worker")


class NoModel(Exception):
    """There is no model file that llama.cpp would load; the text says why."""


class Unanswerable(Exception):
    """The prompt leaves no room for a reply, or the model cannot be run on it."""


class GivenUp(Exception):
    """Nobody waits for this answer any more."""


class PrefixCache:
    """Evaluated prefixes on disk, named by what they depend on; a damaged file is no file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def load(self, key: str) -> bytes | None:
        """The state kept under ``key``, or None."""
        try:
            data = (self._directory / f"{key}.state").read_bytes()
        except OSError:
            return None
        digest, state = data[len(_CACHE_MAGIC) :][:32], data[len(_CACHE_MAGIC) + 32 :]
        if not data.startswith(_CACHE_MAGIC) or hashlib.sha256(state).digest() != digest:
            return None  # power went away while the card was writing, or the format is another
        return state

    def save(self, key: str, state: bytes) -> None:
        """Keep ``state``, and the newest few besides; a full or read-only disk is no failure."""
        target = self._directory / f"{key}.state"
        half = target.with_suffix(".half")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with open(half, "wb") as file:
                file.write(_CACHE_MAGIC + hashlib.sha256(state).digest() + state)
                file.flush()
                os.fsync(file.fileno())
            os.replace(half, target)
            kept = sorted(self._directory.glob("*.state"), key=lambda path: path.stat().st_mtime)
            for old in kept[:-CACHED_PREFIXES_MAX]:
                old.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("prefix_not_kept", error=str(error))


class Engine:
    """One loaded model with one sequence of context."""

    def __init__(self, bundle: Path, cache: PrefixCache, threads: int) -> None:
        """Raises NoModel where the file is missing, cut, damaged or too large for the memory."""
        path = bundle / "model.gguf"
        runtime, digest = _read_manifest(bundle)
        if not path.is_file():
            raise NoModel(f"{path} does not exist")
        stat = path.stat()
        self._fingerprint = f"{digest} {stat.st_size} {stat.st_mtime_ns} {llama.llama_print_system_info()!r}"
        self._cache = cache
        _last_error.clear()
        model_params = llama.llama_model_default_params()
        model_params.n_gpu_layers = 0
        self._model = llama.llama_model_load_from_file(os.fsencode(path), model_params)
        if not self._model:
            raise NoModel(f"{path}: {' '.join(_last_error) or 'llama.cpp refuses it'}")
        params = llama.llama_context_default_params()
        wanted = runtime.get("n_ctx", N_CTX_DEFAULT)
        wanted = wanted if isinstance(wanted, int) else N_CTX_DEFAULT
        params.n_ctx = min(max(wanted, N_CTX_RANGE[0]), N_CTX_RANGE[1])
        params.n_batch = params.n_ubatch = N_BATCH
        params.n_seq_max = 1
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        self._context = llama.llama_init_from_model(self._model, params)
        if not self._context:
            llama.llama_model_free(self._model)
            raise NoModel(f"{path}: no memory for its context")
        self._vocab = llama.llama_model_get_vocab(self._model)
        self._memory = llama.llama_get_memory(self._context)
        self._prefix: list[int] = []  # whose evaluation the model's memory begins with
        self._end_of_turn = self._tokens("<|im_end|>", False)
        self.n_ctx = int(llama.llama_n_ctx(self._context))
        self.model_name = path.parent.name

    def answer(self, request: Request, pulse: Callable[[], None]) -> Reply:
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
        return Reply(
            request.id, text, len(prefix) + len(suffix), evaluated, reply_tokens,
            (time.monotonic_ns() - started_ns) // 1_000_000,
        )

    def _begin_with(self, prefix: list[int], pulse: Callable[[], None]) -> int:
        """Make the model's memory hold exactly ``prefix``; the number of tokens computed for it."""
        # Recurrent models cannot be cut back; for them the state is restored as after a restart.
        is_kept = prefix == self._prefix and llama.llama_memory_seq_rm(
            self._memory, 0, len(prefix), -1
        )
        if is_kept:
            return 0
        self._prefix = []
        llama.llama_memory_clear(self._memory, True)
        key = hashlib.sha256(f"{self._fingerprint} {self.n_ctx} {prefix}".encode()).hexdigest()
        state = self._cache.load(key)
        if state is not None and self._restore(state, len(prefix)):
            self._prefix = prefix
            return 0
        self._evaluate(prefix, pulse)
        size = llama.llama_state_seq_get_size(self._context, 0)
        buffer = (ctypes.c_uint8 * size)()
        written = llama.llama_state_seq_get_data(self._context, buffer, size, 0)
        if prefix:
            self._cache.save(key, bytes(memoryview(buffer)[:written]))
        self._prefix = prefix
        return len(prefix)

    def _restore(self, state: bytes, n_tokens: int) -> bool:
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        used = llama.llama_state_seq_set_data(self._context, buffer, len(state), 0)
        last: int = llama.llama_memory_seq_pos_max(self._memory, 0)
        if used == len(state) and last == n_tokens - 1:
            return True
        llama.llama_memory_clear(self._memory, True)
        return False

    def _evaluate(self, tokens: list[int], pulse: Callable[[], None]) -> None:
        for start in range(0, len(tokens), N_BATCH):
            pulse()
            batch = tokens[start : start + N_BATCH]
            array = (llama.llama_token * len(batch))(*batch)
            result = llama.llama_decode(
                self._context, llama.llama_batch_get_one(array, len(batch))
            )
            if result != 0:
                self._prefix = []
                raise Unanswerable(f"llama_decode returned {result}")

    def _sample(
        self, request: Request, tokens_max: int, pulse: Callable[[], None]
    ) -> tuple[str, int]:
        """The reply up to the end of the turn, the first newline after text, or the bound."""
        chain = self._sampler(request)
        said = b""
        try:
            for count in range(tokens_max):
                token = llama.llama_sampler_sample(chain, self._context, -1)
                if llama.llama_vocab_is_eog(self._vocab, token) or [token] == self._end_of_turn:
                    break
                said = (said + self._piece(token)).lstrip()
                if b"\n" in said or count + 1 == tokens_max:
                    count += 1
                    break
                self._evaluate([token], pulse)
        finally:
            llama.llama_sampler_free(chain)
        # A character whose last bytes the bound cut off is dropped, not replaced.
        return said.split(b"\n", 1)[0].rstrip().decode("utf-8", "ignore"), count

    def _sampler(self, request: Request) -> Any:
        """Penalties on the reply only: to talk about the topic of the prompt is no repetition."""
        chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())

        def add(sampler: Any) -> None:
            llama.llama_sampler_chain_add(chain, sampler)

        if request.temperature <= 0:
            add(llama.llama_sampler_init_greedy())
            return chain
        # Exact, and ten times cheaper than penalising a whole vocabulary: at most 64 tokens can be
        # pushed down, so the best 40 afterwards are among the best 104 before.
        add(llama.llama_sampler_init_top_k(TOP_K + PENALTY_LAST_TOKENS))
        n_vocab = llama.llama_vocab_n_tokens(self._vocab)
        add(_penalties(n_vocab))
        add(llama.llama_sampler_init_top_k(TOP_K))
        add(llama.llama_sampler_init_top_p(TOP_P, 1))
        add(llama.llama_sampler_init_min_p(MIN_P, 1))
        add(llama.llama_sampler_init_temp(request.temperature))
        add(llama.llama_sampler_init_dist(request.seed & 0xFFFFFFFF))
        return chain

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

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        size = llama.llama_token_to_piece(self._vocab, token, buffer, 256, 0, False)
        return buffer.raw[: max(size, 0)]


