"""Compression of musings: our codec and common ones on text that none of them was trained on.

Train and test parts are apart: 90 % of the example person's flight thoughts, seeded, against the
other 10 %; the first nine tenths of an author's text against chunks of the last tenth. Every
message is coded alone. Models are kept in ``out_dir`` under the hash of all that went into them;
the first run trains five, some minutes each. Without ``../shared/data`` only the example person is
measured, on no general text.
"""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import brotli
import msgpack
import zstandard

from bench.report import Figure
from host_training.codec import codec as host_codec
from host_training.codec.base_text import clean_text, read_text
from host_training.codec.codec import sample_base, train
from host_training.common.messages import Notes
from host_training.importers.notebook import import_notebook
from wire import text_codec, text_tables
from wire.text_codec import CodecError, TextModel

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
NOTEBOOK = ROOT / "host_training" / "examples" / "edda" / "notebook"

PERSON_BASE_CHARS = 1_000_000
AUTHOR_BASE_CHARS = 400_000
AUTHOR_CHARS_MAX = 300_000
CHUNK_CHARS = 186
CHUNKS = 60
ZSTD_DICTIONARY_BYTES = 110 * 1024
GARBAGE = 200

Compress = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class PersonText:
    """Texts of one person: to learn from, and to measure on."""

    name: str
    base: list[str]
    train: list[str]
    test: list[str]


def _general_text(chars: int) -> list[str]:
    path = DATA / "base.txt.xz"
    if not path.is_file():
        return []
    return clean_text("\n".join(sample_base([read_text(path)], chars))).splitlines()


def person(base: list[str]) -> PersonText:
    """The example person's flight thoughts; a seeded tenth of them to measure on."""
    texts = [
        entry.message.text.replace("\n", " ")
        for path in sorted(NOTEBOOK.glob("flight-*.md"))
        for entry in import_notebook(path, Notes())
    ]
    random.Random(1).shuffle(texts)
    held_out = len(texts) // 10
    return PersonText("example person", base, texts[held_out:], texts[:held_out])


def _chunks(text: str) -> list[str]:
    """Pieces of lines, of whole words, of about CHUNK_CHARS."""
    chunks = []
    for line in text.splitlines():
        piece = ""
        for word in line.split():
            if len(piece) + len(word) >= CHUNK_CHARS:
                chunks.append(piece)
                piece = ""
            piece += f" {word}" if piece else word
        if piece:
            chunks.append(piece)
    return chunks


