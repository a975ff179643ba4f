"""How to install an extra of the project: what a message advises where a package is missing.

No package index has spacepi; its packages come from lock/, as docs/dependencies.md says.
"""

from __future__ import annotations

from typing import Literal

Extra = Literal["control", "plot", "train", "tui", "voice"]


def how_to_install(extra: Extra) -> str:
    """The end of a sentence: a command, and where to run it."""
    if extra == "train":  # with PyTorch, which is in no lock
        command = "make .venv/train"
    else:
        command = f"pip install --require-hashes --no-deps -r lock/{extra}.txt"
    return f"run `{command}` in the project's folder"
