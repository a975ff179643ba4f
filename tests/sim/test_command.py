"""The command: what a person types, and what it says when something is wrong."""

from __future__ import annotations

import errno
import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from groundstation.archive.archive import Archive
from sim import live
from sim.__main__ import app, main
from tests.bundles import TRUSTED_KEY, sign_bundle
from tests.sim.flights import ROOT, hop_rows, hop_world, mission, write_csv
from wire import bundle

SHORT = ["--headless", "--fast", "--mind", "scripted", "--hours", "0.05", "--seed", "1"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs the command in this process, in an empty folder, with the project's mission."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    return lambda *words: runner.invoke(
        app, ["fly", "--mission", str(ROOT / "mission.toml"), *words], catch_exceptions=False)


def test_a_short_flight_ends_with_a_summary(run, tmp_path: Path) -> None:
    result = run(*SHORT, "--out", "here")
    assert result.exit_code == 0
    for words in ("Seed 1", "Beacons: ", "Records: ", "still only on board", "Musings heard",
                  "here/archive.sqlite"):
        assert words in result.output
    assert json.loads((tmp_path / "here" / "summary.json").read_text())["sim_s"] == 180


def test_a_flight_is_never_overwritten(run, tmp_path: Path) -> None:
    assert run(*SHORT, "--out", "here").exit_code == 0
    before = (tmp_path / "here" / "archive.raw").read_bytes()
    again = run(*SHORT, "--out", "here")
    assert again.exit_code == 2
    assert "already holds a flight" in again.output
    assert (tmp_path / "here" / "archive.raw").read_bytes() == before


def test_without_a_bundle_it_flies_and_says_so(run) -> None:
    result = run("--headless", "--fast", "--hours", "0.05", "--seed", "1", "--out", "here",
                 "--bundle", "nowhere")
    assert result.exit_code == 0
    assert "Flying without a mind" in result.output
    assert "nowhere" in result.output
    assert "Beacons: " in result.output


def _strangers_bundle(path: Path) -> Path:
    """Edda, whole, signed by somebody whom the project's mission does not name."""
    shutil.copytree(ROOT / "host_training" / "examples" / "edda-tiny.bundle", path)
    manifest = json.loads((path / "manifest.json").read_bytes())
    manifest["key_id"] = bundle.key_id(TRUSTED_KEY)
    sign_bundle(path, bundle.canonical_json(manifest))
    return path


FAST = ("--headless", "--fast", "--hours", "0.01", "--seed", "1", "--out", "here")


def test_a_strangers_bundle_flies_where_it_is_named_by_hand_and_that_is_said(
    run, tmp_path: Path
) -> None:
    _strangers_bundle(tmp_path / "me")
    result = run(*FAST, "--bundle", "me")
    assert result.exit_code == 0 and "Flying without a mind" not in result.output
    told = " ".join(result.output.split())
    assert f"me is signed by key {TRUSTED_KEY.hex()}, which the mission does not trust" in told
    assert "trusted_keys under [mind]" in told


@pytest.mark.thorough
def test_a_strangers_bundle_does_not_fly_by_the_mission_file(run, tmp_path: Path) -> None:
    """Goal: beacons and records as ever, no mind, and one sentence with the key to put there."""
    _strangers_bundle(tmp_path / "me")
    text = (ROOT / "mission.toml").read_text()
    line = f'bundle = "{mission().mind.bundle}"'
    assert line in text
    (tmp_path / "mission.toml").write_text(text.replace(line, 'bundle = "me"'))
    result = run("--mission", "mission.toml", *FAST)
    assert result.exit_code == 0
    told = " ".join(result.output.split())
    assert "Flying without a mind" in told and f"me: is signed by key {TRUSTED_KEY.hex()}" in told
    assert "mind.trusted_keys of the mission file" in told and "Beacons: " in told


def test_the_shipped_bundle_flies_once_it_is_assembled(run) -> None:
    """Goal: a mind, or the command that makes it one; the tiny Edda flies in any case."""
    section = mission().mind
    shipped = ROOT / section.bundle
    manifest = bundle.verify_bundle(shipped, section.public_keys)
    result = run(*FAST)
    assert result.exit_code == 0
    if not manifest.is_adapter or (shipped / bundle.ASSEMBLED).exists():
        assert "Flying without a mind" not in result.output and "trust" not in result.output
    else:
        assert f"run spacepi-payload assemble {shipped}" in " ".join(result.output.split())
    tiny = run(*FAST[:-1], "there", "--bundle", str(shipped.with_name("edda-tiny.bundle")))
    assert tiny.exit_code == 0
    assert "Flying without a mind" not in tiny.output and "trust" not in tiny.output


