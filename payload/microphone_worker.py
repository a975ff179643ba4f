"""The process that listens once: ``python -m payload.microphone_worker --device D --seconds N``.

It starts arecord for one take of 16 kHz, 16 bits, mono (arecord(1) of alsa-utils), measures it
(``payload.sound_features``) and prints one line, where ``-`` is unknown:

    LEVEL_DBFS SPL_DB QUIET WIND BANG FLUTTER VOICES

Status 1: no take, with one sentence on standard error: no arecord, no device. Status 3: a take that
is no sound: dead, stuck, cut off. It may hang with the sound driver: whoever started it holds the
deadline and kills its process group, arecord included.

The samples are forgotten, unless ``--keep`` names a folder: then the latest takes stay there as WAV
files, never more than ``--keep-takes``, and where the disk takes none the measuring goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import subprocess
import sys
import wave
from pathlib import Path

from payload.sound import TRAITS, Sound

NO_TAKE, NO_SOUND = 1, 3
RATE_HZ, SAMPLE_BYTES = 16_000, 2
END_S_MAX = 5.0  # arecord ends so soon after its last sample
_WORDS_BYTES_MAX = 400  # of arecord's standard error kept in an error message
_CHUNK_BYTES = 65_536


class NoTake(Exception):
    """Nothing was recorded; the text is one sentence."""


def record(device: str, seconds: int, program: str = "arecord") -> bytes:
    """Samples of one take, S16_LE mono. Raises NoTake."""
    command = (program, "-q", "-D", device, "-t", "raw", "-f", "S16_LE", "-c", "1",
               "-r", str(RATE_HZ), "-d", str(seconds))
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise NoTake(f"{program} cannot be started ({error.strerror}); install alsa-utils.") \
            from error
    with child:
        data, words = _read(child, seconds * RATE_HZ * SAMPLE_BYTES)
        if data:
            child.terminate()  # all of the take is here; without any it says why, and ends
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(END_S_MAX)
        child.kill()
    if not data:
        raise NoTake(f"{device} records nothing: {words or 'arecord does not say why'}")
    return data[: len(data) // SAMPLE_BYTES * SAMPLE_BYTES]


def _read(child: subprocess.Popen[bytes], size_bytes: int) -> tuple[bytes, str]:
    """At most so much of its standard output, and the end of what it complained of meanwhile: one
    that complains without end would wait for a reader, and the take for it."""
    assert child.stdout is not None and child.stderr is not None
    data, words = bytearray(), b""
    with selectors.DefaultSelector() as pipes:
        pipes.register(child.stdout, selectors.EVENT_READ)
        pipes.register(child.stderr, selectors.EVENT_READ)
        while len(data) < size_bytes and pipes.get_map():
            if data and child.stdout not in pipes.get_map():
                break  # cut off; why may never be said
            for key, _ in pipes.select():
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    pipes.unregister(key.fileobj)
                elif key.fileobj is child.stdout:
                    data += chunk
                else:
                    words = (words + chunk)[-_WORDS_BYTES_MAX:]
    return bytes(data[:size_bytes]), words.decode("utf-8", "replace").strip()


def keep(data: bytes, folder: Path, takes: int) -> None:
    """Write the take as the newest of ``folder``, and delete the oldest beyond ``takes``.

    Raises OSError where the disk does not take it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = sorted(folder.glob("take-??????.wav"))
    for old in kept[: max(0, len(kept) - takes + 1)]:
        old.unlink()
    newest = int(kept[-1].stem[-6:]) if kept and kept[-1].stem[-6:].isdigit() else 0
    with wave.open(str(folder / f"take-{newest + 1:06}.wav"), "wb") as file:
        file.setparams((1, SAMPLE_BYTES, RATE_HZ, 0, "NONE", "not compressed"))
        file.writeframes(data)


def line_of(sound: Sound) -> str:
    """What is printed of it."""
    numbers = (sound.level_dbfs, sound.spl_db, *map(sound.traits.get, TRAITS))
    return " ".join("-" if number is None else f"{number:.3f}" for number in numbers)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="payload.microphone_worker", description=__doc__)
    parser.add_argument("--device", required=True, help="as `arecord -L` names it")
    parser.add_argument("--seconds", type=int, required=True, help="length of the take")
    parser.add_argument("--sensitivity-dbfs", type=float, help="level at 94 dB SPL, dBFS, if known")
    parser.add_argument("--keep", type=Path, help="folder for takes to keep")
    parser.add_argument("--keep-takes", type=int, default=1, help="number of takes to keep")
    parser.add_argument("--program", default="arecord", help="recording program")
    arguments = parser.parse_args()
    # A child inherits the flight core's protection from the OOM killer: be the first victim
    # instead.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")
    try:
        import numpy as np

        from payload.sound_features import NoSound, listen
    except ImportError as error:
        sys.exit(f"{error.name} is not installed: apt install python3-numpy.")
    try:
        data = record(arguments.device, arguments.seconds, arguments.program)
    except NoTake as error:
        sys.exit(str(error))
    if arguments.keep is not None:
        with contextlib.suppress(OSError):
            keep(data, arguments.keep, arguments.keep_takes)
    try:
        sound = listen(np.frombuffer(data, "<i2"), arguments.sensitivity_dbfs)
    except NoSound as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(NO_SOUND)
    sys.stdout.write(line_of(sound) + "\n")


if __name__ == "__main__":
    main()
