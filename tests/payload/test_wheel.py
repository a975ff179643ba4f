"""The wheel that the Pi installs holds wire and payload alone, and starts from there."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import PathDistribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from lock import files

ROOT = files.PYPROJECT.parent
MB_MAX = 0.55


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
         "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder,
         ROOT / "systemd" / "wheel"], check=True, timeout=120)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip would unpack it."""
    folder = tmp_path_factory.mktemp("site-packages")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def about(installed: Path) -> Iterator[PathDistribution]:
    (folder,) = installed.glob("*.dist-info")
    yield PathDistribution(folder)


def test_it_holds_wire_and_payload_and_nothing_else(wheel: Path, installed: Path) -> None:
    """Goal: no model, no training code, nothing of an earlier build."""
    found = {path.relative_to(installed).as_posix() for path in installed.rglob("*")
             if path.is_file()}
    sources = {path.relative_to(ROOT).as_posix() for room in ("wire", "payload")
               for path in (ROOT / room).rglob("*.py")}
    described = {name for name in found if name.split("/")[0].endswith(".dist-info")}
    assert found - described == sources
    assert any(name.endswith("licenses/LICENSE") for name in described)
    assert wheel.stat().st_size <= MB_MAX * 1_000_000


def test_it_requires_what_the_lock_of_the_payload_is_made_of(about: PathDistribution) -> None:
    """Goal: llama.cpp, which has to be compiled, is an extra; the flight core does without."""
    project = files.read_pyproject()["project"]
    extras = project["optional-dependencies"]
    needed = [each for each in map(Requirement, about.requires or []) if each.marker is None]
    assert sorted(map(str, needed)) == sorted(
        str(Requirement(each)) for each in [*project["dependencies"], *extras["payload"]])
    assert not [each for each in needed if each.name in ("llama-cpp-python", "numpy")]
    optional = [each for each in map(Requirement, about.requires or []) if each.marker is not None]
    assert [str(each) for each in optional] == [
        str(Requirement(f'{each}; extra == "mind"')) for each in extras["mind"]]
    assert about.version == project["version"]


@pytest.mark.parametrize(("arguments", "told"), [
    (["--help"], "preflight"),
    (["run", "--mission", "nowhere.toml"], "nowhere.toml"),
])
def test_its_command_starts_where_nothing_else_of_ours_is(
    installed: Path, about: PathDistribution, tmp_path: Path, arguments: list[str], told: str
) -> None:
    """Method: -S leaves out the .pth file by which the tests see the whole project."""
    (command,) = about.entry_points
    assert command.name == "spacepi-payload"
    script = ("import sys; from importlib.util import find_spec; assert not find_spec('sim'); "
              f"from {command.module} import {command.attr} as main; sys.exit(main())")
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    ran = subprocess.run(
        [sys.executable, "-S", "-c", script, *arguments], cwd=tmp_path, capture_output=True,
        text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), *sorted(libraries)])})
    assert told in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