@pytest.mark.parametrize(("words", "expected"), [
    (["--replay", "missing.csv"], "missing.csv: cannot be read"),
    (["--replay", "empty.csv"], "empty.csv: is empty"),
    (["--mission", "broken.toml"],
     "broken.toml: unknown section 'paylode' (did you mean 'payload'?)"),
    (["--mission", "nowhere.toml"], "nowhere.toml: no such mission file; pass"),
    (["--out", "file/below"], "cannot be written to"),
])
def test_what_cannot_be_flown_is_one_sentence(
    run, tmp_path: Path, words: list[str], expected: str
) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "file").touch()
    (tmp_path / "broken.toml").write_text(
        (ROOT / "mission.toml").read_text().replace("[payload]", "[paylode]\n[payload]"))
    result = run(*SHORT, *words)
    assert result.exit_code == 2
    assert expected in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_port_in_use_is_one_sentence(run, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("--fast", "--mind", "scripted", "--port", str(port), "--out", "here")
    assert result.exit_code == 2
    assert f"Port {port} on 127.0.0.1 cannot be used" in result.output
    assert not (tmp_path / "here").exists()


@pytest.mark.thorough
def test_a_replay_flies(run, tmp_path: Path) -> None:
    rows = hop_rows()
    rows[50]["lat_deg"] = "?"
    write_csv(tmp_path / "hop.csv.gz", rows + rows[100:140])
    result = run("--headless", "--fast", "--mind", "scripted", "--seed", "1", "--out", "here",
                 "--replay", "hop.csv.gz")
    assert result.exit_code == 0
    assert "1 rows were invalid and are ignored" in result.output
    assert "40 rows repeat the time of another and are ignored; 1699 remain." in result.output
    assert "phase landed" in result.output


def test_status_and_lines(tmp_path: Path) -> None:
    """The live picture and the plain line, on a terminal without colour."""
    world = hop_world(tmp_path)
    out = io.StringIO()
    console = Console(file=out, width=100, no_color=True, force_terminal=False)
    console.print(live.status(world, world.end_s, "http://127.0.0.1:1/"))
    world.run_until(600)
    console.print(live.status(world, world.end_s, "http://127.0.0.1:1/"))
    live.fly(world, 1_250, None, live.LiveDisplay(console), live.Stop())
    world.close()
    text = out.getvalue()
    assert "\x1b" not in text
    for words in ("phase", "altitude", "battery", "queue", "frames lost", "ascent",
                  "http://127.0.0.1:1/"):
        assert words in text
    assert re.search(r"^0:\d\d:\d\d  descent  \d+ m  battery \d+ mV", text, re.MULTILINE)


@pytest.mark.parametrize(("preset", "words"), [
    ("calm", "unknown preset 'calm'; available: balloon, orbit; `spacepi-sim run --preset calm`"),
    ("orbiter", "unknown preset 'orbiter' (did you mean 'orbit'?); available: balloon, orbit"),
])
def test_a_preset_that_no_flight_has(run, preset: str, words: str) -> None:
    """``run`` draws by more presets than ``fly`` has; whoever mixes them up is led there."""
    result = run(*SHORT, "--preset", preset)
    said = " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == 2 and words in said


@pytest.mark.parametrize(("word", "said"), [
    ("sho", "unknown command 'sho' (did you mean 'show'?); available: fly, show, run, "),
    ("flight-7", "unknown command 'flight-7'; available: fly, show, run, "),
])
def test_a_command_that_is_none(monkeypatch, capsys, word: str, said: str) -> None:
    """It was handed to ``fly``, which "Got unexpected extra argument(s)"."""
    monkeypatch.setattr(sys, "argv", ["spacepi-sim", word])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and capsys.readouterr().err.startswith(said)


def test_help_explains() -> None:
    result = CliRunner().invoke(app, ["fly", "--help"], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    for option in ("--mission", "--seed", "--speed", "--fast", "--headless", "--mind", "--bundle",
                   "--out", "--replay", "--port", "--hours"):
        assert option in result.output


def test_a_full_disk_is_one_sentence(monkeypatch, tmp_path: Path) -> None:
    """It was the traceback of the logger, whose file could not grow."""
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(live, "fly", full)
    monkeypatch.setattr(sys, "argv", [
        "spacepi-sim", *SHORT, "--mission", str(ROOT / "mission.toml"), "--out", "full"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value).startswith("The disk is full, so the flight ended;")


def test_no_help_loses_what_stands_in_brackets() -> None:
    """``[orbit]`` in a help was taken for markup: "the mission's , where it has one"."""
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0 and " , " not in shown.output, name


def test_ctrl_c_stops_cleanly(tmp_path: Path) -> None:
    """With the page open and read: SIGINT, a summary, status 130, one whole archive.

    The last that the page hears is that the flight is over, and where it is kept.
    """
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sim", "--mind", "scripted", "--seed", "2", "--speed", "600",
         "--port", "0", "--out", str(tmp_path / "here")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    assert process.stdout is not None
    address = ""
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith("The page is at "):
            address = line.split()[-1]
        if line.startswith("0:"):  # it flies
            break
    assert address, seen
    with urllib.request.urlopen(address + "api/flight", timeout=10) as answer:
        flight = json.load(answer)
    assert (flight["name"], flight["ending"]) == ("EDDA", None)
    with urllib.request.urlopen(address + "api/events", timeout=30) as events:
        process.send_signal(signal.SIGINT)
        last = events.read().decode().split("data: ")[-1]
    assert json.loads(last)["ending"]["kept_in"] == str(tmp_path / "here")
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130, rest
    assert "Stopped before the end; everything so far is kept." in rest
    assert json.loads((tmp_path / "here" / "summary.json").read_text())["records_lost"] == 0
    assert not list((tmp_path / "here").glob("*-wal"))


@pytest.mark.thorough
def test_without_a_terminal_too_the_page_stays_after_the_landing(tmp_path: Path) -> None:
    """It was closed at once, under those who were reading."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sim", *SHORT[1:], "--port", "0", "--out",
         str(tmp_path / "here")],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    told = iter(process.stdout.readline, "")
    line = next(line for line in told if line.startswith("The page remains at "))
    with urllib.request.urlopen(line.split()[4] + "api/flight", timeout=10) as answer:
        assert json.load(answer)["ending"]["kept_in"] == str(tmp_path / "here")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "")


def test_a_flight_that_is_over_can_be_read_again(run, tmp_path: Path) -> None:
    assert run(*SHORT, "--out", "here").exit_code == 0
    before = (tmp_path / "here" / "archive.sqlite").read_bytes()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sim", "show", str(tmp_path / "here"), "--port", "0"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("The page is at http://") and line.endswith(" until Ctrl-C.\n")
    address = line.split()[4]
    with urllib.request.urlopen(address + "api/flight", timeout=10) as answer:
        flight = json.load(answer)
    assert flight["name"] == "EDDA" and flight["beacon"] is not None
    assert flight["ending"] == {"at_ms": flight["now_ms"], "kept_in": str(tmp_path / "here")}
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "")
    assert (tmp_path / "here" / "archive.sqlite").read_bytes() == before


@pytest.mark.parametrize(("folder", "expected"), [
    ("nowhere", "nowhere/archive.sqlite: not a flight archive (unable to open"),
    ("torn", "torn/archive.sqlite: not a flight archive (file is not a database); name"),
    ("silent", "silent/archive.sqlite: nothing was received from this flight."),
])
def test_what_cannot_be_shown_is_one_sentence(tmp_path: Path, folder: str, expected: str) -> None:
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "archive.sqlite").write_bytes(b"no database" * 100)
    (tmp_path / "silent").mkdir()
    Archive(tmp_path / "silent" / "archive.sqlite").close()
    result = CliRunner().invoke(app, ["show", str(tmp_path / folder), "--port", "0", "--mission",
                                      str(ROOT / "mission.toml")])
    assert result.exit_code == 2
    assert expected in result.output and len(result.output.strip().splitlines()) == 1
