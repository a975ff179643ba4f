"""Goal: the command that a message advises where a package is missing works, and is the one of the
pages. Method: it is looked up in lock/, the Makefile and the pages; the sources are searched."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from wire.extras import Extra, how_to_install

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("wire", "payload", "groundstation", "sim", "host_training", "bench")


@pytest.mark.parametrize("extra", get_args(Extra))
def test_what_is_advised_is_a_lock_or_a_target_and_stands_in_the_pages(extra: Extra) -> None:
    [command] = re.findall("`(.+)`", how_to_install(extra))
    if lock := re.search(r" -r (lock/\w+\.txt)$", command):
        assert (ROOT / lock[1]).is_file()
    else:
        target = command.removeprefix("make .venv/")
        assert f"\n$(VENV)/{target}: " in (ROOT / "Makefile").read_text()
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert [page.name for page in pages if command in page.read_text()]


def test_nobody_is_told_to_fetch_spacepi_from_a_package_index() -> None:
    told = [(path, node.value) for room in ROOMS for path in (ROOT / room).rglob("*.py")
            if "node_modules" not in path.parts for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            and re.search(r"pip install ['\"]?spacepi", node.value)]
    assert told == []
