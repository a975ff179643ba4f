"""A key is made once, is private, and is refused when it is not."""

import os
from pathlib import Path

import pytest

from wire import key_file
from wire.key_file import KeyFileError

KEY = bytes(range(32))


def test_a_key_comes_back(tmp_path: Path) -> None:
    key_file.create(tmp_path / "k", KEY)
    assert key_file.load(tmp_path / "k") == KEY
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    key_file.create(tmp_path / "k", KEY)
    with pytest.raises(KeyFileError, match="already"):
        key_file.create(tmp_path / "k", KEY)
    assert key_file.load(tmp_path / "k") == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_readable_key_is_refused(tmp_path: Path, mode: int) -> None:
    key_file.create(tmp_path / "k", KEY)
    os.chmod(tmp_path / "k", mode)
    with pytest.raises(KeyFileError, match="other users can read"):
        key_file.load(tmp_path / "k")


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 64])
def test_what_is_not_a_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "k"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="key"):
        key_file.load(path)


def test_no_key(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="spacepi-ground keygen"):
        key_file.load(tmp_path / "none")
    with pytest.raises(KeyFileError, match="cannot be written"):
        key_file.create(tmp_path / "none" / "k", KEY)
