"""The importer on a large Telegram export: how fast it reads, and how much memory it takes.

``make bench NAME=imports`` generates 1 GB in a temporary folder; ``python -m bench.imports 50`` is
the same with 50 MB. Rates are per second of the processor, so that a busy machine does not count.
The peer is what most tools do, ``json.load`` of the whole file, on a tenth of the export at most.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.report import Row, write

SIZE_MB = 1000
PEER_MB_MAX = 100
CHATS = 40
RSS_TARGET_MB = 300
WORDS = (
    "the wind went round to the north and nobody in the yard said anything about it because a"
    " kettle was on and the box hung in the hedge as it does when it has had enough")
DATE = "2021-03-06T17:00:00"

_IMPORT = """
import resource, sys, time
from pathlib import Path
from host_training.importers import registry
from host_training.importers.tree import Tree
from host_training.message_store import MessageStore
from host_training.messages import Notes
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
notes = Notes()
began_s = time.process_time()
with MessageStore(out / "messages.sqlite") as store, Tree(folder, notes) as tree:
    exports = registry.recognise(list(tree.files(folder)), notes)
    n_in = store.add(registry.read_all(exports, notes))
    read_s = time.process_time() - began_s
    n_out = sum(1 for _ in store.ordered())
    all_s = time.process_time() - began_s
rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
assert not notes.bad and n_in == n_out, (notes.report(), n_in, n_out)
print(n_in, read_s, all_s, rss_mb)
"""
_PEER = """
import json, resource, sys, time
began_s = time.process_time()
export = json.load(open(sys.argv[1], encoding="utf-8"))
n = sum(len(chat["messages"]) for chat in export["chats"]["list"])
all_s = time.process_time() - began_s
print(n, all_s, all_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def run(out_dir: Path, size_mb: int = SIZE_MB) -> list[Row]:
    """Megabytes per second and peak memory of the import into the ordered store."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "export"
        folder.mkdir()
        generate(folder / "result.json", size_mb)
        n_messages, read_s, all_s, rss_mb = _child(_IMPORT, folder, Path(place))
        peer_mb = max(1, min(size_mb // 10, PEER_MB_MAX))
        generate(Path(place) / "peer.json", peer_mb)
        _, peer_s, _, peer_rss_mb = _child(_PEER, Path(place) / "peer.json")
    return [
        Row(f"peak memory, {size_mb} MB Telegram export", rss_mb, "MB", RSS_TARGET_MB, "<=",
            {f"json.load of {peer_mb} MB": peer_rss_mb}),
        Row("read into the store", size_mb / read_s, "MB per CPU second",
            peers={"json.load": peer_mb / peer_s}),
        Row("messages read", n_messages / read_s, "per CPU second"),
        Row("messages read and given back in order", n_messages / all_s, "per CPU second"),
    ]


def _child(code: str, *arguments: Path) -> tuple[int, float, float, float]:
    """A process of its own, so that its peak memory is its own."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True,
                          capture_output=True, text=True)
    n, read_s, all_s, rss_mb = done.stdout.split()
    return int(n), float(read_s), float(all_s), float(rss_mb)


def generate(path: Path, size_mb: int) -> None:
    """A full export of CHATS chats with ``size_mb`` million bytes, the same for the same size."""
    rng, words = random.Random(1), WORDS.split()
    texts = [json.dumps(" ".join(rng.choices(words, k=rng.randint(1, 30)))) for _ in range(5000)]
    per_chat = size_mb * 1_000_000 // CHATS
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
                text = texts[rng.randrange(len(texts))]
                written += file.write(
                    f'{", " if number else ""}{{"id": {number}, "type": "message", "date":'
                    f' "{DATE}", "date_unixtime": "{1_615_050_000 + 60 * number}", "from":'
                    f' "Person {who}", "from_id": "user{who}", "text": {text}, "text_entities":'
                    f' [{{"type": "plain", "text": {text}}}]}}\n')
                number += 1
            file.write("]}")
        file.write("]}}\n")


if __name__ == "__main__":
    place = Path(__file__).parent / "out"
    sys.exit(write("imports", run(place, int(sys.argv[1]) if sys.argv[1:] else SIZE_MB), place))
