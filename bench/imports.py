"""Import of a large Telegram export into examples: speed and memory.

It is all that ``spacepi-train scan`` and the writing stage of a run do. ``make bench NAME=imports``
generates 1 GB in a temporary folder; ``python -m bench.imports 50`` is the same with 50 MB. Rates
are per second of the processor, so that a busy machine does not count. The peer is what most tools
do, ``json.load`` of the whole file, on a tenth of the export at most.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

from bench.report import Figure, write

SIZE_MB = 1000
PEER_MB_MAX = 100
CHATS = 40
RSS_TARGET_MB = 300
N_WORDS = 5_000
DATE = "2021-03-06T17:00:00"
R = TypeVar("R")

PERSONA = """name = "Ada"
author = "Ada Test"
disclosure = "Ada is an AI persona, not the person."
system = "You are Ada."
me = ["user1"]
"""


def run(out_dir: Path, size_mb: int = SIZE_MB) -> list[Figure]:
    """Megabytes per second and peak memory, from the export to the weighed examples."""
    with tempfile.TemporaryDirectory() as place:
        persona, out = Path(place) / "persona", Path(place) / "out"
        (persona / "telegram").mkdir(parents=True)
        out.mkdir()
        (persona / "persona.toml").write_text(PERSONA)
        (persona / "values.md").write_text("- say what you saw\n")
        n_generated = generate(persona / "telegram" / "result.json", size_mb)
        n_messages, n_examples, all_s, weighing_s, rss_mb = alone(prepared, persona, out)
        assert n_messages == n_generated, (n_messages, n_generated)
        peer_mb = max(1, min(size_mb // 10, PEER_MB_MAX))
        generate(Path(place) / "peer.json", peer_mb)
        peer_s, peer_rss_mb = alone(loaded, Path(place) / "peer.json")
    return [
        Figure(f"peak memory, {size_mb} MB Telegram export", rss_mb, "MB", RSS_TARGET_MB, "<=",
               {f"json.load of {peer_mb} MB": peer_rss_mb}),
        Figure("export to examples", size_mb / all_s, "MB per CPU second",
               peers={"json.load alone": peer_mb / peer_s}),
        Figure("messages to examples", n_messages / all_s, "per CPU second"),
        Figure("examples kept", n_examples, "of them"),
        Figure("doubles and weights", weighing_s / all_s, "of the time"),
    ]


def alone(function: Callable[..., R], *arguments: Path) -> R:
    """What ``function`` returns in a process of its own, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def prepared(directory: Path, out: Path) -> tuple[int, int, float, float, float]:
    """Messages, examples, seconds in all and of the weighing, and this process's peak in MB."""
    # Imported here: the peer's process is to be no larger than the peer.
    from host_training.common.persona_dir import read_persona
    from host_training.corpus import assemble
    from host_training.corpus.summary import read_summary

    persona = read_persona(directory)
    began_s = time.process_time()
    began_at: dict[float, float] = {}

    def report(share: float, line: str) -> None:
        began_at.setdefault(share, time.process_time())

    n_examples = assemble.prepare(directory, persona, out, report)
    ended_s = time.process_time()
    summary = read_summary(out)
    assert not summary["left out"]["bad"], summary
    return (sum(summary["sources"].values()), n_examples, ended_s - began_s,
            ended_s - began_at[assemble.WEIGHING_SHARE], _peak_mb())


def loaded(export: Path) -> tuple[float, float]:
    """The peer: seconds, and this process's peak in MB."""
    began_s = time.process_time()
    with export.open(encoding="utf-8") as file:
        json.load(file)
    return time.process_time() - began_s, _peak_mb()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def generate(path: Path, size_mb: int) -> int:
    """A full export of CHATS chats with ``size_mb`` million bytes; returns how many messages.

    The same for the same size. Words are as common as in a language (Zipf), and every message is
    drawn anew: short ones come again, long ones do not. No chat ever pauses.
    """
    rng = random.Random(1)
    words = ["".join(rng.choices("aeioubdfglmnprstvz", k=rng.randint(2, 9)))
             for _ in range(N_WORDS)]
    common = list(accumulate(1 / rank for rank in range(1, N_WORDS + 1)))
    per_chat = size_mb * 1_000_000 // CHATS
    n_messages = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('{"about": "generated", "personal_information": {"user_id": 1},\n'
                   ' "chats": {"about": "", "list": [\n')
        for chat in range(CHATS):
            head = {"name": f"Person {chat}", "type": "personal_chat", "id": chat}
            written = file.write((",\n" if chat else "") + json.dumps(head)[:-1]
                                 + ', "messages": [\n')
            number = 0
            while written < per_chat:
                who = 1 if number % 2 else chat + 2
                text = " ".join(rng.choices(words, cum_weights=common, k=rng.randint(1, 30)))
                written += file.write(
                    f'{", " if number else ""}{{"id": {number}, "type": "message", "date":'
                    f' "{DATE}", "date_unixtime": "{1_615_050_000 + 60 * number}", "from":'
                    f' "Person {who}", "from_id": "user{who}", "text": "{text}", "text_entities":'
                    f' [{{"type": "plain", "text": "{text}"}}]}}\n')
                number += 1
            n_messages += number
            file.write("]}")
        file.write("]}}\n")
    return n_messages


if __name__ == "__main__":
    place = Path(__file__).parent / "out"
    sys.exit(write("imports", run(place, int(sys.argv[1]) if sys.argv[1:] else SIZE_MB), place))
