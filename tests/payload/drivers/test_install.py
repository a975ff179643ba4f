"""install.sh: each step is checked, a flight needs only the core, and the project stays clean.

Method: a copy of the project and a root directory; a ``chroot`` that notes what is run there, does
what the steps look for, and refuses what the test says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lock.files import parse, path_of
from tests.payload.drivers.test_systemd_units import need

ROOT = Path(__file__).resolve().parents[3]
PI_5, PI_4 = "Features : fp asimd asimdhp asimddp\n", "Features : fp asimd evtstrm crc32\n"
OLDEST = "llama_cpp_python-0.3.36-80-py3-none-linux_aarch64.whl"
COLOURS = {"rich", "pygments", "markdown-it-py", "mdurl"}
DOT_PRODUCT = "llama_cpp_python-0.3.36-82_dotprod-py3-none-linux_aarch64.whl"
PAYLOAD_UNIT, MIND_UNIT = "spacepi-payload.service", "spacepi-mind.service"
CONFIG = "dtparam=audio=on\n[pi4]\narm_boost=1\n"
CMDLINE = "console=serial0,115200 console=tty1 root=PARTUUID=1234-02 rootwait\n"
CHROOT = r"""#!/bin/sh
root=$1; shift
echo "$*" >>"$CALLS"
case $* in *"${REFUSED:-nothing is refused}"*) echo "refused: $*" >&2; exit 1 ;; esac
if [ "$1" = env ]; then shift; fi
while case $1 in *=*) true ;; *) false ;; esac do shift; done
if [ "$1" = nice ]; then shift 3; fi
for last; do :; done
case $* in
    *"/python3 -m venv"*) mkdir -p "$root/opt/spacepi/bin" && : >"$root/opt/spacepi/bin/activate" ;;
    *"/python3 -c import ensurepip"*)
        [ ! -e "$root/lacks-venv" ] || [ -e "$root/has-python3-venv" ] ;;
    *"/python3 -c import numpy") [ -e "$root/has-python3-numpy" ] ;;
    *"/python3 -c import sys; print"*) echo 3.13 ;;
    *"/python3 "*) ;;
    "dpkg -s"*) [ -e "$root/has-$last" ] ;;
    "apt-get install"*) : >"$root/has-$last" ;;
    uname*) echo aarch64 ;;
    systemd-sysusers*) echo spacepi:x:1:1:: >>"$root/etc/passwd" ;;
    install*) mkdir -p "$root$last" ;;
    *"/bin/python -m pip"*/systemd/wheel) : >"$root/opt/spacepi/core" ;;
    *"/bin/python -m pip"*llama*) : >"$root/opt/spacepi/llama" ;;
    *"/bin/python -c"*) [ -e "$root/opt/spacepi/llama" ] ;;
    *spacepi-payload" --help") [ -e "$root/opt/spacepi/core" ] ;;
    *spacepi-payload" assemble"*) : >"$root/var/lib/spacepi/persona/assembled.json" ;;
