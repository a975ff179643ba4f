"""Cost estimate of a model on a board: size, memory, speed, energy and airtime of a musing.

Sizes are llama.cpp's own (``sizes``). Speed is what the memory lets through: every token reads the
whole file once, so tokens per second are the board's measured bandwidth divided by the size. The
measurements are other people's, each named in SOURCES; nothing here was measured on a board by us,
and the table says so.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host_training.errors import TrainingError
from host_training.gguf.model_config import Shape
from host_training.importers.notebook import Condition
from host_training.quantisation.size_estimate import Size
from host_training.rows.context_sampler import draw_moment
from payload import prompt
from wire import blocks, records
from wire.airtime import Airtime
from wire.bodies import Packed, TextSeat
from wire.mission import Mission

MB = 1e6
WORKER_MB = 60.0  # Python, llama.cpp and its buffers beside the model
REST_MB = 160.0  # the flight core (60, DESIGN §10) and a headless Raspberry Pi OS
MUSING_CHARS = 95
CODED_BITS_PER_CHAR = 2.2  # what the text codec is held to (DESIGN §10)
LOSS = 0.5  # of all frames, for the worse of two figures
SAMPLE_MUSING = ("The wind up here has other plans than the wind in the yard, and it does not"
                 " explain any of them.")
DRAWS = 20  # moments averaged for the length of a suffix


@dataclass(frozen=True, slots=True)
class BoardModel:
    """One kind of computer. ``bandwidth_mb_s`` is file size times measured tokens per second."""

    title: str
    ram_mb: float
    bandwidth_mb_s: float
    prompt_speedup: float  # prompt tokens per second against reply tokens per second
    busy_w: float  # the whole board while it thinks
    sources: tuple[str, ...]


BOARDS = {
    "zero2w": BoardModel(
        "Raspberry Pi Zero 2 W", 436, 550, 1.0, 2.4,
        ("512 MB, of which Linux sees 436 MB (picamera2#1358, MemTotal 426068 kB)",
         "2.6 tokens/s with SmolLM-360M Q4_K_M, 210 MB (llm-inference.com)",
         "no prompt speed was published: assumed equal to the reply's",
         "2.0 to 2.7 W with all cores busy (CNX Software 2021, andrejacobs.org)")),
    "pi4": BoardModel(
        "Raspberry Pi 4", 2000, 3500, 3.3, 5.25,
        ("2 GB assumed; set another size with --ram-mb",
         "3 tokens/s, 10 of the prompt, TinyLlama-1.1B Q8_0, 1169 MB (llamafile's table)",
         "5.1 to 5.4 W at high load (chipwired.com, two USB meters)")),
    "pi5": BoardModel(
        "Raspberry Pi 5", 4000, 10_500, 3.9, 11.4,
        ("4 GB assumed; set another size with --ram-mb",
         "9 tokens/s, 35 of the prompt, TinyLlama-1.1B Q8_0, 1169 MB (llamafile's table)",
         "10.8 to 12 W while generating (geerlingguy/ai-benchmarks#7)")),
}


@dataclass(frozen=True, slots=True)
class Musing:
    """Lengths of an ordinary musing for one tokenizer: what is evaluated anew, and the reply."""

    suffix_tokens: float
    reply_tokens: float


@dataclass(frozen=True, slots=True)
class BoardCost:
    """One row: a quantisation on a board."""

    quant: str
    file_mb: float
    ram_mb: float
    fits: bool
    tokens_per_s: float
    seconds_per_musing: float
    joules_per_musing: float
    tensor_types: dict[str, int]


def measure_musing(tokenizer_file: Path) -> Musing:
    """How many tokens a musing has, counted with the model's own tokenizer.

    The prompt's prefix is evaluated once per bundle and kept, so only the suffix counts.

    Raises:  TrainingError when there is no tokenizer.json that can be read.
    """
    from tokenizers import Tokenizer

    if not tokenizer_file.is_file():
        raise TrainingError(f"{tokenizer_file}: no tokenizer.json, so the tokens of a musing "
                            "cannot be counted.")
    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
    except Exception as error:  # the Rust library raises nothing narrower
        raise TrainingError(f"{tokenizer_file}: not a tokenizer ({error}).") from error
    rng = random.Random(1)
    moments = [draw_moment(Condition(rng.choice(("wind", "sun", "cold"))), rng)
               for _ in range(DRAWS)]
    suffixes = [len(tokenizer.encode(prompt.suffix(m), add_special_tokens=False).ids)
                for m in moments]
    reply = len(tokenizer.encode(SAMPLE_MUSING, add_special_tokens=False).ids)
    return Musing(sum(suffixes) / DRAWS, reply * MUSING_CHARS / len(SAMPLE_MUSING) + 1)


def ram_mb(file_bytes: float, shape: Shape, n_ctx: int) -> float:
    """Memory of the process that runs the model: the file, its keys and values, the rest."""
    return (file_bytes + shape.kv_bytes_per_token * n_ctx) / MB + WORKER_MB


def costs(board: BoardModel, shape: Shape, sizes: Sequence[Size], musing: Musing,
          n_ctx: int) -> list[BoardCost]:
    """One row per size, in the order given."""
    rows = []
    for size in sizes:
        needed_mb = ram_mb(size.bytes, shape, n_ctx)
        rate = board.bandwidth_mb_s / (size.bytes / MB)
        seconds = (musing.suffix_tokens / (rate * board.prompt_speedup)
                   + musing.reply_tokens / rate)
        rows.append(BoardCost(size.quant, size.bytes / MB, needed_mb,
                              needed_mb + REST_MB <= board.ram_mb, rate, seconds,
                              seconds * board.busy_w, size.tensor_types))
    return rows


def musing_bytes() -> int:
    """Bytes of one musing on the air: the coded text, and the record around it."""
    coded = bytes(round(MUSING_CHARS * CODED_BITS_PER_CHAR / 8))
    quality = records.TimeQuality.GPS
    now_ms = 1_800_000_000_000
    first = records.Record(1000, records.Kind.MUSING, 1, now_ms, quality, {})
    later = records.Record(1001, records.Kind.MUSING, 1, now_ms + 150_000, quality, {})
    return len(records.encode(later, first, Packed(TextSeat.MODEL, coded)))


def airtime_s(mission: Mission, n_bytes: int, loss: float = 0.0) -> float:
    """Seconds of transmission for ``n_bytes`` of records, their share of frames and repairs."""
    width = blocks.content_bytes(mission.symbol_mtu_bytes)
    frame_s = Airtime.of(mission.radio).on_air_ms(mission.radio.mtu_bytes) / 1000
    return n_bytes / width * frame_s / (1 - loss)


def tokenizer_bytes(tokenizer_file: Path) -> int:
    """About what tokens, types and merges add to a GGUF: less than the JSON they come from."""
    table = json.loads(tokenizer_file.read_text(encoding="utf-8"))
    tokens = table["model"]["vocab"]
    merges = table["model"].get("merges", [])
    texts = sum(len(token.encode()) + 12 for token in tokens)  # 8 of length, 4 of type
    return texts + sum(len(m.encode() if isinstance(m, str) else " ".join(m).encode()) + 8
                       for m in merges)


def check_fits(board: BoardModel, file_bytes: int, shape: Shape, n_ctx: int) -> None:
    """Raises TrainingError when a model cannot run on the board beside the flight."""
    needed = ram_mb(file_bytes, shape, n_ctx) + REST_MB
    if needed > board.ram_mb:
        raise TrainingError(f"It needs {needed:.0f} MB of memory together with the flight core; a "
                            f"{board.title} has {board.ram_mb:.0f} MB.")
