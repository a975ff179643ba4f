"""One loaded model: evaluates a prompt, draws several drafts at once, and says which is best.

The only importer of llama_cpp in the payload. The mind worker flies it; the examination before
signing and a workstation's chat use it too, so that everything speaks as in flight.

A prompt is prefix + suffix. The prefix is evaluated once per bundle; afterwards the model's memory
is cut back to it (or restored from a file after a restart), and a request costs only its suffix and
its drafts. The drafts are sequences of one llama.cpp context that share the prompt: a token of each
is evaluated in one batch, which on a small board costs little more than a token of one.

``payload.mind.drafts`` says where a draft ends and what it is worth. Equal seed, model, prompt and
thread count give equal drafts.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

import llama_cpp
import llama_cpp.llama_cpp as llama
import numpy as np

from payload.mind.drafts import REPLY_ROUNDS, Bounds, Draft
from payload.mind.prefix_cache import PrefixCache
from payload.ports import MindReply, MindRequest
from payload.prompt import newest
from wire.sampling import DRAFTS_MAX, Sampling

N_CTX_DEFAULT, N_CTX_RANGE = 1024, (128, 8192)
N_BATCH = 64  # tokens evaluated at once; also how often the caller is asked
N_LOGITS = 16  # at once, each n_vocab * 8 bytes; with 64 a thought takes 5 % less, and 19 MB more
DRAFT_CELLS = 256  # of the context beyond n_ctx; drafts that do not fit in are not begun
_PROMPT, _PLAIN, _DRAFT = 0, 1, 2  # sequences; the last is the first of DRAFTS_MAX
_LOG_LEVEL_ERROR = 3
_TEMPLATE = re.compile(r"(<\|im_start\|>|<\|im_end\|>)")  # the control tokens of our prompts


class NoModel(Exception):
    """There is no model that may be loaded, or that llama.cpp would load; the text says why."""


class Unanswerable(Exception):
    """The prompt leaves no room for a reply, or the model cannot be run on it."""


@dataclass(frozen=True, slots=True)
class RankedDrafts:
    """Drafts, the best first; the two counts are as in ``ports.MindReply``."""

    drafts: list[str]
    evaluated_tokens: int
    reply_tokens: int


class Engine:
    """A model with its context, and the evaluation of the latest prefix in it."""

    def __init__(
        self, opened: BinaryIO, name: str, fingerprint: str, n_ctx: int, threads: int,
        cache: PrefixCache | None = None,
    ) -> None:
        """``opened`` is the model's file, which is read to its end here.

        Args:    fingerprint: of the file; kept prefixes of another are not used.
                 n_ctx: tokens of a prompt with its longest reply; bounded by N_CTX_RANGE.
        Raises:  NoModel, also where the file is whole but too large for the memory.
        """
        _last_error.clear()
        # Whatever has taken the file's name meanwhile.
        place = f"/proc/self/fd/{opened.fileno()}"
        self._model = llama.llama_model_load_from_file(
            place.encode(), llama.llama_model_default_params())
        if not self._model:
            raise NoModel(f"{name}: {' '.join(_last_error) or 'llama.cpp refuses it'}")
        # Library and processor count too: another one keeps, or rounds, another way.
        machine = f"{llama_cpp.__version__} {llama.llama_print_system_info()!r}"
        self._fingerprint = f"{fingerprint} {machine}"
        self._cache = cache
        self.n_ctx = min(max(n_ctx, N_CTX_RANGE[0]), N_CTX_RANGE[1])
        params = llama.llama_context_default_params()
        params.n_ctx = self.n_ctx + DRAFT_CELLS
        params.n_batch = params.n_ubatch = N_BATCH
        params.n_seq_max = _DRAFT + DRAFTS_MAX
        params.kv_unified = True  # sequences share what they have in common
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        self._context = llama.llama_init_from_model(self._model, params)
        if not self._context:
            llama.llama_model_free(self._model)
            raise NoModel(f"{name}: not enough memory for its context")
        self._vocab = llama.llama_model_get_vocab(self._model)
        self._n_vocab = llama.llama_vocab_n_tokens(self._vocab)
        self._memory = llama.llama_get_memory(self._context)
        self._batch = llama.llama_batch_init(N_BATCH, 0, 1)
        self._prefix: list[int] = []  # whose evaluation the model's memory begins with
        self._plain: list[int] = []  # what follows the prefix in the sequence _PLAIN
        self._plain_logits = np.zeros(0, np.float32)  # (n_vocab,), behind it
        self._piece = ctypes.create_string_buffer(256)  # text of one token
        self._end_of_turn = self.tokens("<|im_end|>")

    def close(self) -> None:
        """Free the model and its context."""
        llama.llama_batch_free(self._batch)
        llama.llama_free(self._context)
        llama.llama_model_free(self._model)

    def answer(self, request: MindRequest, pulse: Callable[[], None]) -> MindReply:
        """Drafts for a request; ``pulse`` and errors are those of ``draw``."""
        started_ns = time.monotonic_ns()
        prefix = self.tokens(request.prefix, is_start=True)
        suffix = self.tokens(request.suffix, is_start=not prefix)
        room = self.n_ctx - len(prefix) - len(suffix) - request.max_tokens
        suffix = newest([self.tokens(turns) for turns in request.earlier], room) + suffix
        sampling = Sampling(
            temperature=request.temperature, min_p=request.min_p, drafts=request.drafts,
            sentences_max=request.sentences_max, max_tokens=request.max_tokens)
        drawn = self.draw(
            prefix, suffix, self.tokens(request.plain_suffix), sampling, request.seed, pulse,
            request.is_brief)
        return MindReply(
            request.request_id, drawn.drafts, len(prefix) + len(suffix), drawn.evaluated_tokens,
            drawn.reply_tokens, (time.monotonic_ns() - started_ns) // 1_000_000)

    def draw(
        self, prefix: list[int], suffix: list[int], plain: list[int], sampling: Sampling,
        seed: int, pulse: Callable[[], None] = lambda: None, is_brief: bool = False,
    ) -> RankedDrafts:
        """Evaluate what is new of the prompt, then draw its drafts.

        Args:    prefix, suffix: the tokens of the prompt.
                 plain: what follows the prefix in the prompt that drafts are compared with; they
                 are not ranked without it.
                 pulse: called between batches; whatever it raises ends the thought.
                 is_brief: each draft ends with its first clause, and they are drawn in
                 REPLY_ROUNDS rounds of ``sampling.drafts``.
        Raises:  Unanswerable.
        """
        space = self.n_ctx - len(prefix) - len(suffix)
        if not suffix or space < 1 or sampling.max_tokens < 1:
            raise Unanswerable(f"{len(prefix)} + {len(suffix)} tokens of {self.n_ctx}")
        bounds = Bounds(
            min(sampling.max_tokens, space), max(1, sampling.sentences_max), is_brief)
        # All share the prefix; the latest prompt without a moment is kept. One draft always fits.
        cells = space + DRAFT_CELLS - max(len(plain), len(self._plain))
        count = max(1, min(sampling.drafts, DRAFTS_MAX, cells // bounds.tokens_max))
        is_ranked = count > 1 and len(plain) > 0
        evaluated = self._begin_with(prefix, pulse)
        if is_ranked:
            evaluated += self._evaluate_plain(plain, pulse)
        self._evaluate(suffix, len(prefix), _PROMPT, pulse)
        evaluated += len(suffix)
        drafts: list[Draft] = []
        steps, behind = 0, len(prefix) + len(suffix)
        for number in range(REPLY_ROUNDS if is_brief else 1):
            if number and not self._return_to(suffix[-1], behind - 1, pulse):
                break
            drawn = self._complete(sampling, seed + len(drafts), count, behind, bounds, pulse)
            longest = max(len(draft.tokens) for draft in drawn)
            steps += longest
            evaluated += sum(len(draft.tokens) for draft in drawn) - longest
            if is_ranked:
                evaluated += self._rank(drawn, len(prefix) + len(plain), pulse)
            drafts += drawn
        if is_ranked:
            drafts.sort(key=lambda draft: draft.worth, reverse=True)
        return RankedDrafts([draft.text for draft in drafts], evaluated, steps)

    def tokens(self, text: str, is_start: bool = False) -> list[int]:
        """Control tokens are those of the template, from which ``payload.prompt`` has cleaned the
        content; what ``text`` says of others that the model may have is plain text."""
        parts = [part for part in _TEMPLATE.split(text) if part]
        return [token for number, part in enumerate(parts)
                for token in self._tokenised(part, is_start and number == 0)]

    def _tokenised(self, text: str, is_start: bool) -> list[int]:
        has_bos = llama.llama_vocab_get_add_bos(self._vocab)
        add_special = is_start and has_bos and not llama.llama_vocab_get_add_eos(self._vocab)
        is_control = _TEMPLATE.fullmatch(text) is not None
        data = text.encode("utf-8", "replace")
        array = (llama.llama_token * (len(data) + 2))()  # a token is at least a byte
        count = llama.llama_tokenize(
            self._vocab, data, len(data), array, len(array), add_special, is_control)
        if count < 0:
            raise Unanswerable("the prompt cannot be tokenised")
        return list(array[:count])

    def _begin_with(self, prefix: list[int], pulse: Callable[[], None]) -> int:
        """Make the prompt's sequence hold exactly ``prefix``; the tokens evaluated for it."""
        self._remove_drafts()
        # Recurrent models cannot be cut back; for them the state is restored as after a restart.
        if prefix == self._prefix and self._remove(_PROMPT, len(prefix)):
            return 0
        self._prefix, self._plain = [], []
        llama.llama_memory_clear(self._memory, True)
        key = hashlib.sha256(f"{self._fingerprint} {self.n_ctx} {prefix}".encode()).hexdigest()
        is_restored = self._restore(key, len(prefix))
        if not is_restored:
            self._evaluate(prefix, 0, _PROMPT, pulse)
            if prefix:
                self._keep(key)
        self._prefix = prefix
        return 0 if is_restored else len(prefix)

    def _restore(self, key: str, n_tokens: int) -> bool:
        state = self._cache.load(key) if self._cache is not None else None
        if state is None:
            return False
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        llama.llama_state_seq_set_data(self._context, buffer, len(state), _PROMPT)
        if llama.llama_memory_seq_pos_max(self._memory, _PROMPT) == n_tokens - 1:
            return True
        llama.llama_memory_clear(self._memory, True)
        return False

    def _keep(self, key: str) -> None:
        if self._cache is None:
            return
        size = llama.llama_state_seq_get_size(self._context, _PROMPT)
        buffer = (ctypes.c_uint8 * size)()
        written = llama.llama_state_seq_get_data(self._context, buffer, size, _PROMPT)
        self._cache.save(key, memoryview(buffer)[:written])

    def _evaluate_plain(self, plain: list[int], pulse: Callable[[], None]) -> int:
        """Have the prompt without a moment in its sequence; the tokens evaluated for it."""
        if plain == self._plain:
            return 0
        self._plain = []
        self._remove(_PLAIN)
        self._copy(_PROMPT, _PLAIN)
        self._evaluate(plain, len(self._prefix), _PLAIN, pulse)
        self._plain_logits = self._logits(-1).copy()
        self._plain = plain
        return len(plain)

    def _return_to(self, last: int, at: int, pulse: Callable[[], None]) -> bool:
        """Have the logits behind the prompt again, whose ``last`` token is at position ``at``;
        False where the model cannot be cut back."""
        self._remove_drafts()
        if not self._remove(_PROMPT, at):
            return False
        self._evaluate([last], at, _PROMPT, pulse)
        return True

    def _complete(self, sampling: Sampling, seed: int, count: int, at: int, bounds: Bounds,
                  pulse: Callable[[], None]) -> list[Draft]:
        """Draw so many, each to the end of its turn or of its first line, or to ``bounds``.

        ``at`` is the position behind the prompt, which was evaluated just now.
        """
        with contextlib.ExitStack() as stack:
            samplers = [stack.enter_context(_sampler(sampling, seed + number))
                        for number in range(count)]
            drafts = [Draft(_DRAFT + number, chain) for number, chain in enumerate(samplers)]
            for draft in drafts:
                self._copy(_PROMPT, draft.sequence)
                self._sample(draft, -1, bounds)
            while running := [draft for draft in drafts if not draft.is_done]:
                pulse()
                self._decode([(draft.tokens[-1], at + len(draft.tokens) - 1, draft.sequence, True)
                              for draft in running])
                for row, draft in enumerate(running):
                    self._sample(draft, row, bounds)
        return drafts

    def _sample(self, draft: Draft, row: int, bounds: Bounds) -> None:
        """Add a token to ``draft`` by the logits of ``row`` of the latest batch, or end it."""
        token = llama.llama_sampler_sample(draft.sampler, self._context, row)
        size = llama.llama_token_to_piece(self._vocab, token, self._piece, len(self._piece), 0,
                                          False)
        written = (draft.written + self._piece.raw[: max(size, 0)]).lstrip()
        is_end = llama.llama_vocab_is_eog(self._vocab, token) or [token] == self._end_of_turn
        kept = bounds.cut(written)
        if is_end or kept is not None:
            draft.written = draft.written if kept is None else kept.encode()
            draft.is_done = True
            return
        draft.log_p += _log_p(self._logits(row), token)
        draft.tokens.append(token)
        draft.written = written
        draft.is_done = b"\n" in written or len(draft.tokens) == bounds.tokens_max

    def _rank(self, drafts: list[Draft], at: int, pulse: Callable[[], None]) -> int:
        """Find what ``drafts`` are worth; the tokens evaluated for it.

        ``at`` is the position behind the prompt without a moment.
        """
        self._remove_drafts()
        rows = []
        for draft in drafts:
            if draft.tokens:
                draft.plain_log_p = _log_p(self._plain_logits, draft.tokens[0])
            self._copy(_PLAIN, draft.sequence)
            rows += [(token, at + number, draft, following)
                     for number, (token, following) in enumerate(pairwise(draft.tokens))]
        for start in range(0, len(rows), N_LOGITS):
            pulse()
            part = rows[start : start + N_LOGITS]
            self._decode([(token, position, draft.sequence, True)
                          for token, position, draft, _ in part])
            for row, (_, _, draft, following) in enumerate(part):
                draft.plain_log_p += _log_p(self._logits(row), following)
        return len(rows)

    def _evaluate(self, tokens: list[int], at: int, sequence: int, pulse: Callable[[], None]
                  ) -> None:
        """Add ``tokens`` to ``sequence`` from position ``at`` on; logits of the last one alone."""
        for start in range(0, len(tokens), N_BATCH):
            pulse()
            part = tokens[start : start + N_BATCH]
            self._decode([(token, at + start + number, sequence, start + number == len(tokens) - 1)
                          for number, token in enumerate(part)])

    def _decode(self, rows: Sequence[tuple[int, int, int, bool]]) -> None:
        """Evaluate a batch of (token, position, sequence, whether its logits are wanted)."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for row, (token, position, sequence, has_logits) in enumerate(rows):
            batch.token[row], batch.pos[row] = token, position
            batch.n_seq_id[row], batch.seq_id[row][0] = 1, sequence
            batch.logits[row] = has_logits
        if (result := llama.llama_decode(self._context, batch)) != 0:
            self._prefix = []
            raise Unanswerable(f"llama_decode returned {result}")

    def _logits(self, row: int) -> np.ndarray:
        """(n_vocab,) float32 of ``row`` of the latest batch; overwritten by the next."""
        return np.ctypeslib.as_array(
            llama.llama_get_logits_ith(self._context, row), (self._n_vocab,))

    def _copy(self, source: int, target: int) -> None:
        llama.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def _remove(self, sequence: int, at: int = 0) -> bool:
        """Cut a sequence back to ``at`` tokens; False where the model cannot."""
        is_cut: bool = llama.llama_memory_seq_rm(self._memory, sequence, at, -1)
        return is_cut

    def _remove_drafts(self) -> None:
        for number in range(DRAFTS_MAX):
            self._remove(_DRAFT + number)


@contextlib.contextmanager
def _sampler(sampling: Sampling, seed: int) -> Iterator[Any]:
    """Of one draft. No penalty on repetition: it makes small models misspell."""
    samplers = [
        llama.llama_sampler_init_min_p(sampling.min_p, 1),
        llama.llama_sampler_init_temp(max(sampling.temperature, 0.0)),  # 0 takes the likeliest
        llama.llama_sampler_init_dist(seed & 0xFFFFFFFF),
    ]
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    for sampler in samplers:
        llama.llama_sampler_chain_add(chain, sampler)
    try:
        yield chain
    finally:
        llama.llama_sampler_free(chain)


def _log_p(logits: np.ndarray, token: int) -> float:
    """Log probability of a token in nats."""
    top = float(logits.max())
    return float(logits[token]) - top - math.log(float(np.exp(logits - top).sum()))


_last_error: list[str] = []


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _keep_last_error(level: int, text: bytes, _: object) -> None:
    """Why a model would not load; llama.cpp says much besides."""
    if level == _LOG_LEVEL_ERROR:
        _last_error[:] = [text.decode("utf-8", "replace").strip()]


llama.llama_log_set(_keep_last_error, None)
