"""A digest is remembered exactly as long as the file is the one that was read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wire import file_hashes
from wire.file_hashes import READ_ANYWAY_BYTES, REMEMBERED_MAX, FileHashes

LARGE = b"x" * (READ_ANYWAY_BYTES + 1)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each file that was read."""
    seen: list[int] = []
    real = hashlib.file_digest
    monkeypatch.setattr(
        file_hashes.hashlib, "file_digest",
        lambda file, name: (seen.append(file.fileno()), real(file, name))[1])
    return seen


def digest_of(path: Path, hashes: FileHashes) -> str:
    with path.open("rb") as file:
        digest = hashes.sha256(file)
        assert file.tell() == 0
        return digest


def truth(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_large_file_is_read_once_over_many_processes(tmp_path: Path, reads: list[int]) -> None:
    path = tmp_path / "model"
    path.write_bytes(LARGE)
    for _ in range(3):
        assert digest_of(path, FileHashes(tmp_path / "kept" / "hashes.json")) == truth(path)
    assert len(reads) == 1
    digest_of(path, FileHashes())
    assert len(reads) == 2, "without a memory it is read"


def _written(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    with path.open("r+b") as file:
        file.write(data)


def _written_and_dated_back(path: Path) -> None:
    before = path.stat()
    _written(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replaced(path: Path) -> None:
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(LARGE[:-1] + b"y")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [_written, _written_and_dated_back, _replaced])
def test_a_file_that_changed_is_read_again(
    tmp_path: Path, reads: list[int], change: Callable[[Path], None]
) -> None:
    path, hashes = tmp_path / "model", FileHashes(tmp_path / "hashes.json")
    path.write_bytes(LARGE)
    before = digest_of(path, hashes)
    change(path)
    assert digest_of(path, hashes) == truth(path) != before
    assert len(reads) == 2


def test_a_small_file_is_always_read(tmp_path: Path, reads: list[int]) -> None:
    path, hashes = tmp_path / "words", FileHashes(tmp_path / "hashes.json")
    path.write_bytes(LARGE[:-1])
    for _ in range(2):
        assert digest_of(path, hashes) == truth(path)
    assert len(reads) == 2 and not (tmp_path / "hashes.json").exists()


@pytest.mark.parametrize("kept", [
    b"", b"{", b"[1]", b"null", b'{"a": 1}', b"\xff", b"[" * 5000,
    b'{"a":"' + b"x" * 70_000 + b'"}',
])
def test_a_damaged_memory_is_none(tmp_path: Path, kept: bytes) -> None:
    path, memory = tmp_path / "model", tmp_path / "hashes.json"
    path.write_bytes(LARGE)
    memory.write_bytes(kept)
    assert digest_of(path, FileHashes(memory)) == truth(path)
    assert digest_of(path, FileHashes(memory)) == truth(path)


def test_a_memory_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(LARGE)
    assert digest_of(path, FileHashes(path / "below" / "hashes.json")) == truth(path)


def test_the_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_hashes, "READ_ANYWAY_BYTES", 3)
    hashes = FileHashes(tmp_path / "hashes.json")
    for number in range(3 * REMEMBERED_MAX):
        path = tmp_path / f"{number}.gguf"
        path.write_bytes(b"%04d" % number)
        digest_of(path, hashes)
    assert (tmp_path / "hashes.json").read_text().count(":") == REMEMBERED_MAX
