"""The block-level explorer: ext4 on a recording device, cut anywhere, mounted and opened again.

    unshare --mount --propagation private \
        python -m tests.crash.explore_blocks WHO STEPS STATES SEED FOLDER

WHO is a writer of ``tests.crash.witness``; images are made in FOLDER. Prints one JSON object. In a
mount name space of its own, so that whatever happens nothing stays mounted; the loop devices let go
by themselves.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from structlog.testing import capture_logs

from tests.crash import witness
from tests.crash.block_device import NAME, NoDevice, RecordingFile
from tests.crash.disk import Platter

IMAGE_BYTES = 16 << 20
CHECKS = {"payload": witness.check_payload, "careless": witness.check_payload,
          "station": witness.check_station}


def run(*command: str | Path) -> None:
    """Raises NoDevice with the first line of what the program said."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise NoDevice(f"{command[0]}: {said[0]}")


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[None]:
    run("mount", "-t", "ext4", "-o", "loop,noatime", image, folder)
    try:
        yield
    finally:
        run("umount", folder)


def record(who: str, steps: int, work: Path, folder: Path) -> tuple[RecordingFile, int]:
    """Run the writer on a fresh file system; the recording, and where in it the writer began."""
    device = RecordingFile(work / NAME, IMAGE_BYTES)
    try:
        run("mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", device.path)
        with mounted(device.path, folder):
            begin = len(device.trace)
            run(sys.executable, "-m", "tests.crash.witness", who, folder, device.path, str(steps))
            end = len(device.trace)
    finally:
        device.close()
    del device.trace[end:]
    return device, begin


def explore(who: str, steps: int, states: int, seed: int, work: Path) -> dict[str, object]:
    """Everything that was found, ready for JSON."""
    (folder := work / "mounted").mkdir()
    device, begin = record(who, steps, work, folder)
    rng, broken, unmountable = random.Random(seed), [], 0
    cuts = sorted(rng.randrange(begin, len(device.trace) + 1) for _ in range(states))
    platter, at, image = Platter({NAME: bytes(IMAGE_BYTES)}), 0, work / "after.img"
    for cut in cuts:
        for operation in device.trace[at:cut]:
            platter.apply(operation)
        at = cut
        image.write_bytes(platter.state(rng)[NAME])
        acknowledged = max((n for when, n in device.acknowledged if when <= cut), default=0)
        try:
            with mounted(image, folder):
                wrong = CHECKS[who](folder, acknowledged)
        except NoDevice as error:
            unmountable += 1
            wrong = str(error)
        if wrong is not None:
            broken.append(f"seed {seed}, operation {cut}: {wrong}")
    verbs = [operation.verb for operation in device.trace[begin:]]
    return {
        "states": states, "broken": broken, "unmountable": unmountable,
        "writes": verbs.count("write"), "flushes": verbs.count("sync"),
        "bytes": sum(len(operation.data) for operation in device.trace[begin:]),
        "acknowledged": device.acknowledged[-1][1],
    }


def main() -> None:
    who, steps, states, seed = sys.argv[1], *map(int, sys.argv[2:5])
    with tempfile.TemporaryDirectory(dir=sys.argv[5], ignore_cleanup_errors=True) as work:
        try:
            with capture_logs():
                found = explore(who, steps, states, seed, Path(work))
        except NoDevice as error:
            found = {"no_device": str(error)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