def author(path: Path, base: list[str]) -> PersonText:
    """One of the authors' books: the first nine tenths to learn, the last tenth to measure."""
    text = clean_text(read_text(path))
    cut = len(text) * 9 // 10
    test = [chunk for chunk in _chunks(text[cut:]) if len(chunk) > CHUNK_CHARS * 3 // 4]
    random.Random(2).shuffle(test)
    learnt = _chunks(text[max(0, cut - AUTHOR_CHARS_MAX):cut])
    return PersonText(path.name.split(".")[0], base, learnt, test[:CHUNKS])


def _model(corpus: PersonText, out_dir: Path) -> TextModel:
    """Trained on the corpus, or read back when everything that makes it is as it was."""
    digest = sha256(repr((corpus.base, corpus.train)).encode())
    for module in (host_codec, text_codec, text_tables):
        digest.update(Path(str(module.__file__)).read_bytes())
    path = out_dir / f"text-{corpus.name.replace(' ', '-')}-{digest.hexdigest()[:12]}.codec"
    if not path.is_file():
        print(f"training the codec for {corpus.name} ...", flush=True)
        out_dir.mkdir(parents=True, exist_ok=True)
        train(corpus.base, corpus.train).save(path)
    return TextModel.load(path)


def _peers(corpus: PersonText) -> dict[str, Compress]:
    """The usual compressors at their best setting; zstd with a dictionary of the same texts."""
    samples = [text.encode() for text in corpus.train + corpus.base]
    dictionary = zstandard.train_dictionary(ZSTD_DICTIONARY_BYTES, samples, level=19)
    compressor = zstandard.ZstdCompressor(
        level=19, dict_data=dictionary, write_content_size=False, write_dict_id=False
    )
    return {
        "raw": bytes,
        "msgpack": lambda data: bytes(msgpack.packb(data.decode())),
        "zlib": lambda data: zlib.compress(data, 9),
        "zstd + dictionary": compressor.compress,
        "brotli": lambda data: bytes(brotli.compress(data, mode=brotli.MODE_TEXT, quality=11)),
    }


def _bits_per_char(compress: Compress, texts: Sequence[str]) -> float:
    return 8 * sum(len(compress(text.encode())) for text in texts) / sum(map(len, texts))


def sizes(corpus: PersonText, model: TextModel) -> dict[str, float]:
    """Bits per character of each codec on the held-out texts; ours is decoded and compared."""
    for text in corpus.test:
        assert model.decode(model.encode(text)) == text, text
    table = {
        name: _bits_per_char(compress, corpus.test) for name, compress in _peers(corpus).items()
    }
    table["spacepi"] = _bits_per_char(lambda data: model.encode(data.decode()), corpus.test)
    return table


def _seconds(action: Callable[[], object], repeats: int = 3) -> float:
    """The least processor time of ``repeats`` runs: what else runs here is left out."""
    least = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        action()
        least = min(least, time.process_time() - start)
    return least


def _crashes(model: TextModel, coded: Sequence[bytes]) -> int:
    """How many of GARBAGE broken inputs end in anything but a short text or CodecError."""
    rng, crashes = random.Random(3), 0
    for number in range(GARBAGE):
        data = bytearray(rng.choice(coded) if number % 2 else rng.randbytes(rng.randrange(1, 60)))
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            crashes += len(model.decode(bytes(data))) > 400
        except CodecError:
            pass
        except Exception as error:  # noqa: BLE001  counting these is the measurement
            print(f"{bytes(data).hex()}: {error!r}")
            crashes += 1
    return crashes


def _costs(corpus: PersonText, model: TextModel) -> list[Figure]:
    texts = corpus.test[:30]
    chars = sum(map(len, texts))
    coded = [model.encode(text) for text in texts]
    squeezed = [zlib.compress(text.encode(), 9) for text in texts]
    decode_s = sum(_seconds(lambda data=data: model.decode(data)) for data in coded)
    encode_s = sum(_seconds(lambda text=text: model.encode(text)) for text in texts)
    zlib_s = sum(_seconds(lambda data=data: zlib.decompress(data)) for data in squeezed)
    packed = model.pack()
    load_s = _seconds(lambda: TextModel.load(packed))
    decode = decode_s / chars * 200_000
    return [
        Figure("decoding 200 characters", decode, "ms", 50, "<=", {
               "zlib": zlib_s / chars * 200_000, "encoding": encode_s / chars * 200_000,
        }),
        Figure("size against zlib", sum(map(len, coded)) / sum(map(len, squeezed)), "x"),
        Figure("loading the model", load_s, "s", 1, "<="),
        Figure("model file", len(packed) / 1e6, "MB", 4, "<="),
        Figure("broken inputs that crash", _crashes(model, coded), "", 0, "<="),
    ]


def _print_table(tables: dict[str, dict[str, float]], lengths: dict[str, float]) -> None:
    print("\nBits per character (bytes of a message of the mean length), every message alone:\n")
    print("| codec | " + " | ".join(f"{name}, {lengths[name]:.0f} ch" for name in tables) + " |")
    print("|---" * (len(tables) + 1) + "|")
    for codec in next(iter(tables.values())):
        cells = [f"{t[codec]:.2f} ({t[codec] * lengths[n] / 8:.0f})" for n, t in tables.items()]
        print(f"| {codec} | " + " | ".join(cells) + " |")


def plot(tables: dict[str, dict[str, float]], path: Path) -> None:
    """Bits per character, a group of bars for each corpus."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(10, 4))
    codecs = list(next(iter(tables.values())))
    width = 0.8 / len(codecs)
    for index, codec in enumerate(codecs):
        places = [group + (index - len(codecs) / 2) * width for group in range(len(tables))]
        bars = axis.bar(places, [table[codec] for table in tables.values()], width, label=codec)
        axis.bar_label(bars, fmt="%.1f", fontsize=7)
    axis.axhline(2.2, color="black", linewidth=0.8, linestyle=":", label="target 2.2")
    axis.set_xticks(range(len(tables)), list(tables))
    axis.set_ylabel("bits per character")
    axis.set_title("Held-out short texts, every message coded alone")
    axis.set_ylim(0, 10.5)  # room for the legend
    axis.legend(fontsize=8, ncols=4, loc="upper right")
    figure.savefig(path, dpi=120, bbox_inches="tight")
    pyplot.close(figure)


def run(out_dir: Path) -> list[Figure]:
    """The rows of the text codec; the table goes to the terminal, the plot to ``out_dir``."""
    corpora = [person(_general_text(PERSON_BASE_CHARS))]
    authors = sorted((DATA / "authors").glob("*.txt.xz"))
    base = _general_text(AUTHOR_BASE_CHARS) if authors else []
    corpora += [author(path, base) for path in authors]
    models = [_model(corpus, out_dir) for corpus in corpora]
    tables = {c.name: sizes(c, model) for c, model in zip(corpora, models, strict=True)}
    lengths = {c.name: sum(map(len, c.test)) / len(c.test) for c in corpora}
    _print_table(tables, lengths)
    plot(tables, out_dir / "text.png")
    rows = []
    for name, table in tables.items():
        target = 2.2 if name == corpora[0].name else None
        peers = {codec: value for codec, value in table.items() if codec != "spacepi"}
        ours = table["spacepi"]
        rows.append(Figure(f"held-out text, {name}", ours, "bit/char", target, "<=", peers))
    return rows + _costs(corpora[0], models[0])
