"""The format of a lock file, and its source: one file for each extra and group.

``lock/NAME.txt`` is a requirements file that plain pip installs with ``--require-hashes``: every
package with one version for each Python, and the hash of each of its files. It names no address:
where the files come from is pip's setting, what they are is checked here.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
PYPROJECT = FOLDER.parent / "pyproject.toml"
# A version of these exists in builds for each kind of GPU and for none, which differ in bytes and
# in what they depend on: a hash of one would refuse the others. pyproject.toml pins torch to one
# version, and each build pins its own libraries.
BUILT_BY_GPU = ("torch", "triton", "nvidia-", "cuda-")
_STAMP = "# Dependency tables of pyproject.toml: sha256 "
_REQUIREMENT = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))?"
    r"(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


class LockError(Exception):
    """The lock cannot be read or made; the message is one sentence for a person."""


@dataclass(frozen=True)
class Pin:
    """One package of a lock file, at one version for those whom ``marker`` fits ("": all)."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]


def read_pyproject(path: Path = PYPROJECT) -> dict[str, Any]:
    """The whole of pyproject.toml."""
    return tomllib.loads(path.read_text())


def normalized(name: str) -> str:
    """A package's name as the lock writes it: lower case, with hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_built_by_gpu(name: str) -> bool:
    """True for what the lock leaves out, see BUILT_BY_GPU."""
    return any(name == each or (each.endswith("-") and name.startswith(each))
               for each in BUILT_BY_GPU)


def extras(pyproject: Mapping[str, Any]) -> list[str]:
    """The extras, each with a lock file that has the project's own dependencies in it too."""
    return list(pyproject["project"]["optional-dependencies"])


def groups(pyproject: Mapping[str, Any]) -> list[str]:
    """The dependency groups, each with a lock file of nothing but itself."""
    return list(pyproject["dependency-groups"])


def digest(pyproject: Mapping[str, Any]) -> str:
    """SHA-256 of everything in pyproject.toml that says what is depended on."""
    project = pyproject["project"]
    tables = [
        pyproject["build-system"]["requires"], project["requires-python"],
        project["dependencies"], project["optional-dependencies"], pyproject["dependency-groups"],
    ]
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def header(pyproject: Mapping[str, Any]) -> str:
    """How each file begins."""
    return ("# Written by `make relock` (docs/dependencies.md); not edited by hand.\n"
            f"{_STAMP}{digest(pyproject)}\n")


def stamp(text: str) -> str | None:
    """The digest of the dependency tables that a lock file was made of; None: it names none."""
    found = re.search(rf"^{re.escape(_STAMP)}([0-9a-f]{{64}})$", text, re.MULTILINE)
    return found[1] if found else None


def blocks(text: str) -> list[str]:
    """The requirements of a lock file, each with its lines of hashes and of comments."""
    return re.findall(r"^[^\s#].*\n(?:[ \t]+.*\n)*", text, re.MULTILINE)


def parse(text: str) -> list[Pin]:
    """The pins of a lock file. Raises LockError for a line that pins nothing or has no hash."""
    pins = []
    for block in blocks(text):
        lines = [line.strip().removesuffix("\\").strip() for line in block.splitlines()]
        requirement = " ".join(line for line in lines if not line.startswith("#"))
        found = _REQUIREMENT.fullmatch(requirement)
        if found is None:
            raise LockError(f"not one version with its hashes: {lines[0]}")
        hashes = frozenset(found["hashes"].split())
        pins.append(Pin(found["name"], found["version"], found["marker"] or "", hashes))
    return pins


def path_of(name: str) -> Path:
    """The lock file of an extra or a group."""
    return FOLDER / f"{name}.txt"