esac
"""


@dataclass
class Pi:
    """A project and the root directory of a Pi, which need no privileges."""

    folder: Path
    project: Path
    root: Path
    refused: str = "nothing is refused"
    calls: list[str] = field(default_factory=list)  # of the latest run, in the root directory

    def run(self, *options: str, status: int = 0) -> str:
        """What install.sh says on both streams."""
        noted = self.folder / "calls"
        noted.write_text("")
        ended = subprocess.run(
            ["sh", os.fspath(self.project / "systemd/install.sh"), "--root", os.fspath(self.root),
             *options], capture_output=True, text=True, timeout=120, check=False,
            env={"PATH": f"{self.folder}:/usr/sbin:/usr/bin:/sbin:/bin", "REFUSED": self.refused,
                 "CALLS": os.fspath(noted)})
        self.calls = noted.read_text().splitlines()
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def is_enabled(self, unit: str) -> bool:
        return (self.root / "etc/systemd/system/multi-user.target.wants" / unit).is_symlink()

    def has_cpu(self, features: str, memory_kb: int = 8_000_000) -> None:
        (self.root / "proc").mkdir(exist_ok=True)
        (self.root / "proc/cpuinfo").write_text(features)
        (self.root / "proc/meminfo").write_text(f"MemTotal: {memory_kb} kB\nSwapTotal: 0 kB\n")

    def pip(self, word: str) -> list[str]:
        """The calls of pip that name ``word``."""
        return [call for call in self.calls if "python -m pip" in call and word in call]


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path under ``folder``, with the bytes of files."""
    return {os.fspath(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(folder.rglob("*"))}


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    project, root = tmp_path / "project", tmp_path / "root"
    for name in ("lock", "systemd", "wire", "payload"):
        shutil.copytree(ROOT / name, project / name, symlinks=True,
                        ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "pyproject.toml", "mission.toml"):
        shutil.copy(ROOT / name, project / name)
    bundle = project / "host_training/examples/edda.bundle"
    bundle.mkdir(parents=True)
    (bundle / "adapter.gguf").write_text("an adapter, whose model is to be assembled")
    (project / "dist").mkdir()
    for wheel in (OLDEST, DOT_PRODUCT, "python3.13/msgpack-1.2.4-cp313-linux_aarch64.whl"):
        (project / "dist" / wheel).parent.mkdir(exist_ok=True)
        (project / "dist" / wheel).write_text("a wheel")
    (root / "boot/firmware").mkdir(parents=True)
    (root / "boot/firmware/config.txt").write_text(CONFIG)
    (root / "boot/firmware/cmdline.txt").write_text(CMDLINE)
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (tmp_path / "chroot").write_text(CHROOT)
    (tmp_path / "chroot").chmod(0o755)
    return Pi(tmp_path, project, root)


def test_installs_once_and_leaves_nothing_in_the_project(pi: Pi) -> None:
    """Goal: the second run installs nothing, and what was copied to build is gone."""
    before = tree(pi.project)
    said = pi.run()
    assert "Not installed" not in said and "failed" not in said
    assert pi.is_enabled(PAYLOAD_UNIT) and pi.is_enabled(MIND_UNIT)
    assert os.access(pi.root / "usr/local/bin/spacepi-preflight", os.X_OK)
    assert 'bundle = "persona"' in (pi.root / "var/lib/spacepi/mission.toml").read_text()
    installed = tree(pi.root)
    again = pi.run().splitlines()
    assert [line[:6] for line in again] == ["Reboot"] and not pi.pip("install")
    assert tree(pi.root) == installed
    assert list((pi.root / "var/tmp").iterdir()) == []
    assert tree(pi.project) == before


def test_the_lists_of_apt_are_fetched_once(pi: Pi) -> None:
    """A bug found in an arm64 image: a minute of emulation each time; on a Zero 2 W still many
    seconds."""
    (pi.root / "lacks-venv").touch()
    pi.run()
    installed = [call for call in pi.calls if "apt-get install" in call]
    assert len(installed) == 4 and pi.calls.count("apt-get update -qq") == 1


def test_a_changed_project_is_installed_again(pi: Pi) -> None:
    pi.run()
    with (pi.project / "payload/flight.py").open("a") as source:
        source.write("# one more line\n")
    pi.run()
    assert pi.pip("systemd/wheel") and not pi.pip("llama")


def test_all_of_the_core_is_checked_against_its_hash_and_none_of_it_is_compiled(pi: Pi) -> None:
    pi.run()
    packages, wheel, *_ = pi.pip("install")
    assert "--require-hashes" in packages and packages.endswith("/core.txt")
    assert wheel.endswith("systemd/wheel")
    assert all("--no-deps --no-build-isolation" in call for call in pi.pip("install"))
    assert "llama" not in (pi.project / "lock/payload.txt").read_text()


def test_what_make_wheels_fetched_needs_no_network_and_its_hashes_are_checked(pi: Pi) -> None:
    """Goal: most of an installation was pip's reading of the index. A wheel that is missing there,
    or is not the lock's, costs a sentence and a network."""
    pi.run()
    given = [call for call in pi.pip("install") if "--no-index" in call]
    assert [call.rpartition("/")[2] for call in given] == ["core.txt", "packages.txt"]
    assert all("--require-hashes" in call and "/given " in call for call in given)
    assert not any("--no-index" not in call and ".txt" in call for call in pi.pip("install"))
    shutil.rmtree(pi.root / "opt")
    pi.refused = "--no-index"
    said = pi.run()
    assert said.count("A package of the lock is not in ") == 2 and pi.is_enabled(MIND_UNIT)
    assert len([call for call in pi.pip(".txt") if "--require-hashes" in call]) == 4


def test_nobody_compiles_in_flight_and_pip_does_not_stay(pi: Pi) -> None:
    """Goal: the units may write no bytecode, so that it is there after each of the two parts."""
    pi.run()
    compiled = [index for index, call in enumerate(pi.calls) if "-m compileall" in call]
    installed = [index for index, call in enumerate(pi.calls) if "-m pip" in call]
    assert len(compiled) == 2 and installed[-1] < compiled[1]
    assert all("--no-compile" in pi.calls[index] for index in installed)
    assert all("PYTHONPATH=/var/tmp/" in pi.calls[index] for index in installed)
    (made,) = [call for call in pi.calls if "-m venv" in call]
    assert "--without-pip" in made


@pytest.mark.parametrize("refused", [
    "python3 -m venv", "-m zipfile", "core.txt", "systemd/wheel", "spacepi-payload --help",
    "systemd-sysusers", "chown",
])
def test_no_unit_is_enabled_before_the_core_was_checked(pi: Pi, refused: str) -> None:
    """Goal: a Pi that cannot fly does not try to, and the step is named."""
    pi.refused = refused
    said = pi.run(status=1)
    assert "install.sh: failed: " in said
    assert not pi.is_enabled(PAYLOAD_UNIT) and not pi.is_enabled(MIND_UNIT)


@pytest.mark.parametrize("refused", ["packages.txt", OLDEST, "import llama_cpp", "libgomp1"])
def test_without_a_mind_the_core_flies_and_one_sentence_is_said(pi: Pi, refused: str) -> None:
    pi.refused = refused
    said = pi.run()
    assert pi.is_enabled(PAYLOAD_UNIT) and not pi.is_enabled(MIND_UNIT)
    (sentence,) = [line for line in said.splitlines() if line.startswith("Not installed")]
    assert "the flight core flies without a mind" in sentence and "make wheels" in sentence
    pi.refused = "nothing is refused"
    pi.run()
    assert pi.is_enabled(MIND_UNIT), "the next run installs what was missing"


@pytest.mark.parametrize(("features", "wheel"), [(PI_4, OLDEST), (PI_5, DOT_PRODUCT)])
def test_the_wheel_is_chosen_by_the_processor(pi: Pi, features: str, wheel: str) -> None:
    pi.has_cpu(features)
    pi.run()
    (call,) = pi.pip("llama")
    assert call.endswith(wheel)


def test_an_image_gets_the_wheel_that_runs_on_every_pi(pi: Pi) -> None:
    pi.run()
    assert pi.pip("llama")[0].endswith(OLDEST)


@pytest.mark.parametrize(("memory_kb", "needs_swap"), [(426_068, True), (3_900_000, False)])
def test_without_a_wheel_it_is_compiled_in_one_job_and_told_how_long(
    pi: Pi, memory_kb: int, needs_swap: bool
) -> None:
    shutil.rmtree(pi.project / "dist")
    pi.has_cpu(PI_4, memory_kb)
    said = pi.run()
    (call,) = [call for call in pi.pip("llama") if "lock/build.txt" not in call]
    assert "CMAKE_BUILD_PARALLEL_LEVEL=1" in call and "systemd/llama/only_llama.cmake" in call
    assert "--require-hashes" in call
    assert " hours" in said and ("swapon" in said) is needs_swap
    assert said.index("flight core starts at boot") < said.index("compiled here")
    assert pi.is_enabled(MIND_UNIT)


@pytest.mark.parametrize("has_numpy", [True, False])
def test_numpy_of_apt_stays(pi: Pi, has_numpy: bool) -> None:
    """Goal: picamera2 is compiled against apt's."""
    if has_numpy:
        (pi.root / "has-python3-numpy").write_text("")
    assert dropped(pi, "mind", "packages.txt") == COLOURS | {"llama-cpp-python"} | (
        {"numpy"} if has_numpy else set())


@pytest.mark.parametrize(("lock", "told"), [("payload", "core.txt"), ("mind", "packages.txt")])
def test_no_colours_are_installed(pi: Pi, lock: str, told: str) -> None:
    """Goal: 4 MB less in the flight core; typer and structlog do without rich where it is not.

    A bug found in an arm64 image: the mind's packages, in the same environment, brought it back.
    """
    assert dropped(pi, lock, told) >= COLOURS


def dropped(pi: Pi, lock: str, name: str) -> set[str]:
    """The packages of a lock file that pip was not told to install. What it was told is kept."""
    (pi.folder / "chroot").write_text(CHROOT.replace(
        "root=$1; shift", f'root=$1; shift; cp "$root"/var/tmp/*/{name} "$root/kept" 2>&-'))
    pi.run()
    told = parse((pi.root / "kept").read_text())
    return {pin.name for pin in parse(path_of(lock).read_text()) if pin not in told}


def test_devices_that_are_not_there_are_named_and_the_payload_flies(pi: Pi) -> None:
    """Goal: plain Debian has no picamera2, and a machine that is no Pi has no config.txt."""
    pi.refused = "python3-picamera2"
    shutil.rmtree(pi.root / "boot")
    said = pi.run()
    missing = [line for line in said.splitlines() if line.startswith("Not installed")]
    assert len(missing) == 4
    assert "no pictures" in missing[0]
    assert all("not a Raspberry Pi" in line for line in missing[1:])
    assert pi.is_enabled(PAYLOAD_UNIT)


def test_the_firmware_is_told_of_i2c_serial_port_and_memory_limit(pi: Pi) -> None:
    pi.run()
    boot = pi.root / "boot/firmware"
    added = (boot / "config.txt").read_text().removeprefix(CONFIG).split("\n")
    assert added == ["", "# spacepi: begin", "[all]", "dtparam=i2c_arm=on", "enable_uart=1",
                     "[pi5]", "dtparam=uart0=on", "[all]", "# spacepi: end", ""]
    assert (boot / "cmdline.txt").read_text() == (
        "console=tty1 root=PARTUUID=1234-02 rootwait cgroup_enable=memory\n")
    assert (pi.root / "etc/modules-load.d/spacepi.conf").read_text().endswith("i2c-dev\n")


def test_what_the_firmware_was_told_already_is_not_repeated(pi: Pi) -> None:
    boot = pi.root / "boot/firmware"
    (boot / "config.txt").write_text(
        "dtparam=i2c_arm=on\nenable_uart=1\ndtparam=uart0=on\n")
    (boot / "cmdline.txt").write_text("console=tty1 cgroup_enable=memory rootwait\n")
    before = tree(boot)
    pi.run()
    assert tree(boot) == before


def test_an_installation_of_before_gets_what_a_pi_5_needs(pi: Pi) -> None:
    """Without it nothing is on pins 8 and 10 of a Pi 5, and --check said ok."""
    pi.run()
    config = pi.root / "boot/firmware/config.txt"
    config.write_text(config.read_text().replace("[pi5]\ndtparam=uart0=on\n[all]\n", ""))
    (missing,) = [line for line in pi.run("--check", status=1).splitlines()
                  if line.startswith("missing")]
    assert "dtparam=uart0=on" in missing
    pi.run()
    assert "[pi5]\ndtparam=uart0=on\n[all]\n" in config.read_text()


def test_check_is_a_table_and_changes_nothing(pi: Pi) -> None:
    before = tree(pi.root)
    said = pi.run("--check", status=1).splitlines()
    assert {line.split()[0] for line in said} == {"ok", "missing"}
    assert tree(pi.root) == before
    pi.run()
    installed = tree(pi.root)
    assert {line.split()[0] for line in pi.run("--check").splitlines()} == {"ok"}
    (pi.root / "usr/local/bin/spacepi-preflight").unlink()
    (missing,) = [line for line in pi.run("--check", status=1).splitlines()
                  if line.startswith("missing")]
    assert "spacepi-preflight" in missing
    assert tree(pi.root).keys() == installed.keys() - {"usr/local/bin/spacepi-preflight"}


def test_dry_run_names_what_is_missing_and_changes_nothing(pi: Pi) -> None:
    before = tree(pi.root)
    assert "would install: flight core starts at boot" in pi.run("--dry-run")
    assert tree(pi.root) == before
    pi.run()
    assert pi.run("--dry-run") == ""


def test_uninstall_removes_what_was_installed_and_keeps_the_flight(pi: Pi) -> None:
    before = tree(pi.root)
    pi.run()
    (pi.root / "var/lib/spacepi/mission.key").write_text("a key")
    assert "Kept: /var/lib/spacepi" in pi.run("--uninstall")
    left = tree(pi.root)
    assert left["boot/firmware/config.txt"] == CONFIG.encode() + b"\n"
    assert left["boot/firmware/cmdline.txt"] == b"console=tty1 root=PARTUUID=1234-02 rootwait\n"
    assert left["var/lib/spacepi/mission.key"] == b"a key"
    files = {name for name, body in left.items() if body is not None and name not in before}
    assert {name.split("/")[0] for name in files} == {"var"} | {
        name for name in files if name.startswith("has-")}
    pi.run("--uninstall")
    assert tree(pi.root) == left


@pytest.mark.parametrize("options", [[], ["--check"], ["--dry-run"], ["--uninstall"]])
def test_without_root_it_says_so_and_does_not_call_missing_what_it_may_not_see(
    tmp_path: Path, options: list[str]
) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    ended = subprocess.run(
        ["sh", os.fspath(ROOT / "systemd/install.sh"), *options], capture_output=True, text=True,
        timeout=60, check=False, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "run it with sudo" in ended.stderr


def test_a_card_installs_itself_with_this_script_and_the_files_that_it_makes() -> None:
    """Goal: systemd/user-data, cloud-init's own schema apart, names what there is."""
    text = (ROOT / "systemd/user-data").read_text()
    script = (ROOT / "systemd/install.sh").read_text()
    assert text.startswith("#cloud-config\n") and "\t" not in text
    assert "[sh, /boot/firmware/spacepi/systemd/install.sh]" in text
    assert "mission=/var/lib/spacepi/mission.toml" in script
    assert "/var/lib/spacepi/mission.key" in text  # beside the mission file
    assert "multi-user.target.wants/spacepi-payload.service" in text


@pytest.mark.parametrize("wrong", [["--what"], ["--root"]])
def test_a_wrong_option_is_a_usage_line(wrong: list[str]) -> None:
    ended = subprocess.run(
        ["sh", os.fspath(ROOT / "systemd/install.sh"), *wrong], capture_output=True, text=True,
        timeout=60, check=False)
    assert ended.returncode == 2 and ended.stderr


@pytest.mark.parametrize(
    "script", ["install.sh", "packages.sh", "spacepi-preflight", "llama/build.sh"])
def test_shellcheck_finds_nothing(script: str) -> None:
    ended = subprocess.run(
        [need("shellcheck"), "-x", "--severity=warning", os.fspath(ROOT / "systemd" / script)],
        capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout
