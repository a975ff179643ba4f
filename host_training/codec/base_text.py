"""Text for the base model: cleaning, chunking, tokenizer training, tokenising.

Everything here happens once; the results lie beside the checkpoint and are used again.
"""

from __future__ import annotations

import json
import lzma
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from host_training.common.chat_template import END_OF_TEXT, SPECIAL_TOKENS
from host_training.common.unpacking import TooMuchError, unpack_xz
from host_training.errors import TrainingError

HELD_OUT_FRACTION = 0.005
CHUNK_CHARS = 40_000  # documents are shuffled and held out in slices of about this size

_TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ", "\ufeff": None})


def check_text(path: Path) -> None:
    """Raises TrainingError for another ending or a missing file."""
    if not path.name.endswith((".txt", ".txt.xz")):
        raise TrainingError(f"{path}: must be a .txt or .txt.xz file.")
    if not path.is_file():
        raise TrainingError(f"{path}: no such file.")


def read_text(path: Path) -> str:
    """The text of a ``.txt`` or ``.txt.xz`` file; bytes that are not UTF-8 become U+FFFD.

    Raises:  TrainingError for another ending, a missing file or a damaged archive.
    """
    check_text(path)
    try:
        data = path.read_bytes()
        return (unpack_xz(data) if path.suffix == ".xz" else data).decode("utf-8", "replace")
    except TooMuchError as error:
        raise TrainingError(f"{path}: {error}.") from error
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}).") from error
    except lzma.LZMAError as error:
        raise TrainingError(f"{path}: the archive is damaged or truncated ({error}).") from error


def clean_text(text: str) -> str:
    """Straight quotes, no italics underscores, no runs of blank space; one paragraph a line."""
    text = text.translate(_TYPOGRAPHY)
    text = re.sub(r"_([^_\n]{1,200})_", r"\1", text)
    text = re.sub(r"[ \t]+", " ", text)
    return re.sub(r"\n{2,}", "\n", text).strip() + "\n"


def _chunks(paths: list[Path], seed: int) -> list[str]:
    """Slices of about CHUNK_CHARS cut at line ends, in a seeded order."""
    chunks: list[str] = []
    for path in paths:
        text = clean_text(read_text(path))
        start = 0
        while start < len(text):
            end = text.find("\n", start + CHUNK_CHARS)
            end = len(text) if end < 0 else end + 1
            chunks.append(text[start:end])
            start = end
    order = np.random.default_rng(seed).permutation(len(chunks))
    return [chunks[i] for i in order]


def train_tokenizer(texts: Iterator[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE with single-digit tokens: the scheme llama.cpp knows as ``smollm``."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=True,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


class BaseText(TypedDict):
    """``data.json``: what a base model is trained on and measured with."""

    sources: list[str]
    train_bytes: int
    held_out_bytes: int
    train_tokens: int
    held_out_tokens: int


def prepare(paths: list[Path], out: Path, vocab_size: int, seed: int) -> None:
    """Write ``tokenizer.json``, ``train.u16``, ``held_out.u16``, ``data.json`` unless present."""
    if (out / "data.json").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    chunks = _chunks(paths, seed)
    if len(chunks) < 2:
        raise TrainingError(f"The text is too short: {CHUNK_CHARS:,} characters are held out, and "
                            "at least as many are required for training.")
    n_held_out = max(1, round(len(chunks) * HELD_OUT_FRACTION))
    held_out, training = chunks[:n_held_out], chunks[n_held_out:]
    tokenizer = train_tokenizer(iter(training[:400]), vocab_size)
    tokenizer.save(str(out / "tokenizer.json"))
    end_id = tokenizer.token_to_id(END_OF_TEXT)
    for name, part in (("train", training), ("held_out", held_out)):
        with open(out / f"{name}.u16", "wb") as file:
            for start in range(0, len(part), 64):
                for encoding in tokenizer.encode_batch(part[start : start + 64]):
                    np.array([*encoding.ids, end_id], dtype=np.uint16).tofile(file)
    summary: BaseText = {
        "sources": [path.name for path in paths],
        "train_bytes": sum(len(c.encode()) for c in training),
        "held_out_bytes": sum(len(c.encode()) for c in held_out),
        "train_tokens": os.path.getsize(out / "train.u16") // 2,
        "held_out_tokens": os.path.getsize(out / "held_out.u16") // 2,
    }
    (out / "data.part").write_text(json.dumps(summary, indent=1))
    os.replace(out / "data.part", out / "data.json")  # last: it says the rest is whole
