"""The mind worker compared with llama.cpp itself: the cost of a musing over the bare model.

llama-bench is not part of the Python package, so its peer here is its inner loop: one-token
``llama_decode`` calls on the same file, one thread and context, with nothing around them; seconds
are of the processor, so that a busy machine changes little. Memory is that of a worker process of
its own, beside the size of the model, which it maps.

Measured on the tiny bundle, and on the one that flies once its model is assembled. A token of the
tiny model takes half a millisecond, of which sampling is a large part: its rate has no target.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import llama_cpp.llama_cpp as llama

from bench.report import Figure
from payload.mind.persona import Persona, load_persona
from payload.mind.prefix_cache import PrefixCache
from payload.mind.protocol import Hello, MessageDecoder, encode
from payload.mind_engine import Engine
from payload.mind_server import load_engine
from payload.mind_start import worker_command
from payload.ports import MindReply, MindRequest
from payload.prompt import PLAIN, Moment, PersonaText, prefix, suffix
from wire import mission
from wire.bundle import MODEL
from wire.file_hashes import FileHashes

ROOT = Path(__file__).resolve().parent.parent
PLAN = mission.load(ROOT / "mission.toml")
TINY = ROOT / "host_training" / "examples" / "edda-tiny.bundle"
KEYS = PLAN.mind.public_keys
ABOUTS = ("cold", "height", "silence", "notfound", "wind", "battery", "sun", "horizon")
ROUNDS = 2
TOKENS = 64
RATE_MIN = 0.95  # of llama_decode alone
WORKER_MB_MAX = 100  # beyond the model
CONNECT_S_MAX, CONNECT_GAP_S = 60.0, 0.05


def run(out_dir: Path) -> list[Figure]:
    """Of each bundle: the rate of tokens, the share of a prompt that is evaluated, and memory."""
    flown = ROOT / PLAN.mind.bundle
    bundles = [TINY, flown] if flown != TINY and (flown / MODEL).exists() else [TINY]
    return [figure for bundle in bundles for figure in _figures(bundle)]


def _figures(bundle: Path) -> list[Figure]:
    persona = load_persona(bundle, KEYS)
    with tempfile.TemporaryDirectory() as folder:
        cache = PrefixCache(Path(folder))
        engine = load_engine(bundle, [*KEYS], cache, FileHashes(), threads=1).model
        shares, rates, bare_rates = [], [], []
        for number in range(ROUNDS * len(ABOUTS)):
            reply, rate = _musing(engine, persona.text, number)
            bare_rates.append(_bare_rate(engine))
            if number:
                shares.append(reply.evaluated_tokens / reply.prompt_tokens)
                rates.append(rate)
        engine.close()
        worker_mb = _worker_mb(bundle, persona, Path(folder))
    share = 100 * sum(shares) / len(shares)
    middle = len(rates) // 2
    rate, bare = sorted(rates)[middle], sorted(bare_rates)[middle]
    model_mb = (bundle / MODEL).stat().st_size / 1e6
    return [
        Figure(f"{bundle.stem}: tokens of a reply against bare llama_decode calls", rate / bare,
               "x", None if bundle == TINY else RATE_MIN, ">=",
               {"worker, tokens/s": rate, "bare, tokens/s": bare}),
        Figure(f"{bundle.stem}: prompt tokens evaluated, second and later musings", share, "%",
               25, "<="),
        Figure(f"{bundle.stem}: worker's memory (RSS) beyond the size of its model",
               worker_mb - model_mb, "MB", WORKER_MB_MAX, "<=",
               {"RSS, MB": worker_mb, "model, MB": model_mb}),
    ]


def _worker_mb(bundle: Path, persona: Persona, folder: Path) -> float:
    """RSS of a worker that flies the bundle, after a thought about each of ABOUTS."""
    plan = PLAN.model_copy(
        update={"mind": PLAN.mind.model_copy(update={"bundle": str(bundle)})})
    path = folder / "mind.sock"
    worker = subprocess.Popen(worker_command(plan, ROOT, path))
    try:
        messages = _messages(client := _connected(path))
        assert isinstance(next(messages), Hello)
        sampling = persona.manifest.sampling
        for number, about in enumerate(ABOUTS):
            client.sendall(encode(MindRequest(
                number, prefix(persona.text), suffix(_moment(about, number)), suffix(PLAIN),
                sampling.drafts, sampling.sentences_max, sampling.max_tokens,
                sampling.temperature, sampling.min_p, number)))
            assert isinstance(next(messages), MindReply)
        pages = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    finally:
        worker.kill()
        worker.wait()


def _connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    until_s = time.monotonic() + CONNECT_S_MAX
    while True:
        try:
            client.connect(os.fspath(path))
            return client
        except OSError:
            if time.monotonic() > until_s:
                raise
            time.sleep(CONNECT_GAP_S)


def _messages(client: socket.socket) -> Iterator[object]:
    decoder = MessageDecoder()
    while data := client.recv(65536):
        yield from decoder.feed(data)


def _moment(about: str, number: int) -> Moment:
    return Moment(
        about, "ascent", 1000.0 * (number % 25 + 1), 5.0, -40.0,
        pressure_hpa=90.0, sun="high", battery="good", silence_min=12.0,
    )


def _musing(engine: Engine, persona: PersonaText, number: int) -> tuple[MindReply, float]:
    """A musing, and the tokens per second of all of it but the prompt and the first token."""
    moment = _moment(ABOUTS[number % len(ABOUTS)], number)
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

    began_s = time.process_time()
    reply = engine.answer(request, pulse)
    return reply, time.process_time() - began_s, batches


def _bare_rate(engine: Engine) -> float:
    """Tokens per second of llama_decode alone, on the engine's own model and context."""
    context = engine._context
    array = (llama.llama_token * 1)(300)
    began_s = time.process_time()
    for _ in range(TOKENS // 2):
        llama.llama_decode(context, llama.llama_batch_get_one(array, 1))
    return TOKENS // 2 / (time.process_time() - began_s)
