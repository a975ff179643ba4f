"""Resolves every extra and group again and prints what changed: ``make relock``.

uv resolves all of them in one go, for every platform and Python from 3.11 on, so that a package
has one version in all files; then each file is cut out of that. Nothing is written before all is
resolved.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from lock.files import (
    FOLDER,
    PYPROJECT,
    LockError,
    Pin,
    blocks,
    extras,
    groups,
    header,
    is_built_by_gpu,
    parse,
    path_of,
    read_pyproject,
)

UV = Path(sys.executable).with_name("uv")
APART = ("tools",)  # in an environment of their own, so they need not agree with the rest


def resolve(*arguments: str) -> str:
    """What uv makes of ``arguments``, as a requirements file. Raises LockError."""
    done = subprocess.run(
        [UV, "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes",
         "--no-header", "--no-emit-package", "spacepi", "--quiet", *arguments],
        cwd=PYPROJECT.parent, capture_output=True, text=True, check=False,
    )
    if done.returncode:
        raise LockError(f"uv could not resolve {' '.join(arguments)}:\n{done.stderr.strip()}")
    return done.stdout


def resolve_all() -> dict[str, str]:
    """name of an extra or group -> the text of its lock file."""
    pyproject = read_pyproject()
    project = PYPROJECT.name
    together = [name for name in groups(pyproject) if name not in APART]
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.txt"
        whole.write_text(resolve(
            project, "--all-extras", *(f"--group={name}" for name in together)))
        alike = ("--constraint", str(whole), "--no-annotate")
        found = {name: resolve(project, "--extra", name, *alike) for name in extras(pyproject)}
        found |= {name: resolve("--group", name, *alike) for name in together}
    found |= {name: resolve("--group", name, "--no-annotate") for name in APART}
    return {name: header(pyproject) + without_gpu_builds(text) for name, text in found.items()}


def without_gpu_builds(text: str) -> str:
    """The requirements of ``text`` but for what differs from one GPU to the next."""
    return "".join(block for block in blocks(text) if not is_built_by_gpu(block.split("==")[0]))


def changes(before: list[Pin], after: list[Pin]) -> Iterator[str]:
    """What became of each package, a line each; the same version with other files is told too."""
    def versions(pins: list[Pin]) -> dict[str, str]:
        names = sorted({pin.name for pin in pins})
        return {name: " / ".join(pin.version for pin in pins if pin.name == name)
                for name in names}

    old, new = versions(before), versions(after)
    files = {(pin.name, pin.version): pin.hashes for pin in before}
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"+ {name} {new[name]}"
        elif name not in new:
            yield f"- {name} {old[name]}"
        elif old[name] != new[name]:
            yield f"  {name} {old[name]} -> {new[name]}"
    for pin in after:
        gone = len(files.get((pin.name, pin.version), frozenset()) - pin.hashes)
        if gone:
            yield f"! {pin.name} {pin.version} is unchanged, but {gone} of its files differ"


def main() -> None:
    """Entry point; exits with a sentence when it cannot be done."""
    try:
        texts = resolve_all()
        known = {path.stem: parse(path.read_text()) for path in sorted(FOLDER.glob("*.txt"))}
    except (LockError, OSError) as error:
        raise SystemExit(f"relock: {error}") from error
    for name in known.keys() - texts.keys():
        path_of(name).unlink()
        print(f"{name}: no longer an extra or a group")
    for name, text in texts.items():
        path_of(name).write_text(text)
        found = list(changes(known.get(name, []), parse(text)))
        print(f"{name}: {'nothing changed' if not found else ''}".rstrip())
        for line in found:
            print(f"  {line}")


if __name__ == "__main__":
    main()
