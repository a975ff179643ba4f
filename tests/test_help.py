"""Every program, command, argument and option says in its help what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command


def silent(command: Any, name: str) -> Iterator[str]:
    """What of a command and those below it has no help."""
    if not command.help:
        yield name
    for param in command.params:
        if not getattr(param, "hidden", False) and not param.help:
            yield f"{name} {param.name}"
    for word, below in getattr(command, "commands", {}).items():
        yield from silent(below, f"{name} {word}")


@pytest.mark.parametrize("room", ["payload", "groundstation", "sim", "host_training"])
def test_whatever_a_help_lists_has_a_sentence(room: str) -> None:
    program = pytest.importorskip(f"{room}.__main__")
    assert list(silent(get_command(program.app), room)) == []
