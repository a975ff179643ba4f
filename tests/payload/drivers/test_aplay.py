"""The speaker with a real child process in aplay's place: what it is fed, keyed, and rid of."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from payload.drivers import aplay
from payload.drivers.aplay import AplaySpeaker
from payload.link import horus_fsk

FRAME = bytes(range(64))


class Key:
    """Notes its levels."""

    def __init__(self) -> None:
        self.levels: list[bool] = []

    def drive(self, is_high: bool) -> None:
        self.levels.append(is_high)


def program(folder: Path, body: str) -> str:
    """An executable that runs this Python."""
    path = folder / "aplay"
    path.write_text(f"#!{sys.executable}\nimport pathlib, sys, time\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def speaker(name: str, key: Key) -> AplaySpeaker:
    return AplaySpeaker("plughw:1,0", horus_fsk.RATE_HZ, horus_fsk.samples, key, name, lead_s=0.0)


def waited(one: AplaySpeaker) -> None:
    assert one._thread is not None
    one._thread.join(60)
    assert not one._thread.is_alive()


def test_all_of_the_sound_arrives_between_the_keys_levels(tmp_path: Path) -> None:
    key = Key()
    one = speaker(program(tmp_path, f"""
pathlib.Path({str(tmp_path / "sound")!r}).write_bytes(sys.stdin.buffer.read())
pathlib.Path({str(tmp_path / "arguments")!r}).write_text(" ".join(sys.argv[1:]))"""), key)
    assert one.say(FRAME)
    waited(one)
    assert (tmp_path / "sound").read_bytes() == horus_fsk.samples(FRAME)
    assert (tmp_path / "arguments").read_text() == "-q -D plughw:1,0 -t raw -f S16_LE -c 1 -r 8000"
    assert key.levels == [True, False]


def test_one_at_a_time_and_cancelled_at_once(tmp_path: Path) -> None:
    key = Key()
    one = speaker(program(tmp_path, "time.sleep(600)"), key)
    assert one.say(FRAME) and not one.say(FRAME)
    one.close()
    waited(one)
    assert key.levels == [True, False]
    with capture_logs() as logs:
        assert one.say(FRAME)
        one.cancel()
        waited(one)
    assert logs == []


@pytest.mark.parametrize(("body", "reason"), [
    ("sys.exit('ALSA lib: no such card')", "ALSA lib: no such card"), ("sys.exit(3)", "with 3"),
])
def test_a_failure_is_told_once_and_its_end(tmp_path: Path, body: str, reason: str) -> None:
    key = Key()
    one = speaker(program(tmp_path, body), key)
    with capture_logs() as logs:
        for _ in range(2):
            assert one.say(FRAME)
            waited(one)
        program(tmp_path, "sys.stdin.buffer.read()")
        one.say(FRAME)
        waited(one)
    assert [log["event"] for log in logs] == ["horus_audio_lost", "horus_audio_returned"]
    assert reason in logs[0]["reason"]
    assert key.levels == [True, False] * 3


def test_without_aplay_and_with_one_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Key()
    with capture_logs() as logs:
        absent = speaker(str(tmp_path / "nothing"), key)
        assert absent.say(FRAME)
        waited(absent)
        monkeypatch.setattr(aplay, "LATE_S", -5.0)
        hung = speaker(program(tmp_path, "time.sleep(600)"), key)
        assert hung.say(FRAME)
        waited(hung)
    assert "No such file" in logs[0]["reason"] and logs[1]["reason"] == "aplay does not end"
    assert key.levels == [True, False] * 2
