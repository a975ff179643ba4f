"""The lock: all that pyproject.toml asks for is in it, pinned and hashed, and it is fresh."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from importlib import metadata

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from lock import files, relock
from lock.files import FOLDER, LockError, Pin, is_built_by_gpu, normalized, parse

ROOT = FOLDER.parent
PYPROJECT = files.read_pyproject()
NAMES = [*files.extras(PYPROJECT), *files.groups(PYPROJECT)]
HASH = "--hash=sha256:" + "0" * 64
PLACES = [  # the machines and Pythons that are promised
    {"python_full_version": f"{python}.0", "python_version": python, "sys_platform": "linux",
     "platform_machine": machine, "implementation_name": "cpython",
     "platform_python_implementation": "CPython", "extra": ""}
    for python in ("3.11", "3.12", "3.13") for machine in ("x86_64", "aarch64")
]

every_lock = pytest.mark.parametrize("name", NAMES)


def pins(name: str) -> list[Pin]:
    return parse(files.path_of(name).read_text())


def wanted(name: str) -> list[Requirement]:
    """What pyproject.toml asks for in an extra or a group; of itself, the extra that is named."""
    project = PYPROJECT["project"]
    optional, groups = project["optional-dependencies"], PYPROJECT["dependency-groups"]
    asked = groups[name] if name in groups else [*project["dependencies"], *optional[name]]
    found: list[Requirement] = []
    for each in map(Requirement, asked):
        if each.name == project["name"]:
            found += [other for extra in each.extras for other in wanted(extra)]
        else:
            found.append(each)
    return found


def applies(marker: str, place: dict[str, str]) -> bool:
    return not marker or Marker(marker).evaluate(place)


def test_each_extra_and_group_has_its_file_and_no_other_is_there() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == sorted(NAMES)


@every_lock
def test_lock_is_fresh(name: str) -> None:
    """Goal: whoever changes a dependency in pyproject.toml runs `make relock`."""
    made_of = files.stamp(files.path_of(name).read_text())
    assert made_of == files.digest(PYPROJECT), "pyproject.toml has changed: run `make relock`"


@pytest.mark.parametrize("table", ["dependencies", "optional-dependencies", "requires-python"])
def test_every_change_of_a_dependency_makes_the_lock_stale(table: str) -> None:
    changed = copy.deepcopy(PYPROJECT)
    value = changed["project"][table]
    if isinstance(value, dict):
        value["sim"].append("one-more>=1")
    else:
        changed["project"][table] = [*value, "one-more>=1"]
    assert files.digest(changed) != files.digest(PYPROJECT)
    assert files.stamp(files.header(changed)) == files.digest(changed)


@every_lock
@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p['python_version']}-"
                                                        f"{p['platform_machine']}")
def test_every_dependency_has_one_version_on_every_machine(
    name: str, place: dict[str, str]
) -> None:
    """Goal: for each machine and Python exactly one pin, and it is one that was asked for."""
    here = [pin for pin in pins(name) if applies(pin.marker, place)]
    assert len({pin.name for pin in here}) == len(here), "two versions of one package"
    version = {pin.name: pin.version for pin in here}
    for each in wanted(name):
        if each.marker is not None and not each.marker.evaluate(place):
            continue
        if is_built_by_gpu(normalized(each.name)):
            assert re.fullmatch(r"==[\d.]+", str(each.specifier)), f"{each} is in no lock: pin it"
            continue
        assert normalized(each.name) in version, f"{each} is not in lock/{name}.txt"
        assert each.specifier.contains(version[normalized(each.name)]), each


@every_lock
def test_what_the_packages_need_is_in_the_lock_too(name: str) -> None:
    """Method: the installed packages say what they need here; it is installed with --no-deps."""
    locked = {pin.name for pin in pins(name)}
    for each in sorted(locked):
        try:
            needs = metadata.requires(each) or []
        except metadata.PackageNotFoundError:
            continue
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                needed = normalized(need.name)
                assert needed in locked or is_built_by_gpu(needed), f"{each} needs {need}"


@every_lock
def test_every_line_is_a_pin_or_a_hash(name: str) -> None:
    """Goal: no address, no host, no option of pip, no path."""
    lines = files.path_of(name).read_text().splitlines()
    assert [line for line in lines if line.startswith("#")] == lines[:2]
    for line in lines[2:]:
        assert re.fullmatch(
            r"[a-z0-9-]+==[\w.+]+( ; [\w .<>=!'()]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?",
            line), line


def test_a_package_has_the_same_versions_in_all_files_of_one_environment() -> None:
    """Goal: any extras go together. The tools have an environment of their own."""
    seen: dict[tuple[str, str], frozenset[str]] = {}
    for name in NAMES:
        if name in relock.APART:
            continue
        for pin in pins(name):
            assert seen.setdefault((pin.name, pin.version), pin.hashes) == pin.hashes
    for place in PLACES:
        found = {(pin.name, pin.version) for name in NAMES if name not in relock.APART
                 for pin in pins(name) if applies(pin.marker, place)}
        assert len({each for each, _ in found}) == len(found)


@pytest.mark.parametrize("line", [
    "numpy>=2 " + HASH, "numpy==2.4.6", "numpy==2.4.6 --hash=md5:00", f"numpy==2.* ; {HASH}",
    f"numpy @ https://example.org/numpy.whl {HASH}", "--index-url https://example.org/simple",
    f"-e . {HASH}",
])
def test_a_line_that_pins_nothing_is_refused(line: str) -> None:
    with pytest.raises(LockError, match="not one version with its hashes"):
        parse(f"{line}\n")


def test_changes_are_told_by_package() -> None:
    def pin(name: str, version: str, *hashes: str, marker: str = "") -> Pin:
        return Pin(name, version, marker, frozenset(hashes))

    before = [pin("a", "1", "x"), pin("b", "1", "x"), pin("c", "1", "x"), pin("d", "1", "x", "y"),
              pin("e", "1", marker="python_version < '3.12'")]
    after = [pin("a", "1", "x", "y"), pin("b", "2", "z"), pin("d", "1", "y"),
             pin("e", "1", marker="python_version < '3.12'"),
             pin("e", "2", marker="python_version >= '3.12'"), pin("f", "1", "x")]
    assert list(relock.changes(before, after)) == [
        "  b 1 -> 2", "- c 1", "  e 1 -> 1 / 2", "+ f 1",
        "! d 1 is unchanged, but 1 of its files differ",
    ]


def test_builds_for_gpus_are_left_out_and_nothing_else() -> None:
    text = "".join(f"{each}==2 \\\n    {HASH}\n" for each in ("nvidia-nccl", "torch", "torchlike"))
    assert [pin.name for pin in parse(relock.without_gpu_builds(text))] == ["torchlike"]
    assert not [pin.name for name in NAMES for pin in pins(name) if is_built_by_gpu(pin.name)]


def test_make_installs_nothing_without_a_hash_but_torch_and_the_project() -> None:
    """Method: make says what it would run."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    told = subprocess.run(
        ["make", "--dry-run", "--always-make", "flight", "train", "test", "audit",
         "groundstation/static/vendor/installed", "VENV=nowhere"],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = [part for line in told.replace("\\\n", "").splitlines()
                for part in re.split("&&|\\|\\|", line) if "pip install" in part]
    unhashed = {re.sub(r"^.*--disable-pip-version-check", "", each).strip()
                for each in commands if "--require-hashes --no-deps" not in each}
    torch = next(str(each) for each in wanted("train") if each.name == "torch")
    assert unhashed == {torch, "--no-deps --no-build-isolation --editable ."}
    locks = {match[1] for each in commands for match in re.finditer(r"-r lock/(\w+)\.txt", each)}
    assert locks == {"build", "payload", "sim", "train", "dev", "tools", "npm"}


def test_the_flight_core_needs_nothing_that_has_to_be_compiled() -> None:
    """Goal: a Zero 2 W installs it. Method: both are sources only, or built on them; the mind has
    them."""
    heavy = {"llama-cpp-python", "numpy"}
    assert not heavy & {pin.name for pin in pins("payload")}
    assert heavy <= {pin.name for pin in pins("mind")}
