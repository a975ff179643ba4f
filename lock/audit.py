"""Checks everything locked for known vulnerabilities: ``make audit``.

pip-audit does the asking, of every version in any file of the lock, whatever machine it is for,
and of what the lock leaves out. The exit status is 1 for a vulnerability and for nothing else:
a service that does not answer, or does not know a package, is one sentence.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lock.files import FOLDER, LockError, is_built_by_gpu, parse, read_pyproject

PIP_AUDIT = Path(sys.executable).with_name("pip-audit")


def locked() -> dict[str, list[str]]:
    """name -> its versions, of every file of the lock and of what is pinned beside it."""
    found = {(pin.name, pin.version)
             for path in FOLDER.glob("*.txt") for pin in parse(path.read_text())}
    for wanted in read_pyproject()["project"]["optional-dependencies"].values():
        pinned = (re.fullmatch(r"([\w.-]+)==([\w.]+)", each) for each in wanted)
        found |= {(one[1], one[2]) for one in pinned if one and is_built_by_gpu(one[1])}
    return {name: sorted(version for each, version in found if each == name)
            for name in sorted({name for name, _ in found})}


def ask(requirements: Iterable[str]) -> list[dict[str, Any]] | None:
    """What pip-audit says of each of ``requirements``; None when the service did not answer."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text("\n".join(requirements) + "\n")
        done = subprocess.run(
            [PIP_AUDIT, "--requirement", path, "--no-deps", "--disable-pip", "--format", "json",
             "--progress-spinner", "off", "--desc", "off"],
            capture_output=True, text=True, check=False,
        )
    try:
        answer: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return None
    return answer


def verdict(asked: int, answered: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """(what to say, a line each; whether a vulnerability is known)."""
    lines = []
    for package in answered:
        for flaw in package.get("vulns", []):
            mended = ", ".join(flaw.get("fix_versions", [])) or "nothing yet"
            lines.append(
                f"{package['name']} {package['version']}: {flaw['id']}, fixed in {mended}")
    is_vulnerable = bool(lines)
    told = sum("vulns" in package for package in answered)
    if not told:
        lines.append("audit: the vulnerability service could not be reached; nothing was audited")
    elif told < asked:
        lines.append(f"audit: the service covered {told} of {asked} packages")
    elif not is_vulnerable:
        lines.append(f"audit: no known vulnerability in {told} packages")
    return lines, is_vulnerable


def main() -> None:
    """Entry point; status 1 when a vulnerability is known."""
    try:
        versions = locked()
    except LockError as error:
        raise SystemExit(f"audit: {error}") from error
    # pip-audit wants each name once; a package with two versions is asked for in two rounds.
    rounds = zip_longest(*([f"{name}=={each}" for each in found]
                           for name, found in versions.items()))
    answered: list[dict[str, Any]] = []
    for requirements in rounds:
        answer = ask(filter(None, requirements))
        if answer is None:
            break
        answered += answer
    lines, is_vulnerable = verdict(sum(map(len, versions.values())), answered)
    print("\n".join(lines))
    raise SystemExit(is_vulnerable)


if __name__ == "__main__":
    main()
