"""Starts the mind worker of a mission file, by replacing itself with it.

    python -m payload.mind_start --mission FILE --socket PATH --cache DIR

So the worker is told everything on its command line, including whom it may trust, and never holds
the mission file's reader in the little memory it shares with the model. If there is no mind, in the
mission or on this machine, it ends with status 3 and one sentence; if the file is wrong, with
status 2.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from payload import llama_library
from wire import mission
from wire.mission import Mission, MissionError

USAGE_ERROR, NO_MIND = 2, 3
# Libraries read these when they are loaded.
ENVIRONMENT = (
    "/usr/bin/env",
    # OpenMP's threads spin while they wait for each other; beside a busy process that made a reply
    # take 36 to 154 s instead of 1.5 to 3.1.
    "OMP_WAIT_POLICY=passive",
    # glibc raises this bound, from its 128 KiB, to the largest block freed so far; what llama.cpp
    # then frees after each thought stays in the process, 5 MB of it.
    "MALLOC_MMAP_THRESHOLD_=131072",
)


def worker_command(plan: Mission, base: Path, socket: Path) -> list[str]:
    """The worker's command line; ``base`` is the folder of the mission file."""
    keys = [word for key in plan.mind.trusted_keys for word in ("--trust", key)]
    threads = [] if plan.mind.threads is None else ["--threads", str(plan.mind.threads)]
    return [
        *ENVIRONMENT, sys.executable, "-m", "payload.mind_worker",
        "--bundle", str(base / plan.mind.bundle),
        "--socket", str(socket), *threads, *keys,
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="payload.mind_start", description=__doc__)
    parser.add_argument("--mission", type=Path, required=True, help="the mission file")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--cache", type=Path, required=True, help="cache directory")
    arguments = parser.parse_args()
    try:
        plan = mission.load(arguments.mission)
    except MissionError as error:
        parser.exit(USAGE_ERROR, f"{error}\n")
    if not plan.mind.bundle:
        parser.exit(NO_MIND, f"{arguments.mission}: mind.bundle is not set, so there is no mind to "
                             "start.\n")
    absence = llama_library.absence()
    if absence is not None:
        parser.exit(NO_MIND, f"There is no mind: {absence}.\n")
    command = worker_command(plan, arguments.mission.resolve().parent, arguments.socket)
    os.execv(command[0], [*command, "--cache", str(arguments.cache)])


if __name__ == "__main__":
    main()
