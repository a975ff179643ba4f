"""Whether llama.cpp can be used here, said in one sentence.

It is the only dependency that has to be compiled, so a payload may be installed without it: the
flight core then knows that there is no mind, and never waits for one.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec


def absence() -> str | None:
    """Why no model can run here; None where llama-cpp-python is installed. It is not loaded."""
    if find_spec("llama_cpp") is not None:
        return None
    return "llama-cpp-python is not installed; systemd/install.sh installs it"


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Around the import of what needs llama.cpp: the process ends with a sentence, status 1, where
    its library is missing, damaged or of another processor."""
    try:
        yield
    except (ImportError, OSError, RuntimeError) as error:  # RuntimeError is llama-cpp-python's own
        sys.exit(f"llama.cpp cannot be loaded: {absence() or error}")
