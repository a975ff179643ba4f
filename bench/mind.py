"""The mind worker compared with llama.cpp itself: the cost of a musing over the bare model.

llama-bench is not part of the Python package, so its peer here is its inner loop: one-token
``llama_decode`` calls on the same file, threads and context, with nothing around them.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import llama_cpp.llama_cpp as llama

from bench.report import Figure
from payload.mind.persona import load_persona
from payload.mind.prefix_cache import PrefixCache
from payload.mind_engine import Engine
from payload.mind_worker import load_engine
from payload.ports import MindReply, MindRequest
from payload.prompt import Moment, PersonaText, prefix, suffix
from wire import mission
from wire.file_hashes import FileHashes

ROOT = Path(__file__).resolve().parent.parent
BUNDLE = ROOT / "host_training" / "examples" / "edda.bundle"
KEYS = mission.load(ROOT / "mission.toml").mind.public_keys
ABOUTS = ("cold", "height", "silence", "notfound", "wind", "battery", "sun", "horizon")
ROUNDS = 5
TOKENS = 64


def run(out_dir: Path) -> list[Figure]:
    """Share of a prompt that is evaluated after the first musing, and the rate of tokens."""
    persona = load_persona(BUNDLE, KEYS)
    with tempfile.TemporaryDirectory() as folder:
        cache = PrefixCache(Path(folder))
        engine = load_engine(BUNDLE, [*KEYS], cache, FileHashes(), threads=1)
        shares, rates, bare_rates = [], [], []
        for number in range(ROUNDS * len(ABOUTS)):
            reply, rate = _musing(engine, persona.text, number)
            bare_rates.append(_bare_rate(engine))
            if number:
                shares.append(reply.evaluated_tokens / reply.prompt_tokens)
                rates.append(rate)
    share = 100 * sum(shares) / len(shares)
    middle = len(rates) // 2
    rate, bare = sorted(rates)[middle], sorted(bare_rates)[middle]
    return [
        Figure("tokens of a reply against bare llama_decode calls", rate / bare, "x", 0.95, ">=",
               {"worker, tokens/s": rate, "bare, tokens/s": bare}),
        Figure("prompt tokens evaluated, second and later musings", share, "%", 25, "<="),
    ]


def _musing(engine: Engine, persona: PersonaText, number: int) -> tuple[MindReply, float]:
    """A musing, and the tokens per second of all of it but the prompt and the first token."""
    moment = Moment(
        ABOUTS[number % len(ABOUTS)], "ascent", 1000.0 * (number % 25 + 1), 5.0, -40.0,
        pressure_hpa=90.0, sun="high", battery="good", silence_min=12.0,
    )
    request = MindRequest(
        number, prefix(persona), suffix(moment), "", 1, 10, TOKENS, 0.7, 0.05, number)
    first = replace(request, max_tokens=1)
    engine.answer(first, lambda: None)
    _, one_s, batches_of_one = _timed(engine, first)
    reply, all_s, batches = _timed(engine, request)
    # Behind the prompt each batch is a token; the end of the turn was evaluated for too.
    return reply, (batches - batches_of_one) / max(all_s - one_s, 1e-6)


def _timed(engine: Engine, request: MindRequest) -> tuple[MindReply, float, int]:
    """The reply, its seconds, and how many batches llama.cpp evaluated for it."""
    batches = 0

    def pulse() -> None:
        nonlocal batches
        batches += 1

    began_s = time.perf_counter()
    reply = engine.answer(request, pulse)
    return reply, time.perf_counter() - began_s, batches


def _bare_rate(engine: Engine) -> float:
    """Tokens per second of llama_decode alone, on the engine's own model and context."""
    context = engine._context
    array = (llama.llama_token * 1)(300)
    began_s = time.perf_counter()
    for _ in range(TOKENS // 2):
        llama.llama_decode(context, llama.llama_batch_get_one(array, 1))
    return TOKENS // 2 / (time.perf_counter() - began_s)
