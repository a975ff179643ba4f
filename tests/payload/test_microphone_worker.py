"""The microphone's worker: the real process with a stand-in for arecord, and with arecord itself.

arecord reads a file in place of a sound card through ALSA's own plugins ``file`` and ``null``.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from payload.drivers.microphone import sound_of
from payload.microphone_worker import NO_SOUND, NO_TAKE, RATE_HZ, NoTake, keep, record
from payload.sound_features import listen
from sim import acoustics
from sim.fakes.microphone import samples_of

WAIT_S = 60
TAKE_S = 2
AROUND = acoustics.Surroundings(0.9, 6.0, 3_000.0)


def wind() -> bytes:
    rng = random.Random(1)
    samples: bytes = samples_of(acoustics.pressure(AROUND, TAKE_S, rng), rng).tobytes()
    return samples


def stand_in(folder: Path, script: str) -> str:
    """A program in arecord's place, which is given arecord's arguments."""
    path = folder / "arecord"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def work(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "payload.microphone_worker", "--device", "hw:7,0",
         "--seconds", str(TAKE_S), *arguments],
        capture_output=True, text=True, timeout=WAIT_S, check=False,
        env={**os.environ, **environment})


def test_a_take_becomes_numbers_and_no_file(tmp_path: Path) -> None:
    """Goal: what arecord says is measured, and nothing of it stays."""
    data = wind()
    (tmp_path / "samples").write_bytes(data)
    program = stand_in(tmp_path, f'echo "$@" > {tmp_path}/asked; cat {tmp_path}/samples')
    before = sorted(tmp_path.iterdir())
    ended = work("--program", program, "--sensitivity-dbfs=-26")
    assert (ended.returncode, ended.stderr) == (0, "")
    sound, truth = sound_of(ended.stdout, 0), listen(np.frombuffer(data, "<i2"), -26.0)
    assert sound is not None and sound.heard == truth.heard == ("wind",)
    assert sound.level_dbfs == pytest.approx(truth.level_dbfs, abs=0.001)
    assert (tmp_path / "asked").read_text().split() == [
        "-q", "-D", "hw:7,0", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", "16000", "-d", "2"]
    assert sorted(tmp_path.iterdir()) == [tmp_path / "arecord", tmp_path / "asked",
                                          tmp_path / "samples"] and len(before) == 2


@pytest.mark.parametrize(("script", "status", "words"), [
    ("echo audio open error: No such file or directory >&2; exit 1", NO_TAKE,
     "hw:7,0 records nothing: audio open error: No such file or directory"),
    ("exit 0", NO_TAKE, "hw:7,0 records nothing: arecord does not say why"),
    ("head -c 64000 /dev/zero", NO_SOUND, "The microphone is dead: every sample is 0."),
    ("head -c 31998 /dev/urandom", NO_SOUND, "The take is cut off after 1.0 s."),
    ("printf x", NO_SOUND, "The take is cut off after 0.0 s."),
])
def test_reasons(tmp_path: Path, script: str, status: int, words: str) -> None:
    """Goal: absent, dead and cut off are told apart, each in one sentence."""
    ended = work("--program", stand_in(tmp_path, script))
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "", words + "\n")


def test_without_alsa_it_says_what_to_install() -> None:
    ended = work("--program", "/does/not/arecord")
    assert ended.returncode == NO_TAKE
    assert ended.stderr.endswith("No such file or directory); install alsa-utils.\n")


def test_more_than_a_take_is_not_read(tmp_path: Path) -> None:
    """Goal: bounded memory, whatever the program does: it is killed behind the last sample."""
    data = record("hw:7,0", 1, stand_in(tmp_path, "exec cat /dev/urandom"))
    assert len(data) == 2 * RATE_HZ
    with pytest.raises(NoTake):
        record("hw:7,0", 1, stand_in(tmp_path, "exec cat /dev/null"))


def test_a_program_that_never_stops_complaining_is_heard_all_the_same(tmp_path: Path) -> None:
    """It waited for somebody to read its complaints, and the worker for its samples."""
    take = tmp_path / "samples"
    take.write_bytes(wind()[:2 * RATE_HZ])
    data = record("hw:7,0", 1, stand_in(tmp_path, f"head -c 300000 /dev/zero >&2; exec cat {take}"))
    assert data == take.read_bytes()
    with pytest.raises(NoTake, match="records nothing: the last word"):
        record("hw:7,0", 1, stand_in(
            tmp_path, "head -c 300000 /dev/zero | tr '\\0' '\\n' >&2; echo the last word >&2"))


def test_takes_are_kept_within_their_bound(tmp_path: Path) -> None:
    """Goal: the newest stay, as WAV files that can be played; numbers go on after a start."""
    folder = tmp_path / "takes"
    for number in range(5):
        keep(bytes([number]) * 200, folder, 3)
    names = ["take-000003.wav", "take-000004.wav", "take-000005.wav"]
    assert sorted(path.name for path in folder.iterdir()) == names
    with wave.open(str(folder / names[-1])) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE_HZ, 2, 1)
        assert file.readframes(1000) == bytes([4]) * 200
    keep(b"\1\2", folder, 1)
    assert [path.name for path in folder.iterdir()] == ["take-000006.wav"]


def test_a_disk_that_keeps_no_take_costs_no_sound(tmp_path: Path) -> None:
    (tmp_path / "samples").write_bytes(wind())
    (tmp_path / "file").write_bytes(b"")
    program = stand_in(tmp_path, f"cat {tmp_path}/samples")
    ended = work("--program", program, "--keep", str(tmp_path / "file" / "takes"))
    assert ended.returncode == 0 and sound_of(ended.stdout, 0) is not None


def test_arecord_itself(tmp_path: Path) -> None:
    """Goal: the real program's arguments, samples and errors. Method: a file in place of a card."""
    if shutil.which("arecord") is None:
        say = pytest.fail if os.environ.get("SPACEPI_REQUIRE_ALL") == "1" else pytest.skip
        say("arecord is not installed")
    (tmp_path / "samples").write_bytes(wind())
    (tmp_path / "asound.conf").write_text(
        'pcm.none { type null }\n'
        f'pcm.stand_in {{ type file slave.pcm "none" file /dev/null\n'
        f'  infile "{tmp_path}/samples" format raw }}\n')
    environment = {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}
    ended = work("--device", "stand_in", **environment)
    sound = sound_of(ended.stdout, 0)
    assert sound is not None and sound.heard == ("wind",), ended.stderr
    absent = work(**environment)
    assert absent.returncode == NO_TAKE and absent.stderr.startswith("hw:7,0 records nothing: ")
