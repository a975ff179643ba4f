"""What is fetched for a Pi: each Python its own versions, and nothing that is not for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lock import fetch
from lock.files import LockError


@pytest.mark.parametrize(("python", "numpy"), [("3.11", "2.4.6"), ("3.13", "2.5.5")])
def test_each_python_gets_its_own_versions_whatever_runs_this(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, python: str, numpy: str
) -> None:
    """Goal: pip itself judges markers by the Python that runs it, and would take another numpy."""
    for name in fetch.LOCKS:
        text = (
            f"numpy==2.4.6 ; python_full_version < '3.12' --hash=sha256:{'a' * 64}\n"
            f"numpy==2.5.5 ; python_full_version >= '3.12' --hash=sha256:{'b' * 64}\n"
            f"colorama==0.4 ; sys_platform == 'win32' --hash=sha256:{'c' * 64}\n"
            f"llama-cpp-python==0.3 --hash=sha256:{'d' * 64}\n")
        (tmp_path / f"{name}.txt").write_text(text)
    monkeypatch.setattr(fetch, "path_of", lambda name: tmp_path / f"{name}.txt")
    assert [(pin.name, pin.version) for pin in fetch.wanted(python)] == [("numpy", numpy)]


@pytest.mark.parametrize("python", fetch.PYTHONS)
def test_no_package_of_the_lock_is_named_twice_or_asks_what_is_not_known(python: str) -> None:
    names = [pin.name for pin in fetch.wanted(python)]
    assert len(names) == len(set(names)) and {"msgpack", "numpy", "pydantic"} <= set(names)


def test_what_was_fetched_before_stays_when_a_package_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A pip that finds nothing, in place of the network."""
    (tmp_path / "pip.py").write_text("import sys; sys.exit('no matching distribution')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    kept = tmp_path / "python3.13"
    kept.mkdir()
    (kept / "a.whl").write_text("a wheel")
    with pytest.raises(LockError, match=r"the packages for Python 3\.13: no matching"):
        fetch.fetch("3.13", kept)
    assert [path.name for path in kept.iterdir()] == ["a.whl"]
