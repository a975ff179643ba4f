"""Fetches what a Pi installs, so that it needs no network for it: ``python -m lock.fetch dist``.

The packages of ``lock/payload.txt`` and ``lock/mind.txt`` as wheels for 64-bit ARM, one folder for
each Python of Raspberry Pi OS: bookworm has 3.11, trixie 3.13. Without llama.cpp, which is a source
package and is compiled by ``systemd/llama/build.sh``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.markers import Marker

from lock.files import LockError, Pin, parse, path_of

PYTHONS = ("3.11", "3.13")
LOCKS = ("payload", "mind")
COMPILED = "llama-cpp-python"
# bookworm has glibc 2.36.
PLATFORMS = ("manylinux2014", *(f"manylinux_2_{minor}" for minor in (17, 24, 26, 27, 28, 31, 34)))


def wanted(python: str) -> list[Pin]:
    """The pins of LOCKS that hold for CPython ``python`` ("3.13") on such a Pi, sorted by name."""
    target = {
        "implementation_name": "cpython", "os_name": "posix", "platform_machine": "aarch64",
        "platform_python_implementation": "CPython", "platform_system": "Linux",
        "python_full_version": f"{python}.0", "python_version": python, "sys_platform": "linux",
    }
    pins = {pin for name in LOCKS for pin in parse(path_of(name).read_text())
            if pin.name != COMPILED and (not pin.marker or Marker(pin.marker).evaluate(target))}
    return sorted(pins, key=lambda pin: pin.name)


def fetch(python: str, folder: Path) -> None:
    """Replace ``folder`` by those wheels, each with a hash of the lock. Raises LockError."""
    with TemporaryDirectory() as scratch:
        requirements = Path(scratch) / "requirements.txt"
        requirements.write_text("".join(
            f"{pin.name}=={pin.version} {' '.join(sorted(pin.hashes))}\n"
            for pin in wanted(python)))
        fetched = Path(scratch) / "wheels"
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--require-hashes", "--no-deps", "--only-binary", ":all:", "--python-version", python,
             *(f"--platform={each}_aarch64" for each in PLATFORMS),
             "--dest", fetched, "--requirement", requirements],
            capture_output=True, text=True, check=False,
        )
        if done.returncode:
            raise LockError(f"the packages for Python {python}: {done.stderr.strip()}")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fetched, folder)


def main() -> None:
    """The command line: the folder in which to put one folder for each Python."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m lock.fetch FOLDER")
    for python in PYTHONS:
        folder = Path(sys.argv[1]) / f"python{python}"
        try:
            fetch(python, folder)
        except LockError as error:
            sys.exit(f"lock.fetch: {error}")
        size_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{folder}: {len(list(folder.iterdir()))} packages, {size_mb:.0f} MB")


if __name__ == "__main__":
    main()
