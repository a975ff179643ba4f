"""The process that runs the model; ``payload.mind_start`` has its command line.

It takes its socket, leaves out of its memory what it does not need, and serves
(``payload.mind_server``). Ends with status 0 on SIGTERM, 1 with one sentence when another worker
owns the socket or llama.cpp cannot be loaded.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
from pathlib import Path
from types import ModuleType

from payload import llama_library
from payload.mind import worker_log
from payload.mind.prefix_cache import PrefixCache
from wire.file_hashes import FileHashes

# What the package adds to the bindings for programs that chat: templates, caches. 5 MB, unused.
BEYOND_THE_BINDINGS = "llama_cpp.llama"


def main() -> None:
    """The command line."""
    worker_log.start()
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
    lock = open(path.with_name(path.name + ".lock"), "w")  # noqa: SIM115  # held until it ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"Another mind worker is already listening on {path}.")
    kept = arguments.cache or path.with_name("mind-cache")
    cache, hashes = PrefixCache(kept), FileHashes(kept / "hashes.json")
    sys.modules[BEYOND_THE_BINDINGS] = ModuleType(BEYOND_THE_BINDINGS)
    with llama_library.loading():
        from payload.mind_server import MindServer, load_engine, signature_of

    try:
        MindServer(
            path, bundle.name,
            lambda: load_engine(bundle, arguments.trust, cache, hashes, arguments.threads),
            lambda: signature_of(bundle)).serve()
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
