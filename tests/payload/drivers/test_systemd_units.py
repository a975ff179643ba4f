"""The units: systemd accepts every line of them; and the command that pauses the flight core."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from payload.drivers import powersave
from payload.mind_start import NO_MIND

SYSTEMD = Path(__file__).resolve().parents[3] / "systemd"
UNITS = ("spacepi-payload.service", "spacepi-mind.service", "spacepi-powersave.service")


def need(program: str) -> str:
    """The program's path; without it the test skips by name, or fails where all is required."""
    path = shutil.which(program)
    if path is None and os.environ.get("SPACEPI_REQUIRE_ALL") == "1":
        pytest.fail(f"{program} is not installed")
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def settings(unit: str) -> dict[str, str]:
    lines = (SYSTEMD / unit).read_text().replace("\\\n", "").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """Goal: no unknown key or value. Method: systemd-analyze, whose complaints go to stderr only.

    The programs of the units do not exist here, so they are replaced by one that does.
    """
    analyze = need("systemd-analyze")
    for unit in UNITS:
        text = (SYSTEMD / unit).read_text()
        for program in ("/opt/spacepi/bin/spacepi-payload", "/opt/spacepi/bin/python",
                        "/usr/sbin/rfkill"):
            text = text.replace(program, "/bin/true")
        (tmp_path / unit).write_text(text)
    ended = subprocess.run(
        [analyze, "verify", "--man=no", *(os.fspath(tmp_path / unit) for unit in UNITS)],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    ours = [line for line in ended.stderr.splitlines() if "spacepi" in line]
    assert (ended.returncode, ours) == (0, []), ended.stderr


def test_units_say_what_the_design_says() -> None:
    """Goal: the settings that a flight depends on are the ones the research found to work."""
    payload, mind = settings(UNITS[0]), settings(UNITS[1])
    for unit in (payload, mind):
        assert unit["StartLimitIntervalSec"] == "0"
        assert unit["Restart"] == "always"
        assert unit["User"] == "spacepi"  # the same, or the core could not kill the mind
        assert "ProcSubset" not in unit
    assert (payload["Type"], payload["WatchdogSec"], payload["RestartSec"]) == ("notify", "30", "2")
    assert (payload["OOMScoreAdjust"], mind["OOMScoreAdjust"]) == ("-900", "900")
    assert payload["WorkingDirectory"] == "/run/spacepi"
    assert mind["ExecStart"].split()[1:5] == [
        "-m", "payload.mind_start", "--mission", "/var/lib/spacepi/mission.toml"]
    assert mind["RestartPreventExitStatus"] == str(NO_MIND)
    assert mind["After"] == UNITS[0], "it reads its model from the card that the core starts from"
    assert "mind" not in (SYSTEMD / UNITS[0]).read_text().split("[Service]")[0], "it may be absent"
    assert mind["PrivateNetwork"] == mind["PrivateDevices"] == "yes"
    watchdog = settings("watchdog.conf")
    assert int(watchdog["RuntimeWatchdogSec"].removesuffix("s")) < 15  # the hardware's limit


def test_the_process_that_saves_power_leaves_the_radios_on() -> None:
    """Goal: before it starts and however it ends, also when Python itself does not start."""
    unit = settings("spacepi-powersave.service")
    for key in ("ExecStartPre", "ExecStopPost"):
        assert unit[key] == "-/usr/sbin/rfkill unblock all"
    assert unit["ExecStart"].endswith(f"-m {powersave.__name__}")
    assert unit["RuntimeDirectory"] == powersave.FOLDER.name
    assert unit["RuntimeDirectoryPreserve"] == "restart"  # the ledger
    assert unit["Group"] == settings(UNITS[0])["Group"] and "ProtectKernelTunables" not in unit


@pytest.mark.parametrize(("verdict", "start", "status", "last"), [
    (0, 0, 0, "The flight core is running again."),
    (1, 0, 1, "The flight core is running again."),
    (0, 1, 1, "NO-GO: the flight core does not restart;"
              " see journalctl -u spacepi-payload."),
])
def test_preflight_pauses_the_core_and_starts_it_again(
    tmp_path: Path, verdict: int, start: int, status: int, last: str
) -> None:
    """Goal: one command without arguments. Method: programs that note how they were called."""
    ended, calls = preflight(tmp_path, f"exit {verdict}", f'[ "$1" = stop ] || exit {start}')
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (status, last)
    assert [call.split()[0:2] for call in calls] == [
        ["systemctl", "stop"], ["install", "-d"], ["runuser", "-u"], ["systemctl", "start"]]
    unit, asked = settings(UNITS[0]), calls[2]
    assert unit["ExecStart"].split()[0] in asked and asked.endswith(
        "preflight --mission /var/lib/spacepi/mission.toml")
    assert f"runuser -u {unit['User']} -- " in asked
    for line in (SYSTEMD / UNITS[0]).read_text().splitlines():
        if line.startswith(("Environment=LG_WD", "Environment=GPIOZERO")):
            assert line.removeprefix("Environment=") in asked, "as it flies"


def test_preflight_that_is_interrupted_starts_the_core_again(tmp_path: Path) -> None:
    ended, calls = preflight(tmp_path, "kill -INT $PPID", "")
    assert ended.returncode == 130 and calls[-1] == "systemctl start spacepi-payload"


def preflight(
    folder: Path, runuser: str, systemctl: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """The command with programs that do this, as root; and what was called."""
    bodies = {"id": "echo 0", "install": "", "runuser": runuser, "systemctl": systemctl}
    for name, body in bodies.items():
        noted = "" if name == "id" else f'echo "{name} $*" >> {folder}/calls'
        (folder / name).write_text(f"#!/bin/sh\n{noted}\n{body}\n")
        (folder / name).chmod(0o755)
    # Tests that run in the background have inherited a SIGINT that no shell can trap any more.
    ended = subprocess.run(
        ["env", "--default-signal=INT", "sh", os.fspath(SYSTEMD / "spacepi-preflight")],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
    return ended, (folder / "calls").read_text().splitlines()


def test_user_and_groups(tmp_path: Path) -> None:
    """Goal: systemd-sysusers makes the user with its device groups in an empty tree."""
    sysusers = need("systemd-sysusers")
    (tmp_path / "etc/sysusers.d").mkdir(parents=True)
    shutil.copy(SYSTEMD / "spacepi.sysusers", tmp_path / "etc/sysusers.d/spacepi.conf")
    (tmp_path / "etc/group").write_text("dialout:x:20:\nvideo:x:44:\n")
    (tmp_path / "etc/passwd").write_text("")
    ended = subprocess.run(
        [sysusers, f"--root={tmp_path}", "--dry-run", "spacepi.conf"],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "spacepi" in ended.stdout + ended.stderr
