"""The microphone process: one sound or one reason, and a worker that hangs is killed with all its
children."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

import pytest

from payload import microphone_worker
from payload.drivers import microphone
from payload.drivers.microphone import MicrophoneProcess, sound_of, wired_microphone
from payload.ports import DeviceAbsent, DeviceGarbage, PortError
from payload.sound import Sound
from tests.payload.drivers.worker_outcome import WAIT_S, outcome
from tests.sim.flights import mission
from wire.mission_microphone import MicrophoneSection

SECTION = MicrophoneSection(device="plughw:1,0", every_s=30, take_s=6)
LINE = "-32.100 87.900 0.010 0.980 0.000 - 0.700"


def process(folder: Path, script: str) -> MicrophoneProcess:
    """A microphone whose worker is a shell script; "$@" are the arguments of the real one."""
    return MicrophoneProcess(SECTION, folder, ["sh", "-c", script, "sh"])


def take(folder: Path, script: str) -> Sound | PortError:
    heard = process(folder, script)
    assert heard.start(0)
    return outcome(heard)


def test_a_sound(tmp_path: Path) -> None:
    """Goal: the numbers of the line; an unknown one is left out."""
    assert take(tmp_path, f"echo {LINE}") == Sound(
        1234, -32.1, 87.9, {"quiet": 0.01, "wind": 0.98, "bang": 0.0, "voices": 0.7})
    assert take(tmp_path, "echo -90 - - - - - -") == Sound(1234, -90.0, None, {})


def test_what_the_worker_prints_the_driver_reads() -> None:
    """Goal: both ends agree on the line, and on the status of what is no sound."""
    sound = Sound(1234, -32.125, None, {"quiet": 0.0, "voices": 1.0})
    assert sound_of(microphone_worker.line_of(sound), 1234) == sound
    assert microphone.NO_SOUND == microphone_worker.NO_SOUND


@pytest.mark.parametrize("line", [
    "", "-32", LINE + " 0.5", "- 87.9 0 0 0 0 0", "-120.1 - 0 0 0 0 0", "3.2 - 0 0 0 0 0",
    "-32 -0.1 0 0 0 0 0", "-32 180.1 0 0 0 0 0", "-32 - 1.1 0 0 0 0", "-32 - 0 -0.1 0 0 0",
    "nan - 0 0 0 0 0", "-32 inf 0 0 0 0 0", "-32 - nan 0 0 0 0", "-32 - x 0 0 0 0", "\\033[2J",
])
def test_a_worker_that_does_not_say_numbers(tmp_path: Path, line: str) -> None:
    """Goal: no line, half a line or an impossible number is garbage."""
    assert isinstance(take(tmp_path, f"printf '%s\\n' '{line}'"), DeviceGarbage)


def test_lines_at_the_bounds_are_read() -> None:
    for line in ("-120 0 0 0 0 0 0", "3.1 180 1 1 1 1 1"):
        assert sound_of(line, 0) is not None


def test_reasons(tmp_path: Path) -> None:
    """Goal: no device, no sound and a crash are told apart; the last words are kept."""
    absent = take(tmp_path, "echo noise >&2; echo No such device. >&2; exit 1")
    assert isinstance(absent, DeviceAbsent) and str(absent) == "No such device."
    dead = take(tmp_path, "echo The microphone is dead. >&2; exit 3")
    assert isinstance(dead, DeviceGarbage) and str(dead) == "The microphone is dead."
    crashed = take(tmp_path, "kill -SEGV $$")
    assert isinstance(crashed, DeviceGarbage) and "signal 11" in str(crashed)
    assert isinstance(take(tmp_path, "exit 1"), DeviceAbsent)
    assert not MicrophoneProcess(SECTION, tmp_path, ["/does/not/exist"]).start(0)


def _state(pid_file: Path) -> str:
    """The letter of /proc/PID/stat; "" where there is no such process (proc(5))."""
    with contextlib.suppress(OSError, ValueError):
        stat = Path(f"/proc/{int(pid_file.read_text())}/stat").read_text()
        return stat.rpartition(")")[2].split()[0]
    return ""


def test_a_hanging_worker_is_killed_with_its_children(tmp_path: Path) -> None:
    """Goal: nothing comes, ``cancel`` kills the whole group, only then the next one starts. Method:
    a worker that waits for a child that is stopped, as one that waits for arecord."""
    heard = process(tmp_path, f"sh -c 'echo $$ > {tmp_path}/pid; kill -STOP $$' & wait")
    assert heard.start(0)
    child = heard._worker.child
    assert child is not None
    assert not heard.start(0) and heard.poll(0) is None
    while _state(tmp_path / "pid") != "T":
        assert child.poll() is None
    stopped = os.pidfd_open(int((tmp_path / "pid").read_text()))
    heard.cancel(0)
    assert child.wait(WAIT_S) == -signal.SIGKILL
    assert heard.poll(0) is None
    assert select.select([stopped], [], [], WAIT_S)[0], "a pidfd is readable when it has ended"
    os.close(stopped)
    assert heard.start(1)
    heard.cancel(1)
    assert heard._worker.child is not None
    heard._worker.child.wait(WAIT_S)


def test_the_mission_decides_what_the_worker_is_asked(tmp_path: Path) -> None:
    """Goal: nothing is kept unless the mission asks; no section is no microphone."""
    assert wired_microphone(mission(), tmp_path) is None
    asked = SECTION.model_copy(update={"sensitivity_dbfs": -26.0, "keep_takes": 20})
    for section, more in ((SECTION, []), (asked, [
        "--sensitivity-dbfs=-26.0", "--keep", str(tmp_path / "data" / "takes"),
        "--keep-takes", "20",
    ])):
        plan = mission().model_copy(update={"microphone": section})
        wired = wired_microphone(plan, tmp_path)
        assert wired is not None
        assert wired._worker.command[3:] == ["--device", "plughw:1,0", "--seconds", "6", *more]
